using System.Text;
using System.Text.Json;
using CsCheck;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class QueryReaderTests
{
    [Fact]
    public void The_two_literal_examples_are_read()
    {
        var first = Read("?u=user123&e=open");
        Assert.Equal(("user123", "open"), (first.User, first.Name));
        Assert.True(first.Properties.IsEmpty);

        Assert.Equal("123", Read("?id=123").Site);
    }

    public static TheoryData<string, string> Both => new(Parameters.All
        .Where(p => p.Kind is not ParameterKind.Consent).Select(p => (p.Query, p.Json)));

    [Theory, MemberData(nameof(Both))]
    public void Short_and_long_names_mean_the_same(string query, string json)
    {
        var example = Uri.EscapeDataString(Parameters.Find(query)!.Example);
        var (one, other) = (Read($"{query}={example}"), Read($"{json}={example}"));
        Assert.Equal(Said(one), Said(other));
        Assert.NotEqual(Said(Read("")), Said(one));
        Assert.True(one.Properties.IsEmpty);
    }

    [Fact]
    public void Everything_unknown_is_kept_as_it_came() =>
        Assert.Equal("""{"plan":"a b","E":"upper case is another name","empty":"","flag":""}""",
            Properties("?plan=a+b&E=upper%20case+is+another+name&empty=&flag"));

    [Fact]
    public void The_first_of_a_named_parameter_counts_and_the_last_of_a_property()
    {
        var draft = Read("e=first&event=second&x=1&x=2&y=3");
        Assert.Equal("first", draft.Name);
        Assert.Equal("""{"x":"2","y":"3"}""", Json(draft));
    }

    [Fact]
    public void An_empty_parameter_counts_as_not_sent() => Assert.Equal("second", Read("e=&e=second").Name);

    [Fact]
    public void An_encoded_name_is_the_same_name() => Assert.Equal("open", Read("%65=open").Name);

    [Theory]
    [InlineData("v=1,5", """{"v":"1,5"}""")]
    [InlineData("value=abc", """{"value":"abc"}""")]
    [InlineData("v=1e400", """{"v":"1e400"}""")]
    [InlineData("v=1000000000000000000", """{"v":"1000000000000000000"}""")]
    [InlineData("v=NaN", """{"v":"NaN"}""")]
    [InlineData("cur=EURO", """{"cur":"EURO"}""")]
    [InlineData("cur=E1R", """{"cur":"E1R"}""")]
    [InlineData("ts=yesterday", """{"ts":"yesterday"}""")]
    [InlineData("ts=300000-01-01T00:00:00Z", """{"ts":"300000-01-01T00:00:00Z"}""")]
    [InlineData("sent_at=x", """{"sent_at":"x"}""")]
    public void What_cannot_be_read_stays_a_property_under_its_own_name(string query, string properties)
    {
        var draft = Read(query);
        Assert.Equal(properties, Json(draft));
        Assert.Equal((null, null, null, null), (draft.Value, draft.Currency, draft.Timestamp, draft.SentAt));
    }

    [Theory]
    [InlineData("59.90", "59.90")]
    [InlineData("-3", "-3")]
    [InlineData("999999999999999999", "999999999999999999")]
    [InlineData("1e3", "1000")]
    [InlineData("59.970000000000006", "59.970000000")]
    [InlineData("0.0000000005", "0.000000000")]
    public void Amounts_are_decimals_rounded_to_nine_places(string text, string expected) =>
        Assert.Equal(decimal.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), Read("v=" + text).Value);

    [Fact]
    public void A_currency_is_upper_case() => Assert.Equal("EUR", Read("cur=eur").Currency);

    [Fact]
    public void Consent_strings_are_kept_apart_and_a_property_of_their_name_is_dropped()
    {
        var draft = Read("gdpr=1&gdpr_consent=CPxyz&gdpr=0&us_privacy=1YNN&$consent=forged&%24consent=forged");
        Assert.True(draft.Properties.IsEmpty);
        Assert.Equal("""{"gdpr":"1","gdpr_consent":"CPxyz","us_privacy":"1YNN"}""", Encoding.UTF8.GetString(draft.Consent.ToJson().Span));
    }

    public static TheoryData<string, int, string> Lengths => new(Parameters.All.Where(p => p.MaxChars > 0).Select(p => (p.Query, p.MaxChars, p.TooLong!.Code)));

    [Theory, MemberData(nameof(Lengths))]
    public void A_text_may_be_as_long_as_its_limit_and_not_one_longer(string name, int limit, string code)
    {
        Assert.Null(Refused($"{name}={new string('a', limit)}"));
        Assert.Equal(code, Refused($"{name}={new string('a', limit + 1)}"));
        Assert.Null(Refused($"{name}={string.Concat(Enumerable.Repeat("%E2%82%AC", limit))}"));
        Assert.Equal(code, Refused($"{name}={string.Concat(Enumerable.Repeat("%E2%82%AC", limit + 1))}"));
    }

    [Fact]
    public void Properties_have_limits_and_each_its_code()
    {
        var many = string.Join('&', Enumerable.Range(0, Limits.Properties).Select(i => $"p{i}=x"));
        Assert.Null(Refused(many));
        Assert.Equal("too_many_properties", Refused(many + "&one=more"));
        Assert.Null(Refused(new string('k', Limits.PropertyKeyBytes) + "=1"));
        Assert.Equal("key_too_long", Refused(new string('k', Limits.PropertyKeyBytes + 1) + "=1"));
        Assert.Equal("key_too_long", Refused(new string('k', 5_000) + "=1"));
        Assert.Null(Refused("k=" + new string('v', Limits.PropertyBytes)));
        Assert.Equal("property_too_long", Refused("k=" + new string('v', Limits.PropertyBytes + 1)));
        Assert.Equal("property_too_long", Refused("k=" + new string('v', 200_000)));
        var large = string.Join('&', Enumerable.Range(0, 9).Select(i => $"p{i}={new string('v', 8_000)}"));
        Assert.Equal("properties_too_large", Refused(large));
    }

    [Fact]
    public void A_query_that_fills_a_draft_changes_nothing_that_is_there()
    {
        var draft = new Draft();
        QueryReader.Read("e=body&x=body", draft);
        QueryReader.Read("?e=query&u=query&x=query&y=query", draft, keepFirst: true);
        Assert.Equal(("body", "query"), (draft.Name, draft.User));
        Assert.Equal("""{"x":"body","y":"query"}""", Json(draft));
    }

    private static readonly Gen<string> s_hostile = Gen.OneOf(
        Gen.String[0, 200],
        Gen.OneOf(
            Gen.OneOf("&", "=", "e", "id", "v", "ts", "url", "gdpr", "%", "%00", "%ED%A0%80", "+", "\0", "\ud800", "\"", "\\", "\n", "x", "$consent"),
            Gen.String[0, 5]).Array[0, 60].Select(string.Concat));

    [Fact]
    public void Any_query_gives_an_event_within_the_limits_or_a_named_refusal() => s_hostile.Sample(query =>
    {
        var draft = new Draft();
        var refusal = QueryReader.Read(query, draft);
        return refusal is not null ? Refusal.All.Contains(refusal) : IsWithinLimits(draft);
    }, iter: 20_000);

    internal static bool IsWithinLimits(Draft draft) =>
        Fits(draft.Site, Limits.SiteIdChars) && Fits(draft.Name, Limits.NameChars) && Fits(draft.User, Limits.UserIdChars)
        && Fits(draft.EventId, Limits.EventIdChars) && Fits(draft.Url, Limits.UrlChars) && Fits(draft.Referrer, Limits.ReferrerChars)
        && Fits(draft.Title, Limits.TitleChars) && draft.Currency is null or { Length: 3 }
        && IsCanonical(draft.Properties.ToJson()) && IsCanonical(draft.Consent.ToJson());

    /// <summary>Read by a parser that is not ours: valid, no NUL, no lone surrogate, no key twice, within the limits.</summary>
    internal static bool IsCanonical(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty) return true;
        if (json.Length > Limits.PropertiesBytes + 2) return false;
        _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(json.Span);
        using var document = JsonDocument.Parse(json, new() { AllowDuplicateProperties = false });
        return document.RootElement.ValueKind == JsonValueKind.Object && IsClean(document.RootElement);
    }

    private static bool IsClean(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().All(member => IsText(member.Name) && IsClean(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().All(IsClean),
        JsonValueKind.String => IsText(element.GetString()!),
        JsonValueKind.Number => double.IsFinite(element.GetDouble()),
        _ => true,
    };

    private static bool Fits(string? text, int limit) => text is null || (text.Length is var length && length > 0 && length <= limit && IsText(text));

    private static bool IsText(string text) => !text.Contains('\0') && TextTests.Strict(text);

    private static (string?, string?, string?, string?, string?, string?, string?, decimal?, string?, DateTimeOffset?, DateTimeOffset?, bool) Said(Draft d) =>
        (d.Site, d.Name, d.User, d.EventId, d.Url, d.Referrer, d.Title, d.Value, d.Currency, d.Timestamp, d.SentAt, d.Reset);

    private static Draft Read(string query)
    {
        var draft = new Draft();
        Assert.Null(QueryReader.Read(query, draft));
        return draft;
    }

    private static string? Refused(string query) => QueryReader.Read(query, new Draft())?.Code;

    private static string Properties(string query) => Json(Read(query));

    private static string Json(Draft draft) => Encoding.UTF8.GetString(draft.Properties.ToJson().Span);
}

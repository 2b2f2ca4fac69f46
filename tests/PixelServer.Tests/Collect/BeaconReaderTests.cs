using System.Text;
using System.Text.Json;
using CsCheck;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class BeaconReaderTests
{
    [Fact]
    public void One_object_is_one_event()
    {
        var one = Only("""{"event":"purchase","user_id":"u1","value":59.9,"currency":"eur","properties":{"plan":"pro"},"color":"red"}""");
        Assert.Equal(("purchase", "u1", 59.9m, "EUR", """{"plan":"pro","color":"red"}"""), (one.Name, one.User, one.Value, one.Currency, one.Properties));
    }

    [Theory]
    [InlineData("""[{"event":"a"},{"e":"b"}]""")]
    [InlineData("""{"batch":[{"event":"a"},{"event":"b"}]}""")]
    [InlineData("""{"sent_at":"2026-11-23T10:00:00Z","batch":[{"event":"a"},{"event":"b"}],"context":{"x":[1,2]}}""")]
    public void Arrays_and_batches_are_many(string json) => Assert.Equal(["a", "b"], Read(json).Select(e => e.Name));

    [Fact]
    public void A_batch_speaks_for_events_that_do_not_speak_for_themselves()
    {
        var events = Read("""{"batch":[{"ts":1},{"site_id":"own","sent_at":1763892001}],"sent_at":1763892000,"site_id":"all"}""");
        Assert.Equal(["all", "own"], events.Select(e => e.Site));
        Assert.Equal([1763892000, 1763892001], events.Select(e => e.SentAt!.Value.ToUnixTimeSeconds()));
    }

    [Theory]
    [InlineData("""{"event":5,"user_id":123,"id":7,"title":true}""", "5", "123", "7", "true")]
    [InlineData("""{"event":null,"user_id":null}""", null, null, null, null)]
    [InlineData("""{"e":"short","u":"names","id":"too"}""", "short", "names", "too", null)]
    [InlineData("{\"\\u0065vent\":\"esc\\u0061ped\"}", "escaped", null, null, null)]
    public void Named_members_are_text_however_they_are_written(string json, string? name, string? user, string? site, string? title)
    {
        var one = Only(json);
        Assert.Equal((name, user, site, title, ""), (one.Name, one.User, one.Site, one.Title, one.Properties));
    }

    [Theory]
    [InlineData("""{"value":"abc"}""", """{"value":"abc"}""")]
    [InlineData("""{"value":{"a":1}}""", """{"value":{"a":1}}""")]
    [InlineData("""{"event":["x"]}""", """{"event":["x"]}""")]
    [InlineData("""{"timestamp":"never"}""", """{"timestamp":"never"}""")]
    [InlineData("""{"value":1e400}""", """{"value":"1e400"}""")]
    [InlineData("""{"properties":[1,2]}""", """{"properties":[1,2]}""")]
    [InlineData("""{"properties":null,"consent":"granted"}""", """{"properties":null,"consent":"granted"}""")]
    [InlineData("""{"batch":7}""", """{"batch":7}""")]
    public void What_cannot_be_read_stays_a_property_under_its_own_name(string json, string properties) =>
        Assert.Equal(properties, Only(json).Properties);

    [Theory]
    [InlineData("""{"a":1,"a":2}""", """{"a":2}""")]
    [InlineData("""{"a":1,"b":0,"properties":{"a":2}}""", """{"b":0,"a":2}""")]
    [InlineData("""{"o":{"x":1,"y":{"z":1,"z":2},"x":3}}""", """{"o":{"y":{"z":2},"x":3}}""")]
    [InlineData("{\"a\":1,\"\\u0061\":2}", """{"a":2}""")]
    [InlineData("""{"o":{"x":{},"x":[]}}""", """{"o":{"x":[]}}""")]
    public void Of_a_key_that_comes_twice_the_last_is_kept(string json, string properties) => Assert.Equal(properties, Only(json).Properties);

    [Theory]
    [InlineData("1e400", "\"1e400\"")]
    [InlineData("-1e400", "\"-1e400\"")]
    [InlineData("1e-20000", "\"1e-20000\"")]
    [InlineData("0e-20000", "\"0e-20000\"")]
    [InlineData("1e-400", "\"1e-400\"")]
    [InlineData("1e-300", "1e-300")]
    [InlineData("1E+5", "1E+5")]
    [InlineData("-0", "-0")]
    [InlineData("0.0", "0.0")]
    [InlineData("12345678901234567890123", "12345678901234567890123")]
    public void A_number_that_no_database_holds_is_kept_as_a_string(string number, string kept) =>
        Assert.Equal("{\"n\":" + kept + "}", Only("{\"n\":" + number + "}").Properties);

    [Fact]
    public void A_number_of_a_thousand_digits_is_kept_as_a_string()
    {
        var digits = new string('9', 1_000);
        Assert.Equal("{\"n\":\"" + digits + "\"}", Only("{\"n\":" + digits + "}").Properties);
    }

    [Theory]
    [InlineData("\"a\\u0000b\"", "a\ufffdb")]
    [InlineData("\"\\ud800\"", "\ufffd")]
    [InlineData("\"\\udc00x\"", "\ufffdx")]
    [InlineData("\"\\ud800\\ud800\\udc00\"", "\ufffd\U00010000")]
    [InlineData("\"\\ud83d\\ude00\"", "😀")]
    [InlineData("\"\\\\u0000\"", "\\u0000")] // an escaped backslash: plain text that looks like an escape
    [InlineData("\"\\\\\\u0000\"", "\\\ufffd")]
    [InlineData("\"\\uD83D\"", "\ufffd")]
    [InlineData("\"\\n\\t\\b\\f\\r\\/\\\"\\u001f\"", "\n\t\b\f\r/\"\u001f")]
    public void Escapes_that_no_database_holds_are_mended(string value, string expected)
    {
        var one = Only($$"""{"x":{{value}},{{value}}:1,"event":{{value}}}""");
        Assert.Equal(expected, one.Name);
        using var properties = JsonDocument.Parse(one.Properties);
        Assert.Equal(expected, properties.RootElement.GetProperty("x").GetString());
        Assert.Equal(1, properties.RootElement.GetProperty(expected).GetInt32());
    }

    [Fact]
    public void Broken_utf8_is_mended_and_a_byte_order_mark_is_no_part_of_the_text()
    {
        byte[] body = [0xef, 0xbb, 0xbf, .. "{\"event\":\"a"u8, 0xff, .. "\",\"x\":\""u8, 0xc3, .. "\"}"u8];
        var one = Assert.Single(Read(body, out _));
        Assert.Equal(("a\ufffd", "{\"x\":\"\ufffd\"}"), (one.Name, one.Properties));
    }

    [Fact]
    public void Consent_is_kept_apart_as_strings()
    {
        var one = Only("""{"gdpr":1,"consent":{"gdpr":0,"gpp_sid":7,"ad_storage":"denied","ok":true,"no":null,"deep":{"a":1,"a":2}},"$consent":{"x":1},"properties":{"$consent":1}}""");
        Assert.Equal("", one.Properties);
        Assert.Equal("""{"gdpr":"1","gpp_sid":"7","ad_storage":"denied","ok":"true","deep":{"a":2}}""", one.Consent);
    }

    [Theory]
    [InlineData("", "empty_body")]
    [InlineData(" \n", "empty_body")]
    [InlineData("[]", "empty_batch")]
    [InlineData("""{"batch":[]}""", "empty_batch")]
    [InlineData("5", "not_an_event")]
    [InlineData("\"x\"", "not_an_event")]
    [InlineData("null", "not_an_event")]
    [InlineData("{", "bad_json")]
    [InlineData("{}{}", "bad_json")]
    [InlineData("""{"a":1,}""", "bad_json")]
    [InlineData("""[{"event":"a"},{"event":]""", "bad_json")]
    [InlineData("// comment\n{}", "bad_json")]
    [InlineData("{\"a\":\"\0\"}", "bad_json")]
    [InlineData("{\"a\":\"\\x\"}", "bad_json")]
    [InlineData("{\"a\":\"\\ud8", "bad_json")]
    [InlineData("{\"a\":01}", "bad_json")]
    public void A_body_that_is_not_right_from_end_to_end_is_refused_whole(string json, string code)
    {
        Assert.Empty(Read(Encoding.UTF8.GetBytes(json), out var refusal));
        Assert.Equal(code, refusal?.Code);
    }

    [Fact]
    public void A_batch_may_hold_five_hundred_events_and_not_one_more()
    {
        Assert.Equal(Limits.BatchEvents, Read("[" + string.Join(',', Enumerable.Repeat("{}", Limits.BatchEvents)) + "]").Count);
        Read(Encoding.UTF8.GetBytes("[" + string.Join(',', Enumerable.Repeat("{}", Limits.BatchEvents + 1)) + "]"), out var refusal);
        Assert.Equal("batch_too_large", refusal?.Code);
    }

    [Fact]
    public void One_bad_event_does_not_cost_its_neighbours()
    {
        var name = new string('n', Limits.NameChars + 1);
        var deep = new string('[', 5_000) + new string(']', 5_000);
        var events = Read($$$"""[{"event":"a"},5,{"event":"{{{name}}}","x":{"y":[1]}},[[{}]],{"x":{{{deep}}},"y":{}},{"event":"b"}]""");
        Assert.Equal(["a", "not_an_event", "name_too_long", "not_an_event", "too_deep", "b"], events.Select(e => e.Refused ?? e.Name));
    }

    [Fact]
    public void Properties_may_be_nested_sixteen_deep_and_not_one_deeper()
    {
        static string Nested(int levels) => "{\"x\":" + new string('[', levels) + new string(']', levels) + "}";
        Assert.Equal(Nested(Limits.PropertyDepth), Only(Nested(Limits.PropertyDepth)).Properties);
        Assert.Equal("too_deep", Only(Nested(Limits.PropertyDepth + 1)).Refused);
        Assert.Equal("too_deep", Only(Nested(200_000)).Refused);
    }

    [Theory]
    [InlineData("too_many_properties")]
    [InlineData("too_many_properties", true)]
    public void Properties_and_the_values_in_them_are_counted(string code, bool nested = false)
    {
        string Json(int more) => nested
            ? $$"""{"x":[{{string.Join(',', Enumerable.Repeat("0", Limits.PropertyValues - 1 + more))}}]}"""
            : "{" + string.Join(',', Enumerable.Range(0, Limits.Properties + more).Select(i => $"\"p{i}\":0")) + "}";
        Assert.Null(Only(Json(0)).Refused);
        Assert.Equal(code, Only(Json(1)).Refused);
    }

    [Fact]
    public void Long_texts_and_keys_are_refused_also_where_they_are_nested()
    {
        Assert.Null(Only($$"""{"x":["{{new string('v', Limits.PropertyBytes)}}"]}""").Refused);
        Assert.Equal("property_too_long", Only($$"""{"x":["{{new string('v', Limits.PropertyBytes + 1)}}"]}""").Refused);
        Assert.Equal("property_too_long", Only("{\"x\":" + new string('1', Limits.PropertyBytes + 1) + "}").Refused);
        Assert.Equal("key_too_long", Only("{\"x\":{\"" + new string('k', Limits.PropertyKeyBytes + 1) + "\":1}}").Refused);
        Assert.Equal("url_too_long", Only($$"""{"url":"{{new string('u', 300_000)}}"}""").Refused);
        var large = string.Join(',', Enumerable.Repeat($"\"{new string('v', 8_000)}\"", 9));
        Assert.Equal("properties_too_large", Only($$"""{"x":[{{large}}]}""").Refused);
    }

    [Fact]
    public void What_is_written_can_be_read_again_and_stays_the_same() => s_value.Sample(value =>
    {
        var once = Only("{\"properties\":{\"x\":" + value + "}}");
        return once.Refused is not null || Only("{\"properties\":" + once.Properties + "}").Properties == once.Properties;
    }, iter: 2_000);

    [Fact]
    public void Any_body_gives_events_within_the_limits_or_named_refusals() => s_body.Sample(body =>
    {
        var draft = new Draft();
        var events = BeaconReader.Open(JsonText.Mend(body), out var refusal);
        if (refusal is not null) return Refusal.All.Contains(refusal);
        var count = 0;
        while (events.Next(draft, out var unusable))
        {
            count++;
            if (unusable is null ? !QueryReaderTests.IsWithinLimits(draft) : !Refusal.All.Contains(unusable)) return false;
        }

        return count == events.Count;
    }, iter: 20_000);

    // Nearly JSON: valid pieces in an order that is mostly right, some bytes then changed.
    [Theory]
    [InlineData("""{"consent":{"x":{"a":1,"b":"z","a":2}}}""", false)]
    [InlineData("""{"consent":{"x":{"gpc":"1","gpc":"0"}}}""", false)]
    [InlineData("""{"consent":{"x":[{"gpc":1,"gpc":2}],"gpc":"0"}}""", false)]
    [InlineData("""{"consent":{"gpc":"0","x":{"a":"1","a":"2"},"gpc":"1"}}""", true)]
    public void Only_what_the_consent_itself_repeats_is_a_signal(string json, bool gpc) => Assert.Equal(gpc, Gpc(json));

    [Fact]
    public void Any_consent_is_read_whatever_it_repeats_at_whatever_depth() => s_consent.Sample(consent => { Gpc($$"""{"consent":{{consent}}}"""); }, iter: 20_000);

    // Few names and short values, so that nearly every object repeats one.
    private static readonly Gen<string> s_consent = Gen.Recursive<string>((depth, inner) =>
    {
        var value = depth > 3 ? Gen.OneOf("1", "\"1\"", "\"\"", "null", "true", "\"${X}\"") : Gen.OneOf(Gen.OneOf("1", "\"0\"", "\"long enough to move\"", "[]"), inner, inner.Array[0, 2].Select(some => $"[{string.Join(',', some)}]"));
        return Gen.Select(Gen.OneOf("gpc", "gdpr", "x", "gpp"), value).Array[0, 5].Select(members => $"{{{string.Join(',', members.Select(one => $"\"{one.Item1}\":{one.Item2}"))}}}");
    });

    private static bool Gpc(string json)
    {
        var (draft, caller) = (new Draft(), Caller.Told(new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero), null, null, gpc: false));
        var events = BeaconReader.Open(JsonText.Mend(Encoding.UTF8.GetBytes(json)), out var refusal);
        Assert.Null(refusal);
        Assert.True(events.Next(draft, out refusal));
        if (refusal is not null) return false;
        var said = ConsentReader.Read(draft, caller);
        ConsentReader.Keep(draft, caller, said, new Site(Regime.Open, IpPolicy.Mask, Origins.Any, ""), mayNamePerson: said.Gpc);
        using var kept = JsonDocument.Parse(draft.Properties.ToJson().IsEmpty ? "{}"u8.ToArray() : draft.Properties.ToJson());
        return said.Gpc;
    }

    private static readonly Gen<string> s_scalar = Gen.OneOf(
        Gen.OneOf("1", "-0", "1e400", "1e-20000", "true", "null", "\"\\ud800\"", "\"\\u0000\"", "\"\\\\u0000\"", "\"x\"", "0.10"),
        Gen.String[0, 8].Select(text => JsonSerializer.Serialize(text)));

    private static readonly Gen<string> s_key = Gen.OneOf(
        "\"event\"", "\"e\"", "\"value\"", "\"properties\"", "\"consent\"", "\"batch\"", "\"ts\"", "\"$consent\"", "\"a\"", "\"\\u0061\"", "\"\"");

    private static readonly Gen<string> s_value = Gen.Recursive<string>((depth, inner) => depth > 4
        ? s_scalar
        : Gen.OneOf(
            s_scalar,
            inner.Array[0, 4].Select(values => "[" + string.Join(',', values) + "]"),
            Gen.Select(s_key, inner).Array[0, 5].Select(members => "{" + string.Join(',', members.Select(m => m.Item1 + ":" + m.Item2)) + "}")));

    private static readonly Gen<byte[]> s_body = Gen.OneOf(
        Gen.Byte.Array[0, 100],
        s_value.Select(Encoding.UTF8.GetBytes),
        Gen.Select(s_value, Gen.Byte, Gen.Int[0, 1_000]).Select((text, changed, at) =>
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length > 0) bytes[at % bytes.Length] = changed;
            return bytes;
        }));

    private sealed record Seen(string? Refused, string? Site, string? Name, string? User, string? Title, decimal? Value, string? Currency,
        DateTimeOffset? SentAt, string Properties, string Consent);

    private static Seen Only(string json) => Assert.Single(Read(json));

    private static List<Seen> Read(string json)
    {
        var seen = Read(Encoding.UTF8.GetBytes(json), out var refusal);
        Assert.Null(refusal);
        return seen;
    }

    private static List<Seen> Read(byte[] body, out Refusal? refusal)
    {
        var seen = new List<Seen>();
        var events = BeaconReader.Open(JsonText.Mend(body), out refusal);
        if (refusal is not null) return seen;
        var draft = new Draft();
        while (events.Next(draft, out var unusable))
            seen.Add(new(unusable?.Code, draft.Site, draft.Name, draft.User, draft.Title, draft.Value, draft.Currency, draft.SentAt,
                Encoding.UTF8.GetString(draft.Properties.ToJson().Span), Encoding.UTF8.GetString(draft.Consent.ToJson().Span)));
        return seen;
    }
}

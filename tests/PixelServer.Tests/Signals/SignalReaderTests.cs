using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using PixelServer.Signals;

namespace PixelServer.Tests.Signals;

/// <summary>What the signals of one request mean together, and the small ones by themselves.</summary>
public sealed partial class SignalReaderTests
{
    private const string Yes = "CQgYw8AQgYw8ANwADBENB7FgAIAAAAAAAAqIAAAAAAAA.IAAA.cAAAAAAAAAAA", No = "CQgYw8AQgYw8ANwADBENB7FgAAAAAAAAAAqIAAAAAAAA.IAAA.YAAAAAAAAAAA";

    [Theory]
    [InlineData("1YNN", false, false)]
    [InlineData("1NYN", true, false)]
    [InlineData("1-Y-", true, false)]
    [InlineData("1yyn", true, false)]
    [InlineData("1---", false, false)]
    [InlineData("2YNN", true, true)]
    [InlineData("1Y", true, true)]
    [InlineData("1XNN", true, true)]
    [InlineData("1YNNN", true, true)]
    public void Us_privacy_is_four_characters_of_which_the_third_is_the_opt_out(string text, bool optOut, bool isFault)
    {
        var said = Read(("us_privacy", text));
        Assert.Equal((optOut, isFault, isFault), (said.ForbidsAds, said.Faults is not null, said.SaleUnclear));
        Assert.Equal(isFault, !Regex.IsMatch(text.ToUpperInvariant(), @"^1[YN\-]{3}$"));
    }

    [Theory]
    [InlineData("${GDPR_CONSENT_123}")]
    [InlineData("%24%7BGDPR_CONSENT_123%7D")]
    [InlineData("%24%7bGDPR%7d")]
    [InlineData("[GDPR_CONSENT]")]
    [InlineData("{{gdpr_consent}}")]
    [InlineData("%%GDPR%%")]
    public void A_macro_that_nobody_filled_in_was_not_sent(string macro)
    {
        foreach (var name in new[] { "gdpr", "gdpr_consent", "addtl_consent", "gpp", "gpp_sid", "us_privacy", "gpc", "att", "ad_storage", "analytics_storage" })
        {
            var said = Read((name, macro));
            Assert.Equal(new ConsentSignals { Faults = said.Faults }, said);
            Assert.Equal(new SignalFault(name, Fault.Macro), Assert.Single(said.Faults!));
        }
    }

    [Fact]
    public void Of_two_the_more_restrictive_counts_in_whatever_order_they_come()
    {
        foreach (var turned in new[] { false, true })
        {
            Assert.True(Both("gdpr", "0", "1").Gdpr);
            Assert.True(Both("us_privacy", "1YNN", "1YYN").SaleOptOut);
            Assert.True(Both("gpp", "DBABTA~1YNN", "DBABTA~1YYN").SaleOptOut);
            Assert.True(Both("gpp_sid", "6", "2").Gdpr);
            Assert.True(Both("att", "3", "2").TrackingRefused);
            Assert.True(Both("gdpr", "0", "2").Gdpr);
            Assert.Equal((Said.No, Said.Yes), (Hint("G111", "G101").AdStorage, Hint("G111", "G101").AnalyticsStorage));
            Assert.Equal((Said.No, Said.No, Said.Yes), (Gcd("11p1t1t1t5", "11t1p1t1t5").AdStorage, Gcd("11p1t1t1t5", "11t1p1t1t5").AnalyticsStorage, Gcd("11p1t1t1t5", "11t1p1t1t5").AdUserData));
            Assert.True(Both("gpc", "0", "1").Gpc);
            Assert.Equal(Said.No, Both("ad_storage", "granted", "denied").Mode.AdStorage);
            Assert.Null(Both("addtl_consent", "1~1", "1~1.2").Additional);
            Assert.Equal(2, Both("gdpr_consent", Yes, No).Tcs!.Count);
            Assert.False(Both("gdpr_consent", Yes, No).Tc((tc, _) => tc.Publisher!.Consent[1], new(), s_now));
            Assert.True(Both("gdpr_consent", Yes, Yes).Tc((tc, _) => tc.Publisher!.Consent[1], new(), s_now));

            ConsentMode Hint(string one, string other) => (turned ? Read(isTrusted: true, ("gcs", other), ("gcs", one)) : Read(isTrusted: true, ("gcs", one), ("gcs", other))).Mode;

            ConsentMode Gcd(string one, string other) => (turned ? Read(isTrusted: true, ("gcd", other), ("gcd", one)) : Read(isTrusted: true, ("gcd", one), ("gcd", other))).Mode;

            ConsentSignals Both(string name, string one, string other) => turned ? Read((name, other), (name, one)) : Read((name, one), (name, other));
        }
    }

    [Theory]
    [InlineData("1", true, false)]
    [InlineData("true", true, false)]
    [InlineData("0", false, false)]
    [InlineData("false", false, false)]
    [InlineData("yes", true, true)]
    [InlineData("2", true, true)]
    [InlineData("-", true, true)]
    public void Gdpr_is_1_or_0(string text, bool? applies, bool isFault)
    {
        var said = Read(("gdpr", text));
        Assert.Equal((applies, isFault), (said.Gdpr, said.Faults is not null));
    }

    [Theory]
    [InlineData("7,x", true)]
    [InlineData("x,7", true)]
    [InlineData("x", true)]
    [InlineData("-1,x", true)]
    [InlineData("7,", true)]
    [InlineData("-2", true)]
    [InlineData("-1", false)]
    [InlineData("7", false)]
    public void Section_ids_of_which_one_cannot_be_read_may_name_any_section(string ids, bool optOut)
    {
        var said = Read(("gpp", "DBABLA~CVQqAAAAAACA"), ("gpp_sid", ids)); // not opted out
        Assert.Equal((optOut, false), (said.ForbidsAds, said.SaleOptOut)); // forbidden, and not for good
        Assert.Equal(optOut, said.Faults?.Any(one => one is { Name: "gpp_sid", Fault: Fault.BadValue }) is true);
        Assert.True(Read(("gpp_sid", "x,2")).Gdpr);
    }

    [Theory]
    [InlineData("7", null, true)]
    [InlineData("6,2", null, true)]
    [InlineData("7", "${GPP_STRING}", true)]
    [InlineData("28", null, true)]
    [InlineData("2", null, false)]
    [InlineData("-1", null, false)]
    public void A_section_that_is_named_without_a_string_forbids_as_one_that_is_not_in_it(string ids, string? gpp, bool forbids)
    {
        var said = gpp is null ? Read(("gpp_sid", ids)) : Read(("gpp_sid", ids), ("gpp", gpp));
        Assert.Equal((forbids, forbids, false), (said.ForbidsAds, said.SaleUnclear, said.SaleOptOut));
        Assert.Equal(forbids, said.Faults?.Contains(new SignalFault("gpp_sid", Fault.SectionNotThere)) is true);
    }

    [Theory]
    [InlineData("granted", "Yes", false)]
    [InlineData("denied", "No", false)]
    [InlineData("true", "Yes", false)]
    [InlineData("false", "No", false)]
    [InlineData("GRANTED", "No", true)]
    [InlineData("maybe", "No", true)]
    [InlineData("", "Nothing", false)]
    public void Only_granted_is_a_yes_of_consent_mode(string text, string said, bool isFault)
    {
        var read = Read(("ad_user_data", text));
        Assert.Equal((Enum.Parse<Said>(said), isFault), (read.Mode.AdUserData, read.Faults is not null));
        Assert.Equal(read.Mode.AdUserData, Read(("ad_storage", text)).Mode.AdStorage);
        Assert.Equal(read.Mode.AdUserData, Read(("analytics_storage", text)).Mode.AnalyticsStorage);
        Assert.Equal(read.Mode.AdUserData, Read(("ad_personalization", text)).Mode.AdPersonalization);
        Assert.Equal(read.Mode.AdUserData, Read(("measurement", text)).Mode.Measurement);
    }

    [Theory]
    //          ad storage, analytics storage, user data, personalisation: + yes, - no, . nothing
    [InlineData("gcs", "G111", "++..")]
    [InlineData("gcs", "G110", "+-..")]
    [InlineData("gcs", "G101", "-+..")]
    [InlineData("gcs", "G100", "--..")]
    [InlineData("gcs", "G1--", "....")]
    [InlineData("gcs", "G2", "....")]
    [InlineData("gcd", "11t1t1t1p5", "+++-")]
    [InlineData("gcd", "13v3v3v3v5", "++++")]
    [InlineData("gcd", "11l1m1n1p1", ".-+-")]
    [InlineData("gcd", "11q1r1u1t7", "-+-+")]
    [InlineData("gcd", "11q1r1u1t8", "....")]
    [InlineData("gcd", "11x1r1u1t5", "....")]
    [InlineData("gcd", "12q1r1u1t5", "....")]
    [InlineData("gcd", "11q1r1u1t", "....")]
    public void Googles_short_forms_are_hints_of_senders_with_a_key_and_count_for_nothing_from_others(string name, string text, string meaning)
    {
        Assert.Equal(default, Read((name, text)).Mode);
        var mode = Read(isTrusted: true, (name, text)).Mode;
        Assert.Equal(meaning, string.Concat(new[] { mode.AdStorage, mode.AnalyticsStorage, mode.AdUserData, mode.AdPersonalization }
            .Select(said => said switch { Said.Yes => '+', Said.No => '-', _ => '.' })));
        Assert.Equal(Said.No, Read(isTrusted: true, (name, text), ("ad_storage", "denied")).Mode.AdStorage);
    }

    [Theory]
    [InlineData("1~", 1, "", "")]
    [InlineData("1~1.35.41", 1, "1 35 41", "")]
    [InlineData("2~1.2~dv.3.4", 2, "1 2", "3 4")]
    [InlineData("2~~dv.", 2, "", "")]
    [InlineData("2~~dv.9", 2, "", "9")]
    [InlineData("", 0, "", "")]
    [InlineData("3~1", 0, "", "")]
    [InlineData("1~1.", 0, "", "")]
    [InlineData("1~.1", 0, "", "")]
    [InlineData("1~a", 0, "", "")]
    [InlineData("2~1.2", 0, "", "")]
    [InlineData("2~1~3", 0, "", "")]
    [InlineData("2~1~dv3", 0, "", "")]
    [InlineData("1~1~dv.1", 0, "", "")]
    public void Additional_consent_has_two_forms(string text, int version, string consented, string disclosed)
    {
        var read = AdditionalConsent.Read(Encoding.ASCII.GetBytes(text));
        Assert.Equal(read is not null, AdditionalShape().IsMatch(text));
        Assert.Equal((version, consented, disclosed), (read?.Version ?? 0, Those(read is null ? null : read.Consents), Those(read is null ? null : read.Discloses)));

        static string Those(Func<int, bool>? holds) => string.Join(' ', Enumerable.Range(0, 100).Where(id => holds?.Invoke(id) is true));
    }

    [Fact]
    public void Additional_consent_agrees_with_its_pattern_on_whatever_is_almost_one() =>
        Gen.Select(Gen.Int[0, 3].Select(i => new[] { "1~", "2~", "3~", "" }[i]), Gen.String[Gen.Char["0129.~dv"], 0, 12]).Sample((head, tail) =>
            AdditionalConsent.Read(Encoding.ASCII.GetBytes(head + tail)) is not null == AdditionalShape().IsMatch(head + tail));

    [Theory]
    [InlineData("3", false)]
    [InlineData("authorized", false)]
    [InlineData("Authorised", false)]
    [InlineData("2", true)]
    [InlineData("1", true)]
    [InlineData("0", true)]
    [InlineData("denied", true)]
    [InlineData("33", true)]
    public void Only_authorized_permits_tracking(string att, bool isRefused) => Assert.Equal(isRefused, Read(("att", att)).TrackingRefused);

    [Fact]
    public void A_string_that_comes_again_is_not_read_again()
    {
        var first = Read(("gdpr_consent", Yes)).Tcs!.Single();
        Assert.Same(first, Read(("gdpr_consent", Yes)).Tcs!.Single());
        Assert.NotSame(first, Read(("gdpr_consent", No)).Tcs!.Single());
    }

    [Fact]
    public void Whatever_comes_under_whatever_name_is_read_or_named()
    {
        var names = Gen.Int[0, 12].Select(i => new[] { "gdpr", "gdpr_consent", "addtl_consent", "gpp", "gpp_sid", "us_privacy", "gpc", "dnt", "att", "analytics_storage", "gcs", "gcd", "x" }[i]);
        var texts = Gen.OneOf(Gen.Byte.Array[0, 40], Gen.String[Gen.Char["ABCDYN019~.,-${}["], 0, 40].Select(Encoding.ASCII.GetBytes));
        Gen.Select(names, texts).Array[0, 6].Sample(members =>
        {
            var reader = new SignalReader();
            foreach (var (name, text) in members) reader.Take(Encoding.ASCII.GetBytes(name), text);
            var said = reader.Read(isTrusted: true);
            return (said.Faults?.Count ?? 0) <= members.Length;
        });
    }

    [Fact]
    public void A_vendor_is_told_only_what_every_signal_lets_it_be_told()
    {
        const string Vendors = "CQgYw8AQgYw8ANwADBENB7FgAIMAAAAAAAqIAEEEAAAAAAAA.IAEMEAAA.YAAAAAAAAAAA"; // purposes 1, 7, 8; vendors 2, 8
        var tcf = new TcfOptions();
        Assert.True(May(2, [1, 7], ("gdpr_consent", Vendors)));
        Assert.False(May(1, [1, 7], ("gdpr_consent", Vendors))); // disclosed, but no consent
        Assert.False(May(2, [1, 4], ("gdpr_consent", Vendors)));
        Assert.False(May(2, [], ("gdpr_consent", Vendors)));
        Assert.False(May(0, [1], ("gdpr_consent", Vendors)));
        Assert.False(May(2, [1, 7], ("gdpr_consent", Vendors), ("gdpr_consent", No)));
        Assert.False(May(2, [1, 7]));
        Assert.False(May(2, [1, 7], ("gdpr_consent", Vendors), ("gpc", "1")));
        Assert.False(May(2, [1, 7], ("gdpr_consent", Vendors), ("ad_user_data", "denied")));
        Assert.False(May(2, [1, 7], ("gdpr_consent", Vendors), ("us_privacy", "1YYN")));
        Assert.False(May(2, [1, 7], ("gdpr_consent", Vendors), ("att", "0")));
        Assert.True(May(0, [1], ("ad_storage", "granted"), ("ad_user_data", "granted")));
        Assert.False(May(0, [1], ("ad_storage", "granted")));
        Assert.False(May(0, [1], ("ad_storage", "granted"), ("ad_user_data", "granted"), ("gdpr", "1")));
        Assert.False(May(28, [7], ("gdpr_consent", "CQgYw8AQgYw8ANwADBENB7FgAIIAAAAAAAqIAOAAAABAAAACOAAgAcAA.IAAA.YAAAAAAAAAAA"))); // restricted
        Assert.True(Read().MayForward(0, [1], needsOptIn: false, tcf, s_now));
        Assert.False(Read(("gpc", "1")).MayForward(0, [1], needsOptIn: false, tcf, s_now));
        Assert.False(Read(("gdpr_consent", Vendors)).MayForward(2, [1, 7], needsOptIn: true, tcf, s_now.AddMonths(13)));

        bool May(int vendor, int[] purposes, params (string, string)[] members) => Read(members).MayForward(vendor, purposes, needsOptIn: true, tcf, s_now);
    }

    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    internal static ConsentSignals Read(params (string Name, string Text)[] members) => Read(isTrusted: false, members);

    internal static ConsentSignals Read(string name, byte[] text)
    {
        var reader = new SignalReader();
        reader.Take(Encoding.ASCII.GetBytes(name), text);
        return reader.Read(isTrusted: false);
    }

    internal static ConsentSignals Read(bool isTrusted, params (string Name, string Text)[] members)
    {
        var reader = new SignalReader();
        foreach (var (name, text) in members) reader.Take(Encoding.ASCII.GetBytes(name), Encoding.UTF8.GetBytes(text));
        return reader.Read(isTrusted);
    }

    [GeneratedRegex(@"^(1~(\d+(\.\d+)*)?|2~(\d+(\.\d+)*)?~dv\.(\d+(\.\d+)*)?)\z")]
    private static partial Regex AdditionalShape();
}

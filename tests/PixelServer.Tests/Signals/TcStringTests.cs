using System.Text;
using CsCheck;
using PixelServer.Signals;

namespace PixelServer.Tests.Signals;

/// <summary>TC strings: known ones field by field, broken ones by name. Strings of other makers' encoders are in <see cref="EncoderTests"/>.</summary>
public sealed class TcStringTests
{
    private const string Core = "CQgYw8AQgYw8ANwADBENB7FgA";

    private static readonly DateTimeOffset s_march = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    //                                                                                     purposes  vendors                disclosed              publisher
    [InlineData(Core + "AAAAAAAAAqIAAAAAAAA.IAAA.YAAAAAAAAAAA", "", "", "", "")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.IAAA.cAAAAAAAAAAA", "1", "", "", "1")]
    [InlineData(Core + "IMAAAAAAAqIAEEEAAAAAAAA.IAEMEAAA.YAAAAAAAAAAA", "1 7 8", "2 8", "1 2 8", "")]
    [InlineData(Core + "IIAAAAAAAqIH0QA4AAgAGAvMB9AAAAAAAAA.IH0QA4AAgAGAvMB9AAAA.YAAAAAAAAAAA", "1 7", "1 2 3 755 1000", "1 2 3 755 1000", "")]
    [InlineData(Core + "IIAAAAAAAqIAOAAAABAAAACOAAgAcAA.IAAA.YAAAAAAAAAAA", "1 7", "28", "", "")]
    [InlineData(Core + "AAAAAAAAAqIAAAAAAAA.IAAA.cEAAAAAAAaAA", "", "", "", "1 7")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.cAAAAAAAAAAA", "1", "", null, "1")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.cAAAAAAAAAAA.IAAA", "1", "", "", "1")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.QAAA.cAAAAAAAAAAA", "1", "", null, "1")]
    public void A_string_is_read_field_by_field(string text, string purposes, string vendors, string? disclosed, string publisher)
    {
        var tc = Read(text);

        Assert.Equal(Fault.None, tc.Fault);
        Assert.Equal((880, 3, 1, "EN", 123, 5, "FR", s_march, s_march),
            (tc.CmpId, tc.CmpVersion, tc.ConsentScreen, tc.ConsentLanguage, tc.VendorListVersion, tc.PolicyVersion, tc.PublisherCountry, tc.Created, tc.LastUpdated));
        Assert.Equal((purposes, vendors, disclosed, publisher), (List(tc.PurposeConsents), List(tc.VendorConsents), tc.Disclosed is { } set ? List(set) : null, List(tc.Publisher!.Consent)));
        Assert.Equal(("", ""), (List(tc.PurposeInterests), List(tc.VendorInterests)));
        Assert.False(tc.PurposeOneTreatment);
    }

    [Fact]
    public void Restrictions_custom_purposes_and_purpose_one_are_read()
    {
        var one = Assert.Single(Read(Core + "IIAAAAAAAqIAOAAAABAAAACOAAgAcAA.IAAA.YAAAAAAAAAAA").Restrictions);
        Assert.Equal((7, RestrictionKind.NotAllowed, "28"), (one.Purpose, one.Kind, List(one.Vendors)));

        var publisher = Read(Core + "AAAAAAAAAqIAAAAAAAA.IAAA.cEAAAAAAAaAA").Publisher!;
        Assert.Equal((3, "2", ""), (publisher.CustomConsent.Count, List(publisher.CustomConsent), List(publisher.CustomInterest)));

        var german = Read(Core + "AAAAAAAAIYgAAAAAAAA.IAAA.YAAAAAAAAAAA");
        Assert.Equal((Fault.None, true, "DE"), (german.Fault, german.PurposeOneTreatment, german.PublisherCountry));
    }

    [Theory]
    [InlineData("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA", 2, 48, "2025-06-03", "DE", "", "1 2 3 4", "1 2 3 4 5 100 404")]
    [InlineData("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", 2, 126, "2022-04-20", "DE", "", "", null)]
    [InlineData("COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA", 2, 15, "2020-02-20", "AA", "1 2 3", "2 6 8", null)]
    public void Strings_of_older_policies_are_read(string text, int policy, int list, string day, string country, string purposes, string vendors, string? disclosed)
    {
        var tc = Read(text);
        Assert.Equal((policy, list, day, country), (tc.PolicyVersion, tc.VendorListVersion, tc.LastUpdated.ToString("yyyy-MM-dd", null), tc.PublisherCountry));
        Assert.Equal((purposes, vendors, disclosed), (List(tc.PurposeConsents), List(tc.VendorConsents), tc.Disclosed is { } set ? List(set) : null));
    }

    [Theory]
    [InlineData("", "Truncated")]
    [InlineData("C", "Truncated")]
    [InlineData("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "UnknownVersion")]
    [InlineData("DBABTA~1YNN", "BadCharacter")]
    [InlineData("DBABTA", "UnknownVersion")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA=", "BadCharacter")]
    [InlineData(Core + "IAAA+AAAAqIAAAAAAAA", "BadCharacter")]
    [InlineData(Core + "IAAA AAAAqIAAAAAAAA", "BadCharacter")]
    [InlineData(Core + "IAAAéAAAAqIAAAAAAAA", "BadCharacter")]
    [InlineData(Core + "IAAAAAAAAqI", "Truncated")] // nothing behind the country
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.", "Truncated")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA..IAAA", "Truncated")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.IAAA.IAAA", "RepeatedSegment")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.YAAAAAAAAAAA.YAAAAAAAAAAA", "RepeatedSegment")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.IAA", "Truncated")]
    [InlineData(Core + "IAAAAAAAAqIAAAAAAAA.YAAAAAAAA", "Truncated")]
    [InlineData("COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA", "NotServiceSpecific")]
    public void What_cannot_be_used_has_a_name(string text, string fault) => Assert.Equal(Enum.Parse<Fault>(fault), Read(text).Fault);

    [Theory]
    //          consents  interests  vendors' consent, interest, disclosed; restriction of purpose 7: kind and vendor; asked: vendor 2, purposes
    [InlineData("7", "", "2", "", "", null, "7", true)]
    [InlineData("7", "", "3", "", "2", null, "7", false)]
    [InlineData("", "7", "", "2", "2", null, "7", true)]
    [InlineData("", "7", "", "2", "3", null, "7", false)] // not disclosed
    [InlineData("", "7", "", "2", null, null, "7", false)]
    [InlineData("", "7", "2", "", "2", null, "7", false)]
    [InlineData("7", "8", "2", "2", "2", null, "7 8", true)] // one by consent, the other by interest
    [InlineData("7", "", "2", "2", "2", null, "7 8", false)]
    [InlineData("7", "7", "2", "2", "2", "0 2", "7", false)]
    [InlineData("7", "7", "2", "2", "2", "0 3", "7", true)]
    [InlineData("7", "", "2", "2", "2", "1 2", "7", true)]
    [InlineData("", "7", "2", "2", "2", "1 2", "7", false)]
    [InlineData("7", "", "2", "2", "2", "2 2", "7", false)]
    [InlineData("", "7", "2", "2", "2", "2 2", "7", true)]
    [InlineData("", "1", "2", "2", "2", null, "1", false)] // no interest can replace consent to storing
    [InlineData("", "3", "2", "2", "2", null, "3", false)]
    [InlineData("", "6", "2", "2", "2", null, "6", false)]
    [InlineData("", "2", "2", "2", "2", null, "2", true)]
    public void A_vendor_needs_consent_or_interest_for_every_purpose_and_no_restriction_against_it(
        string consents, string interests, string vendors, string vendorInterests, string? disclosed, string? restriction, string asked, bool may)
    {
        var tc = Read(new SomeTc
        {
            Purposes = Ids(consents),
            Interests = Ids(interests),
            Vendors = Ids(vendors),
            VendorInterests = Ids(vendorInterests),
            Disclosed = disclosed is null ? null : Ids(disclosed),
            Restrictions = restriction is null ? [] : [(7, Ids(restriction)[0], Ids(restriction)[1])],
        }.ToString());
        Assert.Equal(Fault.None, tc.Fault);
        Assert.Equal(may, tc.Allows(2, Ids(asked)));

        static int[] Ids(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    [Theory]
    [InlineData("2026-11-01", 5, true, "None")]
    [InlineData("2025-10-23", 5, true, "None")] // 13 months to the moment
    [InlineData("2025-10-22", 5, true, "Expired")]
    [InlineData("2026-11-01", 3, true, "OldPolicy")]
    [InlineData("2026-11-01", 4, true, "None")]
    [InlineData("2026-11-01", 6, true, "None")]
    [InlineData("2026-02-28", 5, false, "None")] // before it had to
    [InlineData("2026-03-01", 5, false, "NoDisclosedVendors")]
    [InlineData("2026-11-24", 5, true, "None")] // another clock's midnight
    [InlineData("2026-11-25", 5, true, "FromTheFuture")]
    [InlineData("2180-01-01", 5, true, "FromTheFuture")]
    public void A_string_counts_for_a_time_and_by_the_rules_of_its_day(string day, int policy, bool disclosed, string fault)
    {
        var now = new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
        var tc = Read(new SomeTc { LastUpdated = DateTimeOffset.Parse(day + "T00:00Z", null), Policy = policy, Disclosed = disclosed ? [] : null }.ToString());
        Assert.Equal(Enum.Parse<Fault>(fault), tc.FaultFor(new TcfOptions(), now));
        if (fault == "NoDisclosedVendors") Assert.Equal(Fault.None, tc.FaultFor(new TcfOptions { RequireDisclosedVendors = false }, now));
        if (fault == "Expired") Assert.Equal(Fault.None, tc.FaultFor(new TcfOptions { MaxAgeMonths = 14 }, now));
    }

    [Fact]
    public void A_list_may_not_promise_more_vendors_than_it_holds_nor_a_range_run_backwards()
    {
        var head = Bits(Core + "IAAAAAAAAqIAAAAAAAA")[..213];
        Assert.Equal(Fault.Truncated, Read(Text(head + Number(65535, 16) + "0" + "1111")).Fault);
        Assert.Equal(Fault.BackwardRange, Read(Text(head + Number(10, 16) + "1" + Number(1, 12) + "1" + Number(5, 16) + Number(4, 16) + Number(0, 17) + Number(0, 12))).Fault);
        Assert.Equal(Fault.None, Read(Text(head + Number(10, 16) + "1" + Number(1, 12) + "1" + Number(4, 16) + Number(4, 16) + Number(0, 17) + Number(0, 12))).Fault);
        Assert.Equal(Fault.Truncated, Read(Text(head + Number(10, 16) + "1" + Number(4095, 12) + "0" + Number(5, 16))).Fault);
        Assert.Equal(Fault.Truncated, Read(Text(head + Number(0, 17) + Number(0, 17) + Number(1, 12) + Number(1, 6))).Fault);
    }

    [Fact]
    public void A_range_of_all_vendors_stays_as_small_in_memory_as_it_is_in_the_text()
    {
        var head = Bits(Core + "IAAAAAAAAqIAAAAAAAA")[..213];
        var text = Encoding.ASCII.GetBytes(Text(head + Number(65535, 16) + "1" + Number(1, 12) + "1" + Number(1, 16) + Number(65535, 16) + Number(0, 17) + Number(0, 12)));
        TcString.Read(text);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var tc = TcString.Read(text);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 1_000);
        Assert.True(tc.VendorConsents.Contains(1) && tc.VendorConsents.Contains(65535) && !tc.VendorConsents.Contains(0) && !tc.VendorConsents.Contains(65536));
    }

    [Fact]
    public void A_string_has_a_length_that_it_may_have()
    {
        var longest = Core + "IAAAAAAAAqIAAAAAAAA.IAAA.".PadRight(TcString.LongestText - Core.Length, 'Q');
        Assert.Equal(Fault.None, Read(longest).Fault);
        Assert.Equal(Fault.TooLong, Read(longest + "Q").Fault);
    }

    [Fact]
    public void Whatever_bytes_come_there_is_a_result_or_a_name() => Gen.Byte.Array[0, 400].Sample(bytes => TcString.Read(bytes).Fault != Fault.None || bytes[0] == 'C');

    [Fact]
    public void A_string_that_was_cut_or_bent_gives_a_result_or_a_name_and_answers_every_question()
    {
        var good = Encoding.ASCII.GetBytes(Core + "IIAAAAAAqIH0QA4AAgAGAvMB9AAAABAAAACOAAgAcAA.IH0QA4AAgAGAvMB9AAAA.cEAAAAAAAaAA");
        Gen.Select(Gen.Int[0, good.Length], Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Array[0, 4]).Sample((length, changes) =>
        {
            var bytes = good.ToArray();
            foreach (var (at, value) in changes) bytes[at] = value;
            var tc = TcString.Read(bytes.AsSpan(0, length));
            Ask(tc);
        });
    }

    internal static void Ask(TcString tc)
    {
        foreach (var vendor in new[] { int.MinValue, -1, 0, 1, 28, 755, 65535, 65536, int.MaxValue })
        {
            tc.Allows(vendor, 1, 7, 24);
            tc.VendorInterests.Contains(vendor);
            tc.Disclosed?.Contains(vendor);
            _ = tc.Publisher?.CustomConsent[vendor];
        }

        tc.FaultFor(new TcfOptions(), s_march);
    }

    internal static TcString Read(string text) => TcString.Read(Encoding.UTF8.GetBytes(text));

    internal static string List(Purposes set) => string.Join(' ', Enumerable.Range(1, 64).Where(id => set[id]));

    internal static string List(VendorSet set) => string.Join(' ', Enumerable.Range(1, 65535).Where(set.Contains));

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    internal static string Bits(string text) => string.Concat(text.Select(c => Number(Alphabet.IndexOf(c), 6)));

    internal static string Number(int value, int bits) => Convert.ToString(value, 2).PadLeft(bits, '0');

    internal static string Text(string bits) => string.Concat(bits.Chunk(6).Select(six => Alphabet[Convert.ToInt32(new string(six).PadRight(6, '0'), 2)]));
}

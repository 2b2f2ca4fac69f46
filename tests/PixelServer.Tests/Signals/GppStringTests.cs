using System.Text;
using CsCheck;
using PixelServer.Signals;

namespace PixelServer.Tests.Signals;

/// <summary>GPP strings and the American sections in them.</summary>
public sealed class GppStringTests
{
    [Theory]
    [InlineData("DBAA", "")]
    [InlineData("DBABTA~1YNN", "6")]
    [InlineData("DBABLA~CVQqAAAAAACA", "7")]
    [InlineData("DBABL~BVQqAAAAAgA", "7")]
    [InlineData("DBABBg~BUUAAABA.YA", "8")]
    [InlineData("DBABRg~BVkAABA", "9")]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "7 8")]
    [InlineData("DBABUYA~BQRA.AAA", "25")]
    [InlineData("DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", "2 6")]
    [InlineData("DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", "2 6")]
    [InlineData("DBABM~CPXx", "2")]
    [InlineData("DBABjw~BPXx~1YNN", "5 6")]
    public void The_header_names_the_sections_in_their_order(string text, string sections)
    {
        var gpp = Read(text);
        Assert.Equal((Fault.None, sections), (gpp.Fault, string.Join(' ', gpp.Sections)));
        Assert.Equal(text.Split('~')[1..], gpp.Sections.Select(id => Encoding.ASCII.GetString(gpp.Section(id))));
    }

    [Theory]
    [InlineData("", "Truncated")]
    [InlineData("D", "Truncated")]
    [InlineData("DB", "Truncated")]
    [InlineData("DBAB", "Truncated")] // one section, and the text ends where it should say which
    [InlineData("DBBB", "Truncated")]
    [InlineData("CBAA", "UnknownVersion")]
    [InlineData("DCAA", "UnknownVersion")]
    [InlineData("DBA=", "BadCharacter")]
    [InlineData("DBABTA", "SectionsMissing")]
    [InlineData("DBABrw~CVQqAAAAAACA.QA", "SectionsMissing")]
    [InlineData("DBABTA~1YNN~1YNN", "SectionsMissing")]
    [InlineData("DBABLA~CVQqAA AAACA", "BadCharacter")]
    [InlineData("DBA//////////", "Truncated")]
    public void What_cannot_be_used_has_a_name(string text, string fault) => Assert.Equal(Enum.Parse<Fault>(fault), Read(text).Fault);

    [Theory]
    [InlineData("DBABLA~CVQqAAAAAACA", false)]
    [InlineData("DBABLA~CVQqAAAAAACA.QA", false)]
    [InlineData("DBABLA~CVQqAAAAAACA.YA", true)] // Global Privacy Control
    [InlineData("DBABLA~CVQVAAAAAACA", true)] // sale, sharing, targeted advertising
    [InlineData("DBABLA~CVQaAAAAAACA", true)] // sale
    [InlineData("DBABLA~BVQVAAAAAg", true)]
    [InlineData("DBABLA~BVQqAAAAAgA.QA", false)]
    [InlineData("DBABL~BVQqAAAAAgA", false)]
    [InlineData("DBABBg~BUUAAABA.YA", true)]
    [InlineData("DBABRg~BVkAABA", true)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", true)]
    [InlineData("DBABUYA~BQRA.AAA", true)]
    [InlineData("DBABTA~1YNN", false)]
    [InlineData("DBABTA~1YYN", true)]
    [InlineData("DBAA", false)]
    // What nobody can read forbids.
    [InlineData("DBABLA~EVQqAAAAAACA", true)] // version 4
    [InlineData("DBABLA~CVQq", true)] // ends early
    [InlineData("DBABLA~CVQ_AAAAAACA", true)] // a 3
    [InlineData("DBABLA~CVQqAAAAAACA.AA", true)] // a segment that is not known
    [InlineData("DBABLA~CVQqAAAAAACA.", true)]
    [InlineData("DBABTA~2YNN", true)]
    [InlineData("nonsense", true)]
    public void An_opt_out_is_seen_and_what_cannot_be_read_counts_as_one(string text, bool optOut) => Assert.Equal(optOut, OptOut(text));

    [Fact]
    public void What_cannot_be_read_is_no_opt_out_for_good()
    {
        var (broken, clear) = (SignalReaderTests.Read(("gpp", "DBABLA~CVQq")), SignalReaderTests.Read(("gpp", "DBABLA~CVQVAAAAAACA")));
        Assert.Equal((false, true), (broken.SaleOptOut, broken.SaleUnclear));
        Assert.Equal((true, false), (clear.SaleOptOut, clear.SaleUnclear));
    }

    [Fact]
    public void A_child_without_consent_and_a_notice_that_was_not_given_are_opt_outs()
    {
        var plain = TcStringTests.Bits("CVQqAAAAAACA");
        Assert.False(OptOut("DBABLA~" + TcStringTests.Text(plain)));
        foreach (var layout in UsLayouts.All)
        {
            foreach (var one in layout.Fields)
            {
                var isNotice = one.Name.EndsWith("Notice", StringComparison.Ordinal);
                var forbids = isNotice || one.Name is "SaleOptOut" or "SharingOptOut" or "TargetedAdvertisingOptOut" or UsLayouts.Child;
                for (var i = 0; i < one.Count; i++)
                {
                    var bits = TcStringTests.Number(layout.Version, 6).PadRight(layout.Bits, '0').ToCharArray();
                    bits[one.Offset + (2 * i) + (isNotice ? 0 : 1)] = '1'; // 2 for a notice, 1 for the others
                    var section = UsSection.Read(layout.Section, Encoding.ASCII.GetBytes(TcStringTests.Text(new string(bits))), out var fault);
                    Assert.True(fault == Fault.None && section!.IsOptOut == forbids, $"{layout.Name} {layout.Version} {one.Name}[{i}] {fault}");
                }
            }
        }
    }

    [Theory]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "7", false)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "8", true)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "7,8", true)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", " 7 , 8 ", true)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "", true)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "-1", false)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "0", false)]
    [InlineData("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA", "seven", true)]
    [InlineData("DBABLA~CVQqAAAAAACA", "9", true)] // named and not there
    [InlineData("DBABLA~CVQqAAAAAACA", "99", true)]
    public void Only_the_sections_that_apply_count(string gpp, string sections, bool optOut) => Assert.Equal(optOut, OptOut(gpp, sections));

    [Fact]
    public void The_header_that_newer_texts_put_before_four_sections_is_passed_over()
    {
        var header = TcStringTests.Text(TcStringTests.Number(25, 6) + TcStringTests.Number(1, 6));
        Assert.NotNull(UsSection.Read(25, Encoding.ASCII.GetBytes(header + ".BQRA.AAA"), out _));
        Assert.Null(UsSection.Read(25, Encoding.ASCII.GetBytes(header), out var fault));
        Assert.Equal(Fault.Truncated, fault);
    }

    [Fact]
    public void Section_2_is_a_tc_string_and_naming_it_says_that_the_gdpr_applies()
    {
        const string Gpp = "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN";
        var named = SignalReaderTests.Read(("gpp", Gpp), ("gpp_sid", "2"));
        Assert.Equal((true, 31), (named.Gdpr, Assert.Single(named.Tcs!).CmpId));
        var unnamed = SignalReaderTests.Read(("gpp", Gpp));
        Assert.Equal((null, 31), (unnamed.Gdpr, Assert.Single(unnamed.Tcs!).CmpId));
        Assert.Null(SignalReaderTests.Read(("gpp", Gpp), ("gpp_sid", "6")).Tcs);
    }

    [Fact]
    public void Plus_and_slash_of_the_specifications_own_table_are_read_too() =>
        Assert.Equal(OptOut("DBABLA~CVQqAAAAAACA.-A"), OptOut("DBABLA~CVQqAAAAAACA.+A"));

    [Fact]
    public void Whatever_bytes_come_there_is_a_result_or_a_name()
    {
        var good = Encoding.ASCII.GetBytes("DBABrw~CVQqAAAAAACA.QA~BUUAAABA.QA");
        Gen.Byte.Array[0, 300].Sample(bytes => SignalReaderTests.Read("gpp", bytes));
        Gen.Select(Gen.Int[0, good.Length], Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Array[0, 4]).Sample((length, changes) =>
        {
            var bytes = good.ToArray();
            foreach (var (at, value) in changes) bytes[at] = value;
            SignalReaderTests.Read("gpp", bytes[..length]);
        });
    }

    internal static GppString Read(string text) => GppString.Read(Encoding.UTF8.GetBytes(text));

    private static bool OptOut(string gpp, string sections = "") => SignalReaderTests.Read(("gpp", gpp), ("gpp_sid", sections)).ForbidsAds;
}

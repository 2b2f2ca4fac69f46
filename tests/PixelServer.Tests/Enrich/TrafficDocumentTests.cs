using System.Text.RegularExpressions;
using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public partial class TrafficDocumentTests
{
    [Fact]
    public void Every_reason_is_documented_with_its_label_in_the_order_of_the_rules()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "traffic.md"));

        Assert.Equal(Verdict.All.Select(one => $"{one.Reason} {Names.Of(one.Traffic)}"), Row().Matches(document).Select(row => $"{row.Groups["code"].Value} {row.Groups["label"].Value}"));
    }

    [Fact]
    public void Every_code_leads_back_to_its_reason_and_no_two_are_equally_strong()
    {
        Assert.All(Verdict.All, one => Assert.Same(one, Verdict.Named(one.Reason)));
        Assert.Equal(Verdict.All.Count(), Verdict.All.Select(one => one.Strength).Distinct().Count());
        Assert.Null(Verdict.Named("mind_reading"));
    }

    [GeneratedRegex(@"^\| `(?<code>\w+)` \| `(?<label>\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}

using System.Text.RegularExpressions;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Architecture;

/// <summary>Keeps the one picture true: which folder may use which.</summary>
public sealed partial class FlowTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Signals"] = [],
        ["Collect"] = ["Signals", "Journal", "Ops"],
        ["Journal"] = ["Ops"],
        ["Enrich"] = ["Ops"],
        ["Store"] = ["Journal", "Enrich", "Ops"],
        ["Report"] = ["Store", "Ops"],
        ["Privacy"] = ["Collect", "Signals", "Journal", "Enrich", "Store", "Mail", "Ops"],
        ["Mail"] = ["Collect", "Signals", "Journal", "Enrich", "Store", "Ops"],
        ["Api"] = ["Collect", "Journal", "Ops"],
        ["Tag"] = ["Collect", "Ops"],
        ["Demo"] = ["Collect", "Mail", "Store", "Ops"],
        ["Ops"] = [],
    };

    private static readonly string[] s_folders =
        [.. Directory.EnumerateDirectories(Repository.Sources).Where(folder => Directory.EnumerateFiles(folder, "*.cs").Any()).Select(folder => Path.GetFileName(folder))];

    // With or without "PixelServer." in front, but not as a member of something else and not where a namespace is declared.
    private static readonly Regex s_use = new(
        @$"(?<![\w.])(?<!namespace )(?:(?:global::)?PixelServer\.)?(?<folder>{string.Join('|', s_folders)})[.;]|(?<!namespace )\bPixelServer\.(?<folder>{string.Join('|', s_folders)})\b");

    public static TheoryData<string> Folders => [.. s_folders];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_the_folders_it_may(string folder)
    {
        Assert.True(s_mayUse.TryGetValue(folder, out var allowed), $"{folder} is not in the picture: add it to docs and to this table");

        var used = Directory.EnumerateFiles(Path.Combine(Repository.Sources, folder), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Uses(File.ReadAllText(file)).Select(other => (other, Path.GetFileName(file))))
            .Where(use => use.other != folder && !allowed!.Contains(use.other));

        Assert.Empty(used);
    }

    [Theory]
    [InlineData("using PixelServer.Store;")]
    [InlineData("using static PixelServer.Store.Verdicts;")]
    [InlineData("using S = PixelServer.Store.IEventStore;")]
    [InlineData("var x = new PixelServer.Store.Drain();")]
    [InlineData("var x = new global::PixelServer.Store.Drain();")]
    [InlineData("Store.IEventStore store;")]
    [InlineData("private readonly Store.IEventStore _store;")]
    public void A_name_written_out_does_not_escape_the_test(string code) => Assert.Contains("Store", Uses(code));

    [Theory]
    [InlineData("// as in Store.Drain")]
    [InlineData("/// <see cref=\"Store.IEventStore\"/>")]
    [InlineData("options.Store.MaxBatch")]
    [InlineData("namespace PixelServer.Ops;")]
    [InlineData("Settings.Read<T>(configuration, \"Pixel:Store.x\")")]
    public void A_comment_a_text_or_a_member_of_that_name_is_no_use(string code) => Assert.DoesNotContain("Store", Uses(code));

    private static IEnumerable<string> Uses(string code)
    {
        var plain = Text().Replace(Comment().Replace(code, ""), "\"\"");
        return s_use.Matches(plain).Select(match => match.Groups["folder"].Value).Distinct();
    }

    [GeneratedRegex("//.*")]
    private static partial Regex Comment();

    [GeneratedRegex("\"\"\".*?\"\"\"|\"(\\\\.|[^\"\\\\])*\"", RegexOptions.Singleline)]
    private static partial Regex Text();
}

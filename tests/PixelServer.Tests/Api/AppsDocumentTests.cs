using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using PixelServer.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>docs/apps.md against the tables of the code. UPDATE_GOLDEN=1 writes them into the page.</summary>
public sealed partial class AppsDocumentTests
{
    private static readonly string s_file = Path.Combine(Repository.Root, "docs", "apps.md");

    public static TheoryData<string> Tables => [.. s_tables.Keys];

    private static readonly Dictionary<string, Func<string>> s_tables = new()
    {
        ["lifecycle"] = () => Table("sent", "stored as", AppEvents.Table.Select(row => ($"`{row.Sent}`", $"`{row.Canonical}`"))),
        [AppsFlyer.InAppEvent.Path] = () => Fields(AppsFlyer.InAppEvent),
        [AppsFlyer.Push.Path] = () => Fields(AppsFlyer.Push),
        ["names of appsflyer"] = () => Names("AppsFlyer's name", AppsFlyer.Names),
        [Adjust.Event.Path] = () => Fields(Adjust.Event),
        [Adjust.Callback.Path] = () => Fields(Adjust.Callback, Adjust.Event),
        ["names of adjust"] = () => Names("`activity_kind`", Adjust.Names),
        [Branch.Event.Path] = () => Fields(Branch.Event),
        [Branch.Webhook.Path] = () => Fields(Branch.Webhook, Branch.Event),
        ["names of branch"] = () => Names("Branch's name", Branch.Names),
    };

    [Theory]
    [MemberData(nameof(Tables))]
    public void A_table_is_that_of_the_code(string name)
    {
        var expected = s_tables[name]();
        var block = new Regex($"(?<=^<!-- {Regex.Escape(name)} -->\n).*?(?=^<!-- / -->$)", RegexOptions.Singleline | RegexOptions.Multiline);
        var document = File.ReadAllText(s_file);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(s_file, document = block.Replace(document, expected.Replace("$", "$$", StringComparison.Ordinal)));
        Assert.Equal(expected, block.Match(document).Value);
    }

    [Fact]
    public void The_fields_of_a_device_are_listed_in_their_order()
    {
        var section = Section("## What is kept of a device", "### Apple's permission");
        Assert.Equal([.. Devices.Fields(default).Select(field => field.Name), "att", "lat"], FieldRow().Matches(section).Select(row => row.Groups["name"].Value));
    }

    [Fact]
    public void Every_spelling_of_the_permission_means_what_the_page_says()
    {
        var rows = StatusRow().Matches(Section("### Apple's permission", "### Google's limit"));
        Assert.Equal([0, 1, 2, 3], rows.Select(row => int.Parse(row.Groups["status"].Value, System.Globalization.CultureInfo.InvariantCulture)));
        foreach (var row in rows.AsEnumerable())
            foreach (var said in Code().Matches(row.Groups["said"].Value).Select(code => code.Groups["text"].Value))
            {
                using var json = JsonDocument.Parse(char.IsAsciiLetter(said[0]) && said is not ("true" or "false") ? $"\"{said}\"" : said);
                Assert.Equal(row.Groups["status"].Value, $"{DeviceWords.Att(json.RootElement)}");
            }
    }

    [Fact]
    public void Every_spelling_of_an_id_and_a_permission_is_known()
    {
        var section = Section("### Spellings", "## What events are called");
        var words = Code().Matches(section[section.IndexOf("| IDFA", StringComparison.Ordinal)..]).Select(code => code.Groups["text"].Value).Where(word => word is not ("device.id" or "lat")).ToList();
        Assert.True(words.Count > 30);
        Assert.All(words, word => Assert.NotNull(DeviceWords.Find(word)));
    }

    private static string Section(string from, string to)
    {
        var document = File.ReadAllText(s_file);
        var start = document.IndexOf(from, StringComparison.Ordinal);
        return document[start..document.IndexOf(to, start, StringComparison.Ordinal)];
    }

    private static string Fields(PartnerMap map, PartnerMap? beside = null) =>
        Table("their field", "kept as", map.Fields.Where(field => beside?.Fields.Contains(field) is not true).Select(field => ($"`{field.Theirs}`", field.Where)));

    private static string Names(string theirs, IEnumerable<KeyValuePair<string, string>> names) =>
        Table(theirs, "stored as", names.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => ($"`{pair.Key}`", $"`{pair.Value}`")));

    private static string Table(string first, string second, IEnumerable<(string First, string Second)> rows)
    {
        var table = new StringBuilder($"| {first} | {second} |\n| --- | --- |\n");
        foreach (var row in rows) table.Append("| ").Append(row.First).Append(" | ").Append(row.Second).Append(" |\n");
        return table.ToString();
    }

    [GeneratedRegex(@"^\| `(?<name>[a-z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex FieldRow();

    [GeneratedRegex(@"^\| (?<status>\d) \| (?<said>[^|]+) \|", RegexOptions.Multiline)]
    private static partial Regex StatusRow();

    [GeneratedRegex("`(?<text>[^`]+)`")]
    private static partial Regex Code();
}

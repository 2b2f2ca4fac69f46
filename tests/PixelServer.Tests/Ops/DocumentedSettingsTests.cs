using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary>docs/operations.md against the options classes, in both directions.</summary>
public sealed partial class DocumentedSettingsTests(PixelApp app) : IClassFixture<PixelApp>
{
    [Fact]
    public void Every_setting_is_documented_with_its_default_and_nothing_else_is()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md"));
        var documented = Row().Matches(document).ToDictionary(row => row.Groups["key"].Value, row => row.Groups["default"].Value);
        var known = Settings.Known(app.Services.GetRequiredService<IConfiguration>()).ToDictionary(setting => setting.Key, setting => setting.Default);

        Assert.Equal(
            known.Select(setting => $"{setting.Key} = {setting.Value}").Order(StringComparer.Ordinal),
            documented.Select(setting => $"{setting.Key} = {setting.Value}").Order(StringComparer.Ordinal));
    }

    // | `Pixel:Key` | `default` and words | …; a default without a code span is "not set".
    [GeneratedRegex(@"^\| `(?<key>Pixel:[^`]+)` \| (`(?<default>[^`]*)`)?[^|]* \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}

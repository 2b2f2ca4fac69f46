using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary>docs/operations.md, "Behind a proxy": what stands there passes on every door, and nothing that needs the admin token.</summary>
public sealed partial class ProxyExampleTests
{
    // For operators: what the page says of them stands above the example.
    private static readonly string[] s_own = ["/", "/healthz", "/readyz", "/metrics", "/swagger", "/demo"];

    [Fact]
    public async Task Every_door_is_passed_on_and_nothing_else()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Gpc:Enabled=true"]);
        var locations = Location().Matches(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md")))
            .Select(found => found.Groups["is"].Value == "=" ? $"^{Regex.Escape(found.Groups["path"].Value)}$" : found.Groups["path"].Value).ToList();
        foreach (var route in app.Services.GetServices<ApiRoute>())
        {
            var isForAll = !route.Admin && !s_own.Any(own => route.Path == own || (own.Length > 1 && route.Path.StartsWith(own + "/", StringComparison.Ordinal)));
            Assert.True(isForAll == locations.Any(location => Regex.IsMatch(route.Path, location)), $"{route.Method} {route.Path}");
        }
    }

    [GeneratedRegex("^location (?<is>[=~]) (?<path>[^ ]+) +\\{", RegexOptions.Multiline)]
    private static partial Regex Location();
}

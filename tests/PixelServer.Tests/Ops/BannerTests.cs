using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class BannerTests
{
    [Fact]
    public async Task It_says_where_everything_is_and_what_to_paste()
    {
        await using var app = await PixelApp.StartAsync();
        await Eventually.TrueAsync(() => app.Output.Contains("<script", StringComparison.Ordinal), () => app.Output);
        var at = app.Address.ToString().TrimEnd('/');

        Assert.Contains($"<img src=\"{at}/p.gif", app.Output, StringComparison.Ordinal);
        Assert.Contains($"<script async src=\"{at}/t.js\"></script>", app.Output, StringComparison.Ordinal);
        Assert.Contains($"{at}/swagger", app.Output, StringComparison.Ordinal);
        Assert.Contains($"{at}/healthz", app.Output, StringComparison.Ordinal);
        Assert.Contains("sqlite", app.Output, StringComparison.Ordinal);
        Assert.Contains(app.DataDirectory, app.Output, StringComparison.Ordinal);
        Assert.Contains("Flushed", app.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(PixelApp.Token, app.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task As_JSON_it_is_one_event_and_a_new_token_stands_outside_the_log()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Ops:LogFormat=Json", "--Pixel:AdminToken="]);
        await Eventually.TrueAsync(() => app.Output.Contains("Admin token", StringComparison.Ordinal), () => app.Output);

        var lines = app.Output.TrimEnd('\n').Split('\n');

        Assert.Single(lines, line => line.StartsWith('{') && line.Contains("Listening on", StringComparison.Ordinal));
        Assert.Single(lines, line => line.StartsWith("Admin token (shown only now): ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("<img", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://0.0.0.0:8080", "http://localhost:8080")]
    [InlineData("http://[::]:8080", "http://localhost:8080")]
    [InlineData("https://+:443/", "https://localhost:443")]
    [InlineData("http://*:80", "http://localhost:80")]
    [InlineData("http://192.0.2.7:5000", "http://192.0.2.7:5000")]
    public void An_address_of_any_interface_is_shown_as_one_that_a_browser_can_open(string bound, string shown) =>
        Assert.Equal(shown, Banner.Reachable(bound));
}

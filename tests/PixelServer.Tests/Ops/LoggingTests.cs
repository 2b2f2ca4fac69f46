using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class LoggingTests
{
    private const string Forged = "Mozilla\r\n1999-12-31T12:00:00.000Z ERR Journal: all is lost\u001b[2J\u0085{\"@l\":\"Fatal\"}\u2028end";

    [Theory]
    [InlineData("Text")]
    [InlineData("Json")]
    public async Task A_visitors_text_cannot_begin_a_log_line_or_reach_the_terminal(string format)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:Ops:LogFormat={format}", "--Pixel:Ops:LogLevel=Warning"]);
        var before = app.Output.Length;

        Logger(app).LogWarning(new InvalidOperationException(Forged), "Odd visitor {UserAgent} and {@Whole}", Forged, new { Text = Forged });

        var written = app.Output[before..];
        var lines = written.TrimEnd('\n').Split('\n');
        Assert.DoesNotContain(written, c => c != '\n' && (char.IsControl(c) || c == '\u2028'));
        Assert.DoesNotContain(lines, line => line.StartsWith("1999-12-31", StringComparison.Ordinal));
        if (format == "Json") Assert.Contains("all is lost", JsonDocument.Parse(Assert.Single(lines)).RootElement.GetProperty("@m").GetString(), StringComparison.Ordinal);
        else Assert.All(lines[1..], line => Assert.StartsWith("    | ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Requests_leave_no_line_and_the_framework_is_quiet()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Ops:LogLevel=Debug"]);
        var before = app.Output.Length;

        foreach (var address in (string[])["/healthz", "/no/such/address", "/api/events", "/p.gif?u=someone@example.test&e=open"])
            await app.Client.GetAsync(address);

        Assert.DoesNotContain("someone@example.test", app.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Microsoft.", app.Output[before..], StringComparison.Ordinal);
        Assert.DoesNotContain("/no/such/address", app.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_level_is_a_setting()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Ops:LogLevel=Error"]);

        Logger(app).LogWarning("not wanted");
        Logger(app).LogError("wanted");

        Assert.DoesNotContain("not wanted", app.Output, StringComparison.Ordinal);
        Assert.Contains(" ERR LoggingTests: wanted", app.Output, StringComparison.Ordinal);
    }

    private static ILogger<LoggingTests> Logger(PixelApp app) => app.Services.GetRequiredService<ILogger<LoggingTests>>();
}

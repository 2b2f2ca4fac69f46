using Microsoft.Playwright;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A real browser, started once for a test class. Each visitor is a context of its own.</summary>
public sealed class Chromium : IAsyncLifetime
{
    /// <summary>What the same browser calls itself when a person sits in front of it.</summary>
    public const string UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";

    // Nothing but the tests' own pages is asked for, and no sandbox where the user is root, which Chromium refuses.
    private static readonly string[] s_quiet =
        ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    private static string Program => Environment.GetEnvironmentVariable("PIXEL_CHROMIUM") is { Length: > 0 } named ? named : "/usr/bin/chromium";

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Program)) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Program,
            Args = Environment.IsPrivilegedProcess ? [.. s_quiet, "--no-sandbox"] : s_quiet,
            Timeout = 60_000,
        });
    }

    /// <summary>A visitor who was never here before. Where there is no browser the test is skipped, but fails in CI.</summary>
    /// <param name="userAgent">Null for the browser's own, which says that a program drives it.</param>
    public async Task<IBrowserContext> VisitorAsync(string? userAgent = UserAgent)
    {
        if (_browser is null && !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"))) Assert.Fail($"{Program} is not installed.");
        if (_browser is null) Assert.Skip($"{Program} is not installed.");
        var context = await _browser!.NewContextAsync(new() { UserAgent = userAgent, Locale = "de-DE" });
        context.SetDefaultTimeout(30_000);
        return context;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}

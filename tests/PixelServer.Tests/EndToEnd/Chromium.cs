using System.Diagnostics;
using Microsoft.Playwright;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A real browser, started once for a test class. Each visitor is a context of its own.</summary>
public sealed class Chromium : IAsyncLifetime
{
    /// <summary>What the same browser calls itself when a person sits in front of it.</summary>
    public const string UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";

    // Nothing but the tests' own pages is asked for, and no sandbox where the user is root, which Chromium refuses.
    private static readonly string[] s_quiet =
    [
        "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP *.example 127.0.0.1", // also under names that are not this machine's own, whose pages are not secure
    ];

    private IPlaywright? _playwright;
    private IBrowser? _person, _program;

    private static string Program => Environment.GetEnvironmentVariable("PIXEL_CHROMIUM") is { Length: > 0 } named ? named : "/usr/bin/chromium";

    public async ValueTask InitializeAsync() => _playwright = await Playwright.CreateAsync();

    /// <summary>Somebody who was never here before.</summary>
    public async Task<IBrowserContext> VisitorAsync()
    {
        // For the whole browser: what is set for a context is forgotten in what a page sends while it goes.
        _person ??= await LaunchAsync($"--user-agent={UserAgent}");
        return await NewContextAsync(_person);
    }

    /// <summary>The browser as a program drives it, and as it calls itself then.</summary>
    public async Task<IBrowserContext> RobotAsync() => await NewContextAsync(_program ??= await LaunchAsync());

    /// <summary>A browser that nobody drives, at one address; for what is switched off where somebody looks over its shoulder, such as prerendering and the back/forward cache.</summary>
    internal static IAsyncDisposable Alone(string url)
    {
        RequireProgram();
        var profile = Directory.CreateTempSubdirectory("pixel-chromium-");
        string[] arguments = [.. s_quiet, .. Sandbox, "--headless", $"--user-data-dir={profile.FullName}", url];
        var process = Process.Start(new ProcessStartInfo(Program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginOutputReadLine(); // heard and thrown away: what nobody reads stops it after 64 KiB
        process.BeginErrorReadLine();
        return new Undriven(process, profile);
    }

    public async ValueTask DisposeAsync()
    {
        if (_person is not null) await _person.DisposeAsync();
        if (_program is not null) await _program.DisposeAsync();
        _playwright?.Dispose();
    }

    private static string[] Sandbox => Environment.IsPrivilegedProcess ? ["--no-sandbox"] : [];

    /// <summary>Where there is no browser the test is skipped, but fails in CI.</summary>
    private static void RequireProgram()
    {
        var missing = !File.Exists(Program);
        if (missing && !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"))) Assert.Fail($"{Program} is not installed.");
        if (missing) Assert.Skip($"{Program} is not installed.");
    }

    private Task<IBrowser> LaunchAsync(params string[] arguments)
    {
        RequireProgram();
        return _playwright!.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Program,
            Args = [.. s_quiet, .. arguments, .. Sandbox],
            Timeout = 60_000,
        });
    }

    private static async Task<IBrowserContext> NewContextAsync(IBrowser browser)
    {
        var context = await browser.NewContextAsync(new() { Locale = "de-DE" });
        context.SetDefaultTimeout(30_000);
        return context;
    }

    private sealed class Undriven(Process process, DirectoryInfo profile) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            process.Kill(entireProcessTree: true);
            await Support.Eventually.TrueAsync(() => process.HasExited, () => "the browser ends"); // and not its streams, which a child may still hold
            process.Dispose();
            // Children of the browser may still be writing for a moment.
            await Support.Eventually.TrueAsync(() => TryDelete(), () => $"{profile} can be deleted");
        }

        private bool TryDelete()
        {
            try
            {
                profile.Delete(recursive: true);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }
}

using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;

namespace PixelServer.Tests.Tag;

/// <summary>A shop whose pages carry the tag, a collector that does as it is told, and somebody with a real browser.</summary>
public abstract class TagBrowser(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    internal Pages Pages { get; } = new();
    internal ScriptedCollector Collector { get; } = new();
    internal Chromium Chromium { get; } = chromium;
    internal IBrowserContext Visitor { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Pages.StartAsync();
        await Collector.StartAsync();
        Visitor = await Chromium.VisitorAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Visitor.DisposeAsync();
        await Collector.DisposeAsync();
        await Pages.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal string Shop(string path) => $"http://shop.localhost:{Pages.Port}{path}";

    /// <summary>Opens a page of the shop that carries the snippet, and waits for the tag.</summary>
    /// <param name="path">With its query.</param>
    /// <param name="body">Behind the snippet.</param>
    /// <param name="attributes">Of the script element.</param>
    /// <param name="before">In front of the snippet.</param>
    internal async Task<IPage> OpenAsync(string path = "/", string body = "", string attributes = "", string before = "")
    {
        Pages[path.Split('?', '#')[0]] = before + Collector.Snippet(attributes) + body;
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop(path));
        await ReadyAsync(page);
        return page;
    }

    /// <summary>Leaves the page with a last event, <c>bye</c>, that is made as it goes: the tag's half second of waiting cannot end before.</summary>
    internal static async Task TrackAndLeaveAsync(IPage page)
    {
        await page.EvaluateAsync("addEventListener('pagehide', () => px('track', 'bye'), true)"); // in front of the tag's own
        await page.GotoAsync("about:blank"); // a page that drives itself away can leave the browser's driver hanging
    }

    internal static Task ReadyAsync(IPage page) => page.WaitForFunctionAsync("window.px && px.v");

    /// <summary>Makes a promise of what the callback of a call is told, under <c>told[name]</c>.</summary>
    internal const string Told = """
        window.told = {}
        window.ask = (name, properties) => { told[name] = null; px('track', name, properties, { callback: (...answer) => { told[name] = answer } }) }
        """;
}

using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Consent and opt-outs in a real browser, from the page to the row in the store.</summary>
[Collection(nameof(Alone))]
public sealed class ConsentBrowserTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>, IAsyncLifetime
{
    // Notes every use of what a page can keep on the device.
    private const string Watch = """
        window.touched = []
        for (const [owner, name] of [[Document.prototype, 'cookie'], [window, 'localStorage'], [window, 'sessionStorage'], [window, 'indexedDB'], [window, 'caches']]) {
          const real = Object.getOwnPropertyDescriptor(owner, name) ?? Object.getOwnPropertyDescriptor(Object.getPrototypeOf(owner), name)
          Object.defineProperty(owner, name, { configurable: true, get() { touched.push(name); return real.get.call(this) }, set(value) { touched.push(name); real.set.call(this, value) } })
        }
        """;

    private readonly Pages _pages = new();

    public async ValueTask InitializeAsync() => await _pages.StartAsync();
    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Under_gdpr_nothing_is_sent_or_stored_before_the_opt_in_and_the_cookie_goes_with_the_withdrawal(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres, "--Pixel:Sites:shop:Regime=Gdpr");
        await using var visitor = await chromium.VisitorAsync();
        await visitor.AddInitScriptAsync(Watch);
        _pages["/"] = Snippet(server) + "<script>px('track', 'asked', { sku: 1 })</script>"; // nothing here says that consent is required
        var page = await visitor.NewPageAsync();
        var requests = Requests(page, server);
        await page.Clock.InstallAsync();
        await page.GotoAsync(Shop);
        await page.Clock.PauseAtAsync(DateTime.UtcNow.AddSeconds(30));
        await Eventually.TrueAsync(() => page.EvaluateAsync<bool>("!!px.v"), () => "the tag is there");
        await page.Clock.RunForAsync(60_000);

        Assert.Equal(["GET /t.js"], requests);
        Assert.Equal("[]", await page.EvaluateAsync<string>("JSON.stringify(touched)"));
        Assert.Empty(await visitor.CookiesAsync());

        await page.EvaluateAsync("px('consent', { storage: 'granted', measurement: 'granted', ads: 'denied' })");
        await page.Clock.RunForAsync(1_000);
        var events = await server.EventsAsync(2);
        Assert.Equal(["asked", "page_view"], events.Select(one => Text(one, "name")).Order());
        Assert.All(events, one => Assert.Equal(("cookie", "true", "true", "false"), (Text(one, "visitor_kind"), Text(one, "consent_storage"), Text(one, "consent_measurement"), Text(one, "consent_ads"))));
        var cookie = Assert.Single(await visitor.CookiesAsync());
        Assert.StartsWith(Guid.Parse(Text(events[0], "visitor_id")!).ToString("N"), cookie.Value, StringComparison.Ordinal);

        await page.EvaluateAsync("px('consent', { storage: 'denied', measurement: 'denied' }); px('track', 'never')");
        await Eventually.TrueAsync(async () => (await visitor.CookiesAsync()).Count == 0, () => string.Join(", ", requests));
        await page.Clock.RunForAsync(60_000);
        await page.EvaluateAsync("dispatchEvent(new Event('pagehide'))");
        await page.GotoAsync(Shop);
        await Eventually.TrueAsync(() => page.EvaluateAsync<bool>("!!px.v"), () => "the tag is there again");
        await page.Clock.RunForAsync(60_000);

        Assert.Equal(["GET /t.js", "POST /b", "POST /t.js", "GET /t.js"], requests);
        Assert.Equal("[]", await page.EvaluateAsync<string>("JSON.stringify(touched)"));
        Assert.Equal("0", await page.EvaluateAsync<string>("String(localStorage.length + sessionStorage.length)"));
        Assert.Equal(2, await server.Tables.CountAsync("events"));
    }

    [Fact]
    public async Task An_American_section_of_GPP_is_no_opt_in_for_a_site_under_gdpr()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, "--Pixel:Sites:shop:Regime=Gdpr");
        await using var visitor = await chromium.VisitorAsync();
        const string platform = """
            window.__gpp = (command, callback) => callback({ eventName: 'listenerRegistered', data: true, pingData: {
              signalStatus: 'ready', gppString: 'DBABLA~BVQqAAAAAg', applicableSections: [7], parsedSections: { usnat: [{ SaleOptOut: 2 }] } } }, true)
            """;
        _pages["/"] = $"<script>{platform}</script>" + Snippet(server) + "<script>px('track', 'asked', {}, { callback: (...answer) => { window.told = answer } })</script>";
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop);
        await page.WaitForFunctionAsync("window.told");

        Assert.Equal("""[false,"consent_required"]""", await page.EvaluateAsync<string>("JSON.stringify(told)"));
        Assert.Empty(await visitor.CookiesAsync());
        Assert.Equal(0, await server.Tables.CountAsync("events"));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task GPC_by_header_is_honoured_shown_and_stays(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres, "--Pixel:Sites:shop:Regime=Us");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server) + Notice(server);
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop);
        await page.WaitForFunctionAsync("shown === 'Nothing to honor'");
        await server.EventsAsync(1);
        await visitor.SetExtraHTTPHeadersAsync([new("Sec-GPC", "1")]);
        await page.GotoAsync(Shop);
        await page.WaitForFunctionAsync("shown === 'Opt-out signal honored'");
        await server.EventsAsync(2);
        await visitor.SetExtraHTTPHeadersAsync([]);
        await page.GotoAsync(Shop);
        await page.WaitForFunctionAsync("shown === 'Opt-out signal honored'");

        await StaysAsync(server, await server.EventsAsync(3));
    }

    [Fact]
    public async Task GPC_by_script_alone_is_honoured_and_stays()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, "--Pixel:Sites:shop:Regime=Us");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server);
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop);
        await server.EventsAsync(1);
        var other = await visitor.NewPageAsync();
        await other.AddInitScriptAsync("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })");
        await other.GotoAsync(Shop);
        await server.EventsAsync(2);
        await page.GotoAsync(Shop);

        await StaysAsync(server, await server.EventsAsync(3));
    }

    [Fact]
    public async Task A_visitor_without_a_banner_objects_on_the_privacy_page_and_takes_it_back()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, "--Pixel:Sites:shop:Regime=Exempt");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server) + Documented(server, "consent.md", "<button id=\"privacy-object\"");
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop);
        await server.EventsAsync(1);
        await page.GetByText("Do not count me").ClickAsync();
        await page.GetByText("Count me again").WaitForAsync();
        Assert.Equal(["px_no=m"], (await visitor.CookiesAsync()).Select(one => $"{one.Name}={one.Value}"));

        var refused = await page.RunAndWaitForResponseAsync(() => page.GotoAsync(Shop), answer => new Uri(answer.Url).AbsolutePath == "/b");
        Assert.Equal(403, refused.Status);
        await page.GetByText("Count me again").ClickAsync();
        await page.GetByText("Do not count me").WaitForAsync();
        await page.GotoAsync(Shop);
        await server.EventsAsync(2);
        Assert.Equal(["px_id"], (await visitor.CookiesAsync()).Select(one => one.Name));
    }

    // Before, with the signal, and after it, all of one device; and what an operator sees in SQL.
    private static async Task StaysAsync(LiveServer server, IReadOnlyList<JsonObject> events)
    {
        Assert.Equal(["false true", "true false", "false false"], events.Select(one => $"{Text(one, "gpc")} {Text(one, "consent_ads")}"));
        Assert.Single(events.Select(one => Text(one, "visitor_id")).Distinct());
        Assert.Equal($"visitor {Text(events[0], "visitor_id")} gpc", Assert.Single(await server.Tables.QueryAsync("select kind, id, source from opted_out", row => $"{row.GetString(0)} {row.GetString(1)} {row.GetString(2)}")));
    }

    private static ConcurrentQueue<string> Requests(IPage page, LiveServer server)
    {
        var seen = new ConcurrentQueue<string>();
        page.Request += (_, request) =>
        {
            var address = new Uri(request.Url);
            if (address.Port == server.Port) seen.Enqueue($"{request.Method} {address.AbsolutePath}");
        };
        return seen;
    }

    private string Shop => $"http://shop.localhost:{_pages.Port}/";

    private static string Collector(LiveServer server) => $"http://t.shop.localhost:{server.Port}";

    private static string Snippet(LiveServer server) => PixelServer.Tag.TagSnippet.Of($"{Collector(server)}/t.js?id=shop");

    private static string Notice(LiveServer server) => Documented(server, "proof.md", "<p id=\"privacy-notice\"")
        + "<script>window.shown = ''; setInterval(() => { shown = document.getElementById('privacy-notice').textContent }, 10)</script>";

    // A snippet of the documents, to the end of its block.
    private static string Documented(LiveServer server, string file, string start)
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", file));
        var at = document.IndexOf(start, StringComparison.Ordinal);
        return document[at..document.IndexOf("```", at, StringComparison.Ordinal)].Replace("https://t.example.com", Collector(server), StringComparison.Ordinal);
    }

    private static string? Text(JsonNode row, string name) => row[name]?.ToString();
}

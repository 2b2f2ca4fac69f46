using System.Globalization;
using System.Text.Json.Nodes;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>From the snippet in a page to the row in the store: the real program and a real browser.</summary>
[Collection(nameof(Alone))]
public sealed class TagEndToEndTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>, IAsyncLifetime
{
    private readonly Pages _pages = new();

    public async ValueTask InitializeAsync() => await _pages.StartAsync();
    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private string Shop(string path) => $"http://shop.localhost:{_pages.Port}{path}";

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task The_pasted_snippet_makes_rows_of_one_visitor_until_a_reset(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        await using var visitor = await chromium.VisitorAsync();
        _pages["/boots"] = Snippet(server) + "<script>px('track', 'Purchase', { value: 49.9, currency: 'EUR', items: 3 }, { eventId: 'order-1' })</script>";
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop("/boots?utm_source=mail&gclid=G-1"));
        await server.EventsAsync(2);
        await page.EvaluateAsync("history.pushState({}, '', '/thanks'); px('identify', 'user-7', { email: 'Ann@Shop.example' }); px('track', 'seen', {}, { callback: (ok) => { window.told = ok } })");
        await page.WaitForFunctionAsync("window.told === true");
        await page.EvaluateAsync("px('reset'); px('track', 'after')");
        var events = (await server.EventsAsync(7)).ToLookup(one => Text(one, "name")!);

        var purchase = Assert.Single(events["Purchase"]);
        Assert.Equal(("shop", "beacon", "order-1", "cookie", Shop("/boots?utm_source=mail&gclid=G-1"), "EUR", "human"),
            (Text(purchase, "site_id"), Text(purchase, "source"), Text(purchase, "client_event_id"), Text(purchase, "visitor_kind"), Text(purchase, "url"),
                Text(purchase, "currency"), Text(purchase, "traffic")));
        Assert.Equal(49.9m, decimal.Parse(Text(purchase, "value")!, CultureInfo.InvariantCulture));
        Assert.Equal("3", Text(purchase["properties"]!, "items"));
        Assert.Equal([Shop("/boots?utm_source=mail&gclid=G-1"), Shop("/thanks")], events["page_view"].Select(one => Text(one, "url")));

        // The address has changed, how the visitor came has not.
        var seen = Assert.Single(events["seen"]);
        Assert.Equal(("mail", "gclid", "G-1", "user-7"), (Text(seen, "utm_source"), Text(seen, "click_id_kind"), Text(seen, "click_id"), Text(seen, "user_id")));
        Assert.Equal(64, Text(events["identify"].Single()["properties"]!, "email_sha256")!.Length);

        var known = Text(purchase, "visitor_id");
        Assert.All([.. events["page_view"], seen], one => Assert.Equal(known, Text(one, "visitor_id")));
        Assert.NotEqual(known, Text(events["reset"].Single(), "visitor_id"));
        Assert.Equal(Text(events["reset"].Single(), "visitor_id"), Text(events["after"].Single(), "visitor_id"));
        Assert.StartsWith(Guid.Parse(Text(events["after"].Single(), "visitor_id")!).ToString("N"), Assert.Single(await visitor.CookiesAsync()).Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Aggregate", "")]
    [InlineData("Exempt", "")]
    [InlineData("Open", "px('consent', { storage: false, measurement: true });")]
    public async Task Where_no_person_may_be_kept_the_tags_hashes_of_addresses_are_not(string regime, string said)
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, $"--Pixel:Sites:shop:Regime={regime}");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server) + $"<script>{said}</script>";
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await page.EvaluateAsync("px('identify', 'user-7', { email: 'Ann@Shop.example', phone: '0123456789', plan: 'pro' })");
        var identify = (await server.EventsAsync(2)).Single(one => Text(one, "name") == "identify");

        Assert.Equal("pro", Text(identify["properties"]!, "plan"));
        Assert.DoesNotContain("sha256\":\"", identify.ToJsonString(), StringComparison.Ordinal);
        Assert.Null(Text(identify, "user_id"));
    }

    [Fact]
    public async Task A_server_that_is_stopped_and_started_again_gets_what_was_made_meanwhile()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres);
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server);
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await server.EventsAsync(1);
        await server.Process.StopAsync();
        await page.EvaluateAsync("px('track', 'meanwhile', {}, { eventId: 'm-1' })");
        await page.EvaluateAsync("new Promise((done) => setTimeout(done, 700))"); // the browser's own clock: the first attempt has failed
        await server.Process.StartReadyAsync();

        await Eventually.TrueAsync(async () => (await server.Tables.EventsAsync()).Any(one => Text(one, "client_event_id") == "m-1"), () => server.Process.Said);
        Assert.Equal(2, (await server.Tables.EventsAsync()).Count);
    }

    [Fact]
    public async Task A_site_that_the_server_refuses_gets_no_tag_and_its_pages_go_on()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, "--Pixel:UnknownSites=Refuse", "--Pixel:Sites:blog:Regime=Open");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/"] = Snippet(server) + "<script>document.querySelector('script[src]').onerror = () => { window.refused = true }; px('track', 'x')</script>";
        var page = await visitor.NewPageAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        await page.GotoAsync(Shop("/"));
        await page.WaitForFunctionAsync("window.refused && px.q.length === 1");

        Assert.Empty(errors);
    }

    private static string Snippet(LiveServer server) => PixelServer.Tag.TagSnippet.Of($"http://t.shop.localhost:{server.Port}/t.js?id=shop");

    private static string? Text(JsonNode row, string name) => row[name]?.ToString();
}

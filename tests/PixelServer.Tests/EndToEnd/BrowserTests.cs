using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// What a real browser does with the pixel and the beacon: a page at <c>shop.localhost</c>, and the server at <c>t.shop.localhost</c>
/// on another port, which is another origin but the same site; or at 127.0.0.1, which is another site.
/// </summary>
[Collection(nameof(Alone))]
public sealed class BrowserTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Tagged = "?utm_source=newsletter&utm_medium=email&utm_campaign=autumn&utm_term=boots&utm_content=hero&gclid=Cj0KCQ-AbC_9";
    private readonly Pages _pages = new();

    public async ValueTask InitializeAsync() => await _pages.StartAsync();
    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private string Shop(string path) => $"http://shop.localhost:{_pages.Port}{path}";
    private static string Collector(LiveServer server) => $"http://t.shop.localhost:{server.Port}";

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task A_pixel_in_a_page_is_a_row_with_every_field_and_the_return_visit_is_the_same_visitor(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        await using var visitor = await chromium.VisitorAsync();
        var before = DateTimeOffset.UtcNow;
        var url = Shop("/boots/" + Tagged);
        _pages["/boots/"] = $"""
            <img src="{Collector(server)}/p.gif?id=shop&e=product_view&u=user-7&eid=order-1&url={Uri.EscapeDataString(url)}&ref={Uri.EscapeDataString("https://www.google.com/search?q=boots")}&title={Uri.EscapeDataString("Stiefel 👢 & mehr")}&v=59.90&cur=eur&color=r%C3%B6t&size=42">
            """;

        await VisitAsync(visitor, url);
        var first = (await server.EventsAsync(1))[0];
        var cookie = Assert.Single(await visitor.CookiesAsync());
        await VisitAsync(visitor, url);
        var events = await server.EventsAsync(2);

        Assert.Equal(Expected(url), Comparable(first));
        Assert.Equal(Comparable(first), Comparable(events[1]));
        Assert.Equal(Text(first, "visitor_id"), Text(events[1], "visitor_id"));
        Assert.NotEqual(Text(first, "event_id"), Text(events[1], "event_id"));
        Assert.Equal(7, Guid.Parse(Text(first, "event_id")!).Version);
        Assert.InRange(Time(first, "received_at"), before.AddMilliseconds(-1), DateTimeOffset.UtcNow);
        Assert.Equal(Time(first, "received_at"), Time(first, "occurred_at"));

        Assert.Equal(("px_id", "t.shop.localhost", "/", true, SameSiteAttribute.Lax, false),
            (cookie.Name, cookie.Domain, cookie.Path, cookie.HttpOnly, cookie.SameSite, cookie.Secure));
        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds((long)cookie.Expires), before.AddDays(394), before.AddDays(396));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task The_two_literal_tags_work_as_they_stand(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        await using var visitor = await chromium.VisitorAsync();
        _pages["/one"] = $"""<img src="{Collector(server)}/p.gif?u=user123&e=open" width="1" height="1" />""";
        _pages["/two"] = $"""<img src="{Collector(server)}/p.gif?id=123">""";

        await VisitAsync(visitor, Shop("/one"));
        await server.EventsAsync(1);
        await VisitAsync(visitor, Shop("/two"));
        var events = await server.EventsAsync(2);

        Assert.Equal(("default", "open", "user123"), (Text(events[0], "site_id"), Text(events[0], "name"), Text(events[0], "user_id")));
        Assert.Equal(("123", "page_view", null), (Text(events[1], "site_id"), Text(events[1], "name"), Text(events[1], "user_id")));
        // The browser's own rule (strict-origin-when-cross-origin) keeps the path from another origin.
        Assert.All(events, one => Assert.Equal((Shop("/"), "shop.localhost", "/", "human"),
            (Text(one, "url"), Text(one, "host"), Text(one, "path"), Text(one, "traffic"))));
        Assert.Equal(Text(events[0], "visitor_id"), Text(events[1], "visitor_id"));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Beacons_as_text_as_JSON_and_on_page_hide_are_rows_of_the_visitor_whom_the_pixel_knows(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres, $"--Pixel:Sites:shop:AllowedOrigins:0={Shop("")}");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/cart"] = $$"""
            <img src="{{Collector(server)}}/p.gif?id=shop&e=seen">
            <script>
              const b = "{{Collector(server)}}/b"
              const event = (name, more) => JSON.stringify({ site_id: "shop", event: name, url: location.href, title: document.title, ...more })
              const sent = {}
              onload = () => {
                sent.text = navigator.sendBeacon(b, event("as_text", { value: 12.5, currency: "EUR", properties: { list: [1, "zwei", null], "ключ": "значение" } }))
                sent.json = navigator.sendBeacon(b, new Blob([event("as_json", { user_id: "user-7" })], { type: "application/json" }))
              }
              addEventListener("pagehide", () => navigator.sendBeacon(b, new Blob([event("on_hide", { event_id: "bye-1" })], { type: "application/json" })))
            </script>
            """;

        var page = await VisitAsync(visitor, Shop("/cart"), close: false);
        await server.EventsAsync(3);
        Assert.Equal("""{"text":true,"json":true}""", await page.EvaluateAsync<string>("JSON.stringify(sent)"));
        await page.GotoAsync("about:blank");
        var events = (await server.EventsAsync(4)).ToDictionary(one => Text(one, "name")!);

        Assert.Single(events.Values.Select(one => Text(one, "visitor_id")).Distinct());
        Assert.Equal("pixel", Text(events["seen"], "source"));
        Assert.All(["as_text", "as_json", "on_hide"], name => Assert.Equal(
            ("shop", "beacon", "cookie", Shop("/cart"), "Shop", Chromium.UserAgent),
            (Text(events[name], "site_id"), Text(events[name], "source"), Text(events[name], "visitor_kind"), Text(events[name], "url"),
                Text(events[name], "title"), Text(events[name], "user_agent"))));
        Assert.Equal(12.5m, decimal.Parse(Text(events["as_text"], "value")!, CultureInfo.InvariantCulture));
        Assert.Equal("EUR", Text(events["as_text"], "currency"));
        Assert.Equal("""{"list":[1,"zwei",null],"ключ":"значение"}""", Compact(events["as_text"]["properties"]));
        Assert.Equal("user-7", Text(events["as_json"], "user_id"));
        Assert.Equal("bye-1", Text(events["on_hide"], "client_event_id"));
    }

    [Fact]
    public async Task A_page_of_another_origin_may_not_send_JSON_for_a_site_that_lists_its_origins()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres, $"--Pixel:Sites:shop:AllowedOrigins:0={Shop("")}");
        await using var visitor = await chromium.VisitorAsync();
        _pages["/thief"] = "";
        _pages["/shop"] = "";
        var send = $$"""
            async name => {
              try {
                const answer = await fetch("{{Collector(server)}}/b", { method: "POST", credentials: "include", headers: { "content-type": "application/json" },
                  body: JSON.stringify({ site_id: "shop", event: name }) })
                return answer.status
              } catch { return 0 }
            }
            """;

        var thief = await VisitAsync(visitor, $"http://thief.localhost:{_pages.Port}/thief", close: false);
        var refused = await thief.PromisedAsync<int>(send, "stolen");
        var shop = await VisitAsync(visitor, Shop("/shop"), close: false);
        var taken = await shop.PromisedAsync<int>(send, "own");

        Assert.Equal(204, taken);
        Assert.NotEqual(204, refused);
        Assert.Equal("own", Text((await server.EventsAsync(1))[0], "name"));
    }

    [Fact]
    public async Task On_a_page_of_another_site_events_arrive_but_the_browser_keeps_no_cookie()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres);
        await using var visitor = await chromium.VisitorAsync();
        _pages["/elsewhere"] = $"""<img src="{Collector(server)}/p.gif?e=seen">""";

        for (var visit = 1; visit <= 2; visit++)
        {
            await VisitAsync(visitor, $"http://127.0.0.1:{_pages.Port}/elsewhere");
            await server.EventsAsync(visit);
        }

        var events = await server.EventsAsync(2);
        Assert.NotEqual(Text(events[0], "visitor_id"), Text(events[1], "visitor_id"));
        Assert.Empty(await visitor.CookiesAsync());
    }

    [Fact]
    public async Task Two_browsers_are_two_visitors_and_one_that_a_program_drives_is_labelled_not_dropped()
    {
        await using var server = await LiveServer.StartAsync("sqlite", postgres);
        _pages["/"] = $"""<img src="{Collector(server)}/p.gif">""";
        await using (var person = await chromium.VisitorAsync()) await VisitAsync(person, Shop("/"));
        await server.EventsAsync(1);
        await using (var program = await chromium.RobotAsync()) await VisitAsync(program, Shop("/"));

        var events = await server.EventsAsync(2);
        Assert.NotEqual(Text(events[0], "visitor_id"), Text(events[1], "visitor_id"));
        Assert.Equal(("human", "[]"), (Text(events[0], "traffic"), Compact(events[0]["traffic_reasons"])));
        Assert.Equal(("bot", """["automation"]"""), (Text(events[1], "traffic"), Compact(events[1]["traffic_reasons"])));
    }

    private static async Task<IPage> VisitAsync(IBrowserContext visitor, string url, bool close = true)
    {
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(url, new() { WaitUntil = WaitUntilState.Load }); // images are loaded by then
        if (close) await page.CloseAsync();
        return page;
    }

    /// <summary>The whole row of the visit, but for ids and times.</summary>
    private static string Expected(string url) => new JsonObject
    {
        ["browser"] = "Chromium",
        ["click_id"] = "Cj0KCQ-AbC_9",
        ["click_id_kind"] = "gclid",
        ["client_event_id"] = "order-1",
        ["consent_ads"] = true,
        ["consent_measurement"] = true,
        ["consent_storage"] = true,
        ["country"] = null,
        ["currency"] = "EUR",
        ["device"] = "desktop",
        ["email_sha256"] = null,
        ["gpc"] = false,
        ["host"] = "shop.localhost",
        ["ip"] = "127.0.0.0",
        ["name"] = "product_view",
        ["os"] = "Linux",
        ["path"] = "/boots/",
        ["properties"] = new JsonObject { ["size"] = "42", ["color"] = "röt" },
        ["referrer"] = "https://www.google.com/search?q=boots",
        ["referrer_host"] = "www.google.com",
        ["site_id"] = "shop",
        ["source"] = "pixel",
        ["title"] = "Stiefel 👢 & mehr",
        ["traffic"] = "human",
        ["traffic_reasons"] = new JsonArray(),
        ["url"] = url,
        ["user_agent"] = Chromium.UserAgent,
        ["user_id"] = "user-7",
        ["utm_campaign"] = "autumn",
        ["utm_content"] = "hero",
        ["utm_medium"] = "email",
        ["utm_source"] = "newsletter",
        ["utm_term"] = "boots",
        ["value"] = "59.90",
        ["visitor_kind"] = "cookie",
    }.ToJsonString();

    private static string Comparable(JsonObject row)
    {
        var columns = row.Where(column => column.Key is not ("event_id" or "received_at" or "occurred_at" or "visitor_id"))
            .OrderBy(column => column.Key, StringComparer.Ordinal)
            .Select(column => KeyValuePair.Create(column.Key, column.Value?.DeepClone()));
        var ordered = new JsonObject(columns);
        // The embedded store keeps amounts as numbers, PostgreSQL as they were written.
        if (ordered["value"] is { } value) ordered["value"] = decimal.Parse(value.ToString(), CultureInfo.InvariantCulture).ToString("0.00", CultureInfo.InvariantCulture);
        if (ordered["properties"] is JsonObject properties)
            ordered["properties"] = new JsonObject(properties.OrderByDescending(one => one.Key, StringComparer.Ordinal).Select(one => KeyValuePair.Create(one.Key, one.Value?.DeepClone())));
        return ordered.ToJsonString();
    }

    private static string? Text(JsonObject row, string column) => row[column]?.ToString();

    private static DateTimeOffset Time(JsonObject row, string column) => DateTimeOffset.Parse(Text(row, column)!, CultureInfo.InvariantCulture);

    private static string Compact(JsonNode? node) =>
        node?.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) ?? "null";
}

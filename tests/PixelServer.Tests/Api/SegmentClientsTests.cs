using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;

namespace PixelServer.Tests.Api;

/// <summary>SDKs as their maker publishes them, against the running server: nothing but hosts and keys is ours.</summary>
public sealed class SegmentClientsTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Sdk = "@segment/analytics-next/dist/umd/index.js", Visitor = "1b12ce4a-ff91-8496-a15c-229ccdbdd922";
    private readonly Pages _pages = new();

    public async ValueTask InitializeAsync() => await _pages.StartAsync();
    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    [Fact]
    public async Task A_backend_with_the_node_sdk_and_a_secret_key_is_rows_with_every_field()
    {
        await using var host = await SegmentHost.StartAsync();

        var (code, said, complained) = await NodeClients.RunAsync("@segment/analytics-node", "segment-node.mjs", host.App.Address.ToString(), host.SecretKey);

        Assert.Equal(("", 0, "200 /v1/batch"), (complained, code, said.Trim()));
        var events = await host.EventsAsync(6);
        Assert.Equal(["Order Completed", "page_view", "screen_view", "identify", "group", "alias"], events.Select(row => row["name"]!.ToString()));
        Assert.All(events, row => Assert.Equal($$"""{"site_id":"shop","source":"server","visitor_id":"{{Visitor}}","visitor_kind":"client"}""", SegmentHost.Columns(row, "site_id", "source", "visitor_id", "visitor_kind")));
        Assert.InRange((SegmentHost.Time(events[0], "received_at") - SegmentHost.Time(events[0], "occurred_at")).TotalSeconds, 3_599, 3_610);
        Assert.All(events.Skip(1), row => Assert.InRange((SegmentHost.Time(row, "received_at") - SegmentHost.Time(row, "occurred_at")).TotalSeconds, 0, 10));

        var order = events[0];
        foreach (var (column, value) in JsonNode.Parse("""
            {"client_event_id":"order-4711","user_id":"user123","email_sha256":null,"url":"https://shop.example/shoes?gclid=Cj0KCQ-AbC_9","host":"shop.example","path":"/shoes","title":"Schuhe",
             "referrer":"https://search.example/","referrer_host":"search.example","utm_source":"newsletter","utm_medium":"email","utm_campaign":"autumn","utm_term":"boots","utm_content":"hero",
             "click_id_kind":"gclid","click_id":"Cj0KCQ-AbC_9","value":59.9,"currency":"EUR","ip":"203.0.113.0","browser":"Firefox","os":"Linux","device":"desktop","traffic":"human",
             "consent_storage":true,"consent_measurement":true,"consent_ads":true,"gpc":false}
            """)!.AsObject())
            Assert.Equal($"{column} {value}", $"{column} {order[column]}");
        var library = """ "library":{"name":"@segment/analytics-node","version":"3.1.0"} """.Trim();
        Assert.Equal($$$"""{"anonymous_id":"visitor-1","context":{{{{library}}},"locale":"de-AT","timezone":"Europe/Vienna"},"order_id":"4711","products":[{"sku":"B-1","price":59.9}],"total":65,"utm_campaign":"autumn","utm_content":"hero","utm_medium":"email","utm_source":"newsletter","utm_term":"boots"}""",
            SegmentHost.Properties(order));
        Assert.Equal("""{"url":"https://shop.example/shoes?utm_source=direct","title":"Schuhe","referrer":"https://search.example/","utm_source":"direct"}""", SegmentHost.Columns(events[1], "url", "title", "referrer", "utm_source"));
        Assert.Equal($$$"""{"anonymous_id":"visitor-1","category":"Shop","context":{{{{library}}}},"name":"Shoes"}""", SegmentHost.Properties(events[1]));
        Assert.Equal($$$"""{"anonymous_id":"visitor-1","context":{{{{library}}}},"items":2,"name":"Cart"}""", SegmentHost.Properties(events[2]));
        Assert.Equal("86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d", events[3]["email_sha256"]!.ToString());
        Assert.Equal("""{"plan":"pro"}""", events[3]["properties"]!["traits"]!.ToJsonString());
        Assert.Equal($$$"""{"anonymous_id":"visitor-1","context":{{{{library}}}},"group_id":"acme","traits":{"employees":12,"name":"Acme"}}""", SegmentHost.Properties(events[4]));
        Assert.Equal($$$"""{"anonymous_id":"visitor-1","context":{{{{library}}}},"previous_id":"visitor-1"}""", SegmentHost.Properties(events[5]));
        Assert.All(["Jane", "jane", "Wien\"", "203.0.113.77"], text => Assert.DoesNotContain(text, string.Concat(events.Select(row => row.ToJsonString())), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_thousand_events_of_a_backend_are_rows_and_a_key_that_is_none_is_told()
    {
        await using var host = await SegmentHost.StartAsync();

        var (code, said, complained) = await NodeClients.RunAsync("@segment/analytics-node", "segment-node.mjs", host.App.Address.ToString(), host.SecretKey, "2000");
        var wrong = await NodeClients.RunAsync("@segment/analytics-node", "segment-node.mjs", host.App.Address.ToString(), "pxs_aaaaaaaa_" + new string('x', 43));

        Assert.Equal(("", 0), (complained, code));
        Assert.All(said.Trim().Split('\n'), line => Assert.Equal("200 /v1/batch", line));
        var fillers = (await host.EventsAsync(2_006)).Where(row => row["name"]!.ToString() == "Filler").Select(row => (int)row["properties"]!["i"]!);
        Assert.Equal(Enumerable.Range(0, 2_000), fillers.Order());
        Assert.Equal((1, "401 /v1/batch"), (wrong.Code, wrong.Out.Trim()));
    }

    [Fact]
    public async Task A_page_with_the_browser_sdk_needs_one_host_and_is_rows_with_every_field_though_its_clock_is_a_day_off()
    {
        await using var host = await SegmentHost.StartAsync();
        await using var visitor = await chromium.VisitorAsync();
        _pages["/shoes"] = PageWith(host, "{}", """
            await analytics.identify('user123', { email: 'Alice@Example.com', plan: 'pro' });
            await analytics.page('Shop', 'Shoes', { colour: 'red' });
            await analytics.track('Order Completed', { order_id: '4711', event_id: 'order-4711', revenue: 59.9, currency: 'eur' });
            await analytics.group('acme', { name: 'Acme' });
            await analytics.screen('Cart', { items: 2 });
            await analytics.alias('user124');
            return (await analytics.user()).anonymousId();
            """);
        var url = $"http://shop.localhost:{_pages.Port}/shoes?utm_source=newsletter&utm_campaign=autumn&gclid=Cj0KCQ-AbC_9";
        var foreign = new List<string>();
        visitor.Request += (_, request) => { if (!new Uri(request.Url).Host.EndsWith("shop.localhost", StringComparison.Ordinal)) foreign.Add(request.Url); };

        var anonymousId = await VisitAsync(visitor, url, clockAhead: TimeSpan.FromDays(1));

        var events = await host.EventsAsync(6);
        Assert.Empty(foreign);
        Assert.Equal(["identify", "page_view", "Order Completed", "group", "screen_view", "alias"], events.Select(row => row["name"]!.ToString()));
        Assert.All(events, row =>
        {
            foreach (var (column, value) in JsonNode.Parse($$"""
                {"site_id":"shop","source":"beacon","visitor_id":"{{anonymousId}}","visitor_kind":"client","email_sha256":null,"url":"{{url}}","host":"shop.localhost","path":"/shoes","title":"Shop",
                 "referrer":"https://search.example/","utm_source":"newsletter","utm_campaign":"autumn","click_id_kind":"gclid","click_id":"Cj0KCQ-AbC_9","ip":"127.0.0.0",
                 "user_agent":"{{Chromium.UserAgent}}","browser":"Chromium","os":"Linux","device":"desktop","traffic":"human"}
                """)!.AsObject())
                Assert.Equal($"{column} {value}", $"{column} {row[column]}");
            var context = row["properties"]!["context"]!;
            Assert.Equal(("de-DE", "analytics.js", "next-1.84.3"), (context["locale"]!.ToString(), context["library"]!["name"]!.ToString(), context["library"]!["version"]!.ToString()));
            Assert.NotNull(context["timezone"]);
            Assert.Equal(["library", "locale", "timezone"], context.AsObject().Select(one => one.Key).Order());
            Assert.InRange((SegmentHost.Time(row, "received_at") - SegmentHost.Time(row, "occurred_at")).TotalSeconds, -1, 20);
        });
        // Also of the alias: this SDK writes the user that it knows over the one that alias() was told.
        Assert.All(events, row => Assert.Equal("user123", row["user_id"]?.ToString()));
        Assert.Equal("""{"email_sha256":"ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976","plan":"pro"}""", events[0]["properties"]!["traits"]!.ToJsonString());
        Assert.Equal("""{"category":"Shop","colour":"red","name":"Shoes"}""", Own(events[1]));
        Assert.Equal("""{"order_id":"4711"}""", Own(events[2]));
        Assert.Equal("""{"client_event_id":"order-4711","value":59.9,"currency":"EUR"}""", SegmentHost.Columns(events[2], "client_event_id", "value", "currency"));
        Assert.Equal("""{"group_id":"acme","traits":{"name":"Acme"}}""", Own(events[3]));
        Assert.Equal("""{"items":2,"name":"Cart"}""", Own(events[4]));
        Assert.Equal("""{"previous_id":"user123"}""", Own(events[5]));
    }

    [Fact]
    public async Task The_browser_sdk_in_batches_is_rows_too()
    {
        await using var host = await SegmentHost.StartAsync();
        await using var visitor = await chromium.VisitorAsync();
        var asked = new List<string>();
        visitor.Request += (_, request) => { if (request.Method == "POST") asked.Add(new Uri(request.Url).AbsolutePath); };
        _pages["/shoes"] = PageWith(host, "{ integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 3, timeout: 60000 } } } } }", """
            for (let i = 0; i < 3; i++) await analytics.track('Viewed', { i });
            return (await analytics.user()).anonymousId();
            """);

        var anonymousId = await VisitAsync(visitor, $"http://shop.localhost:{_pages.Port}/shoes");

        var events = await host.EventsAsync(3);
        Assert.Equal(["/v1/b"], asked);
        Assert.Equal([0, 1, 2], events.Select(row => (int)row["properties"]!["i"]!));
        Assert.All(events, row => Assert.Equal($$"""{"name":"Viewed","source":"beacon","visitor_id":"{{anonymousId}}"}""", SegmentHost.Columns(row, "name", "source", "visitor_id")));
    }

    [Fact]
    public async Task A_page_with_the_browser_sdk_of_rudderstack_and_settings_of_its_own_is_rows()
    {
        await using var host = await SegmentHost.StartAsync();
        await using var visitor = await chromium.VisitorAsync();
        _pages["/shoes"] = $$"""
            <script src="/sdk.js"></script>
            <script>
              const rudder = new rudderanalytics.RudderAnalytics();
              rudder.load('{{host.WriteKey}}', 'http://t.shop.localhost:{{host.App.Address.Port}}', {
                getSourceConfig: () => ({ source: { id: 'pixel', name: 'pixel', workspaceId: 'pixel', enabled: true, destinations: [], config: {} } }) });
              rudder.page('Shop', 'Shoes', { colour: 'red' });
              rudder.track('Order Completed', { order_id: '4711', event_id: 'order-4711', revenue: 59.9, currency: 'eur' });
              rudder.identify('user123', { email: 'Alice@Example.com', plan: 'pro' });
              const done = new Promise(ready => rudder.ready(() => ready(rudder.getAnonymousId())));
            </script>
            """;
        var url = $"http://shop.localhost:{_pages.Port}/shoes?utm_source=newsletter";

        var anonymousId = await VisitAsync(visitor, url, sdk: "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js", isDone: () => host.EventsAsync(3));

        // Each by a request of its own, and they overtake each other.
        string[] names = ["page_view", "Order Completed", "identify"];
        var events = (await host.EventsAsync(3)).OrderBy(row => Array.IndexOf(names, row["name"]!.ToString())).ToArray();
        Assert.Equal(names, events.Select(row => row["name"]!.ToString()));
        Assert.All(events, row => Assert.Equal(
            $$"""{"source":"beacon","visitor_id":"{{anonymousId}}","url":"{{url}}","title":"Shop","utm_source":"newsletter","ip":"127.0.0.0","browser":"Chromium","email_sha256":null}""",
            SegmentHost.Columns(row, "source", "visitor_id", "url", "title", "utm_source", "ip", "browser", "email_sha256")));
        Assert.Equal("""{"client_event_id":"order-4711","value":59.9,"currency":"EUR"}""", SegmentHost.Columns(events[1], "client_event_id", "value", "currency"));
        Assert.Equal("user123", events[2]["user_id"]!.ToString());
        Assert.Equal("""{"email_sha256":"ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976","plan":"pro"}""", events[2]["properties"]!["traits"]!.ToJsonString());
    }

    [Fact]
    public async Task Under_gdpr_the_documented_middleware_says_what_the_banner_knows()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Sites:shop:Regime=Gdpr");
        await using var visitor = await chromium.VisitorAsync();
        var document = await File.ReadAllTextAsync(Path.Combine(Support.Repository.Root, "docs", "segment.md"));
        var at = document.IndexOf("analytics.addSourceMiddleware", StringComparison.Ordinal);
        var middleware = document[at..document.IndexOf("```", at, StringComparison.Ordinal)];
        _pages["/"] = PageWith(host, "{}", $$"""
            const banner = { statistics: true, ads: false };
            {{middleware}}
            await analytics.track('Agreed', {});
            return '';
            """);
        await VisitAsync(visitor, $"http://shop.localhost:{_pages.Port}/");

        var row = Assert.Single(await host.EventsAsync(1));
        Assert.Equal("""{"name":"Agreed","visitor_kind":"client","consent_storage":true,"consent_ads":false}""", SegmentHost.Columns(row, "name", "visitor_kind", "consent_storage", "consent_ads"));
    }

    [Fact]
    public async Task A_page_that_is_refused_reads_why_and_does_not_ask_again()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Sites:shop:AllowedOrigins:0=https://else.example");
        await using var visitor = await chromium.VisitorAsync();
        var asked = new List<int>();
        visitor.Response += (_, response) => { if (response.Request.Method == "POST") asked.Add(response.Status); };
        _pages["/shoes"] = PageWith(host, "{}", """
            const said = [];
            analytics.on('error', error => said.push(error.code));
            await analytics.track('Viewed');
            return said.join();
            """);

        var said = await VisitAsync(visitor, $"http://shop.localhost:{_pages.Port}/shoes");

        Assert.Equal("delivery_failure", said);
        Assert.Equal([400], asked);
    }

    private static string PageWith(SegmentHost host, string options, string script) => $$"""
        <script src="/sdk.js"></script>
        <script>
          const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: '{{host.WriteKey}}', cdnURL: 'http://t.shop.localhost:{{host.App.Address.Port}}' }, {{options}});
          const done = (async () => { {{script}} })();
        </script>
        """;

    private async Task<string> VisitAsync(IBrowserContext visitor, string url, TimeSpan clockAhead = default, string sdk = Sdk, Func<Task>? isDone = null)
    {
        // Not by the browser's driver: where that answers requests, it answers preflights too, and nothing of CORS is tried.
        _pages.Set("/sdk.js", File.ReadAllText(NodeClients.File(sdk)), ("Content-Type", "text/javascript; charset=utf-8"));
        var page = await visitor.NewPageAsync();
        if (clockAhead != default) await page.AddInitScriptAsync($"{{ const now = Date.now; Date = class extends Date {{ constructor(...a) {{ a.length ? super(...a) : super(now() + {clockAhead.TotalMilliseconds}); }} static now() {{ return now() + {clockAhead.TotalMilliseconds}; }} }}; }}");
        await page.GotoAsync(url, new() { Referer = "https://search.example/" });
        var said = await page.PromisedAsync<string>("() => done");
        if (isDone is not null) await isDone(); // the page stays for as long as it has something to send
        return said;
    }

    // Without what every event of a page has.
    private static string Own(JsonObject row)
    {
        var rest = row["properties"]!.DeepClone().AsObject();
        rest.Remove("context");
        return SegmentHost.Properties(new JsonObject { ["properties"] = rest });
    }
}

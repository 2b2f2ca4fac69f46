using PixelServer.Tests.EndToEnd;

namespace PixelServer.Tests.Tag;

/// <summary>Pages as they are out there: with a strict policy, in a frame of another site, prepared in advance, restored, tampered with.</summary>
[Collection(nameof(Alone))]
public sealed class TagPageTests(Chromium chromium) : TagBrowser(chromium)
{
    private const string Nonce = "abc123";

    [Theory]
    [InlineData("fetch", "connect-src COLLECTOR; require-trusted-types-for 'script'")]
    [InlineData("image", "connect-src 'none'; img-src COLLECTOR")]
    [InlineData("fetch", "connect-src COLLECTOR; sandbox allow-scripts allow-same-origin")]
    public async Task On_a_page_with_a_strict_policy_events_go_the_way_that_it_leaves_open(string way, string policy)
    {
        Collector.Options = new();
        var collector = Collector.Origin;
        Pages.Set("/", $"{WithNonce(Collector.Snippet())}<script nonce={Nonce}>{Told}</script>", ("Content-Security-Policy",
            $"default-src 'none'; script-src 'nonce-{Nonce}'; base-uri 'none'; {policy.Replace("COLLECTOR", collector, StringComparison.Ordinal)}"));
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await page.WaitForFunctionAsync("() => px.v");
        await Collector.EventAsync("page_view");
        await page.EvaluateAsync("() => ask('Purchase', { value: 9.9, currency: 'EUR', items: [{ sku: 'A' }] })");
        var purchase = await Collector.EventAsync("Purchase");

        Assert.All(Collector.Requests, one => Assert.Equal(way, one.Way));
        Assert.Equal(("shop", "9.9", "EUR", Shop("/")), ((string?)purchase["site_id"], purchase["value"]!.ToString(), (string?)purchase["currency"], (string?)purchase["url"]));
        if (way == "image") Assert.Equal("""[{"sku":"A"}]""", (string?)purchase["items"]);
        await page.WaitForFunctionAsync("() => told.Purchase && told.Purchase[0] === true");
    }

    [Fact]
    public async Task Where_only_images_are_left_what_is_made_at_the_end_of_a_page_goes_from_the_next()
    {
        Collector.Options = new();
        Pages.Set("/", WithNonce(Collector.Snippet()), ("Content-Security-Policy", $"default-src 'none'; script-src 'nonce-{Nonce}'; img-src {Collector.Origin}"));
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await Collector.EventAsync("page_view");
        await page.EvaluateAsync("px('track', 'bye'); px('track', 'bye too')");
        await page.GotoAsync(Shop("/?next")); // a page that drives itself away can leave the browser's driver hanging
        await Collector.EventsAsync(4);

        Assert.Equal(["page_view", "bye", "bye too", "page_view"], Collector.Names);
        Assert.All(Collector.Requests, one => Assert.Equal("image", one.Way));
    }

    [Fact]
    public async Task A_policy_that_only_reports_changes_nothing()
    {
        Collector.Options = new();
        Pages.Set("/", Collector.Snippet(), ("Content-Security-Policy-Report-Only", "connect-src 'none'"));
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await Collector.EventAsync("page_view");
        await page.EvaluateAsync("px('track', 'next')");
        await Collector.EventAsync("next");

        Assert.All(Collector.Requests, one => Assert.Equal("fetch", one.Way));
    }

    [Fact]
    public async Task In_a_frame_on_a_page_of_another_site_it_counts_the_frames_page()
    {
        Collector.Options = new();
        Pages["/frame"] = Collector.Snippet();
        Pages["/outer"] = $"<iframe src='{Shop("/frame")}'></iframe>";
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync($"http://portal.example:{Pages.Port}/outer");
        var view = await Collector.EventAsync("page_view");

        Assert.Equal((Shop("/frame"), $"http://portal.example:{Pages.Port}/"), ((string?)view["url"], (string?)view["referrer"]));
    }

    [Fact]
    public async Task In_a_frame_that_may_keep_nothing_it_still_counts()
    {
        Collector.Options = new();
        Pages["/frame"] = Collector.Snippet();
        Pages["/outer"] = $"<iframe sandbox='allow-scripts' src='{Shop("/frame")}'></iframe>"; // cookies and storage throw here
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/outer"));

        await Collector.EventAsync("page_view");
    }

    [Fact]
    public async Task The_integrity_in_the_snippet_is_that_of_the_file_and_a_tampered_file_does_not_run()
    {
        Collector.Options = new();
        var pinned = TagSnippetOf(Collector.Script.Integrity);
        Pages["/"] = pinned;
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));
        await Collector.EventAsync("page_view");

        Collector.Tamper = text => text + "//";
        Pages["/again"] = pinned + "<script>document.querySelector('script[src]').onerror = () => { window.refused = true }</script>";
        await page.GotoAsync(Shop("/again"));
        await page.WaitForFunctionAsync("window.refused");
        Assert.False(await page.EvaluateAsync<bool>("'version' in px"));
        Assert.Single(Collector.Events);
    }

    [Fact]
    public async Task A_page_that_comes_back_from_the_back_forward_cache_is_a_page_view_of_its_own()
    {
        Collector.Options = new();
        Pages["/one"] = Collector.Snippet() + """
            <script>
              // On, once the tag is there; not when it is shown again.
              const leave = () => window.px.v ? location.href = '/two' : setTimeout(leave, 20)
              onload = () => setTimeout(leave)
            </script>
            """;
        Pages["/two"] = "<script>onload = () => setTimeout(() => history.back())</script>";
        await using var somebody = Chromium.Alone(Shop("/one")); // Playwright switches the cache off
        await Collector.EventsAsync(2);

        var views = Collector.Events.Select(one => one["properties"]!["$tag"]!).ToArray();
        Assert.Equal((null, "true"), (views[0]["restored"]?.ToJsonString(), views[1]["restored"]?.ToJsonString()));
        Assert.Equal((1, 1), ((int)views[0]["seq"]!, (int)views[1]["seq"]!));
        Assert.NotEqual((string?)views[0]["page"], (string?)views[1]["page"]);
    }

    [Fact]
    public async Task A_page_that_is_prepared_in_advance_counts_when_it_is_shown_and_not_before()
    {
        Collector.Options = new();
        Pages["/next"] = $"{Collector.Snippet()}<script>px('track', 'early', {{ prerendering: document.prerendering }}); addEventListener('load', () => fetch('/ready?' + document.prerendering))</script>";
        Pages["/first"] = """
            <script type="speculationrules">{"prerender":[{"source":"list","urls":["/next"],"eagerness":"immediate"}]}</script>
            <script>
              const look = async () => (await (await fetch('/state')).text()).includes('go') ? location.href = '/next' : setTimeout(look, 50)
              look()
            </script>
            """;
        var prepared = Pages.Asked("/ready");
        await using var somebody = Chromium.Alone(Shop("/first"));
        Assert.Equal("?true", await prepared);
        Assert.Empty(Collector.Requests);
        var shown = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Pages["/state"] = "go";
        await Collector.EventsAsync(2);

        Assert.Equal(["early", "page_view"], Collector.Names);
        Assert.True((bool)Collector.Events[0]["properties"]!["prerendering"]!);
        Assert.True((double)Collector.Events[1]["timestamp"]! >= shown, "the page view is made when the page is shown");
    }

    [Fact]
    public async Task Behind_a_proxy_that_puts_a_path_in_front_the_collector_is_found_by_the_tags_own_address()
    {
        Collector.Options = new();
        await Visitor.RouteAsync("**/metrics-proxy/**", async route =>
        {
            var answer = await route.FetchAsync(new() { Url = route.Request.Url.Replace("/metrics-proxy", "", StringComparison.Ordinal).Replace(Shop(""), $"http://127.0.0.1:{Collector.Port}", StringComparison.Ordinal) });
            await route.FulfillAsync(new() { Response = answer });
        });
        Pages["/"] = "<script async src='/metrics-proxy/t.js?id=shop'></script>";
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));

        await Collector.EventAsync("page_view");
    }

    private string TagSnippetOf(string integrity) => PixelServer.Tag.TagSnippet.Of($"{Collector.Origin}/t.js?id=shop", integrity);

    private static string WithNonce(string snippet) => snippet.Replace("<script", $"<script nonce={Nonce}", StringComparison.Ordinal);
}

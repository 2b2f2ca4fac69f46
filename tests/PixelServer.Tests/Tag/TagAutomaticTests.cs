using PixelServer.Tests.EndToEnd;

namespace PixelServer.Tests.Tag;

/// <summary>What the tag records by itself, each by its switch.</summary>
[Collection(nameof(Alone))]
public sealed class TagAutomaticTests(Chromium chromium) : TagBrowser(chromium)
{
    [Fact]
    public async Task A_page_view_on_load_and_one_for_each_address_of_a_single_page_application()
    {
        Collector.Options = new();
        var page = await OpenAsync("/shop?a=1");
        await page.EvaluateAsync("""
            document.title = 'Shop'
            history.replaceState({}, '', location.href)   // the same address
            history.pushState({}, '', '/boots')
            history.pushState({}, '', '/boots')           // once more
            location.hash = 'reviews'                     // a place on the page
            """);
        await page.EvaluateAsync("document.title = 'Boots'");
        await page.EvaluateAsync("location.hash = '#/reviews/2'");
        await page.EvaluateAsync("location.hash = '#!reviews/3'");
        await page.GoBackAsync();
        await page.EvaluateAsync("px('track', 'last')");
        await Collector.EventAsync("last");

        var views = Collector.Events.Where(one => (string?)one["event"] == "page_view").ToArray();
        Assert.Equal(
            [(Shop("/shop?a=1"), ""), (Shop("/boots"), Shop("/shop?a=1")), (Shop("/boots#/reviews/2"), Shop("/boots")),
                (Shop("/boots#!reviews/3"), Shop("/boots#/reviews/2")), (Shop("/boots#/reviews/2"), Shop("/boots#!reviews/3"))],
            views.Select(one => ((string?)one["url"], (string?)one["referrer"])));
        Assert.Equal(5, views.Select(one => (string?)one["properties"]!["$tag"]!["page"]).Distinct().Count());
    }

    [Fact]
    public async Task A_browser_without_the_Navigation_API_has_the_same_page_views()
    {
        Collector.Options = new();
        await Visitor.AddInitScriptAsync("Object.defineProperty(window, 'navigation', { value: undefined })");
        var page = await OpenAsync("/shop");
        await page.EvaluateAsync("""
            history.pushState({}, '', '/boots')
            history.pushState({}, '', '/boots')
            history.replaceState({}, '', '/boots?size=42')
            location.hash = 'reviews'
            """);
        await page.EvaluateAsync("location.hash = '#/reviews'");
        await page.PromisedAsync("new Promise((done) => { addEventListener('popstate', () => setTimeout(done)); history.go(-3) })");
        await page.EvaluateAsync("px('track', 'last')");
        await Collector.EventAsync("last");

        Assert.Equal(
            ["/shop", "/boots", "/boots?size=42", "/boots#/reviews", "/boots"],
            Collector.Events.SkipLast(1).Select(one => ((string)one["url"]!)[Shop("").Length..].Replace("?size=42#", "#", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_title_that_comes_after_the_navigation_is_the_events_title()
    {
        Collector.Options = new();
        var page = await OpenAsync("/shop");
        await page.EvaluateAsync("history.pushState({}, '', '/boots'); setTimeout(() => { document.title = 'Boots' })");
        await Collector.EventsAsync(2);

        Assert.Equal("Boots", (string?)Collector.Events[1]["title"]);
    }

    [Fact]
    public async Task Clicks_on_links_to_elsewhere_and_to_files_also_with_the_middle_button_and_in_a_shadow_root()
    {
        Collector.Options = new() { PageView = false, Outbound = true, Downloads = true };
        var page = await OpenAsync(body: """
            <a id="out" href="https://other.example/x?y=1"><b>Elsewhere</b></a> <a id="in" href="/here">Here</a> <a id="mail" href="mailto:a@b.example">Mail</a>
            <a id="file" href="/files/List.PDF?v=2">List</a> <a id="named" href="/export" download>Export</a> <div id="host"></div>
            <script>
              host.attachShadow({ mode: 'open' }).innerHTML = '<a id="deep" href="https://deep.example/">Deep</a>'
              document.addEventListener('click', (event) => { event.preventDefault(); event.stopImmediatePropagation() }, true)
              addEventListener('auxclick', (event) => event.preventDefault(), true)
            </script>
            """);
        await page.ClickAsync("#out b");
        foreach (var id in new[] { "in", "mail", "file", "named", "deep" }) await page.ClickAsync("#" + id);
        await page.ClickAsync("#out", new() { Button = Microsoft.Playwright.MouseButton.Middle });
        await page.ClickAsync("#out", new() { Button = Microsoft.Playwright.MouseButton.Right });
        await page.EvaluateAsync("px('track', 'last')");
        await Collector.EventAsync("last");

        Assert.Equal(
            [("outbound_click", "https://other.example/x?y=1"), ("download", Shop("/files/List.PDF?v=2")), ("download", Shop("/export")),
                ("outbound_click", "https://deep.example/"), ("outbound_click", "https://other.example/x?y=1"), ("last", null)],
            Collector.Events.Select(one => ((string?)one["event"], (string?)one["properties"]!["link_url"])));
        Assert.Equal("List.PDF", (string?)Collector.Events[1]["properties"]!["file_name"]);
        Assert.Equal("other.example", (string?)Collector.Events[0]["properties"]!["link_host"]);
    }

    [Fact]
    public async Task An_element_says_what_its_click_means()
    {
        Collector.Options = new() { PageView = false, Attributes = true };
        var page = await OpenAsync(body: """
            <button data-px-event="AddToCart" data-px-value="9.90" data-px-currency="EUR" data-px-item-id="7" data-other="no"><i>Add</i></button>
            """);
        await page.ClickAsync("button i");
        var add = await Collector.EventAsync("AddToCart");

        Assert.Equal(("9.90", "EUR"), ((string?)add["value"], (string?)add["currency"]));
        Assert.Equal(["item_id", "$tag"], add["properties"]!.AsObject().Select(one => one.Key));
    }

    [Fact]
    public async Task Scrolling_is_told_at_its_marks_once_for_each_page_view()
    {
        Collector.Options = new() { Scroll = true };
        var page = await OpenAsync(body: "<div style='height:7200px'></div>");
        await page.PromisedAsync("""
            (async () => {
              const to = (y) => new Promise((done) => { addEventListener('scroll', () => done(), { once: true }); scrollTo(0, y) })
              await to(2000); await to(10); await to(3000); await to(6400)
              history.pushState({}, '', '/next')
              await to(1300)
              px('track', 'last')
            })()
            """);
        await Collector.EventAsync("last");

        Assert.Equal(["page_view", "25", "50", "75", "90", "page_view", "25", "last"], Collector.Events.Select(one => one["properties"]!["percent"]?.ToString() ?? (string)one["event"]!));
    }

    [Fact]
    public async Task Which_form_was_sent_but_never_what_was_in_it()
    {
        Collector.Options = new() { PageView = false, Forms = true };
        var page = await OpenAsync(body: """
            <form id="signup" name="newsletter" action="/subscribe?token=secret" onsubmit="return false">
              <input name="id" value="hidden-id"><input name="action" value="hidden-action"><input name="email" value="ann@shop.example"><button>Send</button>
            </form>
            """);
        await page.ClickAsync("button");
        var sent = await Collector.EventAsync("form_submit");

        var properties = sent["properties"]!.AsObject();
        Assert.Equal(("signup", "newsletter", Shop("/subscribe")), ((string?)properties["form_id"], (string?)properties["form_name"], (string?)properties["form_action"]));
        Assert.DoesNotMatch("secret|hidden|ann@", sent.ToJsonString());
    }

    [Fact]
    public async Task The_time_somebody_looked_at_the_page_is_told_when_it_goes()
    {
        Collector.Options = new() { PageView = true, Engagement = true };
        Pages["/"] = Collector.Snippet();
        var page = await Visitor.NewPageAsync();
        await page.Clock.InstallAsync();
        await page.GotoAsync(Shop("/"));
        await ReadyAsync(page);
        await page.Clock.RunForAsync(10_000);
        await page.EvaluateAsync("history.pushState({}, '', '/next')");
        await page.Clock.RunForAsync(3_000);
        await page.EvaluateAsync("document.hasFocus = () => false; dispatchEvent(new Event('blur'))");
        await page.Clock.RunForAsync(60_000);
        await page.EvaluateAsync("document.hasFocus = () => true; dispatchEvent(new Event('focus'))");
        await page.Clock.RunForAsync(2_000);
        await page.EvaluateAsync("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pagehide'))");
        await Collector.EventsAsync(4);

        var told = Collector.Events.Where(one => (string?)one["event"] == "engagement").ToArray();
        Assert.Equal([Shop("/"), Shop("/next")], told.Select(one => (string?)one["url"]));
        Assert.InRange((int)told[0]["properties"]!["engaged_ms"]!, 10_000, 12_000);
        Assert.InRange((int)told[1]["properties"]!["engaged_ms"]!, 5_000, 7_000);
    }

    [Fact]
    public async Task What_is_switched_off_records_nothing()
    {
        Collector.Options = new() { PageView = false, SinglePage = false, Cmp = false };
        var page = await OpenAsync(body: "<a href='https://other.example/list.pdf' data-px-event='AddToCart'>x</a><form onsubmit='return false'><button>Send</button></form><script>addEventListener('click', (event) => event.preventDefault())</script>");
        await page.ClickAsync("a");
        await page.ClickAsync("button");
        await page.EvaluateAsync("history.pushState({}, '', '/next'); dispatchEvent(new Event('scroll')); px('track', 'last'); dispatchEvent(new Event('pagehide'))");
        await Collector.EventAsync("last");

        Assert.Equal(["last"], Collector.Names);
    }
}

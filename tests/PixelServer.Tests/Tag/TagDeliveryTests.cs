using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>How events get from a real browser to the collector, and what becomes of them when they do not.</summary>
[Collection(nameof(Alone))]
public sealed class TagDeliveryTests(Chromium chromium) : TagBrowser(chromium)
{
    [Fact]
    public async Task A_visible_page_sends_plain_text_without_a_preflight_and_is_told_that_it_arrived()
    {
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await page.EvaluateAsync("ask('one'); ask('two')");
        await Collector.EventsAsync(2);

        var request = Assert.Single(Collector.Requests);
        Assert.Equal(("fetch", "text/plain;charset=UTF-8"), (request.Way, request.Type));
        await TellsAsync(page, "one", "[true,204]");
        await TellsAsync(page, "two", "[true,204]");
    }

    [Fact]
    public async Task A_page_that_is_left_at_once_sends_a_beacon()
    {
        Collector.Options = new();
        var page = await OpenAsync(body: "<script>px('track', 'first')</script>");
        await Collector.EventAsync("first");
        await TrackAndLeaveAsync(page);
        await Collector.EventAsync("bye");

        Assert.Equal(["first", "page_view", "bye"], Collector.Names);
        Assert.Equal([("fetch", "text/plain;charset=UTF-8"), ("beacon", "text/plain;charset=UTF-8")], Collector.Requests.Select(one => (one.Way, one.Type)));
    }

    [Fact]
    public async Task A_tab_that_is_closed_at_once_loses_nothing()
    {
        Collector.Options = new();
        var page = await OpenAsync();
        await page.EvaluateAsync("px('track', 'bye')");
        await page.CloseAsync(new() { RunBeforeUnload = true });
        await Collector.EventAsync("bye");

        Assert.Equal(["page_view", "bye"], Collector.Names);
    }

    [Fact]
    public async Task What_does_not_fit_into_the_quota_of_64_KiB_goes_in_several_bodies()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("for (let i = 0; i < 40; i++) px('track', 'big' + i, { text: 'ü'.repeat(3900) })");
        await Collector.EventsAsync(40);

        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"big{i}"), Collector.Names);
        Assert.All(Collector.Requests, one => Assert.InRange(one.Bytes, 1, 61_000));
        Assert.All(Collector.Requests, one => Assert.Equal("fetch", one.Way));
        Assert.InRange(Collector.Requests.Count, 6, 8); // 40 events of some 8.4 KB
    }

    [Fact]
    public async Task On_a_page_that_goes_a_refused_beacon_is_halved_and_the_rest_tried_by_other_ways()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("""
            window.sizes = []
            const real = navigator.sendBeacon.bind(navigator)
            navigator.sendBeacon = (url, body) => { sizes.push(JSON.parse(body).batch.length); return sizes.at(-1) <= 2 && !body.includes('stubborn') && real(url, body) }
            for (const name of ['a', 'b', 'c', 'd', 'stubborn']) px('track', name)
            dispatchEvent(new Event('pagehide'))
            """);
        await Collector.EventsAsync(5);

        Assert.Equal("[5,2,3,1,2,1,1]", await page.EvaluateAsync<string>("JSON.stringify(sizes)"));
        Assert.Equal(["a", "b", "c", "d", "stubborn"], Collector.Names.Order());
        Assert.Equal("fetch", Collector.Requests.Single(one => one.Events.Any(made => (string)made["event"]! == "stubborn")).Way);
    }

    [Fact]
    public async Task An_event_that_can_never_be_sent_is_given_up_and_says_so()
    {
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await page.EvaluateAsync("""
            ask('huge', { text: 'x'.repeat(70000) })
            const circle = {}; circle.circle = circle; ask('circle', circle)
            ask('fine')
            """);
        await Collector.EventAsync("fine");

        await TellsAsync(page, "huge", """[false,"unsendable"]""");
        await TellsAsync(page, "circle", """[false,"unsendable"]""");
        await TellsAsync(page, "fine", "[true,204]");
        Assert.Equal(["fine"], Collector.Names);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_collector_that_asks_for_patience_gets_it_and_then_the_events(int status)
    {
        Collector.Answer = (http, number) =>
        {
            if (number > 1) return Task.CompletedTask;
            http.Response.StatusCode = status;
            http.Response.Headers.RetryAfter = "90";
            return http.Response.WriteAsJsonAsync(new { status, code = "queue_full" });
        };
        var page = await OpenWithClockAsync();
        var before = await page.EvaluateAsync<int>("ask('kept'); pauses.length");
        await page.Clock.RunForAsync(600);
        Assert.Equal(90_000, await PauseAsync(page, before));
        await page.EvaluateAsync("px('track', 'later')");
        await page.Clock.RunForAsync(85_000);
        await page.EvaluateAsync("document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('online'))"); // no reason to be impatient
        await page.Clock.RunForAsync(3_000);
        Assert.Single(Collector.Requests);
        Assert.Equal("null", await page.EvaluateAsync<string>("JSON.stringify(told.kept)"));
        await page.Clock.RunForAsync(5_000);
        await Collector.EventsAsync(2);

        Assert.Equal(["kept", "later"], Collector.Names);
        await TellsAsync(page, "kept", "[true,204]");
    }

    [Fact]
    public async Task Without_a_Retry_After_the_pauses_grow()
    {
        Collector.Answer = (http, number) =>
        {
            if (number <= 4) http.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        var page = await OpenWithClockAsync();
        var before = await page.EvaluateAsync<int>("px('track', 'kept'); pauses.length");
        await page.Clock.RunForAsync(600);
        for (var failed = 1; failed <= 4; failed++)
        {
            var pause = await PauseAsync(page, before + failed - 1);
            Assert.InRange(pause, 500 * (1 << (failed - 1)), 1_500 * (1 << (failed - 1)));
            await page.Clock.RunForAsync(pause - 1);
            Assert.Equal(failed, Collector.Requests.Count);
            await page.Clock.RunForAsync(2);
        }

        await Collector.EventAsync("kept");
        Assert.Equal(5, Collector.Requests.Count);
    }

    [Fact]
    public async Task Of_a_body_that_was_taken_in_part_only_the_rest_is_sent_again()
    {
        Collector.Answer = (http, number) =>
        {
            if (number > 1) return Task.CompletedTask;
            http.Response.StatusCode = 503;
            http.Response.Headers.RetryAfter = "1";
            return http.Response.WriteAsJsonAsync(new
            {
                code = "journal_full",
                accepted = 1,
                refused = new[] { new { index = 1, code = "journal_full" }, new { index = 2, code = "name_too_long" } },
            });
        };
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await page.EvaluateAsync("ask('taken'); ask('again'); ask('never')");
        await Collector.EventAsync("again");

        Assert.Equal(["again"], Collector.Names);
        await TellsAsync(page, "taken", "[true,503]");
        await TellsAsync(page, "again", "[true,204]");
        await TellsAsync(page, "never", """[false,"name_too_long"]""");
    }

    [Fact]
    public async Task A_partial_receipt_tells_each_call_its_own_fate()
    {
        Collector.Answer = (http, _) =>
        {
            http.Response.StatusCode = 200;
            return http.Response.WriteAsJsonAsync(new { accepted = 1, refused = new[] { new { index = 1, code = "too_deep" } } });
        };
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await page.EvaluateAsync("ask('taken'); ask('refused')");

        await TellsAsync(page, "taken", "[true,200]");
        await TellsAsync(page, "refused", """[false,"too_deep"]""");
        Assert.Single(Collector.Requests);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(413)]
    public async Task A_final_refusal_is_never_sent_again(int status)
    {
        Collector.Answer = (http, number) =>
        {
            if (number > 1) return Task.CompletedTask;
            http.Response.StatusCode = status;
            return http.Response.WriteAsJsonAsync(new { status, code = "no_thanks" });
        };
        var page = await OpenWithClockAsync();
        await page.EvaluateAsync("ask('refused')");
        await page.Clock.RunForAsync(600);
        await TellsAsync(page, "refused", """[false,"no_thanks"]""");
        await page.Clock.RunForAsync(3_600_000);
        await page.EvaluateAsync("px('track', 'next')");
        await page.Clock.RunForAsync(600);
        await Collector.EventAsync("next");

        Assert.Equal(["next"], Collector.Names);
    }

    [Fact]
    public async Task Offline_events_wait_and_go_out_when_the_network_is_back()
    {
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await Visitor.SetOfflineAsync(true);
        await page.EvaluateAsync("ask('in the tunnel')");
        await page.EvaluateAsync("new Promise((done) => setTimeout(done, 700))"); // the browser's own clock: past the time of sending
        Assert.Empty(Collector.Requests);
        await Visitor.SetOfflineAsync(false);
        await Collector.EventAsync("in the tunnel");

        await TellsAsync(page, "in the tunnel", "[true,204]");
    }

    [Fact]
    public async Task Offline_events_outlive_the_page_and_arrive_once_with_their_own_time()
    {
        var page = await OpenAsync();
        await Visitor.SetOfflineAsync(true);
        await page.EvaluateAsync("px('track', 'in the tunnel', {}, { eventId: 't-1' }); dispatchEvent(new Event('pagehide'))");
        var stored = JsonNode.Parse(await page.EvaluateAsync<string>("localStorage.px_q"))!.AsArray();
        await page.CloseAsync();
        await Visitor.SetOfflineAsync(false);
        var next = await OpenAsync("/next");
        var late = await Collector.EventAsync("in the tunnel");
        await next.EvaluateAsync("px('track', 'last')");
        await Collector.EventAsync("last");

        Assert.Equal((Shop("/"), (double)stored[0]!["timestamp"]!, "t-1"), ((string?)late["url"], (double)late["timestamp"]!, (string?)late["event_id"]));
        Assert.Equal(["in the tunnel", "last"], Collector.Names);
        Assert.False(await next.EvaluateAsync<bool>("'px_q' in localStorage"));
    }

    [Fact]
    public async Task A_collector_that_is_away_gets_everything_when_it_is_back()
    {
        var page = await OpenAsync();
        await Collector.StopAsync();
        await page.EvaluateAsync("px('track', 'patient')");
        await page.EvaluateAsync("new Promise((done) => setTimeout(done, 700))");
        await Collector.StartAsync();
        await page.EvaluateAsync("px('track', 'next')");
        await Collector.EventsAsync(2);

        Assert.Equal(["patient", "next"], Collector.Names);
    }

    [Fact]
    public async Task What_waits_is_bounded_in_memory_and_on_the_device()
    {
        var page = await OpenAsync(body: $"<script>{Told}</script>");
        await Visitor.SetOfflineAsync(true);
        await page.EvaluateAsync("for (let i = 0; i < 250; i++) ask('e' + i, { text: 'x'.repeat(1500) }); dispatchEvent(new Event('pagehide'))");
        var stored = await page.EvaluateAsync<string>("localStorage.px_q");

        Assert.InRange(stored.Length, 50_000, 100_000);
        Assert.Equal("e249", (string?)JsonNode.Parse(stored)!.AsArray()[^1]!["event"]);
        await TellsAsync(page, "e0", """[false,"queue_full"]""");
        Assert.Equal(50, await page.EvaluateAsync<int>("Object.values(told).filter(Boolean).length"));
    }

    [Theory]
    [InlineData("not JSON")]
    [InlineData("{}")]
    [InlineData("[1,null,{}]")]
    [InlineData("null")]
    public async Task Rubbish_on_the_device_stops_nothing(string rubbish)
    {
        Pages["/empty"] = "";
        var before = await Visitor.NewPageAsync();
        await before.GotoAsync(Shop("/empty"));
        await before.EvaluateAsync("text => { localStorage.px_q = text }", rubbish);
        var page = await OpenAsync();
        await page.EvaluateAsync("px('track', 'fine')");
        await Collector.EventAsync("fine");

        Assert.False(await page.EvaluateAsync<bool>("'px_q' in localStorage"));
    }

    private async Task<IPage> OpenWithClockAsync()
    {
        const string pauses = "window.pauses = []; const later = setTimeout; window.setTimeout = (work, delay) => { pauses.push(delay); return later(work, delay) }";
        Pages["/"] = $"<script>{pauses}; {Told}</script>{Collector.Snippet()}";
        var page = await Visitor.NewPageAsync();
        await page.Clock.InstallAsync();
        await page.GotoAsync(Shop("/"));
        await page.Clock.PauseAtAsync(DateTime.UtcNow.AddSeconds(30));
        await Eventually.TrueAsync(() => page.EvaluateAsync<bool>("!!(window.px && px.v)"), () => "the tag is there");
        await page.Clock.RunForAsync(1_000);
        return page;
    }

    /// <summary>How many milliseconds the tag pauses after an answer; once it has read that answer: before, the page's clock must not run on.</summary>
    private static async Task<long> PauseAsync(IPage page, int before)
    {
        await Eventually.TrueAsync(async () => await page.EvaluateAsync<int>("pauses.length") > before, () => $"pause {before}");
        return await page.EvaluateAsync<long>("before => pauses[before]", before);
    }

    private static Task TellsAsync(IPage page, string name, string answer) =>
        Eventually.TrueAsync(async () => await page.EvaluateAsync<string>("name => JSON.stringify(told[name])", name) == answer, () => $"{name} is told {answer}");
}

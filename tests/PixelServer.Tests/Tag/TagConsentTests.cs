using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>Who decides whether anything is sent or kept, and that nothing is before somebody did.</summary>
[Collection(nameof(Alone))]
public sealed class TagConsentTests(Chromium chromium) : TagBrowser(chromium)
{
    private const string Required = "data-consent=\"required\"";

    // Notes every use of what a page can keep on the device.
    private const string Watch = """
        window.touched = []
        for (const [owner, name] of [[Document.prototype, 'cookie'], [window, 'localStorage'], [window, 'sessionStorage'], [window, 'indexedDB'], [window, 'caches']]) {
          const real = Object.getOwnPropertyDescriptor(owner, name) ?? Object.getOwnPropertyDescriptor(Object.getPrototypeOf(owner), name)
          Object.defineProperty(owner, name, { configurable: true, get() { touched.push(name); return real.get.call(this) }, set(value) { touched.push(name); real.set.call(this, value) } })
        }
        """;

    public static TheoryData<string> Grants => new(
        "px('consent', { storage: true, measurement: true, ads: true })",
        "px('consent', { measurement: 'granted', analytics_storage: 'granted' })",
        "window.dataLayer = window.dataLayer || []; (function () { dataLayer.push(arguments) })('consent', 'update', { analytics_storage: 'granted' })",
        "tcf({ gdprApplies: true, eventStatus: 'useractioncomplete', tcString: 'CP1', purpose: { consents: { 1: true, 7: true } } })",
        "tcf({ gdprApplies: true, eventStatus: 'tcloaded', tcString: 'CP1', publisher: { consents: { 1: true, 8: true } }, purpose: { consents: {} } })",
        "tcf({ gdprApplies: false, eventStatus: 'tcloaded', tcString: '' })",
        "gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [7], parsedSections: { usnat: [{ SaleOptOut: 2, SharingOptOut: 2 }] } })",
        "gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [-1], parsedSections: {} })",
        "gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [2], parsedSections: { tcfeuv2: [{ PurposeConsents: [true, false, false, false, false, false, true] }] } })");

    // Platforms that came with the page or come later, as their specifications have them.
    private const string Platforms = """
        window.tcfListeners = []
        window.gppListeners = []
        window.platforms = () => {
          window.__tcfapi = (command, version, callback) => { if (command === 'addEventListener' && version === 2) tcfListeners.push(callback) }
          window.__gpp = (command, callback) => { if (command === 'addEventListener') gppListeners.push(callback) }
        }
        window.tcf = (data) => { if (!window.__tcfapi) platforms(); for (const one of tcfListeners) one({ cmpStatus: 'loaded', listenerId: 1, ...data }, true) }
        window.gpp = (pingData) => { if (!window.__gpp) platforms(); for (const one of gppListeners) one({ eventName: 'signalStatus', listenerId: 1, data: 'ready', pingData }, true) }
        """;

    // Platforms that have their answer ready: they tell it to whoever asks.
    private const string Settled = """
        window.tcf = (data) => { window.__tcfapi = (command, version, callback) => callback({ ...data, eventStatus: 'tcloaded' }, true) }
        window.gpp = (pingData) => { window.__gpp = (command, callback) => callback({ eventName: 'listenerRegistered', data: true, pingData }, true) }
        """;

    [Theory]
    [MemberData(nameof(Grants))]
    public async Task Where_consent_is_required_nothing_is_sent_or_touched_before_it_and_everything_waits_for_it(string grant)
    {
        var page = await OpenHeldAsync("");
        Assert.Empty(Collector.Requests);
        Assert.Equal("[]", await page.EvaluateAsync<string>("JSON.stringify(touched)"));

        await page.EvaluateAsync(grant);
        await page.Clock.RunForAsync(1_000);
        await Collector.EventAsync("before");

        Assert.Equal(["before", "page_view"], Collector.Names); // the one was called before the tag was there
    }

    [Theory]
    [MemberData(nameof(Grants))]
    public async Task A_decision_that_was_made_before_the_tag_arrived_counts(string grant)
    {
        Collector.Options = new();
        var snippet = Collector.Snippet(Required).Split('\n');
        Pages["/"] = $"{snippet[0]}<script>{Platforms}\n{Settled}\n{grant}</script>{snippet[1]}";
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"));

        await Collector.EventAsync("page_view");
    }

    [Theory]
    [InlineData("px('consent', { measurement: false })")]
    [InlineData("px('consent', { analytics_storage: 'denied' })")]
    [InlineData("window.dataLayer = []; (function () { dataLayer.push(arguments) })('consent', 'update', { analytics_storage: 'denied' })")]
    [InlineData("tcf({ gdprApplies: true, eventStatus: 'useractioncomplete', tcString: 'CP1', purpose: { consents: {} } })")]
    public async Task A_no_drops_what_waited_and_a_later_yes_does_not_bring_it_back(string denial)
    {
        var page = await OpenHeldAsync("");
        await page.EvaluateAsync($"ask('asked'); {denial}; px('track', 'after no')");
        await page.Clock.RunForAsync(3_600_000);
        Assert.Empty(Collector.Requests);
        Assert.Equal("""[false,"consent"]""", await page.EvaluateAsync<string>("JSON.stringify(told.asked)"));

        await page.EvaluateAsync(denial.Replace("false", "true", StringComparison.Ordinal).Replace("denied", "granted", StringComparison.Ordinal)
            .Replace("consents: {}", "consents: { 1: true, 7: true }", StringComparison.Ordinal) + "; px('track', 'after yes')");
        await page.Clock.RunForAsync(1_000);
        await Collector.EventAsync("after yes");
        Assert.DoesNotContain("before", Collector.Names);
        Assert.DoesNotContain("asked", Collector.Names);
        Assert.DoesNotContain("after no", Collector.Names);
    }

    [Theory]
    [InlineData("(function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'denied' })")]
    [InlineData("(function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'granted' }); (function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'denied', region: ['DE'] })")]
    [InlineData("(function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'granted', region: ['US'] })")]
    [InlineData("tcf({ gdprApplies: true, eventStatus: 'cmpuishown', tcString: 'CP1', purpose: { consents: {} } })")]
    [InlineData("gpp({ signalStatus: 'not ready', gppString: 'DB1', applicableSections: [7], parsedSections: {} })")]
    [InlineData("gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [5], parsedSections: {} })")]
    public async Task What_is_no_decision_yet_does_not_count_as_one(string said)
    {
        var page = await OpenHeldAsync($"window.dataLayer = []; {said}");
        await page.Clock.RunForAsync(3_600_000);
        await page.EvaluateAsync("dispatchEvent(new Event('pagehide'))");
        Assert.Empty(Collector.Requests);
        Assert.Equal("[]", await page.EvaluateAsync<string>("JSON.stringify(touched)"));

        await page.EvaluateAsync("px('consent', { storage: true, measurement: true })");
        await page.Clock.RunForAsync(1_000);
        await Collector.EventAsync("before");
    }

    [Fact]
    public async Task A_default_of_Consent_Mode_that_denies_holds_everything_also_on_a_site_that_requires_nothing()
    {
        var page = await OpenHeldAsync("window.dataLayer = []; (function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'denied', ad_storage: 'denied' })", attributes: "");
        Assert.Empty(Collector.Requests);
        await page.EvaluateAsync("(function () { dataLayer.push(arguments) })('consent', 'update', { analytics_storage: 'granted' })");
        await page.Clock.RunForAsync(1_000);

        var consent = (await Collector.EventAsync("before"))["consent"]!;
        Assert.Equal("""{"analytics_storage":"granted","measurement":"granted"}""", consent.ToJsonString());
    }

    [Fact]
    public async Task Revocation_stops_at_once_and_clears_what_waited()
    {
        Collector.Options = new();
        var page = await OpenAsync(attributes: Required, body: $"<script>{Told}</script>");
        await page.EvaluateAsync("px('consent', { storage: true, measurement: true }); px('track', 'allowed')");
        await Collector.EventAsync("allowed");
        var answer = await page.EvaluateAsync<string>("""
            (() => {
              localStorage.px_q = '[]'
              ask('too late')
              px('consent', { measurement: false })
              px('track', 'never')
              dispatchEvent(new Event('pagehide'))
              return JSON.stringify([told['too late'], 'px_q' in localStorage])
            })()
            """);
        Assert.Equal("""[[false,"consent"],false]""", answer);
        await page.EvaluateAsync("px('consent', { measurement: true }); px('track', 'again')");
        await Collector.EventAsync("again");

        Assert.Equal(["page_view", "allowed", "again"], Collector.Names);
    }

    [Fact]
    public async Task Without_storage_events_go_without_cookies_and_nothing_is_kept()
    {
        Collector.Options = new();
        await Visitor.AddCookiesAsync([new() { Name = "px_id", Value = "known", Domain = "t.shop.localhost", Path = "/" }]);
        await Visitor.AddInitScriptAsync(Watch);
        var page = await OpenAsync(attributes: Required);
        await page.EvaluateAsync("px('consent', { storage: false, measurement: true, ads: false })");
        await Collector.EventAsync("page_view");
        await TrackAndLeaveAsync(page);
        await Collector.EventAsync("bye");

        Assert.All(Collector.Requests, one => Assert.Equal(("fetch", ""), (one.Way, one.Cookies)));
        Assert.All(Collector.Events, one => Assert.Equal("""{"analytics_storage":"denied","measurement":"granted","ad_storage":"denied"}""", one["consent"]!.ToJsonString()));
    }

    [Fact]
    public async Task A_default_that_denies_only_ads_holds_nothing_back_but_the_vendors_ids()
    {
        var page = await OpenHeldAsync("window.dataLayer = []; (function () { dataLayer.push(arguments) })('consent', 'default', { ad_storage: 'denied' })", attributes: "");
        await page.EvaluateAsync("document.cookie = '_fbp=fb.1.2.3'; px('track', 'counted')");
        await page.Clock.RunForAsync(1_000);

        var counted = await Collector.EventAsync("counted");

        Assert.Equal("denied", counted["consent"]!["ad_storage"]!.ToString());
        Assert.Null(counted["properties"]!["$cookies"]);
    }

    [Fact]
    public async Task With_storage_the_cookie_travels_with_fetch_and_beacon()
    {
        Collector.Options = new();
        await Visitor.AddCookiesAsync([new() { Name = "px_id", Value = "known", Domain = "t.shop.localhost", Path = "/" }]);
        var page = await OpenAsync();
        await Collector.EventAsync("page_view");
        await TrackAndLeaveAsync(page);
        await Collector.EventAsync("bye");

        Assert.Equal(["fetch", "beacon"], Collector.Requests.Select(one => one.Way));
        Assert.All(Collector.Requests, one => Assert.Equal("px_id=known", one.Cookies));
    }

    [Fact]
    public async Task Consent_strings_travel_with_every_event()
    {
        Collector.Options = new();
        var page = await OpenAsync(attributes: Required, before: $"<script>{Platforms}; platforms()</script>");
        await page.EvaluateAsync("""
            tcf({ gdprApplies: true, eventStatus: 'tcloaded', tcString: 'CP-string', purpose: { consents: { 1: true, 3: true, 4: true, 9: true } } })
            gpp({ signalStatus: 'ready', gppString: 'DB-string', applicableSections: [7, 8], parsedSections: { usnat: [{ SaleOptOut: 1 }] } })
            """);

        var consent = (await Collector.EventAsync("page_view"))["consent"]!;
        Assert.Equal(
            """{"analytics_storage":"granted","measurement":"granted","ad_storage":"denied","gdpr":1,"gdpr_consent":"CP-string","gpp":"DB-string","gpp_sid":"7,8"}""",
            consent.ToJsonString());
    }

    [Theory]
    [InlineData("[7]", "{ usnat: [{ SaleOptOut: 2, SharingOptOut: 2 }] }", """{"gpp":"DB1","gpp_sid":"7"}""")]
    [InlineData("[-1]", "{}", """{"gpp":"DB1","gpp_sid":"-1"}""")]
    [InlineData("[8]", "{ usca: [{ SharingOptOut: 1 }] }", """{"ad_storage":"denied","gpp":"DB1","gpp_sid":"8"}""")]
    public async Task Where_nobody_has_to_agree_the_tag_waits_for_nobody_and_claims_no_yes(string sections, string parsed, string consent)
    {
        var page = await OpenHeldAsync("");
        await page.EvaluateAsync("gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [8], parsedSections: { usca: [{ SaleOptOut: 1 }] } })"); // and a change of mind
        await page.EvaluateAsync($"gpp({{ signalStatus: 'ready', gppString: 'DB1', applicableSections: {sections}, parsedSections: {parsed} }})");
        await page.Clock.RunForAsync(1_000);

        Assert.Equal(consent, (await Collector.EventAsync("before"))["consent"]!.ToJsonString());
    }

    [Fact]
    public async Task An_American_section_answers_no_banner_of_the_TCF()
    {
        var page = await OpenHeldAsync("platforms()");
        await page.EvaluateAsync("tcf({ gdprApplies: true, eventStatus: 'cmpuishown', tcString: '' })");
        await page.EvaluateAsync("gpp({ signalStatus: 'ready', gppString: 'DB1', applicableSections: [7], parsedSections: { usnat: [{ SaleOptOut: 2 }] } })");
        await page.Clock.RunForAsync(60_000);

        Assert.Empty(Collector.Requests);
    }

    [Fact]
    public async Task Global_Privacy_Control_is_carried_and_keeps_the_ad_platforms_cookies_at_home()
    {
        Collector.Options = new();
        await Visitor.AddInitScriptAsync("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }); document.cookie = '_fbp=fb.1'");
        await OpenAsync();

        var view = await Collector.EventAsync("page_view");

        Assert.Equal("""{"gpc":true}""", view["consent"]!.ToJsonString());
        Assert.False(view["properties"]!.AsObject().ContainsKey("$cookies"));
    }

    [Fact]
    public async Task The_ad_platforms_cookies_go_only_with_a_yes_for_ads_where_consent_is_required()
    {
        Collector.Options = new();
        await Visitor.AddInitScriptAsync("document.cookie = '_fbp=fb.1'");
        var page = await OpenAsync(attributes: Required);
        await page.EvaluateAsync("px('consent', { storage: true, measurement: true })");
        var view = await Collector.EventAsync("page_view");
        await page.EvaluateAsync("px('consent', { ads: true }); px('track', 'sale')");
        var sale = await Collector.EventAsync("sale");

        Assert.False(view["properties"]!.AsObject().ContainsKey("$cookies"));
        Assert.Equal("fb.1", (string?)sale["properties"]!["$cookies"]!["_fbp"]);
    }

    [Fact]
    public async Task A_tag_without_the_switch_listens_to_no_platform()
    {
        Collector.Options = new() { Cmp = false };
        var page = await OpenAsync(before: "<script>window.dataLayer = []; (function () { dataLayer.push(arguments) })('consent', 'default', { analytics_storage: 'denied' })</script>");

        await Collector.EventAsync("page_view");
        Assert.False(await page.EvaluateAsync<bool>("'__tcfapi' in window || dataLayer.hasOwnProperty('push')"));
    }

    /// <summary>A page on which an event was made and a minute has passed by its clock.</summary>
    private async Task<IPage> OpenHeldAsync(string first, string attributes = Required)
    {
        Collector.Options = new();
        await Visitor.AddInitScriptAsync(Watch);
        Pages["/"] = $"<script>{Platforms}\n{Told}\n{first}</script>{Collector.Snippet(attributes)}<script>px('track', 'before')</script>";
        var page = await Visitor.NewPageAsync();
        await page.Clock.InstallAsync();
        await page.GotoAsync(Shop("/"));
        await page.Clock.PauseAtAsync(DateTime.UtcNow.AddSeconds(30));
        await Eventually.TrueAsync(() => page.EvaluateAsync<bool>("!!px.v"), () => "the tag is there");
        await page.Clock.RunForAsync(60_000);
        return page;
    }
}

using System.Text.Json.Nodes;
using PixelServer.Tests.EndToEnd;
using static PixelServer.Tests.Tag.VendorShop;

namespace PixelServer.Tests.Tag;

/// <summary>
/// One pixel in place of seven: what a page tells the ad platforms is stored as events of ours, and every platform is told what the page
/// told it: once, in order, with the id of our row.
/// </summary>
[Collection(nameof(Alone))]
public sealed class VendorTests(VendorShop shop) : IClassFixture<VendorShop>
{
    public static TheoryData<string, string, string> Matrix() => [.. Of(
        from vendor in Vendor.All
        from tag in (string[])["before the stub", "after the stub"]
        from script in (string[])["arrives", "is blocked", "is late"]
        select (vendor.Key, tag, script))];

    public static TheoryData<string> Vendors() => [.. Vendor.All.Select(one => one.Key)];

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task Each_call_is_one_row_and_reaches_the_platform_once_with_the_same_id(string key, string tag, string script)
    {
        var vendor = Vendor.Of(key);
        var of = $"{key}-{tag}-{script}".Replace(' ', '-');
        var isFirst = tag == "before the stub";
        if (script == "is blocked") shop.Scripts.Block(of);
        if (script == "arrives" && isFirst) shop.Scripts.Release(of);

        var page = await shop.OpenAsync(of, (isFirst ? shop.Tag() : "<script></script>") + shop.Snippet(vendor, of) + $"<script>{vendor.Plain}</script>");
        if (!isFirst) await shop.AddTagAsync(page);
        if (script == "arrives") await shop.ArriveAsync(page, of, key);
        await page.EvaluateAsync(vendor.Named);
        await page.EvaluateAsync(vendor.Plain);
        if (script == "is late") await shop.ArriveAsync(page, of, key);
        var told = await page.EvaluateAsync<string>($"JSON.stringify(window.arrived ? got['{key}'] : Array.from({vendor.Waiting}, (call) => Array.from(call)))");
        var rows = await shop.RowsAsync(page, of);

        Assert.Equal(["page_view", vendor.Name, vendor.Name, vendor.Name], rows.Select(row => Text(row, "name")));
        var ids = rows.Select(row => Text(row, "client_event_id")!).ToArray();
        Assert.Equal(4, ids.Distinct().Count());
        Assert.Equal("own-1", ids[2]);
        Assert.All(rows.Skip(1), row => Assert.Equal((49.9m, "EUR", key), ((decimal)row["value"]!, Text(row, "currency"), Text(row["properties"]!, "vendor"))));
        Assert.Equal(
            vendor.Configuration.Select(call => call.Replace("VIEW", ids[0], StringComparison.Ordinal))
                .Concat(ids.Skip(1).Select(id => vendor.Told.Replace("$ID", id, StringComparison.Ordinal))),
            JsonNode.Parse(told)!.AsArray().Select(Compact));
        Assert.DoesNotContain(rows, row => row.ToJsonString() is var all && (all.Contains('@', StringComparison.Ordinal) || all.Contains("+4930", StringComparison.Ordinal) || all.Contains("secret", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Vendors))]
    public async Task A_tag_that_comes_when_the_platforms_script_is_done_sees_every_call_from_then_on(string key)
    {
        var vendor = Vendor.Of(key);
        var of = $"{key}-last";
        var page = await shop.OpenAsync(of, "<script></script>" + shop.Snippet(vendor, of));
        await shop.ArriveAsync(page, of, key);
        await shop.AddTagAsync(page);
        await page.EvaluateAsync(vendor.Plain);
        await page.EvaluateAsync(vendor.Named);
        var told = JsonNode.Parse(await page.EvaluateAsync<string>($"JSON.stringify(got['{key}'])"))!.AsArray().Select(Compact).TakeLast(2);
        var rows = await shop.RowsAsync(page, of);

        Assert.Equal(["page_view", vendor.Name, vendor.Name], rows.Select(row => Text(row, "name")));
        Assert.Equal(rows.Skip(1).Select(row => vendor.Told.Replace("$ID", Text(row, "client_event_id"), StringComparison.Ordinal)), told);
        Assert.Equal("own-1", Text(rows[2], "client_event_id"));
    }

    [Theory]
    [MemberData(nameof(Vendors))]
    public async Task A_stub_that_a_tag_manager_puts_in_later_is_seen_like_one_of_the_page(string key)
    {
        var vendor = Vendor.Of(key);
        var of = $"{key}-managed";
        shop.Scripts.Release(of);
        var page = await shop.OpenAsync(of, shop.Tag());
        await page.EvaluateAsync(
            // As custom HTML is put in: parsed, and its scripts made anew so that they run.
            """
            (html) => {
              const holder = document.createElement('div')
              holder.innerHTML = html
              for (const old of holder.querySelectorAll('script')) {
                const script = document.createElement('script')
                if (old.src) script.src = old.src
                else script.text = old.text
                document.body.append(script)
              }
            }
            """,
            shop.Snippet(vendor, of) + $"<script>{vendor.Plain}</script>");
        await shop.ArriveAsync(page, of, key);
        var told = JsonNode.Parse(await page.EvaluateAsync<string>($"JSON.stringify(got['{key}'])"))!.AsArray().Select(Compact).ToArray();
        var rows = await shop.RowsAsync(page, of);

        Assert.Equal(["page_view", vendor.Name], rows.Select(row => Text(row, "name")));
        Assert.Equal([vendor.Told.Replace("$ID", Text(rows[1], "client_event_id"), StringComparison.Ordinal)], told.Skip(vendor.Configuration.Length));
    }

    [Fact]
    public async Task An_id_stands_where_the_platform_looks_for_it_and_nothing_else_is_changed()
    {
        const string Of = "shapes";
        var page = await shop.OpenAllAsync(Of);
        var told = await page.EvaluateAsync<string>("""
            () => {
              const callback = () => {}
              fbq('trackSingle', '111', 'Lead')
              fbq('trackSingleCustom', '111', 'Own', { a: 1 }, { eventID: 'm-1', more: 2 })
              fbq('consent', 'grant')
              fbq('set', 'autoConfig', false, '111')
              ttq.instance('C1').track('Subscribe')
              pintrk('track', 'lead', undefined, callback)
              pintrk('track', 'custom', callback)
              rdt('track', 'Custom', { customEventName: 'Quiz' })
              twq('track', 'Search', { query: 'x' })
              gtag('get', 'G-1', 'client_id', callback)
              const last = (list, count) => Array.from(list).slice(-count).map((call) => Array.from(call, (word) => word === callback ? 'callback' : word))
              return JSON.stringify([...last(fbq.queue, 4), ...last(ttq._i.C1, 1), ...last(pintrk.queue, 2), ...last(rdt.callQueue, 1), ...last(twq.queue, 1), ...last(dataLayer, 1)])
            }
            """);
        var rows = (await shop.RowsAsync(page, Of)).Skip(1).ToArray();

        Assert.Equal(["Lead", "Own", "Subscribe", "custom", "Quiz", "Search"], rows.Select(row => Text(row, "name")));
        string Id(int row) => Text(rows[row], "client_event_id")!;
        Assert.Equal(
            [
                $$"""["trackSingle","111","Lead",{},{"eventID":"{{Id(0)}}"}]""",
                """["trackSingleCustom","111","Own",{"a":1},{"eventID":"m-1","more":2}]""",
                """["consent","grant"]""",
                """["set","autoConfig",false,"111"]""",
                $$"""["track","Subscribe",{},{"event_id":"{{Id(2)}}"}]""",
                $$"""["track","lead",{"event_id":"{{Id(0)}}"},"callback"]""",
                """["track","custom","callback"]""",
                $$"""["track","Custom",{"customEventName":"Quiz","conversionId":"{{Id(4)}}"}]""",
                $$"""["track","Search",{"query":"x","conversion_id":"{{Id(5)}}"}]""",
                """["get","G-1","client_id","callback"]""",
            ],
            JsonNode.Parse(told)!.AsArray().Select(Compact));
    }

    [Fact]
    public async Task Consent_Mode_is_heard_from_the_same_data_layer()
    {
        const string Of = "consent-mode";
        var page = await shop.OpenAsync(Of, shop.Tag() + shop.Snippet(Vendor.Of("google"), Of)
            + "<script>gtag('consent', 'update', { ad_storage: 'denied', analytics_storage: 'granted' }); window.dataLayer = window.dataLayer || []; gtag('event', 'sign_up')</script>");
        var rows = await shop.RowsAsync(page, Of);

        Assert.Equal(["page_view", "sign_up"], rows.Select(row => Text(row, "name")));
        Assert.Equal(("denied", "granted"), (Text(rows[1]["properties"]!["$consent"]!, "ad_storage"), Text(rows[1]["properties"]!["$consent"]!, "analytics_storage")));
    }

    [Fact]
    public async Task Calls_that_wait_for_one_pixel_in_TikToks_stub_are_found_there()
    {
        const string Of = "instance";
        var page = await shop.OpenAsync(Of, "<script></script>" + shop.Snippet(Vendor.Of("tiktok"), Of)
            + "<script>ttq.instance('C1').track('Subscribe', { value: 4 }); ttq.instance('C1').track('Lead', {}, { event_id: 'l-1' })</script>");
        await shop.AddTagAsync(page);
        await page.EvaluateAsync("ttq.instance('C1').track('Contact')");
        await shop.ArriveAsync(page, Of, "tiktok");
        await page.EvaluateAsync("ttq.instance('C1').track('StartTrial')");
        var told = JsonNode.Parse(await page.EvaluateAsync<string>("JSON.stringify(got.tiktok.filter((call) => call[0] === 'C1'))"))!.AsArray();
        var rows = (await shop.RowsAsync(page, Of)).Skip(1).ToArray();

        Assert.Equal(["Subscribe", "Lead", "Contact", "StartTrial"], rows.Select(row => Text(row, "name")));
        Assert.Equal(rows.Select(row => Text(row, "client_event_id")), told.Select(call => (string?)call![4]!["event_id"]));
    }

    [Fact]
    public async Task A_tag_managers_objects_are_events_where_their_name_is_known()
    {
        const string Of = "objects";
        var page = await shop.OpenAsync(Of, $$"""
            <script>
            dataLayer = [{ 'gtm.start': 1, event: 'gtm.js' }, { event: 'generate_lead', value: 9, currency: 'USD', user_data: { email: 'ann@shop.example' } }]
            </script>
            {{shop.Tag()}}
            <script>
            dataLayer.push({ ecommerce: null })
            dataLayer.push({
              event: 'purchase', user: { email: 'ann@shop.example' }, eventCallback() {},
              ecommerce: { transaction_id: 'T-7', value: 25.5, currency: 'EUR', items: [{ item_id: 'A', price: 25.5 }] },
            })
            dataLayer.push({ event: 'begin_checkout', ecommerce: { value: 3 } }, { event: 'add_to_cart', event_id: 'mine' })
            dataLayer.push({ event: 'cookie_banner_shown' }, { event: 'gtm.click' }, ['event', 'purchase', {}], () => {}, { plain: 1 })
            </script>
            """);
        var ids = await page.EvaluateAsync<string[]>("dataLayer.map((entry) => entry.event_id ?? '')");
        var rows = (await shop.RowsAsync(page, Of)).Skip(1).ToArray();

        Assert.Equal(["generate_lead", "purchase", "begin_checkout", "add_to_cart"], rows.Select(row => Text(row, "name")));
        Assert.Equal(["T-7", "mine"], [Text(rows[1], "client_event_id"), Text(rows[3], "client_event_id")]);
        Assert.Equal(["", Text(rows[0], "client_event_id"), "", "", Text(rows[2], "client_event_id"), "mine", "", "", "", "", ""], ids);
        Assert.Equal((25.5m, "EUR"), ((decimal)rows[1]["value"]!, Text(rows[1], "currency")));
        Assert.Equal("""[{"item_id":"A","price":25.5}]""", Compact(rows[1]["properties"]!["items"]));
        Assert.All(rows, row => Assert.DoesNotContain("@", row.ToJsonString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_that_say_who_somebody_is_stay_in_the_page_at_any_depth()
    {
        var rows = await shop.SimpleAsync("personal", """
            const person = {
              em: 'a', ph: 'b', fn: 'c', email: 'ann@shop.example', phone: '1', phone_number: '2', phoneNumber: '3', email_address: 'd', emailAddress: 'e',
              sha256_email: 'f', sha256_phone_number: 'g', sha256_email_address: 'h', external_id: 'i', externalId: 'j', user_data: { city: 'k' },
              note: 'ann@shop.example', list: [{ email: 'l', kept: 1 }], emphasis: 'kept', search: 'kept @ night',
            }
            fbq('track', 'Lead', person)
            ttq.track('Contact', person)
            rdt('track', 'SignUp', person)
            pintrk('track', 'subscribe', person)
            gtag('event', 'add_to_cart', person)
            lintrk('track', { conversion_id: 3, ...person })
            twq('event', 'tw-1-1', person)
            """);

        // LinkedIn and X are nameless and meet what the others told.
        Assert.Equal(["Lead", "Contact", "SignUp", "subscribe", "add_to_cart"], rows.Skip(1).Select(row => Text(row, "name")));
        Assert.All(rows.Skip(1), row => Assert.Equal(
            ["emphasis", "list", "search"],
            row["properties"]!.AsObject().Select(one => one.Key).Except(["vendor", "vendors", "$tag", "conversion_id"]).Order(StringComparer.Ordinal)));
        Assert.All(rows.Skip(1), row => Assert.Equal("""[{"kept":1}]""", Compact(row["properties"]!["list"])));
    }

    [Fact]
    public async Task The_page_gets_what_it_got_before_the_same_object_the_same_answer_the_same_error()
    {
        const string Of = "transparent";
        var page = await shop.OpenAsync(Of, shop.Tag() + """
            <script>
            window.fbq = function (...words) { seen = { self: this, words }; return 'answer' }
            fbq.loaded = true; fbq.version = '2.0'; fbq.queue = []; fbq.push = fbq
            window._fbq = fbq
            window.rdt = function () { throw Error('of the stub') }
            Object.defineProperty(window.rdt, 'callQueue', { get() { throw Error('of the queue') } })
            window.lintrk = 'no function at all'
            window.ttq = { get page() { throw Error('of the getter') }, track: 5 }
            window.twq = null
            let seen
            </script>
            """);
        var result = await page.EvaluateAsync<string>("""
            () => {
              const own = {}
              const told = []
              told.push(fbq.call(own, 'track', 'Lead'), seen.self === own)
              told.push(fbq('track', 'Contact'), seen.self === undefined || seen.self === window)
              told.push(fbq.push('track', 'Subscribe'), fbq === window._fbq, fbq === fbq.push)
              told.push(fbq.loaded, fbq.version, Array.isArray(fbq.queue), typeof fbq)
              window.fbq = window.fbq || 1
              try { rdt('track', 'SignUp') } catch (error) { told.push(error.message) }
              try { ttq.page } catch (error) { told.push(error.message) }
              told.push(lintrk, ttq.track, twq)
              return JSON.stringify(told)
            }
            """);
        var rows = (await shop.RowsAsync(page, Of)).Skip(1).ToArray();

        Assert.Equal(
            """["answer",true,"answer",true,"answer",true,true,true,"2.0",true,"function","of the stub","of the getter","no function at all",5,null]""", result);
        Assert.Equal(["Lead", "Contact", "Subscribe", "SignUp"], rows.Select(row => Text(row, "name")));
    }

    [Fact]
    public async Task Parameters_that_cannot_be_read_cost_neither_the_call_nor_the_event()
    {
        const string Of = "circle";
        var page = await shop.OpenAllAsync(Of);
        await page.EvaluateAsync("""
            const circle = {}; circle.self = circle
            fbq('track', 'Lead', circle)
            gtag('event', 'search', { get term() { throw Error('no') } })
            fbq('track', 'Contact', { vendor: 'Nike', vendors: 'all', value: 'a lot', currency: 7 })
            fbq('track'); fbq(); gtag('event'); ttq.track(); pintrk(); lintrk(); twq('event'); rdt('track'); dataLayer.push(null, undefined, 'x', 5)
            """);
        Assert.Equal("Lead", await page.EvaluateAsync<string>("fbq.queue.find((call) => call[1] === 'Lead')[1]"));
        var rows = (await shop.RowsAsync(page, Of)).Skip(1).ToArray();

        Assert.Equal(["Lead", "Contact"], rows.Select(row => Text(row, "name")).Where(name => name != "search"));
        Assert.Equal("meta", Text(rows[^1]["properties"]!, "vendor"));
    }

    private static IEnumerable<TheoryDataRow<string, string, string>> Of(IEnumerable<(string, string, string)> rows) => rows.Select(row => new TheoryDataRow<string, string, string>(row.Item1, row.Item2, row.Item3));
}

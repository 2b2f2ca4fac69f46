using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

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
        if (script == "arrives") await ArriveAsync(page, of, key);
        await page.EvaluateAsync(vendor.Named);
        await page.EvaluateAsync(vendor.Plain);
        if (script == "is late") await ArriveAsync(page, of, key);
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
        await ArriveAsync(page, of, key);
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
        await ArriveAsync(page, of, key);
        var told = JsonNode.Parse(await page.EvaluateAsync<string>($"JSON.stringify(got['{key}'])"))!.AsArray().Select(Compact).ToArray();
        var rows = await shop.RowsAsync(page, of);

        Assert.Equal(["page_view", vendor.Name], rows.Select(row => Text(row, "name")));
        Assert.Equal([vendor.Told.Replace("$ID", Text(rows[1], "client_event_id"), StringComparison.Ordinal)], told.Skip(vendor.Configuration.Length));
    }

    [Fact]
    public async Task Seven_stubs_for_one_purchase_are_one_row_and_all_sides_have_its_id()
    {
        const string Of = "one-action";
        shop.Scripts.Release(Of);
        var page = await shop.OpenAsync(Of, shop.Tag() + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, Of)))
            + $"<script>{string.Join("\n", Vendor.All.Select(vendor => vendor.Plain))}</script>");
        foreach (var vendor in Vendor.All) await ArriveAsync(page, Of, vendor.Key);
        var got = JsonNode.Parse(await page.EvaluateAsync<string>("JSON.stringify(got)"))!;
        var rows = await shop.RowsAsync(page, Of);

        Assert.Equal(["page_view", "Purchase"], rows.Select(row => Text(row, "name")));
        var id = Text(rows[1], "client_event_id")!;
        Assert.All(Vendor.All, vendor => Assert.Equal(
            vendor.Told.Replace("$ID", id, StringComparison.Ordinal), Compact(got[vendor.Key]!.AsArray()[^1])));
        var properties = rows[1]["properties"]!;
        Assert.Equal("meta", Text(properties, "vendor"));
        Assert.Equal(Vendor.All.Select(vendor => KeyValuePair.Create<string, string?>(vendor.Key, id)), Ids(properties));
        // What only one of them was told is kept.
        Assert.Equal((7, "A", 2), ((int)properties["conversion_id"]!, (string?)properties["content_ids"]![0], (int)properties["itemCount"]!));
    }

    [Fact]
    public async Task Different_ids_of_different_platforms_are_all_kept_and_our_own_id_is_the_rows()
    {
        const string Of = "several-ids";
        var rows = await SimpleAsync(Of, """
            lintrk('track', { conversion_id: 7 })
            fbq('track', 'Purchase', { value: 5, currency: 'EUR' }, { eventID: 'meta-1' })
            gtag('event', 'purchase', { transaction_id: 'T-1', value: 5, currency: 'EUR' })
            px('track', 'purchase', { value: 5, plan: 'pro' }, { eventId: 'order-1' })
            """);

        var row = Assert.Single(rows.Skip(1));
        Assert.Equal(("purchase", "order-1", "EUR", "linkedin"), (Text(row, "name"), Text(row, "client_event_id"), Text(row, "currency"), Text(row["properties"]!, "vendor")));
        Assert.Equal(("T-1", "pro"), (Text(row["properties"]!, "transaction_id"), Text(row["properties"]!, "plan")));
        var ids = Ids(row["properties"]!).ToDictionary();
        Assert.Equal(("meta-1", "T-1"), (ids["meta"], ids["google"]));
        Assert.True(Guid.TryParse(ids["linkedin"], out _));
    }

    [Theory]
    [InlineData("px('track', 'sign_up', { plan: 'pro' }, { eventId: 'own-9' }); fbq('track', 'CompleteRegistration'); pintrk('track', 'signup')", "sign_up", "own-9", "meta")]
    [InlineData("document.querySelector('button').click(); ttq.track('AddToCart', { value: 3, currency: 'EUR' })", "AddToCart", null, "tiktok")]
    [InlineData("twq('event', 'tw-1-2', { conversion_id: 'x-1' }); rdt('track', 'Lead', {})", "Lead", "x-1", "x")]
    [InlineData("twq('event', 'tw-1-2'); lintrk('track', { conversion_id: 1 })", "tw-1-2", null, "x")]
    [InlineData("fbq('trackCustom', 'Quiz Done', { score: 3 }); gtag('event', 'quiz_done', { score: 3 })", "Quiz Done", null, "meta")]
    [InlineData("gtag('event', 'purchase', { value: 1 }); gtag('event', 'conversion', { send_to: 'AW-1/x', value: 1 })", "purchase", null, "google")]
    [InlineData("const { push } = dataLayer; dataLayer.push = function (entry) { const length = push.apply(this, arguments); if (entry.event === 'purchase') { fbq('track', 'Purchase'); rdt('track', 'Purchase') } return length }; dataLayer.push({ event: 'purchase', ecommerce: { value: 1 } })", "purchase", null, "google")]
    public async Task What_means_the_same_is_one_event_whoever_tells_it(string calls, string name, string? id, string vendor)
    {
        var rows = await SimpleAsync(Path("same", calls), calls, "<button data-px-event=AddToCart></button>");

        var row = Assert.Single(rows.Skip(1));
        Assert.Equal((name, vendor), (Text(row, "name"), Text(row["properties"]!, "vendor")));
        if (id is not null) Assert.Equal(id, Text(row, "client_event_id"));
    }

    [Theory]
    [InlineData("fbq('track', 'AddToCart', { value: 1 }); fbq('track', 'AddToCart', { value: 2 })", "AddToCart", "AddToCart")]
    [InlineData("const same = { value: 1 }; pintrk('track', 'addtocart', same); pintrk('track', 'addtocart', same)", "addtocart", "addtocart")]
    [InlineData("const same = { event: 'add_to_cart', ecommerce: { value: 1 } }; dataLayer.push(same); dataLayer.push(same)", "add_to_cart", "add_to_cart")]
    [InlineData("fbq('track', 'Purchase'); gtag('event', 'purchase'); fbq('track', 'Purchase'); gtag('event', 'purchase')", "Purchase", "Purchase")]
    [InlineData("px('track', 'Lead'); px('track', 'Lead')", "Lead", "Lead")]
    [InlineData("fbq('track', 'ViewContent'); lintrk('track', { conversion_id: 1 })", "ViewContent", "conversion")]
    [InlineData("lintrk('track', { conversion_id: 1 }); lintrk('track', { conversion_id: 2 })", "conversion", "conversion")]
    public async Task Who_tells_it_again_tells_of_another(string calls, params string[] names)
    {
        var rows = (await SimpleAsync(Path("again", calls), calls)).Skip(1).ToArray();

        Assert.Equal(names, rows.Select(row => Text(row, "name")));
        Assert.Equal(2, rows.Select(row => Text(row, "client_event_id")).Distinct().Count());
    }

    [Fact]
    public async Task What_happened_on_the_page_before_is_another_action_unless_it_led_here()
    {
        var rows = await SimpleAsync("navigation", """
            fbq('track', 'Purchase')
            history.pushState({}, '', '?page=thanks')
            gtag('event', 'purchase')
            fbq('track', 'ViewContent')
            history.pushState({}, '', '?page=next')
            const { now } = Date
            Date.now = () => now() + 1500 // the events wait for consent, say
            gtag('event', 'view_item')
            Date.now = now
            """);

        Assert.Equal(["page_view", "Purchase", "page_view", "ViewContent", "page_view", "view_item"], rows.Select(row => Text(row, "name")));
    }

    [Theory]
    [InlineData("fbq('track', 'Purchase', {}, { eventID: 'a' }); fbq('track', 'Purchase', {}, { eventID: 'a' }); fbq('track', 'AddToCart', {}, { eventID: 'a' })", "Purchase", "AddToCart")]
    [InlineData("fbq('trackSingle', '111', 'Lead', {}, { eventID: 'a' }); fbq('trackSingle', '222', 'Lead', {}, { eventID: 'a' })", "Lead")]
    [InlineData("gtag('event', 'refund', { transaction_id: 'T' }); gtag('event', 'purchase', { transaction_id: 'T' }); gtag('event', 'conversion', { transaction_id: 'T' })", "refund", "purchase")]
    public async Task Who_tells_it_again_with_the_same_id_repeats_it(string calls, params string[] names)
    {
        var rows = (await SimpleAsync(Path("repeated", calls), calls)).Skip(1).ToArray();

        Assert.Equal(names, rows.Select(row => Text(row, "name")));
        Assert.Single(rows.Select(row => Text(row, "client_event_id")).Distinct());
    }

    [Fact]
    public async Task Names_that_the_documentation_says_mean_the_same_do()
    {
        var lines = await File.ReadAllLinesAsync(System.IO.Path.Combine(Repository.Root, "docs", "vendors.md"), TestContext.Current.CancellationToken);
        string[] calls = ["fbq('track', {0})", "gtag('event', {0})", "ttq.track({0})", "rdt('track', {0})", "pintrk('track', {0})"];
        var table = lines.SkipWhile(line => !line.StartsWith("| Meta |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim().Replace('`', '\'')).ToArray()).ToArray();
        Assert.Equal(13, table.Length);

        var rows = await SimpleAsync("documented", string.Join('\n', table.SelectMany(names =>
            names.Zip(calls, (name, call) => name.Length == 0 ? "" : call.Replace("{0}", name, StringComparison.Ordinal)))));

        Assert.Equal(table.Select(names => names.First(name => name.Length > 0).Trim('\'')), rows.Skip(1).Select(row => Text(row, "name")));
    }

    [Fact]
    public async Task What_waits_for_the_tag_from_all_sides_is_one_event_with_our_own_id()
    {
        const string Of = "waiting";
        var meta = Vendor.Of("meta");
        var page = await shop.OpenAsync(Of, "<script>window.px=window.px||function(){(px.q=px.q||[]).push([Date.now(),arguments])}</script>"
            + shop.Snippet(meta, Of) + $"<script>{meta.Plain}; px('track', 'Purchase', {{ value: 7 }}, {{ eventId: 'order-1' }})</script>");
        await shop.AddTagAsync(page);
        await ArriveAsync(page, Of, "meta");
        var told = await page.EvaluateAsync<string>("JSON.stringify(got.meta.at(-1))");
        var rows = await shop.RowsAsync(page, Of);

        Assert.Equal(["Purchase", "page_view"], rows.Select(row => Text(row, "name")));
        Assert.Equal(("order-1", 7m), (Text(rows[0], "client_event_id"), (decimal)rows[0]["value"]!));
        Assert.Equal(meta.Told.Replace("$ID", "order-1", StringComparison.Ordinal), told);
    }

    [Fact]
    public async Task The_same_id_told_again_after_the_event_was_sent_is_not_recorded_again()
    {
        const string Of = "known-later";
        var page = await OpenAllAsync(Of);
        await page.EvaluateAsync("""
            new Promise((done) => px('track', 'Purchase', { value: 1 }, { eventId: 'order-2', callback: done }))
            """);
        await page.EvaluateAsync("""
            fbq('track', 'Purchase', { value: 1 }, { eventID: 'order-2' })
            gtag('event', 'purchase', { transaction_id: 'order-2' })
            lintrk('track', { conversion_id: 7, event_id: 'order-2' })
            ttq.track('Purchase', { value: 2 }, { event_id: 'order-3' })
            """);
        var rows = await shop.RowsAsync(page, Of);

        Assert.Equal([("Purchase", "order-2"), ("Purchase", "order-3")], rows.Skip(1).Select(row => (Text(row, "name"), Text(row, "client_event_id"))));
    }

    [Fact]
    public async Task An_id_stands_where_the_platform_looks_for_it_and_nothing_else_is_changed()
    {
        const string Of = "shapes";
        var page = await OpenAllAsync(Of);
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
        await ArriveAsync(page, Of, "tiktok");
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
        var rows = await SimpleAsync("personal", """
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
    public async Task A_platforms_page_view_joins_ours_and_gets_its_id()
    {
        const string Of = "views";
        shop.Scripts.Release(Of);
        var page = await shop.OpenAsync(Of, shop.Tag() + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, Of))) + """
            <script>gtag('event', 'page_view', { page_title: 'x' }); pintrk('track', 'pagevisit'); twq('track', 'PageView'); lintrk('track')</script>
            """);
        await page.EvaluateAsync("""
            new Promise((done) => px('track', 'flushed', {}, { callback: done })) // our page view is gone by now
            """);
        await page.EvaluateAsync("fbq('track', 'PageView'); ttq.page(); pintrk('page')");
        foreach (var vendor in Vendor.All) await ArriveAsync(page, Of, vendor.Key);
        var got = JsonNode.Parse(await page.EvaluateAsync<string>("JSON.stringify(got)"))!;
        await page.EvaluateAsync("history.pushState({}, '', '?view=2'); fbq('track', 'PageView'); ttq.page()");
        var last = await page.EvaluateAsync<string>("got.meta.at(-1)[3].eventID");
        var rows = await shop.RowsAsync(page, Of);

        Assert.Equal(["page_view", "flushed", "page_view"], rows.Select(row => Text(row, "name")));
        var id = Text(rows[0], "client_event_id");
        Assert.Equal(
            new Dictionary<string, string?> { ["meta"] = id, ["google"] = id, ["x"] = id, ["tiktok"] = null, ["reddit"] = id, ["pinterest"] = id, ["linkedin"] = null },
            Ids(rows[0]["properties"]!).ToDictionary(), (a, b) => a.OrderBy(one => one.Key).SequenceEqual(b.OrderBy(one => one.Key)));
        Assert.Equal([id, id], got["meta"]!.AsArray().Where(call => (string?)call![0] == "track").Select(call => (string?)call![3]!["eventID"]));
        Assert.Equal($$"""["event","page_view",{"page_title":"x","event_id":"{{id}}"}]""", Compact(got["google"]!.AsArray()[^1]));
        Assert.Equal($$"""["track","pagevisit",{"event_id":"{{id}}"}]""", Compact(got["pinterest"]!.AsArray().Single(call => Compact(call).Contains("pagevisit", StringComparison.Ordinal))));
        Assert.Equal(Text(rows[2], "client_event_id"), last);
    }

    [Theory]
    [MemberData(nameof(Vendors))]
    public async Task Where_the_tag_sees_no_page_views_itself_the_platforms_one_is_the_row(string key)
    {
        var of = $"bare-{key}";
        var page = await shop.OpenAsync(of, shop.Tag("bare") + shop.Snippet(Vendor.Of(key), of));
        await ArriveAsync(page, of, key);
        await page.EvaluateAsync("document.location.hash = 'top'");
        if (key == "meta") await page.EvaluateAsync("fbq('track', 'PageView')");
        var rows = await shop.RowsAsync(page, of, "bare");

        if (key == "linkedin")
        {
            Assert.Empty(rows); // its script looks at the page by itself: there is no call to be seen
            return;
        }

        var row = Assert.Single(rows);
        Assert.Equal(
            key switch { "meta" or "x" => "PageView", "google" => "page_view", "tiktok" => "Pageview", "reddit" => "PageVisit", _ => "page" }, Text(row, "name"));
        Assert.Equal(key, Text(row["properties"]!, "vendor"));
    }

    [Fact]
    public async Task Seven_page_views_of_seven_platforms_are_one_where_the_tag_sees_none_itself()
    {
        const string Of = "bare-all";
        var page = await shop.OpenAsync(Of, shop.Tag("bare") + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, Of))));
        await page.EvaluateAsync("new Promise((done) => px('track', 'flushed', {}, { callback: done }))");
        await page.EvaluateAsync("pintrk('track', 'pagevisit'); fbq('track', 'PageView'); history.pushState({}, '', '/bare-next'); fbq('track', 'PageView'); history.pushState({}, '', '/bare-all')");
        var rows = await shop.RowsAsync(page, Of, "bare");

        Assert.Equal(["PageView", "flushed"], rows.Select(row => Text(row, "name")));
        Assert.Equal("meta", Text(rows[0]["properties"]!, "vendor"));
    }

    [Fact]
    public async Task What_a_page_tells_while_it_is_prepared_counts_when_it_is_shown_and_its_view_once()
    {
        const string Of = "prepared", Next = "prepared-next";
        shop.Scripts.Release(Next);
        shop.Pages["/" + Next] = shop.Tag() + shop.Snippet(Vendor.Of("meta"), Next) + """
            <script>
              fbq('track', 'ViewContent', { value: 1 })
              const wasPrepared = document.prerendering
              addEventListener('load', () => fetch('/prepared-ready'))
              document.addEventListener('prerenderingchange', () => {
                px('track', 'told', { wasPrepared, ids: got.meta.slice(-2).map((call) => call.at(-1).eventID) })
                px('track', 'done')
              })
            </script>
            """;
        shop.Pages["/" + Of] = $$"""
            <script type="speculationrules">{"prerender":[{"source":"list","urls":["/{{Next}}"],"eagerness":"immediate"}]}</script>
            <script>
              const look = async () => (await (await fetch('/prepared-state')).text()).includes('go') ? location.href = '/{{Next}}' : setTimeout(look, 50)
              look()
            </script>
            """;
        var ready = shop.Pages.Asked("/prepared-ready");
        await using var somebody = Chromium.Alone(shop.Address(Of));
        await ready;
        shop.Pages["/prepared-state"] = "go";
        var rows = await shop.RowsAsync(Next);

        Assert.Equal(["page_view", "ViewContent", "told"], rows.Select(row => Text(row, "name")));
        Assert.True((bool)rows[2]["properties"]!["wasPrepared"]!);
        Assert.Equal(Text(rows[1], "client_event_id"), (string?)rows[2]["properties"]!["ids"]![1]);
        Assert.Equal(Text(rows[0], "client_event_id"), (string?)rows[2]["properties"]!["ids"]![0]);
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
        var page = await OpenAllAsync(Of);
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

    /// <summary>All seven stubs behind the tag, their scripts never there; runs the calls and gives the rows.</summary>
    private async Task<IReadOnlyList<JsonObject>> SimpleAsync(string of, string calls, string body = "")
    {
        var page = await OpenAllAsync(of, body);
        await page.EvaluateAsync($"(() => {{ {calls} }})()");
        return await shop.RowsAsync(page, of);
    }

    private Task<IPage> OpenAllAsync(string of, string body = "")
    {
        shop.Scripts.Block(of);
        return shop.OpenAsync(of, shop.Tag() + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, of))) + body);
    }

    private async Task ArriveAsync(IPage page, string of, string key)
    {
        shop.Scripts.Release(of);
        await page.WaitForFunctionAsync($"window.arrived?.['{key}']");
    }

    private static string Path(string test, string calls) => $"{test}-{string.GetHashCode(calls, StringComparison.Ordinal):x8}";

    private static IEnumerable<TheoryDataRow<string, string, string>> Of(IEnumerable<(string, string, string)> rows) => rows.Select(row => new TheoryDataRow<string, string, string>(row.Item1, row.Item2, row.Item3));

    private static string? Text(JsonNode row, string column) => row[column]?.ToString();

    private static IEnumerable<KeyValuePair<string, string?>> Ids(JsonNode properties) =>
        properties["vendors"]!.AsObject().Select(one => KeyValuePair.Create(one.Key, (string?)one.Value));

    private static string Compact(JsonNode? node) =>
        node?.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) ?? "null";
}

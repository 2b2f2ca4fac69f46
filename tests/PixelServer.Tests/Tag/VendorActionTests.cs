using System.Text.Json.Nodes;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;
using static PixelServer.Tests.Tag.VendorShop;

namespace PixelServer.Tests.Tag;

/// <summary>Whoever tells of an action, and however many do, it is one event, and all sides know it by one id.</summary>
[Collection(nameof(Alone))]
public sealed class VendorActionTests(VendorShop shop) : IClassFixture<VendorShop>
{
    public static TheoryData<string> Vendors() => [.. Vendor.All.Select(one => one.Key)];

    [Fact]
    public async Task Seven_stubs_for_one_purchase_are_one_row_and_all_sides_have_its_id()
    {
        const string Of = "one-action";
        shop.Scripts.Release(Of);
        var page = await shop.OpenAsync(Of, shop.Tag() + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, Of)))
            + $"<script>{string.Join("\n", Vendor.All.Select(vendor => vendor.Plain))}</script>");
        foreach (var vendor in Vendor.All) await shop.ArriveAsync(page, Of, vendor.Key);
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
        var rows = await shop.SimpleAsync(Of, """
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
        var rows = await shop.SimpleAsync(Path("same", calls), calls, "<button data-px-event=AddToCart></button>");

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
        var rows = (await shop.SimpleAsync(Path("again", calls), calls)).Skip(1).ToArray();

        Assert.Equal(names, rows.Select(row => Text(row, "name")));
        Assert.Equal(2, rows.Select(row => Text(row, "client_event_id")).Distinct().Count());
    }

    [Fact]
    public async Task What_happened_on_the_page_before_is_another_action_unless_it_led_here()
    {
        var rows = await shop.SimpleAsync("navigation", """
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
        var rows = (await shop.SimpleAsync(Path("repeated", calls), calls)).Skip(1).ToArray();

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

        var rows = await shop.SimpleAsync("documented", string.Join('\n', table.SelectMany(names =>
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
        await shop.ArriveAsync(page, Of, "meta");
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
        var page = await shop.OpenAllAsync(Of);
        await page.PromisedAsync("""
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
    public async Task A_platforms_page_view_joins_ours_and_gets_its_id()
    {
        const string Of = "views";
        shop.Scripts.Release(Of);
        var page = await shop.OpenAsync(Of, shop.Tag() + string.Concat(Vendor.All.Select(vendor => shop.Snippet(vendor, Of))) + """
            <script>gtag('event', 'page_view', { page_title: 'x' }); pintrk('track', 'pagevisit'); twq('track', 'PageView'); lintrk('track')</script>
            """);
        await page.PromisedAsync("""
            new Promise((done) => px('track', 'flushed', {}, { callback: done })) // our page view is gone by now
            """);
        await page.EvaluateAsync("fbq('track', 'PageView'); ttq.page(); pintrk('page')");
        foreach (var vendor in Vendor.All) await shop.ArriveAsync(page, Of, vendor.Key);
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
        await shop.ArriveAsync(page, of, key);
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
        await page.PromisedAsync("new Promise((done) => px('track', 'flushed', {}, { callback: done }))");
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

    private static string Path(string test, string calls) => $"{test}-{string.GetHashCode(calls, StringComparison.Ordinal):x8}";

    private static IEnumerable<KeyValuePair<string, string?>> Ids(JsonNode properties) =>
        properties["vendors"]!.AsObject().Select(one => KeyValuePair.Create(one.Key, (string?)one.Value));
}

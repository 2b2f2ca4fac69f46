using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using PixelServer.Tests.EndToEnd;

namespace PixelServer.Tests.Tag;

/// <summary>What <c>px(…)</c> means, in a real browser.</summary>
[Collection(nameof(Alone))]
public sealed class TagApiTests(Chromium chromium) : TagBrowser(chromium)
{
    [Fact]
    public async Task An_event_carries_the_page_the_person_the_amount_and_where_it_was_made()
    {
        var page = await OpenAsync("/cart?size=42");
        await page.EvaluateAsync("""
            document.title = 'Cart'
            px('identify', 'user-1', { plan: 'pro' })
            px('track', 'Purchase', { value: 49.9, currency: 'EUR', items: [{ sku: 'A-1' }] }, { eventId: 'order-1' })
            """);

        var purchase = await Collector.EventAsync("Purchase");

        Assert.Equal(
            ("shop", "order-1", "user-1", Shop("/cart?size=42"), "", "Cart", 49.9, "EUR"),
            (Text(purchase, "site_id"), Text(purchase, "event_id"), Text(purchase, "user_id"), Text(purchase, "url"), Text(purchase, "referrer"),
                Text(purchase, "title"), (double)purchase["value"]!, Text(purchase, "currency")));
        var properties = purchase["properties"]!.AsObject();
        Assert.Equal("""[{"sku":"A-1"}]""", properties["items"]!.ToJsonString());
        Assert.Equal(["items", "$tag"], properties.Select(one => one.Key));
        var tag = properties["$tag"]!.AsObject();
        Assert.Equal((Collector.Script.Version, 2, "1280x720", "de-DE"),
            (Text(tag, "v"), (int)tag["seq"]!, Text(tag, "screen"), Text(tag, "lang")));
        Assert.True(Guid.TryParse(Text(tag, "page"), out _), tag.ToJsonString());
        Assert.NotNull(TimeZoneInfo.FindSystemTimeZoneById(Text(tag, "tz")!));
        Assert.Equal("{}", purchase["consent"]!.ToJsonString());
    }

    [Fact]
    public async Task A_browser_that_a_program_drives_says_so_and_every_event_of_one_view_is_numbered()
    {
        Collector.Options = new();
        var page = await OpenAsync();
        await page.EvaluateAsync("px('track', 'a'); px('track', 'b'); px('page', { section: 'men' }); px('track', 'c')");
        await Collector.EventAsync("c");

        var made = Collector.Events.Select(one => (Name: Text(one, "event"), Tag: one["properties"]!["$tag"]!)).ToArray();
        Assert.Equal([("page_view", 1), ("a", 2), ("b", 3), ("page_view", 1), ("c", 2)], made.Select(one => (one.Name, (int)one.Tag["seq"]!)));
        Assert.Equal([3, 2], made.GroupBy(one => (string?)one.Tag["page"]).Select(view => view.Count()));
        Assert.All(made, one => Assert.True((bool)one.Tag["webdriver"]!));
        Assert.Equal("men", Text(Collector.Events[3]["properties"]!, "section"));
    }

    [Fact]
    public async Task Calls_before_the_file_arrives_keep_the_time_they_were_made_and_who_made_them()
    {
        Collector.Options = new();
        Pages["/"] = Collector.Snippet().Split('\n')[0] + """
            <script>
              px('identify', 'user-1')
              px('track', 'early', { value: 1 })
              const load = () => { const s = document.createElement('script'); s.src = SRC; document.head.append(s) }
            </script>
            """.Replace("SRC", $"'{Collector.Origin}/t.js?id=shop'", StringComparison.Ordinal);
        var page = await Visitor.NewPageAsync();
        await page.Clock.InstallAsync(new() { TimeDate = new DateTime(2026, 11, 24, 10, 0, 0, DateTimeKind.Utc) });
        await page.GotoAsync(Shop("/"));
        var called = await page.EvaluateAsync<double>("px.q[1][0]");
        await page.Clock.FastForwardAsync("00:07");
        await page.EvaluateAsync("load()"); // as a tag manager would
        await ReadyAsync(page);
        await page.EvaluateAsync("px('track', 'late')");
        await page.Clock.RunForAsync(1_000);
        var late = await Collector.EventAsync("late");

        var early = Collector.Events.Single(one => Text(one, "event") == "early");
        Assert.Equal((called, "user-1"), ((double)early["timestamp"]!, Text(early, "user_id")));
        Assert.True((double)late["timestamp"]! >= called + 7_000);
        var view = Collector.Events.Single(one => Text(one, "event") == "page_view");
        Assert.Equal(("user-1", true), (Text(view, "user_id"), (double)view["timestamp"]! <= called));
    }

    [Fact]
    public async Task An_address_or_a_number_never_leaves_the_page_in_clear()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("""
            px('identify', 'user-1', { email: ' Ann.Lee@Shop.example ', phone: '+49 30 1234', name: 'Ann', backup: 'ann@home.example', work_email: 7 })
            px('track', 'next')
            """);
        await Collector.EventAsync("next");

        var identify = Collector.Events[0];
        var properties = identify["properties"]!.AsObject();
        Assert.Equal(("identify", "user-1", "Ann"), (Text(identify, "event"), Text(identify, "user_id"), Text(properties, "name")));
        Assert.Equal(["name", "$tag", "email_sha256", "phone_sha256"], properties.Select(one => one.Key));
        Assert.Equal(Sha256("+49 30 1234"), Text(properties, "phone_sha256"));
        Assert.Equal(Sha256("ann.lee@shop.example"), Text(properties, "email_sha256"));
        Assert.DoesNotContain(Collector.Requests, one => one.Events.Any(made => made.ToJsonString().Contains('@', StringComparison.Ordinal) || made.ToJsonString().Contains("1234\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nor_does_one_behind_a_trait_that_is_missing_or_inside_another()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("px('identify', 'user-1', { email: null, phone: '+49 30 1234', contact: { mail: 'ann@shop.example' }, name: 'Ann' }); px('track', 'next')");
        await Collector.EventAsync("next");

        Assert.Equal(["name", "$tag", "phone_sha256"], Collector.Events[0]["properties"]!.AsObject().Select(one => one.Key));
    }

    [Fact]
    public async Task Where_the_page_is_not_secure_an_address_is_dropped_and_ids_are_made_all_the_same()
    {
        Pages["/"] = Collector.Snippet();
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync($"http://plain.example:{Pages.Port}/");
        await ReadyAsync(page);
        Assert.False(await page.EvaluateAsync<bool>("isSecureContext"));
        await page.EvaluateAsync("px('identify', 'user-1', { email: 'ann@shop.example' })");

        var identify = await Collector.EventAsync("identify");

        Assert.Equal(["$tag"], identify["properties"]!.AsObject().Select(one => one.Key));
        Assert.True(Guid.TryParse(Text(identify, "event_id"), out _));
    }

    [Fact]
    public async Task A_reset_forgets_the_person_and_asks_for_a_new_visitor()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("px('identify', 'user-1'); px('reset'); px('track', 'after')");
        await Collector.EventAsync("after");

        Assert.Equal(
            [("identify", "user-1", null), ("reset", null, "true"), ("after", null, null)],
            Collector.Events.Select(one => (Text(one, "event"), Text(one, "user_id"), one["$reset"]?.ToJsonString())));
    }

    [Fact]
    public async Task How_the_visitor_came_stays_with_the_events_of_a_page_that_shows_another_address()
    {
        var page = await OpenAsync("/landing?utm_source=mail&gclid=G-1&fbclid=F-1&ScCid=S-1&plan=pro");
        await page.EvaluateAsync("""
            px('track', 'here')
            history.replaceState({}, '', '/shop?utm_source=other')
            px('track', 'there', { gclid: 'mine' })
            """);
        var there = await Collector.EventAsync("there");

        Assert.Equal(["$tag"], Collector.Events[0]["properties"]!.AsObject().Select(one => one.Key));
        var properties = there["properties"]!.AsObject();
        Assert.Equal(("mine", "F-1", "S-1"), (Text(properties, "gclid"), Text(properties, "fbclid"), Text(properties, "ScCid")));
        Assert.False(properties.ContainsKey("utm_source") || properties.ContainsKey("plan"));
    }

    [Fact]
    public async Task The_ad_platforms_own_cookies_are_read_when_the_event_goes()
    {
        var page = await OpenAsync();
        await page.EvaluateAsync("""
            px('track', 'sale')
            for (const name of ['_fbp', '_fbc', '_ga', '_ga_ABC123', '_gcl_au', '_gcl_aw', '_ttp', 'ttclid', '_epik', '_pin_unauth', 'li_fat_id', '_rdt_uuid', '_rdt_cid', '_twclid', 'twclid', 'session', 'x_fbp', '_gat'])
              document.cookie = `${name}=of ${name}; path=/`
            """);
        var sale = await Collector.EventAsync("sale");

        var cookies = sale["properties"]!["$cookies"]!.AsObject();
        Assert.Equal(
            ["_epik", "_fbc", "_fbp", "_ga", "_ga_ABC123", "_gcl_au", "_gcl_aw", "_pin_unauth", "_rdt_cid", "_rdt_uuid", "_ttp", "_twclid", "li_fat_id", "ttclid", "twclid"],
            cookies.Select(one => one.Key).Order(StringComparer.Ordinal));
        Assert.Equal("of _ga_ABC123", Text(cookies, "_ga_ABC123"));
    }

    [Theory]
    [InlineData("px('no such command')")]
    [InlineData("px()")]
    [InlineData("px('track')")]
    [InlineData("px('track', 'x', null, null)")]
    [InlineData("px('track', 'x', { get y() { throw 1 } })")]
    [InlineData("px('identify')")]
    [InlineData("px('consent')")]
    [InlineData("const circle = {}; circle.circle = circle; px('track', 'circle', circle)")]
    [InlineData("px('track', 'big', { n: 1n })")]
    [InlineData("px('track', 'x', {}, { callback: () => { throw 1 } })")]
    [InlineData("px('track', 'x', {}, { callback: 'no function' })")]
    public async Task Nothing_is_thrown_into_the_page_and_the_next_event_arrives(string call)
    {
        var page = await OpenAsync();
        var errors = new List<string>();
        page.PageError += (_, error) => errors.Add(error);
        page.Console += (_, message) => errors.Add(message.Text);

        await page.EvaluateAsync(call);
        await page.EvaluateAsync("px('track', 'next')");
        await Collector.EventAsync("next");

        Assert.Empty(errors);
    }

    [Fact]
    public async Task Pasted_twice_it_counts_once_and_the_function_that_the_snippet_made_goes_on_working()
    {
        Collector.Options = new();
        Pages["/"] = $"{Collector.Snippet().Split('\n')[0]}<script>const early = px</script>{Collector.Snippet()}{Collector.Snippet()}";
        var page = await Visitor.NewPageAsync();
        await page.GotoAsync(Shop("/"), new() { WaitUntil = Microsoft.Playwright.WaitUntilState.Load });
        await page.EvaluateAsync("early('track', 'kept'); px('track', 'last')");
        await Collector.EventAsync("last");

        Assert.Equal(["page_view", "kept", "last"], Collector.Names);
    }

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string? Text(JsonNode row, string name) => row[name] is { } value ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
}

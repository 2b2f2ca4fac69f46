using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Which copies are one conversion, on both stores: docs/conversions.md says the same in words.</summary>
public sealed class ConversionsTests(SharedPostgres postgres)
{
    private static readonly DateTimeOffset s_noon = Events.Noon;
    private static readonly TimeSpan s_window = TimeSpan.FromHours(48);

    public static TheoryData<string> Stores => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_browsers_and_a_servers_copy_with_one_id_are_one_conversion(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(ConversionStore.Copy(s_noon), ConversionStore.Copy(s_noon.AddSeconds(2), Source.Server));

        var row = Assert.Single(await store.ConversionsAsync());

        Assert.Equal(("both", "2", "order-1"), (row["sides"], row["copies"], row["client_event_id"]));
        Assert.Equal(("2026-11-23T12:00:00.000000Z", "2026-11-23T12:00:02.000000Z"), (row["browser_received_at"], row["server_received_at"]));
        Assert.Equal(row["browser_event_id"], row["event_id"]);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_server_that_is_first_is_the_first_copy(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(ConversionStore.Copy(s_noon.AddSeconds(-1), Source.Server), ConversionStore.Copy(s_noon));

        var row = Assert.Single(await store.ConversionsAsync());

        Assert.Equal(("both", "beacon", "2026-11-23T11:59:59.000000Z"), (row["sides"], row["source"], row["received_at"]));
        Assert.Equal(row["server_event_id"], row["event_id"]);
    }

    [Theory]
    [InlineData("sqlite", 0, 1)]
    [InlineData("sqlite", 1, 2)]
    [InlineData("postgresql", 0, 1)]
    [InlineData("postgresql", 1, 2)]
    public async Task Copies_are_one_conversion_up_to_exactly_48_hours(string name, int microsecondsLater, int conversions)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(ConversionStore.Copy(s_noon), ConversionStore.Copy((s_noon + s_window).AddMicroseconds(microsecondsLater), Source.Server));

        Assert.Equal(conversions, (await store.ConversionsAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_time_runs_from_the_first_copy_so_an_id_that_is_always_used_does_not_swallow_a_year(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync([.. Enumerable.Range(0, 12).Select(i => ConversionStore.Copy(s_noon.AddHours(-47 * i), i % 2 == 0 ? Source.Server : Source.App))]);

        var rows = await store.ConversionsAsync();

        Assert.Equal(Enumerable.Repeat(("both", "2"), 6), rows.Select(row => (row["sides"]!, row["copies"]!)));
        Assert.Equal(Enumerable.Range(0, 6).Select(i => EventText.Time(s_noon.AddHours(-47 * 11 + 94 * i))), rows.Select(row => row["received_at"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Three_copies_are_one_conversion_and_a_replay_adds_a_copy_only(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(ConversionStore.Copy(s_noon), ConversionStore.Copy(s_noon, Source.Server), ConversionStore.Copy(s_noon.AddHours(1), Source.Pixel));
        await store.SaveAsync(ConversionStore.Copy(s_noon.AddHours(47), Source.Server));

        Assert.Equal(("both", "4"), One(await store.ConversionsAsync(), row => (row["sides"], row["copies"])));
        Assert.Equal("4", (await store.AskAsync("select count(*) from events"))[0]);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_same_id_under_another_name_or_site_is_another_conversion(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            ConversionStore.Copy(s_noon), ConversionStore.Copy(s_noon.AddSeconds(1), Source.Server, name: "lead"), ConversionStore.Copy(s_noon.AddSeconds(2), Source.Server, site: "blog"),
            ConversionStore.Copy(s_noon.AddSeconds(3), Source.Server, id: "ORDER-1"));

        Assert.Equal(["browser", "server", "server", "server"], (await store.ConversionsAsync()).Select(row => row["sides"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Without_an_id_each_event_is_a_conversion_whatever_else_is_equal(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        var (one, two) = (Guid.CreateVersion7(s_noon), Guid.CreateVersion7(s_noon));
        await store.SaveAsync(
            ConversionStore.Copy(s_noon, id: null, eventId: one), ConversionStore.Copy(s_noon, Source.Server, id: null, eventId: two),
            ConversionStore.Copy(s_noon, id: one.ToString())); // an id that is the text of another event's own

        Assert.Equal(["browser", "browser", "server"], (await store.ConversionsAsync()).Select(row => row["sides"]).Order());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Every_door_but_that_of_servers_is_the_persons_device(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        var doors = Enum.GetValues<Source>();
        await store.SaveAsync([.. doors.Select((door, i) => ConversionStore.Copy(s_noon.AddSeconds(i), door, id: door.ToString()))]);

        Assert.Equal(doors.Select(door => door == Source.Server ? "server" : "browser"), (await store.ConversionsAsync()).Select(row => row["sides"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task What_a_conversion_is_stands_in_a_table_that_operators_change(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            [.. new[] { "purchase", "Order Completed", "page_view", "add_to_cart", "demo_booked", "Purchase " }
                .SelectMany((one, i) => new[] { ConversionStore.Copy(s_noon.AddSeconds(2 * i), name: one), ConversionStore.Copy(s_noon.AddSeconds(2 * i + 1), name: one, site: "blog") })]);

        Assert.Equal(["purchase shop", "purchase blog", "Order Completed shop", "Order Completed blog"], await ConversionsAsync());

        await store.AskAsync("insert into conversion_names (site_id, name) values ('blog', 'demo_booked')");
        await store.AskAsync("delete from conversion_names where name = 'Order Completed'");
        await store.AskAsync("insert into conversion_names (site_id, name) values ('shop', 'purchase')"); // named twice, still counted once
        Assert.Equal(["purchase shop", "purchase blog", "demo_booked blog"], await ConversionsAsync());

        async Task<IEnumerable<string>> ConversionsAsync() => (await store.ConversionsAsync()).Select(row => $"{row["name"]} {row["site_id"]}");
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Steps_are_no_conversions_and_every_spelling_of_one_is(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);

        var names = await store.AskAsync("select name from conversion_names where site_id = '*'");

        Assert.Equal(
            ["Application Installed", "CompletePayment", "CompleteRegistration", "Contact", "Lead", "Order Completed", "Purchase", "SignUp", "Signed Up", "StartTrial",
             "SubmitForm", "Subscribe", "app_install", "complete_registration", "contact", "generate_lead", "lead", "purchase", "sign_up", "signup", "start_trial", "subscribe"],
            names.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_bot_is_a_conversion_with_its_label(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(ConversionStore.Copy(s_noon, label: new Label(Traffic.Bot, ["headless"])));

        Assert.Equal(("bot", "[\"headless\"]"), One(await store.ConversionsAsync(), row => (row["traffic"], row["traffic_reasons"])));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task An_empty_store_has_no_conversions_and_no_report(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);

        Assert.Empty(await store.ConversionsAsync());
        Assert.Empty(await store.Sides.AskAsync(new SidesQuestion(null, null, new DateOnly(2026, 11, 1), new DateOnly(2026, 11, 30)), 10, default));
    }

    [Fact]
    public async Task A_stretch_of_time_reads_48_hours_more_on_either_side_and_no_other_partition()
    {
        await using var store = await ConversionStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync([.. Enumerable.Range(10, 15).SelectMany(day => new[]
        {
            ConversionStore.Copy(new(2026, 11, day, 0, 0, 0, TimeSpan.Zero), id: $"{day}"),
            ConversionStore.Copy(new(2026, 11, day, 23, 0, 0, TimeSpan.Zero), Source.Server, id: $"{day - 1}"), // 47 hours after the browser's
        })]);

        const string Stretch = "conversions_between('2026-11-15 00:00Z', '2026-11-16 00:00Z')";
        var plan = string.Join('\n', await store.AskAsync($"explain select event_id, value, url from {Stretch}"));

        Assert.Equal(["both 15"], (await store.ConversionsAsync(Stretch)).Select(row => $"{row["sides"]} {row["client_event_id"]}"));
        Assert.Equal(["20261113", "20261114", "20261115", "20261116", "20261117"],
            Enumerable.Range(10, 15).Select(day => $"202611{day}").Where(day => plan.Contains("events_" + day, StringComparison.Ordinal)));
        var report = string.Join('\n', await store.AskAsync("explain select * from two_sides('shop', '2026-11-15', '2026-11-15') where name = 'purchase'"));
        Assert.Contains("events_20261113", report, StringComparison.Ordinal);
        Assert.DoesNotContain("events_20261112", report, StringComparison.Ordinal);
        Assert.DoesNotContain("events_20261118", report, StringComparison.Ordinal);
        Assert.Contains("site_id = 'shop'", report[report.IndexOf("Seq Scan on events_", StringComparison.Ordinal)..], StringComparison.Ordinal); // at the table, not above it
    }

    private static T One<T>(IReadOnlyList<IReadOnlyDictionary<string, string?>> rows, Func<IReadOnlyDictionary<string, string?>, T> read) => read(Assert.Single(rows));
}

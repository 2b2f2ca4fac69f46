using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Which copy each column of <c>conversions</c> comes from, on both stores: the table of docs/conversions.md, column by column.</summary>
public sealed class ConversionsBestTests(SharedPostgres postgres)
{
    private static readonly DateTimeOffset s_noon = Events.Noon;
    private static readonly Guid s_visitor = new("00005eed-0000-4000-9000-000000000001"), s_other = new("00005eed-0000-4000-9000-000000000002");

    // What a copy says, and the columns that must come from one copy. B says it in the browser, S on the server.
    private static readonly Dictionary<string, (bool ServerFirst, Func<string, Event> Said, string[] Columns)> s_parts = new()
    {
        ["value"] = (true, side => Of(side, value: side == "B" ? 1.5m : 2.5m, currency: side == "B" ? "EUR" : "USD"), ["value", "currency"]),
        ["user"] = (true, side => Of(side, userId: "user " + side), ["user_id"]),
        ["email"] = (true, side => Of(side, email: "email " + side), ["email_sha256"]),
        ["phone"] = (true, side => Of(side, properties: $$$"""{"$identities":{"phone_sha256":["phone {{{side}}}","other"]}}"""), ["phone_sha256"]),
        ["visitor"] = (false, side => Of(side, visitor: (side == "B" ? s_visitor : s_other, side == "B" ? VisitorKind.Cookie : VisitorKind.Client)), ["visitor_id", "visitor_kind"]),
        ["page"] = (false, side => Of(side, page: ("https://example/" + side, "title " + side)), ["url", "host", "path", "title"]),
        ["referrer"] = (false, side => Of(side, referrer: "https://before/" + side), ["referrer", "referrer_host"]),
        ["campaign"] = (false, side => Of(side, campaign: side == "B" ? ["google", null, "autumn", null, null] : ["crm", "mail", null, "boots", "video"]),
            ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"]),
        ["click"] = (false, side => Of(side, click: side == "B" ? ("gclid", "AbC") : ("fbclid", "xYz")), ["click_id_kind", "click_id"]),
        ["ip"] = (false, side => Of(side, ip: side == "B" ? "203.0.113.7" : "2001:db8::7"), ["ip"]),
        ["country"] = (false, side => Of(side, country: side == "B" ? "AT" : "DE"), ["country"]),
        ["agent"] = (false, side => Of(side, agent: "agent " + side), ["user_agent", "browser", "os", "device"]),
        ["traffic"] = (false, side => Of(side, label: side == "B" ? new Label(Traffic.Bot, ["headless"]) : new Label(Traffic.Unknown, ["sender"])), ["traffic", "traffic_reasons"]),
        ["properties"] = (false, side => Of(side, properties: $$"""{"{{side}}":1}"""), ["properties"]),
    };

    public static TheoryData<string, string> Parts => new(from store in new[] { "sqlite", "postgresql" } from part in s_parts.Keys select (store, part));

    public static TheoryData<string> Stores => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Parts))]
    public async Task What_both_say_one_says_and_none_says(string name, string part)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        var (serverFirst, said, columns) = s_parts[part];

        // The server's copy arrives first, so that the order of arrival cannot stand in for the choice.
        var (b, s) = (said("B"), said("S"));
        var both = await RowAsync(s, b);
        Assert.Equal(Own(serverFirst ? s : b), columns.Select(column => both[column]));

        if (part != "traffic") // every event has a label
        {
            var (nothingB, nothingS) = (Of("B"), Of("S"));
            var browserOnly = await RowAsync(nothingS, b);
            Assert.Equal(Own(b), columns.Select(column => browserOnly[column]));
            var serverOnly = await RowAsync(s, nothingB);
            Assert.Equal(Own(s), columns.Select(column => serverOnly[column]));
            var none = await RowAsync(nothingS, nothingB);
            if (part != "visitor") Assert.All(columns, column => Assert.Null(none[column]));
            else Assert.Equal(Own(nothingB), columns.Select(column => none[column])); // nobody's: the device's own id
        }

        var alone = await RowAsync(s);
        Assert.Equal(Own(s), columns.Select(column => alone[column]));

        IEnumerable<string?> Own(Event e) => columns.Select(column => ConversionModel.Best([e])[column]);

        async Task<IReadOnlyDictionary<string, string?>> RowAsync(params Event[] copies)
        {
            await store.AskAsync("delete from events");
            await store.SaveAsync(copies);
            return Assert.Single(await store.ConversionsAsync());
        }
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_first_copy_of_a_side_that_says_it_answers_for_the_side(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            Of("S", at: 0), Of("S", at: 1, value: 9.99m, currency: "EUR"), Of("S", at: 2, value: 1m, currency: "USD", userId: "late"),
            Of("B", at: 3, agent: "first"), Of("B", at: 4, agent: "second", page: ("https://example/", null)));

        var row = Assert.Single(await store.ConversionsAsync());

        Assert.Equal(("9.99", "EUR", "late", "first", "https://example/", "5"), (row["value"], row["currency"], row["user_id"], row["user_agent"], row["url"], row["copies"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_currency_without_an_amount_is_never_put_to_the_amount_of_the_other_copy(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(Of("S", currency: "USD"), Of("B", value: 5m));

        Assert.Equal(("5", null), (await store.ConversionsAsync()) is [var row] ? (row["value"], row["currency"]) : default);
    }

    [Theory]
    [InlineData("sqlite", "12345678901234567.89")]
    [InlineData("postgresql", "12345678901234567.89")]
    [InlineData("sqlite", "-999999999999999999")]
    [InlineData("postgresql", "-999999999999999999")]
    [InlineData("sqlite", "0.123456789")]
    [InlineData("postgresql", "0.123456789")]
    public async Task An_amount_keeps_every_digit_also_where_no_double_holds_it(string name, string amount)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(Of("B", value: 1m), Of("S", value: decimal.Parse(amount, System.Globalization.CultureInfo.InvariantCulture)));

        Assert.Equal(amount, Assert.Single(await store.ConversionsAsync())["value"]);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Consent_is_the_narrower_of_both_and_one_gpc_is_enough(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        for (var said = 0; said < 1 << 8; said++)
        {
            bool Bit(int at) => (said >> at & 1) == 1;
            await store.SaveAsync(
                Of("B", id: $"{said}", storage: Bit(0), measurement: Bit(1), ads: Bit(2), gpc: Bit(3)),
                Of("S", id: $"{said}", storage: Bit(4), measurement: Bit(5), ads: Bit(6), gpc: Bit(7)));
        }

        var rows = await store.ConversionsAsync();

        Assert.Equal(1 << 8, rows.Count);
        Assert.All(rows, row =>
        {
            var said = int.Parse(row["client_event_id"]!, System.Globalization.CultureInfo.InvariantCulture);
            var (browser, server) = (said & 15, said >> 4);
            Assert.Equal($"{browser & server & 7 | (browser | server) & 8:b4}", $"{row["gpc"]}{row["consent_ads"]}{row["consent_measurement"]}{row["consent_storage"]}");
        });
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Times_are_the_earliest_of_the_copies_each_by_itself(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            ConversionStore.Copy(s_noon, occurredAt: s_noon.AddMinutes(-1)), ConversionStore.Copy(s_noon.AddHours(3), Source.Server, occurredAt: s_noon.AddMinutes(-2)));

        var row = Assert.Single(await store.ConversionsAsync());

        Assert.Equal(("2026-11-23T12:00:00.000000Z", "2026-11-23T11:58:00.000000Z"), (row["received_at"], row["occurred_at"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_server_properties_are_there_beside_those_of_the_device(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync(Of("S", properties: """{"items":[{"sku":"a","price":0.1}]}"""), Of("B", properties: """{"$tag":{"seq":3}}"""));

        var row = Assert.Single(await store.ConversionsAsync());

        Assert.Equal(("""{"$tag":{"seq":3}}""", """{"items":[{"price":0.1,"sku":"a"}]}"""), (row["properties"], row["server_properties"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Phones_that_are_not_where_our_doors_write_them_are_none(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        string[] odd = ["{}", """{"$identities":7}""", """{"$identities":[]}""", """{"$identities":{"phone_sha256":[]}}""", """{"$identities":{"phone_sha256":null}}""", """{"phone_sha256":["x"]}"""];
        await store.SaveAsync([.. odd.Select((properties, i) => Of("S", at: i, id: $"{i}", properties: properties))]);

        Assert.All(await store.ConversionsAsync(), row => Assert.Null(row["phone_sha256"]));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_columns_are_those_of_events_in_their_order_and_eight_more(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);

        var columns = await store.AskAsync(name == "sqlite"
            ? "select name from pragma_table_info('conversions')"
            : "select attname::text from pg_attribute where attrelid = 'conversions'::regclass and attnum > 0 order by attnum");

        Assert.Equal([.. EventColumns.All.Select(column => column.Name), "sides", "copies", "browser_event_id", "server_event_id", "browser_received_at", "server_received_at", "phone_sha256", "server_properties"],
            columns);
    }

    private static Event Of(
        string side, int? at = null, string id = "order-1", (Guid Id, VisitorKind Kind)? visitor = null, string? userId = null, string? email = null, (string? Url, string? Title)? page = null,
        string? referrer = null, string?[]? campaign = null, (string Kind, string Id)? click = null, decimal? value = null, string? currency = null, string? ip = null,
        string? country = null, string? agent = null, Label? label = null, bool storage = true, bool measurement = true, bool ads = true, bool gpc = false, string? properties = null) =>
        ConversionStore.Copy(
            s_noon.AddSeconds(at ?? (side == "S" ? 0 : 1)), side == "S" ? Source.Server : Source.Beacon, id, visitor: visitor, userId: userId, email: email, page: page, referrer: referrer,
            campaign: campaign, click: click, value: value, currency: currency, ip: ip, country: country, agent: agent, label: label,
            storage: storage, measurement: measurement, ads: ads, gpc: gpc, properties: properties);
}

using System.Globalization;
using System.Runtime.CompilerServices;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Every query of <c>docs/queries.md</c> runs as it stands, on events whose answers are known.</summary>
public sealed class QueriesTests(SharedPostgres postgres) : IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);
    private IEventStore? _store;

    [Fact]
    public async Task Every_documented_query_gives_the_known_answer()
    {
        await SeedAsync();
        var queries = await QueriesAsync();
        Assert.Equal(16, queries.Count); // fifteen, the tenth with two
        var answers = new List<List<Dictionary<string, object?>>>();
        foreach (var query in queries[..13]) answers.Add(await AskAsync(query));
        await _store!.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. Tagged(DateTimeOffset.UtcNow.AddMinutes(-5), Guid.NewGuid())]), default);
        answers.Add(await AskAsync(queries[13]));
        await _store!.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. Leads(DateTimeOffset.UtcNow.AddMinutes(-5))]), default);
        foreach (var query in queries[14..]) answers.Add(await AskAsync(query));

        Assert.All(answers, Assert.NotEmpty);
        Assert.Equal((10L, 6L), (answers[0].Sum(row => (long)row["events"]!), answers[0].Sum(row => (long)row["human"]!)));
        Assert.Equal(("shop", 3L, 2L), One(answers[1], row => ((string)row["site_id"]!, (long)row["visitors"]!, (long)row["recognised"]!)));
        Assert.Equal(("shop.example", "/cart", 3L, 2L), One(answers[2], row => ((string)row["host"]!, (string)row["path"]!, (long)row["views"]!, (long)row["visitors"]!)));
        Assert.Equal([("l.facebook.com", 2L), ("(direct)", 1L)], answers[3].Select(row => ((string)row["came_from"]!, (long)row["visitors"]!)));
        Assert.Equal(("meta", "autumn", 1L, 49.90m), One(answers[4].Where(row => row["currency"] as string == "EUR"), row => ((string)row["utm_source"]!, (string)row["utm_campaign"]!, (long)row["purchases"]!, (decimal)row["value"]!)));
        Assert.Equal(("spring", 4L, 1L, 3L), One(answers[5], row => ((string)row["campaign"]!, (long)row["opens"]!, (long)row["opens_by_people"]!, (long)row["opens_by_machines"]!)));
        Assert.Equal([("EUR", 49.90m), ("USD", 5m)], answers[6].Select(row => ((string)row["currency"]!, (decimal)row["value"]!)));
        Assert.Equal(["page_view", "page_view", "purchase"], answers[7].Select(row => (string)row["name"]!).Order());
        Assert.Equal(["beacon", "email"], answers[8].Select(row => (string)row["source"]!));
        Assert.All(answers[8], row => Assert.Equal(3d, (double)row["median_seconds"]!));
        Assert.Equal(("22021", "https://shop.example/bad"), One(answers[9], row => ((string)row["code"]!, (string)row["url"]!)));
        Assert.Equal(110L, One(answers[10], row => (long)row["position"]!));
        Assert.Equal(("spring", "m-1", 1L, 1m, 3L, 0L), One(answers[11], row => ((string)row["campaign"]!, (string)row["message_id"]!, (long)row["readers"]!, (decimal)row["opens"]!, (long)row["only_machines_opened"]!, (long)row["clicked"]!)));
        Assert.Equal([("bot", "no_user_agent", 1L), ("bot", "scanner_open", 1L)], answers[12].Select(row => ((string)row["traffic"]!, (string)row["reason"]!, (long)row["fetches"]!)));
        Assert.Equal(("shop", 2L, 9L, 3m, 33.33m), One(answers[13], row => ((string)row["site_id"]!, (long)row["views"]!, (long)row["made"]!, (decimal)row["missing"]!, (decimal)row["percent_missing"]!)));
        Assert.Equal(
            [("lead", "EUR", 3L, 500m, 2L, 2L), ("purchase", "EUR", 1L, 49.90m, 0L, 1L), ("signup", "USD", 1L, 5m, 0L, 1L)],
            answers[14].Select(row => ((string)row["name"]!, (string)row["currency"]!, (long)row["conversions"]!, (decimal)row["value"]!, (long)row["told_by_both"]!, (long)row["human"]!)));
        Assert.Equal(
            [("lead", 3m, 66.7m, 0m, 33.3m), ("purchase", 1m, null, 1m, null), ("signup", 1m, null, 1m, null)],
            answers[15].Select(row => ((string)row["name"]!, (decimal)row["conversions"]!, row["server_matched_percent"] as decimal?, (decimal)row["browser_only_human"]!, row["without_email_percent"] as decimal?)));
    }

    [Fact]
    public async Task The_query_for_the_embedded_store_gives_the_known_answer()
    {
        var database = Path.Combine(Directory.CreateTempSubdirectory("pixelserver-queries-").FullName, "pixel.db");
        var store = new SqliteStore(database, new StoreOptions(), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<SqliteStore>.Instance);
        await store.PrepareAsync(default);
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. Tagged(DateTimeOffset.UtcNow.AddMinutes(-5), Guid.NewGuid())]), default);
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = Assert.Single(await QueriesAsync("sqlite"));
        await using var rows = await command.ExecuteReaderAsync();

        Assert.True(await rows.ReadAsync());
        Assert.Equal(("shop", 2L, 9L, 3L, 33.33), (rows.GetString(0), rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3), rows.GetDouble(4)));
        Assert.False(await rows.ReadAsync());
        Directory.Delete(Path.GetDirectoryName(database)!, recursive: true);
    }

    // Two that the page and the CRM tell of, and one that only the CRM knows, without an address.
    private static IEnumerable<Event> Leads(DateTimeOffset at)
    {
        foreach (var id in new[] { "lead-1", "lead-2", "lead-3" })
        {
            if (id != "lead-3") yield return ConversionStore.Copy(at, Source.Beacon, id, "lead");
            yield return ConversionStore.Copy(at.AddSeconds(30), Source.Server, id, "lead", email: id == "lead-3" ? null : "hash",
                value: id == "lead-3" ? 100m : 200m, currency: "EUR", label: new PixelServer.Enrich.Label(Traffic.Unknown, ["sender"]));
        }
    }

    // Of one view 1, 2, 4 and 6 arrived, of another, by images, 1 and 3; and what strangers write.
    private static IEnumerable<Event> Tagged(DateTimeOffset at, Guid visitor)
    {
        const string One = "6f0c6f1e-0000-4000-8000-000000000001", Two = "6f0c6f1e-0000-4000-8000-000000000002";
        foreach (var seq in new[] { 1, 2, 4, 6 }) yield return Make(at, visitor, "tagged", properties: $$$"""{"$tag":{"v":"1","page":"{{{One}}}","seq":{{{seq}}},"lang":"de"}}""");
        foreach (var seq in new[] { 1, 3 }) yield return Make(at, visitor, "tagged", properties: $$$"""{"$tag":"{\"v\":\"1\",\"page\":\"{{{Two}}}\",\"seq\":{{{seq}}},\"lang\":\"de\"}"}""");
        foreach (var tag in new[] { "7", "\"x\"", "null", "{\"page\":7,\"seq\":\"x\"}", "[{}]" }) yield return Make(at, visitor, "tagged", properties: $$"""{"$tag":{{tag}}}""");
    }

    [Fact]
    public async Task A_query_reads_only_the_partitions_of_the_days_it_names()
    {
        await SeedAsync();

        var plan = string.Join('\n', await _test.AskAsync("explain " + (await QueriesAsync())[1]));

        Assert.DoesNotContain("events_" + DateTime.UtcNow.AddDays(-6).ToString("yyyyMMdd", CultureInfo.InvariantCulture), plan, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    // Two recognised visitors and one daily id in the shop, four mail opens of which three are machines', one refused event.
    private async Task SeedAsync()
    {
        _test.Clock.SetUtcNow(DateTimeOffset.UtcNow); // the queries speak of now()
        var store = _store = await _test.FreshAsync();
        var now = DateTimeOffset.UtcNow.AddMinutes(-5);
        var (anna, ben, today) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        Event[] events =
        [
            Make(now, anna, "page_view"), Make(now.AddSeconds(1), anna, "page_view"), Make(now.AddSeconds(2), anna, "purchase", value: 49.90m, currency: "EUR"),
            Make(now.AddSeconds(3), ben, "page_view"),
            Make(now.AddSeconds(4), today, "signup", value: 5m, currency: "USD", kind: VisitorKind.Daily, referrerHost: null),
            Make(now.AddSeconds(5), Guid.NewGuid(), "page_view", traffic: Traffic.Bot),
            Make(now.AddSeconds(6), Guid.NewGuid(), "open", source: Source.Email, traffic: Traffic.MachineOpen, kind: VisitorKind.None, campaign: "spring"),
            Make(now.AddSeconds(7), Guid.NewGuid(), "open", source: Source.Email, traffic: Traffic.Prefetch, kind: VisitorKind.None, campaign: "spring"),
            Make(now.AddSeconds(8), Guid.NewGuid(), "open", source: Source.Email, traffic: Traffic.Bot, kind: VisitorKind.None, campaign: "spring"),
            Make(now.AddSeconds(9), Guid.NewGuid(), "open", source: Source.Email, traffic: Traffic.Human, kind: VisitorKind.None, campaign: "spring", referrerHost: "shop.example"),
        ];
        var journal = Guid.NewGuid();
        await store.SaveAsync(Events.Batch(journal, 0, events), default);
        await store.RejectAsync(Events.Batch(journal, 100, Make(now, anna, "bad", url: "https://shop.example/bad")), new RefusedRowException("22021", "NUL", null), default);
    }

    private static Event Make(
        DateTimeOffset at, Guid visitor, string name, decimal? value = null, string? currency = null, Source source = Source.Beacon,
        Traffic traffic = Traffic.Human, VisitorKind kind = VisitorKind.Cookie, string? referrerHost = "l.facebook.com", string campaign = "autumn",
        string url = "https://shop.example/cart", string properties = "") => new()
        {
            Hit = new Hit
            {
                EventId = Guid.NewGuid(),
                ReceivedAt = at,
                OccurredAt = at.AddSeconds(-3),
                SiteId = "shop",
                Source = source,
                Name = name,
                VisitorId = visitor,
                VisitorKind = kind,
                Url = url,
                Value = value,
                Currency = currency,
                ConsentStorage = true,
                ConsentMeasurement = true,
                ConsentAds = true,
                UserId = source == Source.Email ? $"reader {at.Second}" : null,
                Properties = source == Source.Email ? """{"message_id":"m-1","campaign":"spring"}"""u8.ToArray() : System.Text.Encoding.UTF8.GetBytes(properties),
            },
            Host = "shop.example",
            Path = "/cart",
            ReferrerHost = referrerHost,
            UtmSource = "meta",
            UtmCampaign = campaign,
            Traffic = traffic,
            TrafficReasons = source == Source.Email && traffic == Traffic.Bot ? ["scanner_open", "no_user_agent"] : [],
        };

    private static T One<T>(IEnumerable<Dictionary<string, object?>> rows, Func<Dictionary<string, object?>, T> read) => read(Assert.Single(rows));

    private async Task<List<Dictionary<string, object?>>> AskAsync(string sql)
    {
        await using var command = _test.Source.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync();
        var answers = new List<Dictionary<string, object?>>();
        while (await rows.ReadAsync())
            answers.Add(Enumerable.Range(0, rows.FieldCount).ToDictionary(rows.GetName, i => rows.IsDBNull(i) ? null : rows.GetValue(i)));
        return answers;
    }

    private static async Task<List<string>> QueriesAsync(string language = "sql", [CallerFilePath] string file = "")
    {
        var document = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(file)!, "../../../docs/queries.md"));
        return [.. document.Split($"```{language}\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)])];
    }
}

using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Benchmarks;

/// <summary>
/// How long conversions and the report of the two sides take over a million events of seven days, and what an index on the ids that
/// copies share would cost the writer and bring.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- sides</c>, from the root of the tree.
/// </summary>
internal static class SidesBenchmark
{
    private const int Rows = 200_000;
    private const int Days = 7;
    private const int History = 1_000_000;
    private const string Database = "postgres";

    private static readonly (string Name, string Sql)[] Candidates =
    [
        ("none", "select 1"),
        ("+ btree (site_id, name, client_event_id)", "create index one_more on events (site_id, name, client_event_id) where client_event_id is not null"),
    ];

    public static async Task RunAsync()
    {
        var midnight = new DateTimeOffset(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        await PostgresAsync(midnight);
        await SqliteAsync(midnight);
    }

    private static async Task PostgresAsync(DateTimeOffset midnight)
    {
        await using var cluster = new PostgresCluster();
        await cluster.StartAsync();
        var connectionString = PostgresConnection.Complete(cluster.ConnectionString(Database)) + ";Command Timeout=600";
        await using var source = NpgsqlDataSource.Create(connectionString + ";Maximum Pool Size=1"); // one session, whose processor time we read
        var store = new PostgresStore(source, connectionString, new StoreOptions(), TimeProvider.System, NullLogger<PostgresStore>.Instance);
        await store.PrepareAsync(default);
        var (first, last) = (midnight.AddDays(-Days), midnight.AddDays(-1));
        (string Name, string Sql)[] questions =
        [
            ("report, 7 days", $"select * from two_sides(null, '{first:yyyy-MM-dd}', '{last:yyyy-MM-dd}')"),
            ("report, 7 days, one site", $"select * from two_sides('shop', '{first:yyyy-MM-dd}', '{last:yyyy-MM-dd}')"),
            ("report, 1 day", $"select * from two_sides(null, '{last:yyyy-MM-dd}', '{last:yyyy-MM-dd}')"),
            ("conversions_between, 1 day, all columns", $"select * from conversions_between('{last:u}', '{midnight:u}')"),
            ("view, all columns", "select * from conversions"),
            ("view, sum of value", "select currency, count(*), sum(value) from conversions group by currency"),
            ("view, one id", "select * from conversions where site_id = 'shop' and name = 'purchase' and client_event_id = (select client_event_id from events where name = 'purchase' and site_id = 'shop' limit 1)"),
        ];

        Console.WriteLine($"PostgreSQL: {Rows} rows written in 5,000s, then {History} events over {Days} days; best of three, in ms");
        foreach (var (name, sql) in Candidates)
        {
            await ExecuteAsync(source, sql);
            var cpu = double.MaxValue;
            var events = RealisticEvents.Make(Rows, midnight, midnight.AddHours(1), ids: true);
            for (var round = 0; round < 5; round++)
            {
                await ExecuteAsync(source, "truncate events");
                await ExecuteAsync(source, "checkpoint");
                var before = await CopyBenchmark.ServerCpuAsync(source);
                await CopyBenchmark.WriteAsync(store, events, 5_000);
                cpu = Math.Min(cpu, (await CopyBenchmark.ServerCpuAsync(source) - before).TotalMicroseconds / Rows);
            }

            var size = await AskAsync(source, "select pg_size_pretty(sum(pg_indexes_size(inhrelid))) from pg_inherits where inhparent = 'events'::regclass");
            await ExecuteAsync(source, "truncate events");
            for (var day = 0; day < Days; day++) await CopyBenchmark.WriteAsync(store, Day(first.AddDays(day)), 5_000);
            await ExecuteAsync(source, "vacuum analyze events");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: session CPU {cpu:0.0} µs/row, indexes {size} for {Rows} rows"));
            await TellAsync(questions, question => AskAsync(source, question));
            await ExecuteAsync(source, "drop index if exists one_more");
        }

        await ExecuteAsync(source, "insert into conversion_names values ('*', 'page_view')");
        Console.WriteLine("every event a conversion:");
        await TellAsync([questions[0], questions[4], questions[5]], question => AskAsync(source, question));
    }

    private static async Task SqliteAsync(DateTimeOffset midnight)
    {
        var folder = Directory.CreateTempSubdirectory("pixelserver-sides-").FullName;
        var file = Path.Combine(folder, "pixel.db");
        await using var store = new SqliteStore(file, new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance);
        await store.PrepareAsync(default);
        for (var day = 0; day < Days; day++) await CopyBenchmark.WriteAsync(store, Day(midnight.AddDays(day - Days)), 5_000);
        var sides = new SqliteSides(file);
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=false");
        await connection.OpenAsync();
        Console.WriteLine($"SQLite {connection.ServerVersion}: {History} events over {Days} days; best of three, in ms");
        var last = DateOnly.FromDateTime(midnight.UtcDateTime).AddDays(-1);
        await TellAsync([("report, 7 days", "7"), ("report, 1 day", "1")],
            async days => await sides.AskAsync(new SidesQuestion(null, null, last.AddDays(1 - int.Parse(days, CultureInfo.InvariantCulture)), last), 10_000, default));
        await TellAsync([("view, all columns", "select * from conversions"), ("view, sum of value", "select currency, count(*), sum(value) from conversions group by currency")], question =>
        {
            using var command = connection.CreateCommand();
            command.CommandText = question;
            using var rows = command.ExecuteReader();
            while (rows.Read()) { }
            return Task.FromResult<object?>(null);
        });
        await connection.CloseAsync();
        Directory.Delete(folder, recursive: true);
    }

    // One event in fifty is a purchase, and of four purchases three are told of by the shop's server too, some seconds later.
    private static Event[] Day(DateTimeOffset from)
    {
        var events = RealisticEvents.Make(History * 985 / 1000 / Days, from, from.AddDays(1), ids: true);
        var told = events.Where((e, i) => e.Hit.Name == "purchase" && i % 4 != 0).Select((e, i) => OfServer(e.Hit, 1 + i % 9));
        return [.. events.Concat(told).OrderBy(e => e.Hit.ReceivedAt)];
    }

    private static Event OfServer(Hit hit, int later) => new()
    {
        Hit = new Hit
        {
            EventId = Guid.CreateVersion7(hit.ReceivedAt.AddSeconds(later)),
            ReceivedAt = hit.ReceivedAt.AddSeconds(later),
            OccurredAt = hit.ReceivedAt,
            SiteId = hit.SiteId,
            Source = Source.Server,
            Name = hit.Name,
            ClientEventId = hit.ClientEventId,
            VisitorId = Guid.NewGuid(),
            VisitorKind = VisitorKind.None,
            UserId = "user",
            EmailSha256 = new string('a', 64),
            Value = hit.Value,
            Currency = hit.Currency,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = true,
            Properties = """{"$identities":{"phone_sha256":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]},"items":3}"""u8.ToArray(),
        },
        Traffic = Traffic.Unknown,
        TrafficReasons = [],
    };

    private static async Task TellAsync((string Name, string Sql)[] questions, Func<string, Task<object?>> ask)
    {
        foreach (var (name, question) in questions)
        {
            var best = double.MaxValue;
            for (var round = 0; round < 3; round++)
            {
                var watch = Stopwatch.StartNew();
                await ask(question);
                best = Math.Min(best, watch.Elapsed.TotalMilliseconds);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name}: {best:0}"));
        }
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> AskAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync();
        object? first = null;
        while (await rows.ReadAsync()) first ??= rows.GetValue(0);
        return first;
    }
}

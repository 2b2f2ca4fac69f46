using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Benchmarks;

/// <summary>
/// What it costs the writer to keep who is who, and what each candidate index costs it and gives to the questions about one person.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- identity</c>, from the root of the tree.
/// </summary>
internal static class IdentityBenchmark
{
    private const int Rows = 200_000;
    private const int SqliteRows = 50_000;
    private const int HistoryDays = 4;
    private const int Rounds = 5;
    private const string Database = "postgres";

    private const string Bloom =
        """
        create index events_identity on events using brin (
          visitor_id uuid_bloom_ops (n_distinct_per_range = 500, false_positive_rate = 0.002),
          user_id text_bloom_ops (n_distinct_per_range = 250, false_positive_rate = 0.002),
          email_sha256 text_bloom_ops (n_distinct_per_range = 100, false_positive_rate = 0.002)
        ) with (pages_per_range = 32, autosummarize = on)
        """;

    private static readonly (string Name, string Sql)[] Candidates =
    [
        ("none", "select 1"),
        ("BRIN, bloom filters of visitor_id, user_id, email_sha256", Bloom),
        ("b-tree (visitor_id)", "create index one_more on events (visitor_id)"),
        ("b-tree (user_id) where not null", "create index one_more on events (user_id) where user_id is not null"),
        ("b-trees on all three, the last two where not null",
            "create index one_more on events (visitor_id); create index two_more on events (user_id) where user_id is not null; create index three_more on events (email_sha256) where email_sha256 is not null"),
    ];

    public static async Task RunAsync()
    {
        await using var cluster = new PostgresCluster();
        await cluster.StartAsync();
        var connectionString = PostgresConnection.Complete(cluster.ConnectionString(Database));
        await using var source = NpgsqlDataSource.Create(connectionString + ";Maximum Pool Size=1"); // one session, whose processor time we read
        var store = new PostgresStore(source, connectionString, new StoreOptions(), TimeProvider.System, NullLogger<PostgresStore>.Instance);
        await store.PrepareAsync(default);
        var now = TimeProvider.System.GetUtcNow();
        await ExecuteAsync(source, "drop index events_identity");

        Console.WriteLine($"PostgreSQL, {Rows} rows in transactions of 5,000, {Rounds} rounds: session CPU and own CPU in µs/row, median (best)");
        await MeasureAsync(source, store, "events name nobody", RealisticEvents.Make(Rows, now.AddMinutes(-10), now, VisitorKind.Daily), "truncate identity_edges");
        var same = RealisticEvents.Make(Rows, now.AddMinutes(-10), now, loggedIn: true);
        await MeasureAsync(source, store, "one visitor in five is logged in, all for the first time", same, "truncate identity_edges");
        await MeasureAsync(source, store, "the same, known in this hour", same, "select 1");
        await MeasureAsync(source, store, "the same, each for the first time in a new hour", same, "update identity_edges set first_seen_at = first_seen_at - interval '1 hour', last_seen_at = last_seen_at - interval '1 hour'; vacuum identity_edges");
        await MeasureAsync(source, store, "one event in five names any user: every pair is new", RealisticEvents.Make(Rows, now.AddMinutes(-10), now), "truncate identity_edges");

        Console.WriteLine($"\nIndexes; then {HistoryDays * Rows} rows over {HistoryDays} days: size per day, seconds to sum up a day, everything_of_person and person_of_visitor in ms, best of three");
        foreach (var (name, sql) in Candidates)
        {
            await ExecuteAsync(source, "truncate identity_edges");
            await ExecuteAsync(source, sql);
            await MeasureAsync(source, store, name, same, "select 1");
            var summed = Stopwatch.StartNew();
            if (sql == Bloom) await ExecuteAsync(source, $"select brin_summarize_new_values(indexrelid) from pg_stat_user_indexes where indexrelname like 'events_{now.UtcDateTime:yyyyMMdd}_visitor%'");
            var seconds = summed.Elapsed.TotalSeconds;
            for (var day = 1; day < HistoryDays; day++)
                await CopyBenchmark.WriteAsync(store, RealisticEvents.Make(Rows, now.AddDays(-day), now.AddDays(1 - day).AddMinutes(-10), loggedIn: true), 5_000);
            await ExecuteAsync(source, "vacuum analyze events");
            await ExecuteAsync(source, "vacuum analyze identity_edges");
            var size = await AskAsync(source, "select pg_size_pretty(sum(pg_relation_size(i.indexrelid)) / 4) from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid in (select inhrelid from pg_inherits where inhparent = 'events'::regclass) and pg_get_indexdef(i.indexrelid) not like '%(received_at)%'");
            var visitor = await AskAsync(source, "select from_id from identity_edges where from_kind = 'visitor' limit 1");
            var (byUser, byVisitor) = (await BestAsync(source, "select * from everything_of_person('shop', 'user12345')"), await BestAsync(source, $"select * from everything_of_person('shop', '{visitor}')"));
            var day1 = await BestAsync(source, $"select * from everything_of_person('shop', '{visitor}', now() - interval '20 hours')");
            var person = await BestAsync(source, $"select * from person_of_visitor('shop', '{visitor}')");
            await ExecuteAsync(source, "set jit = off");
            var (all, persons) = (await BestAsync(source, "select count(distinct person_id) from person_events"), await BestAsync(source, "select count(*) from persons"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  size {size}, {seconds:0.00} s; by user {byUser:0} ms, by visitor {byVisitor:0} ms, one day of it {day1:0} ms, person_of_visitor {person:0.0} ms; persons of all events {all:0} ms, persons {persons:0} ms"));
            await ExecuteAsync(source, "truncate events");
            foreach (var index in new[] { "events_identity", "one_more", "two_more", "three_more" }) await ExecuteAsync(source, $"drop index if exists {index}");
        }

        await SqliteAsync(now);
    }

    private static async Task MeasureAsync(NpgsqlDataSource source, PostgresStore store, string name, Event[] events, string before)
    {
        var (server, own) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            await ExecuteAsync(source, "truncate events");
            foreach (var sql in before.Split(';')) await ExecuteAsync(source, sql);
            await ExecuteAsync(source, "checkpoint");
            var (serverBefore, ownBefore) = (await CopyBenchmark.ServerCpuAsync(source), Environment.CpuUsage.TotalTime);
            await CopyBenchmark.WriteAsync(store, events, 5_000);
            own.Add((Environment.CpuUsage.TotalTime - ownBefore).TotalMicroseconds / Rows);
            server.Add((await CopyBenchmark.ServerCpuAsync(source) - serverBefore).TotalMicroseconds / Rows);
        }

        var edges = await AskAsync(source, "select count(*) || ' edges, ' || pg_size_pretty(pg_total_relation_size('identity_edges')) from identity_edges");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}: session {Median(server):0.0} ({server.Min():0.0}), own {Median(own):0.00} ({own.Min():0.00}); {edges}"));
    }

    private static async Task SqliteAsync(DateTimeOffset now)
    {
        Console.WriteLine($"\nSQLite, {SqliteRows} rows in transactions of 5,000, {Rounds} rounds: own CPU in µs/row, median (best); then everything of a user and of a visitor in ms");
        foreach (var (name, kind, sql) in ((string, VisitorKind, string)[])
            [("names nobody, no index", VisitorKind.Daily, "select 1"), ("no index", VisitorKind.Cookie, "select 1"),
             ("(visitor_id)", VisitorKind.Cookie, "create index one_more on events (visitor_id)"),
             ("(user_id), (email_sha256) where not null", VisitorKind.Cookie, "create index one_more on events (user_id) where user_id is not null; create index two_more on events (email_sha256) where email_sha256 is not null"),
             ("all three", VisitorKind.Cookie, "create index one_more on events (user_id) where user_id is not null; create index two_more on events (email_sha256) where email_sha256 is not null; create index three_more on events (visitor_id)")])
        {
            var costs = new List<double>();
            var events = RealisticEvents.Make(SqliteRows, now.AddMinutes(-10), now, kind, loggedIn: true);
            var times = "";
            for (var round = 0; round < Rounds; round++)
            {
                using var folder = new TempFolder();
                var store = new SqliteStore(folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance);
                await store.PrepareAsync(default);
                await using var connection = new SqliteConnection($"Data Source={folder.File("pixel.db")};Pooling=false");
                await connection.OpenAsync();
                await RunAsync(connection, "drop index if exists events_visitor_id; drop index if exists events_user_id; drop index if exists events_email_sha256; " + sql);
                var before = Environment.CpuUsage.TotalTime;
                await CopyBenchmark.WriteAsync(store, events, 5_000);
                costs.Add((Environment.CpuUsage.TotalTime - before).TotalMicroseconds / SqliteRows);
                if (round == 0)
                {
                    var watch = Stopwatch.StartNew();
                    await RunAsync(connection, "select count(*) from events where user_id = 'user12345' or visitor_id in (select from_id from identity_edges where to_id = 'user12345')");
                    times = $"events {watch.Elapsed.TotalMilliseconds:0.0} ms";
                    watch.Restart();
                    await RunAsync(connection, "select count(*) from person_events where person_id = 'user:user12345'");
                    times += $", person_events {watch.Elapsed.TotalMilliseconds:0} ms, file {new FileInfo(folder.File("pixel.db")).Length >> 20} MB";
                }

                await store.DisposeAsync();
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {Median(costs):0.0} ({costs.Min():0.0}); {times}"));
        }
    }

    private static async Task RunAsync(SqliteConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync() || await rows.NextResultAsync()) { }
    }

    private static async Task<double> BestAsync(NpgsqlDataSource source, string sql)
    {
        var best = double.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var watch = Stopwatch.StartNew();
            await AskAsync(source, sql);
            best = Math.Min(best, watch.Elapsed.TotalMilliseconds);
        }

        return best;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 300;
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> AskAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 300;
        await using var rows = await command.ExecuteReaderAsync();
        object? first = null;
        while (await rows.ReadAsync()) first ??= rows.GetValue(0);
        return first;
    }
}

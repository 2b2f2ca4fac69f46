using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Benchmarks;

/// <summary>
/// What each candidate index costs the writer and gives to the queries of docs/queries.md.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- indexes</c>, from the root of the tree.
/// </summary>
internal static class IndexBenchmark
{
    private const int Rows = 200_000;
    private const int HistoryDays = 4;
    private const string Database = "postgres";

    private static readonly (string Name, string Sql)[] Candidates =
    [
        ("none", "drop index events_received_at"),
        ("brin (received_at)", "create index events_received_at on events using brin (received_at) with (pages_per_range = 32, autosummarize = on)"),
        ("+ btree (received_at)", "create index one_more on events (received_at)"),
        ("+ btree (site_id, received_at)", "create index one_more on events (site_id, received_at)"),
        ("+ btree (visitor_id, received_at)", "create index one_more on events (visitor_id, received_at)"),
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
        var queries = (await File.ReadAllTextAsync("docs/queries.md")).Split("```sql\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)]).ToList();
        queries.Add("select count(*) from events where site_id = 'shop' and received_at >= now() - interval '15 minutes'");
        queries.Add("select * from events where received_at > now() - interval '1 minute' order by received_at desc limit 100");

        Console.WriteLine($"{Rows} rows written in 5,000s, then {HistoryDays * Rows} rows over {HistoryDays} days; queries in ms, best of three; columns: index, server CPU µs/row, best rows/s, size, queries 1 to 11 as documented, 12 one site's last 15 minutes, 13 newest 100");
        foreach (var (name, sql) in Candidates)
        {
            await ExecuteAsync(source, sql);
            var (cpu, rate) = (double.MaxValue, 0.0);
            var events = RealisticEvents.Make(Rows, now.AddMinutes(-10), now);
            for (var round = 0; round < 5; round++)
            {
                await ExecuteAsync(source, "truncate events");
                await ExecuteAsync(source, "checkpoint");
                var before = await CopyBenchmark.ServerCpuAsync(source);
                var watch = Stopwatch.StartNew();
                await CopyBenchmark.WriteAsync(store, events, 5_000);
                rate = Math.Max(rate, Rows / watch.Elapsed.TotalSeconds);
                cpu = Math.Min(cpu, (await CopyBenchmark.ServerCpuAsync(source) - before).TotalMicroseconds / Rows);
            }

            for (var day = 1; day < HistoryDays; day++)
                await CopyBenchmark.WriteAsync(store, RealisticEvents.Make(Rows, now.AddDays(-day), now.AddDays(1 - day).AddMinutes(-10)), 5_000);
            await ExecuteAsync(source, "vacuum analyze events");
            var size = await AskAsync(source, "select pg_size_pretty(sum(pg_indexes_size(inhrelid))) from pg_inherits where inhparent = 'events'::regclass");

            var times = new List<string>();
            foreach (var query in queries)
            {
                var best = double.MaxValue;
                for (var round = 0; round < 3; round++)
                {
                    var watch = Stopwatch.StartNew();
                    await AskAsync(source, query);
                    best = Math.Min(best, watch.Elapsed.TotalMilliseconds);
                }

                times.Add(best.ToString("0.0", CultureInfo.InvariantCulture));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {cpu:0.0} | {rate:0} | {size} | {string.Join(" | ", times)} |"));
            await ExecuteAsync(source, "truncate events");
            await ExecuteAsync(source, "drop index if exists one_more");
        }
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 300;
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

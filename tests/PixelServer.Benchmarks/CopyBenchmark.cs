using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Benchmarks;

/// <summary>
/// How fast the writer is beside psql's own COPY of the same rows into the same table. Budget: 0.8 of psql; encoding about 1 µs a row.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- copy</c>
/// </summary>
internal static class CopyBenchmark
{
    private const int Rows = 200_000;
    private const int Rounds = 7;
    private const string Database = "postgres";

    /// <param name="batchSize">Events in a transaction of the writer.</param>
    public static async Task RunAsync(int batchSize)
    {
        await using var cluster = new PostgresCluster();
        await cluster.StartAsync();
        var connectionString = PostgresConnection.Complete(cluster.ConnectionString(Database));
        await using var source = NpgsqlDataSource.Create(connectionString + ";Maximum Pool Size=1");
        var store = new PostgresStore(source, connectionString, new StoreOptions(), TimeProvider.System, NullLogger<PostgresStore>.Instance);
        await store.PrepareAsync(default);

        var now = TimeProvider.System.GetUtcNow();
        var events = RealisticEvents.Make(Rows, now.AddHours(-1), now);
        var files = Directory.CreateTempSubdirectory("pixelserver-copy-").FullName;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"encoder alone: {Encode(events):0.00} µs/row"));

        await WriteAsync(store, events, batchSize);
        var (binary, text) = (Path.Combine(files, "events.bin"), Path.Combine(files, "events.txt"));
        await cluster.PsqlAsync(Database, "-c", $"\\copy (select * from events) to '{binary}' (format binary)");
        await cluster.PsqlAsync(Database, "-c", $"\\copy (select * from events) to '{text}'");
        Console.WriteLine($"{Rows} rows, {new FileInfo(binary).Length / Rows} bytes/row binary, {new FileInfo(text).Length / Rows} text");

        Console.WriteLine("round  writer  psql binary  psql text   (rows/s)   writer/binary  writer/text  writer CPU  session CPU (µs/row)");
        var ratios = new List<(double Binary, double Text)>();
        for (var round = 1; round <= Rounds; round++)
        {
            var (own, server) = (Environment.CpuUsage.TotalTime, await ServerCpuAsync(source));
            var writer = await TimeAsync(source, () => WriteAsync(store, events, batchSize));
            (own, server) = (Environment.CpuUsage.TotalTime - own, await ServerCpuAsync(source) - server);
            var psqlBinary = await TimeAsync(source, () => cluster.PsqlAsync(Database, "-c", $"\\copy events from '{binary}' (format binary)"));
            var psqlText = await TimeAsync(source, () => cluster.PsqlAsync(Database, "-c", $"\\copy events from '{text}'"));
            ratios.Add((writer / psqlBinary, writer / psqlText));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{round,5}  {writer,6:0}  {psqlBinary,11:0}  {psqlText,9:0}              {writer / psqlBinary,13:0.00}  {writer / psqlText,11:0.00}  {own.TotalMicroseconds / Rows,10:0.00}  {server.TotalMicroseconds / Rows,10:0.00}"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"median ratio: {Median(ratios.Select(r => r.Binary)):0.00} of psql binary, {Median(ratios.Select(r => r.Text)):0.00} of psql text"));
        Directory.Delete(files, recursive: true);
    }

    /// <summary>Stores all events as the drain does: batch by batch, each with its commit.</summary>
    public static async Task WriteAsync(IEventStore store, Event[] events, int batchSize)
    {
        var (journal, position) = (Guid.NewGuid(), 0L);
        foreach (var batch in events.Chunk(batchSize))
        {
            var ends = Enumerable.Range(1, batch.Length).Select(i => position + i).ToArray();
            await store.SaveAsync(new EventBatch(journal, position, batch, ends, ends[^1]), default);
            position = ends[^1];
        }
    }

    /// <returns>Rows per second, with an empty table and no checkpoint in the way.</returns>
    public static async Task<double> TimeAsync(NpgsqlDataSource source, Func<Task> work)
    {
        foreach (var sql in new[] { "truncate events", "checkpoint" })
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync();
        }

        var watch = Stopwatch.StartNew();
        await work();
        return Rows / watch.Elapsed.TotalSeconds;
    }

    /// <summary>Processor time of the one session of <paramref name="source"/>: unlike the clock it does not mind who else uses the machine.</summary>
    public static async Task<TimeSpan> ServerCpuAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("select pg_backend_pid()");
        using var session = Process.GetProcessById((int)(await command.ExecuteScalarAsync())!);
        return session.TotalProcessorTime;
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static double Encode(Event[] events)
    {
        var buffer = new byte[128 * 1024];
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 10; round++)
        {
            var watch = Stopwatch.StartNew();
            var rows = new PostgresRows(buffer);
            foreach (var e in events)
            {
                if (PostgresRows.MaxSize(e) > buffer.Length - rows.Written) rows = new PostgresRows(buffer);
                rows.Write(e);
            }

            if (watch.Elapsed < best) best = watch.Elapsed;
        }

        return best.TotalMicroseconds / events.Length;
    }
}

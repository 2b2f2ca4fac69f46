using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// The promise of the whole server, kept under fire: clients send while the program is killed and started again, and its
/// database comes and goes; afterwards the <see cref="Oracle"/> knows of every event what became of it.
/// </summary>
/// <remarks>The long form is <c>bench/kill.sh</c>. A run's choices follow from its seed, which is printed; its timing does not.</remarks>
[Collection(nameof(Alone))]
public sealed class KillTests(ITestOutputHelper output)
{
    private static readonly int s_events = Number("PIXEL_KILL_EVENTS", 4_000);
    private static readonly int s_kills = Number("PIXEL_KILLS", 5);
    private static readonly TimeSpan s_drainPatience = TimeSpan.FromMinutes(2);
    private static readonly int s_seed = Number("PIXEL_KILL_SEED", Random.Shared.Next());

    [Fact]
    public async Task Every_acknowledged_event_is_in_PostgreSQL_once_though_the_server_is_killed_and_PostgreSQL_stops()
    {
        await using var cluster = SharedPostgres.NewCluster();
        using var folder = new TempFolder();
        var connection = await cluster.CreateDatabaseAsync();
        await RunAsync("PostgreSQL", folder, connection, Tables.Postgres(connection), plan => BreakPostgresAsync(cluster, plan));
    }

    [Fact]
    public async Task Every_acknowledged_event_is_in_SQLite_once_though_the_server_is_killed()
    {
        using var folder = new TempFolder();
        await RunAsync("SQLite", folder, "", Tables.Sqlite(folder.File("pixel.db")), _ => Task.CompletedTask);
    }

    private async Task RunAsync(string store, TempFolder folder, string connection, Tables tables, Func<Plan, Task> breakStore)
    {
        // Small segments that go as soon as they are delivered: many of them begin, end and vanish under the kills.
        await using var server = new ServerProcess(
            folder.Path, $"--ConnectionStrings:Postgres={connection}", "--Pixel:Journal:SegmentBytes=1048576", "--Pixel:Journal:RetainFor=00:00:00");
        using var over = new CancellationTokenSource(TimeSpan.FromMinutes(30));
        var (oracle, random) = (new Oracle(), new Random(s_seed));
        var plan = new Plan(oracle, s_events, random);
        var begun = Stopwatch.GetTimestamp();

        await server.StartReadyAsync();
        var clients = Enumerable.Range(0, 16).Select(client => SendAsync(client, server.Port, oracle, over.Token)).ToList();
        var faults = Task.WhenAll(KillAsync(server, plan), breakStore(plan));
        try
        {
            // A fault that fails would leave the clients without a server for good: it is told first.
            if (await Task.WhenAny(Task.WhenAll(clients), faults) == faults) await faults;
            await Task.WhenAll(clients);
            await faults;
        }
        finally
        {
            await over.CancelAsync();
        }

        var sent = Stopwatch.GetElapsedTime(begun);

        var fresh = Sample.Of("fresh-0");
        using (var wire = new Wire(server.Port)) Assert.Equal(200, await wire.SendAsync(fresh.AsPixel("fresh.test")));
        oracle.Told([fresh.Id], 200);
        // The fresh event waits in the journal's newest run, which is delivered last: when it waits no more, nothing does.
        await Eventually.TrueAsync(
            async () => (await server.MetricsAsync())["pixel_events_waiting"] == 0, () => $"nothing waits in the journal\n{server.Said}", s_drainPatience);
        var rows = await StoredAsync(tables);
        var found = oracle.Judge(rows);
        var (rejected, metrics) = (await tables.CountAsync("events_rejected"), await server.MetricsAsync());

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {store}, seed {s_seed}: {plan.Told}
            {oracle.Acknowledged} events acknowledged, {oracle.Refused} refused, {oracle.Unknown} without an answer ({found} of them stored)
            {rows.Count} rows, {rows.DistinctBy(row => row.Id).Count()} different ids, 0 lost, 0 doubled, 0 changed, 0 from nowhere, {rejected} rejected
            {sent.TotalSeconds:0.0} s of sending ({oracle.Acknowledged / sent.TotalSeconds:0} events/s, faults included), {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s in all
            """));
        Assert.Equal(0, rejected);
        Assert.All(["pixel_quarantined_segments", "pixel_quarantined_records_total", "pixel_missing_segments"], damage => Assert.Equal(0, metrics[damage]));
        Assert.Equal(metrics["pixel_events_received_total"] + metrics["pixel_events_recovered_total"],
            metrics["pixel_events_stored_total"] + metrics["pixel_events_rejected_total"] + metrics["pixel_events_waiting"] + metrics.GetValueOrDefault("pixel_events_refused_total"));
        Assert.Equal(0, await server.StopAsync());
    }

    /// <summary>Sends until enough events of all clients together are acknowledged: three of four requests fetch the pixel, the others post a batch.</summary>
    private static async Task SendAsync(int client, int port, Oracle oracle, CancellationToken over)
    {
        var (random, next) = (new Random(HashCode.Combine(s_seed, client)), 0);
        using var wire = new Wire(port);
        while (oracle.Acknowledged < s_events)
        {
            var samples = Enumerable.Range(0, random.Next(4) > 0 ? 0 : random.Next(1, 6)).Select(_ => Sample.Of($"c{client}-{next++}")).ToList();
            var request = samples.Count > 0 ? Sample.AsBeacon("kill.test", samples) : Sample.Of($"c{client}-{next}").AsPixel("kill.test");
            if (samples.Count == 0) samples.Add(Sample.Of($"c{client}-{next++}"));

            var status = await wire.SendAsync(request);
            while (status == Wire.NotSent)
            {
                await Task.Delay(10, over); // the server is down: knock until it is back
                status = await wire.SendAsync(request);
            }

            // A batch that was refused for the moment may have been taken in part.
            oracle.Told(samples.Select(sample => sample.Id), status >= 500 && samples.Count > 1 ? Wire.NoAnswer : status);
        }
    }

    private static async Task KillAsync(ServerProcess server, Plan plan)
    {
        foreach (var moment in plan.Moments(s_kills))
        {
            await plan.ReachAsync(moment);
            await server.KillAsync();
            plan.Count("kills");
            if (plan.Random.Next(4) == 0)
            {
                server.Start(); // and again somewhere in the middle of the start
                await Task.Delay(plan.Random.Next(50, 1_000));
                await server.KillAsync();
                plan.Count("kills");
                plan.Count("of them while starting");
            }

            await server.StartReadyAsync();
        }
    }

    private static async Task BreakPostgresAsync(PostgresCluster cluster, Plan plan)
    {
        foreach (var pair in plan.Moments(Math.Max(2, s_kills / 3) * 2).Chunk(2))
        {
            await plan.ReachAsync(pair[0]);
            if (plan.Random.Next(2) == 0)
            {
                await cluster.StopAsync();
                plan.Count("PostgreSQL stops");
            }
            else
            {
                await cluster.StopHardAsync();
                plan.Count("PostgreSQL crashes");
            }

            await plan.ReachAsync(pair[1]);
            await cluster.StartAsync();
        }
    }

    private static Task<IReadOnlyList<StoredSample>> StoredAsync(Tables tables) => tables.QueryAsync(
        "select client_event_id, name, user_id, url, cast(properties as text) from events",
        row => new StoredSample(row.GetString(0), row.GetString(1), Text(row, 2), Text(row, 3), Text(row, 4)));

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    /// <summary>When the faults happen: not by the clock but by how many events have been acknowledged, so that they find the server at work.</summary>
    private sealed class Plan(Oracle oracle, int events, Random random)
    {
        private readonly Lock _lock = new();
        private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

        public Random Random { get; } = new(random.Next());

        public string Told { get { lock (_lock) return string.Join(", ", _counts.Select(one => $"{one.Value} {one.Key}")); } }

        /// <summary>Ascending, between 2 % and 95 % of all events.</summary>
        public int[] Moments(int count)
        {
            lock (_lock) return [.. Enumerable.Range(0, count).Select(_ => random.Next(events / 50, events / 100 * 95)).Order()];
        }

        public void Count(string what) { lock (_lock) _counts[what] = _counts.GetValueOrDefault(what) + 1; }

        public Task ReachAsync(int moment) => Eventually.TrueAsync(
            () => oracle.Acknowledged >= moment, () => $"{moment} events are acknowledged; {oracle.Acknowledged} are", TimeSpan.FromMinutes(10));
    }
}

using System.Text.Json.Nodes;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>The real program, ready, with a store of its own.</summary>
internal sealed class LiveServer : IAsyncDisposable
{
    private readonly TempFolder _folder = new();

    private LiveServer(string? postgres, IEnumerable<string> settings)
    {
        Tables = postgres is null ? Tables.Sqlite(_folder.File("pixel.db")) : Tables.Postgres(postgres);
        Process = new ServerProcess(_folder.Path, [.. settings, $"--ConnectionStrings:Postgres={postgres}"]);
    }

    public ServerProcess Process { get; }
    public Tables Tables { get; }
    public int Port => Process.Port;

    /// <param name="store"><c>postgresql</c> or <c>sqlite</c>.</param>
    /// <param name="cluster">Where a database is made for the former.</param>
    /// <param name="settings">Further arguments.</param>
    public static async Task<LiveServer> StartAsync(string store, SharedPostgres cluster, params IEnumerable<string> settings)
    {
        var server = new LiveServer(store == "postgresql" ? await cluster.Cluster.CreateDatabaseAsync() : null, settings);
        await server.Process.StartReadyAsync();
        return server;
    }

    /// <summary>Waits until so many events are stored; they are there in the order of arrival.</summary>
    public async Task<IReadOnlyList<JsonObject>> EventsAsync(int count)
    {
        // By the server's own count first: its doors are open before its tables exist.
        await Eventually.TrueAsync(
            async () => (await Process.MetricsAsync())["pixel_events_stored_total"] >= count, () => $"{count} events are stored\n{Process.Said}");
        var events = await Tables.EventsAsync();
        Assert.Equal(count, events.Count);
        return events;
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _folder.Dispose();
    }
}

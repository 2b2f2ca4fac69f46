using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>One of the two stores, fresh and prepared, with what deletes from it and a clock that the test moves.</summary>
internal sealed class PastStore : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly PostgresTestStore? _postgres;
    private readonly FakeTimeProvider _clock = new(Events.Noon);
    private readonly Guid _journal = Guid.NewGuid();
    private long _position;
    private int _number;

    private PastStore(PostgresTestStore? postgres) => _postgres = postgres;

    public IEventStore Store { get; private set; } = null!;
    public IRetention Retention { get; private set; } = null!;
    public FakeTimeProvider Clock => _postgres?.Clock ?? _clock;
    public PostgresTestStore Postgres => _postgres!;
    public string Database => _folder.File("pixel.db");
    public DateTimeOffset Now => Clock.GetUtcNow();

    /// <param name="name"><c>sqlite</c> or <c>postgresql</c>.</param>
    /// <param name="cluster">Where a database is made for the latter.</param>
    /// <param name="options">Of the store.</param>
    public static async Task<PastStore> FreshAsync(string name, SharedPostgres cluster, StoreOptions? options = null)
    {
        var fresh = new PastStore(name == "postgresql" ? new PostgresTestStore(cluster) : null);
        if (fresh._postgres is { } postgres)
        {
            postgres.Options = options ?? new();
            fresh.Store = await postgres.FreshAsync();
            fresh.Retention = new PostgresRetention(postgres.Source);
        }
        else
        {
            fresh.Store = new SqliteStore(fresh.Database, new StoreOptions(), fresh._clock, NullLogger<SqliteStore>.Instance);
            fresh.Retention = new SqliteRetention(fresh.Database);
            await fresh.Store.PrepareAsync(default);
        }

        return fresh;
    }

    public RetentionSweep Sweep(RetentionRules rules) => new(rules, Retention, Clock);

    /// <summary>A run that must not be in anybody's way.</summary>
    public async Task<RetentionTally> SweepAsync(RetentionRules rules)
    {
        var tally = Assert.NotNull(await Sweep(rules).RunAsync(byRow: false, all: false, default));
        Assert.Equal(0, tally.Blocked);
        return tally;
    }

    public async Task SaveAsync(params IEnumerable<Event> events)
    {
        foreach (var some in events.Chunk(1_000))
        {
            var batch = Events.Batch(_journal, _position, some);
            await Store.SaveAsync(batch, default);
            _position = batch.To;
        }
    }

    public async Task RejectAsync(Event e)
    {
        var batch = Events.Batch(_journal, _position, e);
        await Store.RejectAsync(batch, new RefusedRowException("22000", "a test", null), default);
        _position = batch.To;
    }

    public Event At(string site, DateTimeOffset at, string? user = null) => new()
    {
        Hit = new Hit
        {
            EventId = Guid.CreateVersion7(at),
            ReceivedAt = at,
            OccurredAt = at,
            SiteId = site,
            Source = Source.Pixel,
            Name = $"n{++_number}",
            VisitorId = Guid.NewGuid(),
            VisitorKind = VisitorKind.Cookie,
            UserId = user,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = false,
        },
        Traffic = Traffic.Human,
        TrafficReasons = [],
    };

    /// <summary>First columns of the rows as text.</summary>
    public async Task<IReadOnlyList<string?>> AskAsync(string sql)
    {
        if (_postgres is not null) return await _postgres.AskAsync(sql);
        await using var connection = new SqliteConnection($"Data Source={Database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var answers = new List<string?>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) answers.Add(rows.IsDBNull(0) ? null : rows.GetString(0));
        return answers;
    }

    /// <summary>Names of the events that are stored, and so which ones.</summary>
    public async Task<IReadOnlyList<string?>> NamesAsync() => [.. (await AskAsync("select name from events")).Order(StringComparer.Ordinal)];

    /// <summary>Partitions that are attached, by name.</summary>
    public async Task<List<string?>> PartitionsAsync() =>
        [.. await AskAsync("select inhrelid::regclass::text from pg_inherits where inhparent = 'events'::regclass order by 1")];

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        _folder.Dispose();
    }
}

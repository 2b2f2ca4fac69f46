using System.Net;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>One of the two stores with its labels, fresh and prepared, and a way to ask it by SQL.</summary>
internal sealed class LabelStore : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly PostgresTestStore? _postgres;
    private readonly FakeTimeProvider _clock = new(Events.Noon);
    private readonly Guid _journal = Guid.NewGuid();
    private long _position;

    private LabelStore(PostgresTestStore? postgres) => _postgres = postgres;

    public IEventStore Store { get; private set; } = null!;
    public ILabels Labels { get; private set; } = null!;
    public string Database => _folder.File("pixel.db");

    /// <param name="name"><c>sqlite</c> or <c>postgresql</c>.</param>
    /// <param name="cluster">Where a database is made for the latter.</param>
    public static async Task<LabelStore> FreshAsync(string name, SharedPostgres cluster)
    {
        var fresh = new LabelStore(name == "postgresql" ? new PostgresTestStore(cluster) : null);
        if (fresh._postgres is { } postgres)
        {
            fresh.Store = await postgres.FreshAsync();
            fresh.Labels = new PostgresLabels(postgres.Source, postgres.Clock);
        }
        else
        {
            fresh.Store = new SqliteStore(fresh.Database, new StoreOptions(), fresh._clock, NullLogger<SqliteStore>.Instance);
            fresh.Labels = new SqliteLabels(fresh.Database);
            await fresh.Store.PrepareAsync(default);
        }

        return fresh;
    }

    public async Task SaveAsync(params Event[] events)
    {
        var batch = Events.Batch(_journal, _position, events);
        await Store.SaveAsync(batch, default);
        _position = batch.To;
    }

    /// <summary>First columns of the rows as text; times as both stores can be asked for.</summary>
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

    /// <summary>How the store goes about a background look.</summary>
    public async Task<IReadOnlyList<string>> PlanAsync(Stretch within, Stretch touched)
    {
        var sql = _postgres is not null ? "explain " + PostgresLabels.TouchedMail : "explain query plan " + SqliteLabels.TouchedMail;
        foreach (var (name, time) in ((string, DateTimeOffset)[])
            [("$1", within.From), ("$2", within.Until), ("$3", touched.From), ("$4", touched.Until),
             ("$from0", within.From), ("$until0", within.Until), ("$from1", touched.From), ("$until1", touched.Until)])
            sql = sql.Replace(name, $"'{EventText.Time(time)}'", StringComparison.Ordinal);
        if (_postgres is not null) return [.. (await _postgres.AskAsync(sql)).Select(line => line!)];
        await using var connection = new SqliteConnection($"Data Source={Database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var lines = new List<string>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) lines.Add(rows.GetString(3));
        return lines;
    }

    /// <summary>Label and reasons of every event, in the order of arrival: <c>bot link_flood link_burst</c>.</summary>
    public Task<IReadOnlyList<string?>> LabelsAsync() => AskAsync(_postgres is not null
        ? "select trim(traffic || ' ' || array_to_string(traffic_reasons, ' ')) from events order by received_at, event_id"
        : "select trim(traffic || ' ' || coalesce((select group_concat(value, ' ') from json_each(traffic_reasons)), '')) from events order by received_at, event_id");

    /// <summary>A mail event as the doors make it, with the label that it gets by itself unless another is given.</summary>
    public static Event Mail(
        DateTimeOffset at, string? recipient, int? link = null, string? userAgent = SomeHit.ChromeOnWindows, string address = "203.0.113.0",
        string message = "m-1", string site = "letters", Label? label = null)
    {
        var id = Guid.CreateVersion7(at);
        var hit = new Hit
        {
            EventId = id,
            ReceivedAt = at,
            OccurredAt = at,
            SiteId = site,
            Source = link is null ? Source.Email : Source.Click,
            Name = link is null ? "email_open" : "email_click",
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            UserId = recipient,
            Url = link is null ? null : $"https://shop.example/{link}",
            Ip = IPAddress.Parse(address),
            UserAgent = userAgent,
            ConsentStorage = false,
            ConsentMeasurement = true,
            ConsentAds = false,
            Properties = Encoding.UTF8.GetBytes($$"""{"message_id":"{{message}}","campaign":"spring"{{(link is null ? "" : $",\"link_index\":{link},\"link_count\":9")}}}"""),
        };
        return With(new Enricher(new EnrichOptions()).Enrich(hit), label);
    }

    /// <summary>An event of another door with a user agent and the label that somebody gave it.</summary>
    public static Event Page(DateTimeOffset at, string? userAgent, Label label, Source source = Source.Pixel)
    {
        var id = Guid.CreateVersion7(at);
        return With(new Enricher(new EnrichOptions()).Enrich(new Hit
        {
            EventId = id,
            ReceivedAt = at,
            OccurredAt = at,
            SiteId = "shop",
            Source = source,
            Name = "page_view",
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            UserAgent = userAgent,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = true,
        }), label);
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    private static Event With(Event e, Label? label) => label is not { } given ? e : new Event { Hit = e.Hit, Traffic = given.Traffic, TrafficReasons = given.Reasons };
}

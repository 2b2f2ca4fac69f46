using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>One of the two stores, fresh and prepared, with its view <c>conversions</c> and its report, read in a form that both share.</summary>
internal sealed class ConversionStore : IAsyncDisposable
{
    private static readonly (string Name, ColumnKind Kind)[] s_columns =
    [
        .. EventColumns.All,
        ("sides", ColumnKind.Text), ("copies", ColumnKind.Number), ("browser_event_id", ColumnKind.Id), ("server_event_id", ColumnKind.Id),
        ("browser_received_at", ColumnKind.Time), ("server_received_at", ColumnKind.Time), ("phone_sha256", ColumnKind.Text), ("server_properties", ColumnKind.Json),
    ];

    private readonly TempFolder _folder = new();
    private readonly PostgresTestStore? _postgres;
    private readonly Guid _journal = Guid.NewGuid();
    private long _position;

    private ConversionStore(PostgresTestStore? postgres) => _postgres = postgres;

    public IEventStore Store { get; private set; } = null!;
    public ISides Sides { get; private set; } = null!;
    private string Database => _folder.File("pixel.db");

    /// <param name="name"><c>sqlite</c> or <c>postgresql</c>.</param>
    /// <param name="cluster">Where a database is made for the latter.</param>
    public static async Task<ConversionStore> FreshAsync(string name, SharedPostgres cluster)
    {
        var fresh = new ConversionStore(name == "postgresql" ? new PostgresTestStore(cluster) : null);
        if (fresh._postgres is { } postgres)
        {
            fresh.Store = await postgres.FreshAsync();
            fresh.Sides = new PostgresSides(postgres.Source);
        }
        else
        {
            fresh.Store = new SqliteStore(fresh.Database, new StoreOptions(), new FakeTimeProvider(Events.Noon), NullLogger<SqliteStore>.Instance);
            fresh.Sides = new SqliteSides(fresh.Database);
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

    /// <summary>First column of the rows, as text.</summary>
    public async Task<IReadOnlyList<string?>> AskAsync(string sql) => [.. (await ReadAsync(sql)).Select(row => row[0])];

    /// <summary>The rows of the view by the order of arrival: every column as <see cref="EventText"/> has it, JSON with sorted members.</summary>
    /// <param name="from">What to read in its place.</param>
    public async Task<IReadOnlyList<IReadOnlyDictionary<string, string?>>> ConversionsAsync(string from = "conversions")
    {
        var columns = s_columns.Select(column => _postgres is null ? column.Name : column.Kind switch
        {
            ColumnKind.Time => $"to_char({column.Name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            ColumnKind.Address => $"host({column.Name})",
            ColumnKind.List => $"array_to_json({column.Name})::text",
            ColumnKind.Flag => $"{column.Name}::int::text",
            _ => $"{column.Name}::text",
        });
        var rows = await ReadAsync($"select {string.Join(", ", columns)} from {from} order by received_at, event_id");
        return [.. rows.Select(row => s_columns.Zip(row).ToDictionary(pair => pair.First.Name, pair => Plain(pair.First.Kind, pair.Second)))];
    }

    /// <summary>Amounts without trailing zeros, JSON without what a database may change about it.</summary>
    public static string? Plain(ColumnKind kind, string? text) => (kind, text) switch
    {
        (_, null) => null,
        (ColumnKind.Number, _) => (decimal.Parse(text, CultureInfo.InvariantCulture) / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture),
        (ColumnKind.Json or ColumnKind.List, _) => Sorted(JsonNode.Parse(text))?.ToJsonString(),
        _ => text,
    };

    /// <summary>One copy of a conversion. What is not given is null, everything allowed, by a human.</summary>
    public static Event Copy(
        DateTimeOffset at, Source source = Source.Beacon, string? id = "order-1", string name = "purchase", string site = "shop", Guid? eventId = null,
        DateTimeOffset? occurredAt = null, (Guid Id, VisitorKind Kind)? visitor = null, string? userId = null, string? email = null,
        (string? Url, string? Title)? page = null, string? referrer = null, string?[]? campaign = null, (string Kind, string Id)? click = null,
        decimal? value = null, string? currency = null, string? ip = null, string? country = null, string? agent = null,
        Label? label = null, bool storage = true, bool measurement = true, bool ads = true, bool gpc = false, string? properties = null)
    {
        var own = eventId ?? Guid.CreateVersion7(at);
        return new Event
        {
            Hit = new Hit
            {
                EventId = own,
                ReceivedAt = at,
                OccurredAt = occurredAt ?? at,
                SiteId = site,
                Source = source,
                Name = name,
                ClientEventId = id,
                VisitorId = visitor?.Id ?? own,
                VisitorKind = visitor?.Kind ?? VisitorKind.None,
                UserId = userId,
                EmailSha256 = email,
                Url = page?.Url,
                Title = page?.Title,
                Referrer = referrer,
                Value = value,
                Currency = currency,
                Ip = ip is null ? null : IPAddress.Parse(ip),
                UserAgent = agent,
                ConsentStorage = storage,
                ConsentMeasurement = measurement,
                ConsentAds = ads,
                Gpc = gpc,
                Properties = Encoding.UTF8.GetBytes(properties ?? ""),
            },
            Host = page?.Url is null ? null : "host of " + page.Value.Url,
            Path = page?.Url is null ? null : "path of " + page.Value.Url,
            ReferrerHost = referrer is null ? null : "host of " + referrer,
            UtmSource = campaign?[0],
            UtmMedium = campaign?[1],
            UtmCampaign = campaign?[2],
            UtmTerm = campaign?[3],
            UtmContent = campaign?[4],
            ClickIdKind = click?.Kind,
            ClickId = click?.Id,
            Country = country,
            Browser = agent is null ? null : "browser of " + agent,
            Os = agent is null ? null : "os of " + agent,
            Device = agent is null ? null : "device of " + agent,
            Traffic = label?.Traffic ?? Traffic.Human,
            TrafficReasons = label?.Reasons ?? [],
        };
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<List<string?[]>> ReadAsync(string sql)
    {
        await using System.Data.Common.DbConnection connection = _postgres is null
            ? new SqliteConnection($"Data Source={Database};Pooling=false") : _postgres.Source.CreateConnection();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var answers = new List<string?[]>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            answers.Add([.. Enumerable.Range(0, rows.FieldCount).Select(i => rows.IsDBNull(i) ? null : rows.GetValue(i) switch
            {
                double number => ((decimal)number).ToString(CultureInfo.InvariantCulture),
                var other => Convert.ToString(other, CultureInfo.InvariantCulture),
            })]);
        }

        return answers;
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, Sorted(member.Value)))),
        JsonArray elements => new JsonArray([.. elements.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}

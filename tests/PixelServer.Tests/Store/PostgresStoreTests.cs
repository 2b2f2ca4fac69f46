using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>The contract on real PostgreSQL, in a database of its own for each test.</summary>
public sealed class PostgresStoreTests(SharedPostgres postgres) : StoreContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    private protected override string PayloadQuery => "select convert_from(payload, 'UTF8') from events_rejected";

    private protected override FakeTimeProvider Clock => _test.Clock;

    private protected override IEventStore Open() => _test.Open();

    private protected override Task<IEventStore> FreshAsync() => _test.FreshAsync();

    private protected override Task<IReadOnlyList<string?>> AskAsync(string sql) => _test.AskAsync(sql);

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

/// <summary>A store on a fresh database of the shared cluster, with a clock that stands at <see cref="Events.Noon"/>.</summary>
internal sealed class PostgresTestStore(SharedPostgres postgres) : IAsyncDisposable
{
    private NpgsqlDataSource? _source;

    public FakeTimeProvider Clock { get; } = new(Events.Noon);
    public StoreOptions Options { get; set; } = new();
    public string ConnectionString { get; private set; } = "";
    public NpgsqlDataSource Source => _source!;

    public async Task CreateAsync()
    {
        ConnectionString = PostgresConnection.Complete(await postgres.Cluster.CreateDatabaseAsync());
        _source = NpgsqlDataSource.Create(ConnectionString + ";Maximum Pool Size=5");
    }

    public async Task<IEventStore> FreshAsync()
    {
        await CreateAsync();
        var store = Open();
        await store.PrepareAsync(default);
        return store;
    }

    public PostgresStore Open() => new(Source, ConnectionString, Options, Clock, NullLogger<PostgresStore>.Instance);

    public async Task<IReadOnlyList<string?>> AskAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        var answers = new List<string?>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) answers.Add(rows.IsDBNull(0) ? null : Convert.ToString(rows.GetValue(0), System.Globalization.CultureInfo.InvariantCulture));
        return answers;
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null) await _source.DisposeAsync();
    }
}

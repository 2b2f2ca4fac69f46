using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Who is who in the embedded store, on a file of its own for each test.</summary>
public sealed class SqliteIdentityTests : IdentityContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private IEventStore? _store;

    [Fact]
    public async Task The_statements_of_the_document_run_as_they_stand()
    {
        var answers = await DocumentAsync("sqlite");

        Assert.Equal(5, answers.Count);
        Assert.Equal("shop user:user123 told", answers[0]);
        Assert.Contains(" login ", answers[1], StringComparison.Ordinal);
        Assert.Equal(["0"], await AskAsync("select count(*) from identity_cuts")); // cut and healed
        Assert.Equal(["till-7"], await AskAsync("select id from identity_blocks"));
    }

    private protected override IEventStore Open() =>
        new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), new FakeTimeProvider(Events.Noon), NullLogger<SqliteStore>.Instance);

    private protected override async Task<IEventStore> FreshAsync()
    {
        _store = Open();
        await _store.PrepareAsync(default);
        return _store;
    }

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await ReadAsync(command);
    }

    // As docs/identity.md says.
    private protected override async Task CutAsync(string site, string oneKind, string oneId, string otherKind, string otherId) => await AskAsync(
        $"insert into identity_cuts (site_id, from_kind, from_id, to_kind, to_id, reason) values ('{site}', '{oneKind}', '{oneId}', '{otherKind}', '{otherId}', 'a test')");

    private protected override async Task HealAsync(string site, string oneKind, string oneId, string otherKind, string otherId) => await AskAsync(
        $"delete from identity_cuts where site_id = '{site}' and from_kind = '{oneKind}' and from_id = '{oneId}' and to_kind = '{otherKind}' and to_id = '{otherId}'");

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _folder.Dispose();
    }
}

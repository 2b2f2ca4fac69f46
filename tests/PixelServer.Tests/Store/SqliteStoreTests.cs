using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>The embedded store, on a file of its own for each test.</summary>
public sealed class SqliteStoreTests : StoreContract, IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pixelserver-sqlite-").FullName;
    private readonly FakeTimeProvider _clock = new(Events.Noon);
    private readonly List<IEventStore> _stores = [];

    private string Database => Path.Combine(_directory, "pixel.db");

    private protected override string PayloadQuery => "select cast(payload as text) from events_rejected";

    private protected override FakeTimeProvider Clock => _clock;

    private protected override IEventStore Open() => new SqliteStore(Database, new StoreOptions(), _clock, NullLogger<SqliteStore>.Instance);

    private protected override async Task<IEventStore> FreshAsync()
    {
        var store = Open();
        _stores.Add(store);
        await store.PrepareAsync(default);
        return store;
    }

    private protected override async Task<IReadOnlyList<string?>> AskAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var answers = new List<string?>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) answers.Add(rows.IsDBNull(0) ? null : rows.GetString(0));
        return answers;
    }

    [Fact]
    public async Task The_database_and_its_log_are_their_owners_alone_also_in_a_directory_that_was_there_before()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TempFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
        await using var store = new SqliteStore(folder.File("pixel.db"), new StoreOptions(), _clock, NullLogger<SqliteStore>.Instance);

        await store.PrepareAsync(CancellationToken.None);
        await store.PositionAsync(Guid.NewGuid(), CancellationToken.None);

        var files = Directory.GetFiles(folder.Path, "pixel.db*");
        Assert.Contains(folder.File("pixel.db-wal"), files);
        foreach (var file in files) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task The_log_is_a_write_ahead_log_so_readers_do_not_wait_for_the_writer()
    {
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default);

        Assert.Equal("wal", (await AskAsync("pragma journal_mode"))[0]);
        Assert.True(File.Exists(Database + "-wal"));
    }

    [Fact]
    public async Task Times_are_text_that_the_date_functions_of_SQLite_read()
    {
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full(1, Events.Noon), Events.Full(2, Events.Noon.AddDays(-1))), default);

        Assert.Equal(["2026-11-22 12:00", "2026-11-23 12:00"],
            await AskAsync("select strftime('%Y-%m-%d %H:%M', received_at) from events order by received_at"));
    }

    [Fact]
    public async Task Small_amounts_are_numbers_and_huge_ones_their_exact_digits()
    {
        var store = await FreshAsync();
        decimal[] amounts = [49.90m, 7m, 123_456_789_012_345_678m, 12_345_678_901_234_567.89m];

        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. amounts.Select((amount, i) => WithValue(Events.Full(i), amount))]), default);

        Assert.Equal(["real 49.9", "integer 7", "integer 123456789012345678", "text 12345678901234567.89"],
            await AskAsync("select typeof(value) || ' ' || value from events order by rowid"));
    }

    [Fact]
    public async Task A_file_that_cannot_be_opened_is_the_store_being_away_not_the_row()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        await using var away = new SqliteStore("/dev/null/pixel.db", new StoreOptions(), _clock, NullLogger<SqliteStore>.Instance);

        await Assert.ThrowsAsync<SqliteException>(() => away.SaveAsync(Events.Batch(journal, 0, Events.Full()), default));
        await store.SaveAsync(Events.Batch(journal, 0, Events.Full()), default);
    }

    [Fact]
    public async Task A_row_that_the_schema_forbids_is_refused_with_the_code_of_SQLite()
    {
        var store = await FreshAsync();
        await AskAsync("create trigger poison before insert on events when new.name = 'purchase' begin select raise(abort, 'no purchases'); end");
        var journal = Guid.NewGuid();

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() =>
            store.SaveAsync(Events.Batch(journal, 0, Events.Minimal(), Events.Full()), default));

        Assert.Equal("1811", refused.Code); // SQLITE_CONSTRAINT_TRIGGER
        Assert.Equal("0", await CountAsync());
        await store.SaveAsync(Events.Batch(journal, 0, Events.Minimal()), default);
    }

    [Fact]
    public async Task A_writer_that_holds_the_file_is_waited_for_and_then_the_store_is_away()
    {
        var store = await FreshAsync();
        await using var other = new SqliteConnection($"Data Source={Database};Pooling=false");
        await other.OpenAsync();
        await using (var transaction = other.BeginTransaction(deferred: false))
        {
            var busy = await Assert.ThrowsAsync<SqliteException>(() => store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default));
            Assert.Equal(5, busy.SqliteErrorCode);
        }

        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default);
        Assert.Equal("1", await CountAsync());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _stores) await store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}

using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Mail;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What is known of persons is on this disk and in the store, whatever one of them does.</summary>
public sealed class StandingExchangeTests : IAsyncDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 25, 0, 30, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly Standings _standings = new();
    private readonly SqliteStore _events;
    private readonly SqliteStandings _store;
    private StandingExchange? _exchange;

    public StandingExchangeTests()
    {
        _events = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance);
        _store = new SqliteStandings(_folder.File("pixel.db"));
    }

    private StandingExchange Exchange => _exchange ??= new(_standings, new StandingFile(_folder.File("sub/standings")), _store);

    [Fact]
    public async Task The_file_of_signals_that_come_hour_after_hour_stays_small_while_the_server_runs()
    {
        Directory.CreateDirectory(_folder.File("sub"));
        const int Subjects = 1_000, Hours = 12;
        for (var hour = 0; hour < Hours; hour++)
        {
            for (var subject = 1; subject <= Subjects; subject++) _standings.OptOut((UInt128)(uint)subject, Word.No(s_start.AddHours(hour)));
            await Exchange.KeepToldAsync();
        }

        Assert.InRange(new FileInfo(_folder.File("sub/standings")).Length, 72 * Subjects, 72 * (3 * Subjects + 1_000));
        var known = OnDisk();
        Assert.Equal(Subjects, known.Count);
        Assert.All(known.All, one => Assert.Equal(Word.No(s_start.AddHours(Hours - 1)), one.Value.Shared));
    }

    [Fact]
    public async Task A_word_that_could_not_be_written_is_written_when_it_comes_again()
    {
        SubjectStanding erased = new(1, new() { Kept = Word.No(s_start) });
        await Assert.ThrowsAnyAsync<IOException>(() => Exchange.DecideAsync([erased])); // there is no directory
        Assert.True(_standings.Of(1).IsErased);

        Directory.CreateDirectory(_folder.File("sub"));
        await Exchange.DecideAsync([erased]);
        Assert.Equal(erased.Standing, OnDisk().Of(1));
    }

    [Fact]
    public async Task A_disk_that_refuses_keeps_nobody_from_hearing_who_is_barred_and_what_was_heard_is_written_later()
    {
        await _events.PrepareAsync(default);
        SubjectStanding erased = new(1, new() { Kept = Word.No(s_start) });
        await _store.KeepAsync([erased], bar: true, default);
        _standings.Tell(2, new() { Shared = Word.No(s_start) });
        await Assert.ThrowsAnyAsync<IOException>(() => Exchange.ExchangeAsync(default));
        Assert.Equal((await _store.SinceAsync(null, default)).Epoch, _standings.Epoch);
        Assert.True(_standings.Of(1).IsErased);
        Assert.Contains(await StoredAsync(), one => one.Subject == 2);

        Directory.CreateDirectory(_folder.File("sub"));
        await Exchange.ExchangeAsync(default);
        Assert.Equal((true, true), (OnDisk().Of(1).IsErased, OnDisk().Of(2).IsOptedOut));
    }

    [Fact]
    public async Task A_disk_that_refuses_keeps_nobody_from_hearing_who_withdrew()
    {
        await _events.PrepareAsync(default);
        var store = new SqliteMailDecisions(_folder.File("pixel.db"));
        await store.KeepAsync([new("shop", MailSubject.Recipient, "r1", Tracking: false, Redirects: true, s_start, "recipient")], default);
        using var mails = new MailDecisions(new MailDecisionFile(_folder.File("mail-decisions.jsonl")));
        using var sync = new MailDecisionSync(mails, store, Exchange, () => default!, new(), TimeProvider.System, NullLogger<MailDecisionSync>.Instance);
        _standings.Tell(2, new() { Shared = Word.No(s_start) }); // there is no directory for it

        await sync.ExchangeAsync(default);

        Assert.False(mails.About("shop", MailSubject.Recipient, "r1")?.Tracking);
        Assert.Contains(await StoredAsync(), one => one.Subject == 2);
    }

    [Fact]
    public async Task A_file_that_could_not_be_made_smaller_is_not_written_anew_with_every_append()
    {
        Directory.CreateDirectory(_folder.File("sub/standings.new")); // in the way of the new file
        await SayAsync(1_010);
        Directory.Delete(_folder.File("sub/standings.new"));

        await SayAsync(10);
        Assert.Equal(1_020, new StandingFile(_folder.File("sub/standings")).Count);
        await SayAsync(1_000);
        Assert.InRange(new StandingFile(_folder.File("sub/standings")).Count, 1, 100);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)] // others have barred somebody since
    public async Task A_store_that_was_set_back_hears_everything_again(int barredSince)
    {
        Directory.CreateDirectory(_folder.File("sub"));
        await _events.PrepareAsync(default);
        await Exchange.DecideAsync([new(1, new() { Kept = Word.No(s_start) }), new(2, new() { Shared = Word.No(s_start) })]);
        await Exchange.ExchangeAsync(default);
        SetBack();
        for (var i = 0; i < barredSince; i++) await _store.KeepAsync([new((UInt128)(10 + i), new() { Kept = Word.No(s_start) })], bar: true, default);

        await Assert.ThrowsAsync<BatchBarredException>(() => _events.SaveAsync(BatchOf(_standings.Epoch), default));
        await Exchange.ExchangeAsync(default);

        var (all, epoch, _) = await _store.SinceAsync(null, default);
        if (barredSince == 0) Assert.Equal((2, epoch), (all.Count, _standings.Epoch));
        for (var i = 0; i < barredSince; i++) Assert.True(_standings.Of((UInt128)(10 + i)).IsErased);
        await _events.SaveAsync(BatchOf(_standings.Epoch), default);
    }

    public async ValueTask DisposeAsync()
    {
        _exchange?.Dispose();
        await _events.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<IReadOnlyList<SubjectStanding>> StoredAsync() => (await _store.SinceAsync(null, default)).Standings;

    private int _said;

    // The same person says the same again, at a later moment each time.
    private async Task SayAsync(int times)
    {
        for (var i = 0; i < times; i++) await Exchange.DecideAsync([new(1, new() { Shared = Word.No(s_start.AddMinutes(_said++)) })]);
    }

    // As the next start finds it.
    private Standings OnDisk()
    {
        var standings = new Standings();
        new StandingExchange(standings, new StandingFile(_folder.File("sub/standings")), _store).Dispose();
        return standings;
    }

    private void SetBack()
    {
        using var database = new SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=false");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText = "delete from standings; update standing_epoch set epoch = 1";
        command.ExecuteNonQuery();
    }

    private static EventBatch BatchOf(long epoch) => new(Guid.NewGuid(), 0, [Events.Minimal(1, Events.Noon)], [1], 1) { Epoch = epoch };
}

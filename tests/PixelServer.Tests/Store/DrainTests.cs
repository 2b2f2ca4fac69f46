using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Enrich;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>From the journal into the store exactly once, whatever the store does meanwhile. On the embedded store; the kill tests do it on PostgreSQL.</summary>
public sealed class DrainTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private Ledger _ledger = new();
    private readonly UnreliableStore _store;
    private PixelServer.Journal.Journal _journal;
    private Drain _drain;
    private int _made;

    public DrainTests()
    {
        _store = new UnreliableStore(new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance));
        (_journal, _drain) = Start();
    }

    public async ValueTask DisposeAsync()
    {
        _drain.Dispose();
        _journal.Dispose();
        await _store.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Everything_in_the_journal_reaches_the_store_once_and_the_ledger_balances()
    {
        await AppendAsync(1_234);
        Assert.Equal(1_234, await _drain.DrainOnceAsync(default));
        Assert.Equal(0, await _drain.DrainOnceAsync(default));

        await AssertStoredAsync(1_234);
    }

    [Fact]
    public async Task Events_of_a_former_run_are_delivered_after_a_restart_and_count_as_recovered()
    {
        await AppendAsync(10);
        await _drain.DrainOnceAsync(default);
        await AppendAsync(5);
        Restart();
        await AppendAsync(3);
        await _drain.DrainOnceAsync(default);

        Assert.Equal((5, 3, 8, 0), (_ledger.Read().Recovered, _ledger.Read().Received, _ledger.Read().Stored, _ledger.Read().Waiting));
        Assert.True(_ledger.Read().Balances);
        await AssertDistinctAsync(18);
    }

    [Fact]
    public async Task A_message_that_comes_again_counts_as_stored_and_makes_no_row()
    {
        var key = Guid.NewGuid();
        foreach (var number in Enumerable.Range(1, 3)) Assert.Equal(AppendOutcome.Accepted, await _journal.AppendAsync(Events.Full(number, onceKey: key).Hit));
        await _drain.DrainOnceAsync(default);

        Assert.Equal((3, 2, 0), (_ledger.Read().Stored, _ledger.Read().Replayed, _ledger.Read().Waiting));
        Assert.True(_ledger.Read().Balances);
        await AssertDistinctAsync(1);
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_is_not_repeated()
    {
        await AppendAsync(10);
        _store.AfterSave = () => throw new TimeoutException("the answer was lost");
        await Assert.ThrowsAsync<TimeoutException>(() => _drain.DrainOnceAsync(default));

        await RunUntilStoredAsync(10);
    }

    [Fact]
    public async Task A_save_that_failed_before_its_commit_is_repeated()
    {
        await AppendAsync(10);
        _store.BeforeSave = _ => throw new TimeoutException("the store is away");
        await Assert.ThrowsAsync<TimeoutException>(() => _drain.DrainOnceAsync(default));

        await RunUntilStoredAsync(10);
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_with_the_server_is_not_repeated_by_the_next()
    {
        await AppendAsync(10);
        _store.AfterSave = () => throw new TimeoutException("killed here");
        await Assert.ThrowsAsync<TimeoutException>(() => _drain.DrainOnceAsync(default));
        Restart();
        await AppendAsync(1);
        await _drain.DrainOnceAsync(default);

        Assert.Equal(11, (await _store.RecentAsync(null, 1_000, default)).Count);
        Assert.True(_ledger.Read().Balances);
    }

    [Fact]
    public async Task Rows_that_the_store_refuses_are_found_among_their_neighbours_and_set_aside()
    {
        await AppendAsync(500);
        _store.BeforeSave = batch =>
        {
            if (batch.Events.Any(e => e.Hit.ClientEventId is "7" or "8" or "450")) throw new RefusedRowException("22P05", "a row", null);
        };
        await _drain.DrainOnceAsync(default);

        var page = _ledger.Read();
        Assert.Equal((497, 3, 0), (page.Stored, page.Rejected, page.Waiting));
        Assert.True(page.Balances);
        Assert.Equal(497, (await _store.RecentAsync(null, 1_000, default)).Count);
        Assert.Equal(["7", "8", "450"], _store.Rejected);
    }

    [Fact]
    public async Task A_store_that_was_set_back_is_filled_again_from_the_retained_window()
    {
        await AppendAsync(10);
        await _drain.DrainOnceAsync(default);
        var before = await _store.PositionAsync(_journal.CurrentRun, default);
        await AppendAsync(20);
        await _drain.DrainOnceAsync(default);
        // What a fail-over to a standby that was behind does: the last transactions never happened.
        SetBack(before!.Value, keep: 10);
        await AppendAsync(5);

        await RunUntilAsync(async () => (await _store.RecentAsync(null, 1_000, default)).Count == 35);
        Assert.True(_ledger.Read().Balances);
        Assert.Equal(0, _ledger.Read().Waiting);
        await AssertDistinctAsync(35);
    }

    [Fact]
    public async Task A_store_that_was_set_back_to_before_the_run_is_filled_again_though_somebody_else_asked_it_for_the_position()
    {
        await AppendAsync(10);
        await _drain.DrainOnceAsync(default);
        SetBack(null, keep: 0);
        Assert.Null(await _store.PositionAsync(_journal.CurrentRun, default)); // as whoever asks about a person does
        await AppendAsync(5);

        await RunUntilAsync(async () => (await _store.RecentAsync(null, 1_000, default)).Count == 15);
        Assert.True(_ledger.Read().Balances);
        await AssertDistinctAsync(15);
    }

    [Fact]
    public async Task An_older_run_that_was_set_back_is_filled_again_too()
    {
        await AppendAsync(10);
        await _drain.DrainOnceAsync(default);
        var before = (await _store.PositionAsync(_journal.CurrentRun, default))!.Value;
        await AppendAsync(20);
        await _drain.DrainOnceAsync(default);
        Restart();
        await _drain.DrainOnceAsync(default);
        SetBack(before, keep: 10);
        await AppendAsync(5);

        await RunUntilAsync(async () => (await _store.RecentAsync(null, 1_000, default)).Count == 35);
        Assert.Equal((20, 25, 0), (_ledger.Read().Recovered, _ledger.Read().Stored, _ledger.Read().Waiting));
        await AssertDistinctAsync(35);
    }

    [Fact]
    public async Task Segments_that_vanish_are_stepped_over_and_do_not_hold_up_the_rest()
    {
        await _store.PrepareAsync(default);
        await AppendAsync(10);
        Restart();
        File.Delete(Directory.GetFiles(_folder.File("journal"), "*.seg")[0]);
        await AppendAsync(5);

        await RunUntilAsync(async () => (await _store.RecentAsync(null, 1_000, default)).Count == 5);
    }

    [Fact]
    public async Task When_another_writer_moves_our_position_delivery_stops_and_nothing_is_lost_from_the_journal()
    {
        await AppendAsync(10);
        await _drain.DrainOnceAsync(default);
        var position = await _store.PositionAsync(_journal.CurrentRun, default);
        await _store.Inner.SaveAsync(Events.Batch(_journal.CurrentRun, position!.Value, Events.Minimal(99)), default);
        await AppendAsync(10);
        await _drain.StartAsync(default);
        await _drain.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.True(_drain.Status.Fenced);
        Assert.Equal(11, (await _store.RecentAsync(null, 1_000, default)).Count);
        Assert.Equal(20, _journal.Count(_journal.CurrentRun, 0, long.MaxValue));
    }

    [Fact]
    public async Task A_copy_of_an_old_journal_delivers_nothing_twice()
    {
        await AppendAsync(10);
        _journal.Dispose();
        CopyDirectory(_folder.File("journal"), _folder.File("copy"));
        Restart();
        await _drain.DrainOnceAsync(default);
        var ledger = new Ledger();
        using var copy = Open(_folder.File("copy"), ledger);
        using var second = DrainOf(copy, ledger);
        await copy.AppendAsync(HitOf());

        await second.DrainOnceAsync(default);

        await AssertDistinctAsync(11);
        Assert.True(ledger.Read().Balances);
    }

    [Fact]
    public async Task While_the_store_is_away_events_wait_and_when_it_returns_all_arrive()
    {
        _store.BeforeSave = _ => throw new TimeoutException("the store is away");
        _store.KeepFailing = true;
        await _drain.StartAsync(default);
        await AppendAsync(100);
        await Eventually.TrueAsync(() => _drain.Status.Failures >= 2, () => $"{_drain.Status}");
        Assert.False(_drain.Status.Reachable);
        Assert.NotNull(_drain.Status.WaitingSince);
        Assert.Equal(100, _ledger.Read().Waiting);

        _store.BeforeSave = null;
        await Eventually.TrueAsync(() => _ledger.Read().Stored == 100, () => $"{_ledger.Read()}");
        await _drain.StopAsync(default);
        await AssertStoredAsync(100);
        Assert.Null(_drain.Status.LastError);
    }

    [Fact]
    public async Task Stopping_makes_a_last_pass()
    {
        await _drain.StartAsync(default);
        await AppendAsync(300);
        await _journal.StopAsync(default);
        await _drain.StopAsync(default);

        await AssertStoredAsync(300);
    }

    [Fact]
    public async Task Stopping_does_not_wait_beyond_its_deadline_for_a_store_that_is_away()
    {
        _store.BeforeSave = _ => throw new TimeoutException("the store is away");
        _store.KeepFailing = true;
        await _drain.StartAsync(default);
        await AppendAsync(3);
        await _journal.StopAsync(default);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _drain.StopAsync(deadline.Token);

        Assert.False(deadline.IsCancellationRequested);
        Assert.Equal(3, _ledger.Read().Waiting);
    }

    [Fact]
    public async Task Who_was_erased_while_the_hits_waited_is_not_stored_and_the_ledger_says_so()
    {
        var (standings, exchange) = await BarringAsync();
        var at = TimeProvider.System.GetUtcNow();
        foreach (var user in (string[])["gone", "stays", "gone", "halted"]) await AppendAsync(user);

        // By another collector: this one knows nothing of it until the store refuses its batch.
        await standings.KeepAsync(
        [
            new(s_keys.Of("default", SubjectKind.User, "gone"), new() { Kept = Word.No(at) }),
            new(s_keys.Of("default", SubjectKind.User, "halted"), new() { Processed = Word.No(at.AddHours(-1)) }),
        ], bar: true, default);
        await _drain.DrainOnceAsync(default);

        var page = _ledger.Read();
        Assert.Equal((1, 0), (page.Stored, page.Waiting));
        Assert.Equal((2, 1), (page.Refused["person_erased"], page.Refused["person_restricted"]));
        Assert.True(page.Balances);
        Assert.Equal(["stays"], await UsersAsync());
        exchange.Dispose();
    }

    [Fact]
    public async Task A_hit_from_before_the_restriction_is_stored_and_one_from_before_the_release_is_not()
    {
        var (standings, exchange) = await BarringAsync();
        foreach (var user in (string[])["halted", "again"]) await AppendAsync(user);
        var later = TimeProvider.System.GetUtcNow().AddMinutes(1);
        await standings.KeepAsync(
        [
            new(s_keys.Of("default", SubjectKind.User, "halted"), new() { Processed = Word.No(later) }),
            new(s_keys.Of("default", SubjectKind.User, "again"), new() { Kept = Word.Yes(later) }),
        ], bar: true, default);
        await _drain.DrainOnceAsync(default);

        Assert.Equal(["halted"], await UsersAsync());
        Assert.Equal(1, _ledger.Read().Refused["person_erased"]);
        exchange.Dispose();
    }

    [Fact]
    public async Task Half_of_a_batch_that_was_stored_before_somebody_was_barred_is_neither_lost_nor_doubled()
    {
        var (standings, exchange) = await BarringAsync();
        await AppendAsync(19);
        await AppendAsync("gone");
        var saves = 0;
        _store.BeforeSave = batch =>
        {
            if (batch.Events.Count == 20) throw new RefusedRowException("23514", "one of them is bad", null);
            if (++saves == 2) standings.KeepAsync([new(s_keys.Of("default", SubjectKind.User, "gone"), new() { Kept = Word.No(TimeProvider.System.GetUtcNow()) })], bar: true, default).GetAwaiter().GetResult();
        };
        await _drain.DrainOnceAsync(default);

        Assert.Equal((19, 0, 1), (_ledger.Read().Stored, _ledger.Read().Waiting, _ledger.Read().Refused["person_erased"]));
        Assert.True(_ledger.Read().Balances);
        await AssertDistinctAsync(19);
        exchange.Dispose();
    }

    [Fact]
    public async Task Who_was_barred_before_is_counted_once_though_half_of_the_batch_is_made_again()
    {
        var (standings, exchange) = await BarringAsync();
        await AppendAsync(10);
        await AppendAsync("halted"); // in the first half of what can be stored
        await AppendAsync(9);
        await AppendAsync("gone");
        await AppendAsync("again"); // behind it: barred before and after
        await standings.KeepAsync([.. ((string[])["halted", "again"]).Select(user => new SubjectStanding(s_keys.Of("default", SubjectKind.User, user), new() { Kept = Word.No(TimeProvider.System.GetUtcNow()) }))], bar: true, default);
        await exchange.ExchangeAsync(default);
        var saves = 0;
        _store.BeforeSave = batch =>
        {
            if (batch.Events.Count == 20) throw new RefusedRowException("23514", "one of them is bad", null);
            if (++saves == 2) standings.KeepAsync([new(s_keys.Of("default", SubjectKind.User, "gone"), new() { Kept = Word.No(TimeProvider.System.GetUtcNow()) })], bar: true, default).GetAwaiter().GetResult();
        };
        await _drain.DrainOnceAsync(default);

        Assert.Equal((19, 0, 3), (_ledger.Read().Stored, _ledger.Read().Waiting, _ledger.Read().Refused["person_erased"]));
        Assert.True(_ledger.Read().Balances);
        exchange.Dispose();
    }

    [Fact]
    public async Task What_a_store_lost_that_was_set_back_is_told_again_though_nobody_was_barred()
    {
        var (standings, exchange) = await BarringAsync();
        await AppendAsync(3);
        await _drain.DrainOnceAsync(default);
        await exchange.DecideAsync([new(1, new() { Shared = Word.No(TimeProvider.System.GetUtcNow()) })]);
        await exchange.ExchangeAsync(default);

        SetBack(0, keep: 0);
        using (var database = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=false"))
        {
            database.Open();
            using var lose = database.CreateCommand();
            lose.CommandText = "delete from standings";
            lose.ExecuteNonQuery();
        }

        await AppendAsync(1);
        await Assert.ThrowsAsync<PositionMovedException>(() => _drain.DrainOnceAsync(default));
        await RunUntilAsync(() => Task.FromResult(_ledger.Read().Waiting == 0));
        await exchange.ExchangeAsync(default);
        Assert.Equal((UInt128)1, Assert.Single((await standings.SinceAsync(null, default)).Standings).Subject);
        exchange.Dispose();
    }

    private static readonly SubjectKeys s_keys = new(new byte[32]);

    private async Task<(SqliteStandings, StandingExchange)> BarringAsync()
    {
        await _store.PrepareAsync(default);
        var (standings, store) = (new Standings(), new SqliteStandings(_folder.File("pixel.db")));
        var exchange = new StandingExchange(standings, new StandingFile(_folder.File("standings")), store);
        _drain = DrainOf(_journal, _ledger, new Bar(standings, s_keys, exchange));
        return (store, exchange);
    }

    private async Task AppendAsync(string user)
    {
        var hit = HitOf();
        typeof(Hit).GetProperty(nameof(Hit.UserId))!.SetValue(hit, user);
        Assert.Equal(AppendOutcome.Accepted, await _journal.AppendAsync(hit));
    }

    private async Task<IEnumerable<string?>> UsersAsync() =>
        (await _store.RecentAsync(null, 1_000, default)).Select(json => System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("user_id").GetString());

    private void SetBack(long? position, int keep)
    {
        using var database = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=false");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText = $"delete from events where cast(client_event_id as integer) >= $keep; {(position is null ? "delete from journal_positions" : "update journal_positions set position = $position")}";
        command.Parameters.AddWithValue("$keep", keep);
        command.Parameters.AddWithValue("$position", (object?)position ?? DBNull.Value);
        command.ExecuteNonQuery();
    }

    private async Task AppendAsync(int count) =>
        Assert.All(await Task.WhenAll(Enumerable.Range(0, count).Select(_ => _journal.AppendAsync(HitOf()).AsTask())),
            outcome => Assert.Equal(AppendOutcome.Accepted, outcome));

    private Hit HitOf()
    {
        var number = _made++;
        var hit = Events.Minimal(number, TimeProvider.System.GetUtcNow()).Hit;
        typeof(Hit).GetProperty(nameof(Hit.ClientEventId))!.SetValue(hit, number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return hit;
    }

    private Task RunUntilStoredAsync(int count) => RunUntilAsync(async () =>
        _ledger.Read() is { Waiting: 0 } && (await _store.RecentAsync(null, 1_000, default)).Count == count, count);

    private async Task RunUntilAsync(Func<Task<bool>> condition, int? count = null)
    {
        await _drain.StartAsync(default);
        await Eventually.TrueAsync(condition, () => $"{_ledger.Read()} {_drain.Status}");
        await _drain.StopAsync(default);
        if (count is { } stored) await AssertStoredAsync(stored);
    }

    private async Task AssertStoredAsync(int count)
    {
        var page = _ledger.Read();
        Assert.Equal((count, 0), (page.Stored, page.Waiting));
        Assert.True(page.Balances);
        await AssertDistinctAsync(count);
    }

    private async Task AssertDistinctAsync(int count)
    {
        var rows = (await _store.RecentAsync(null, 1_000, default)).Select(json => System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("client_event_id").GetString()).ToList();
        Assert.Equal(Math.Min(count, 1_000), rows.Count);
        Assert.Equal(rows.Count, rows.Distinct().Count());
    }

    private (PixelServer.Journal.Journal, Drain) Start()
    {
        var journal = Open(_folder.File("journal"), _ledger);
        return (journal, DrainOf(journal, _ledger));
    }

    private void Restart()
    {
        _drain.Dispose();
        _journal.Dispose();
        _ledger = new Ledger();
        (_journal, _drain) = Start();
    }

    private static PixelServer.Journal.Journal Open(string directory, Ledger ledger) => PixelServer.Journal.Journal.Open(
        directory, new JournalOptions { SegmentBytes = 1 << 20, MinFreeBytes = 0 }, Acknowledge.Flushed, TimeProvider.System, ledger, NullLogger.Instance);

    private Drain DrainOf(PixelServer.Journal.Journal journal, Ledger ledger, Bar? bar = null) => new(
        journal, _store, new Enricher(new EnrichOptions()), ledger, new StoreOptions { MaxBatch = 200, MaxDelay = TimeSpan.FromMilliseconds(5) },
        TimeProvider.System, NullLogger<Drain>.Instance, bar: bar);

    private static void CopyDirectory(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from, "*.seg")) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}

using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise about standings, and about batches when somebody is barred. A class for each store runs all of it on a database of its own.</summary>
public abstract class StandingsContract
{
    private protected abstract Task<(IStandings Standings, IEventStore Events)> FreshAsync();

    [Fact]
    public async Task Words_come_back_merged_whatever_the_order_and_the_number_of_writers()
    {
        var (store, _) = await FreshAsync();
        var words = Gen.Select(Gen.Int[0, 9], StandingTests.Any).Array[200].Single();
        var batches = words.Chunk(20).Select(some => some.Select(one => new SubjectStanding((UInt128)(uint)one.Item1, one.Item2)).ToList());

        await Task.WhenAll(batches.Select(batch => store.KeepAsync(batch, bar: false, default)));

        var found = (await store.SinceAsync(null, default)).Standings.ToDictionary(one => one.Subject, one => one.Standing);
        foreach (var same in words.GroupBy(one => one.Item1))
            Assert.Equal(same.Aggregate(default(Standing), (known, one) => known.Merge(one.Item2)), found[(UInt128)(uint)same.Key]);
        Assert.Equal(words.Select(one => one.Item1).Distinct().Count(), found.Count);
    }

    [Fact]
    public async Task A_mark_leads_to_what_is_new_and_nothing_is_passed_over()
    {
        var (store, _) = await FreshAsync();
        var (none, _, start) = await store.SinceAsync(null, default);
        Assert.Empty(none);

        await store.KeepAsync([new(UInt128.MaxValue, new() { Shared = new(-5) })], bar: false, default);
        var (first, _, mark) = await store.SinceAsync(start, default);
        Assert.Equal(new(UInt128.MaxValue, new() { Shared = new(-5) }), Assert.Single(first));
        await store.KeepAsync([new(7, new() { Kept = new(-1) }), new(UInt128.MaxValue, new() { Ads = new(3) })], bar: false, default);
        var (second, _, _) = await store.SinceAsync(mark, default);

        Assert.Contains(new(7, new() { Kept = new(-1) }), second);
        Assert.Contains(new(UInt128.MaxValue, new() { Shared = new(-5), Ads = new(3) }), second);
    }

    [Fact]
    public async Task A_batch_that_knows_less_than_the_store_is_not_stored_and_neither_is_its_position()
    {
        var (store, events) = await FreshAsync();
        var (_, epoch, _) = await store.SinceAsync(null, default);
        var journal = Guid.NewGuid();
        await events.SaveAsync(Batch(journal, 0, epoch), default);
        await store.KeepAsync([new(1, new() { Kept = new(-1) })], bar: true, default);

        await Assert.ThrowsAsync<BatchBarredException>(() => events.SaveAsync(Batch(journal, 1, epoch), default));
        await Assert.ThrowsAsync<BatchBarredException>(() => events.RejectAsync(Batch(journal, 1, epoch), new RefusedRowException("23514", "no", null), default));
        Assert.Equal(1, await events.PositionAsync(journal, default));
        Assert.Single(await events.RecentAsync(null, 10, default));

        var (_, now, _) = await store.SinceAsync(null, default);
        Assert.True(now > epoch);
        await events.SaveAsync(Batch(journal, 1, now), default);
        Assert.Equal(2, (await events.RecentAsync(null, 10, default)).Count);
    }

    [Fact]
    public async Task A_batch_that_knows_what_the_store_has_lost_is_not_stored_either()
    {
        var (store, events) = await FreshAsync();
        var (_, epoch, _) = await store.SinceAsync(null, default);

        await Assert.ThrowsAsync<BatchBarredException>(() => events.SaveAsync(Batch(Guid.NewGuid(), 0, epoch + 1), default));
    }

    [Fact]
    public async Task Once_somebody_is_barred_no_batch_that_was_under_way_appears_any_more()
    {
        var (store, events) = await FreshAsync();
        var (_, epoch, _) = await store.SinceAsync(null, default);
        var (stored, writers, isOver) = (0, new List<Task>(), false);
        for (var writer = 0; writer < 4; writer++)
        {
            var (journal, number) = (Guid.NewGuid(), writer * 100_000);
            writers.Add(Task.Run(async () =>
            {
                try
                {
                    for (var at = 0; !Volatile.Read(ref isOver); at++)
                    {
                        await events.SaveAsync(Batch(journal, at, epoch, number), default);
                        Interlocked.Increment(ref stored);
                    }
                }
                catch (BatchBarredException)
                {
                }
            }));
        }

        int visible;
        try
        {
            await Eventually.TrueAsync(() => Volatile.Read(ref stored) > 20, () => $"{stored} batches");
            await store.KeepAsync([new(1, new() { Kept = new(-1) })], bar: true, default);
            visible = (await events.RecentAsync(null, 1_000, default)).Count;
            await Task.WhenAll(writers).WaitAsync(TimeSpan.FromSeconds(30)); // each ends by being told
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        Assert.Equal(visible, (await events.RecentAsync(null, 1_000, default)).Count);
        Assert.Equal(Math.Min(stored, 1_000), visible);
    }

    private static EventBatch Batch(Guid journal, int at, long epoch, int number = 0)
    {
        var e = Events.Minimal(number + at, Events.Noon);
        return new EventBatch(journal, at, [e], [at + 1], at + 1) { Epoch = epoch };
    }
}

public sealed class PostgresStandingsTests(SharedPostgres postgres) : StandingsContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    private protected override async Task<(IStandings, IEventStore)> FreshAsync()
    {
        var events = await _test.FreshAsync();
        return (new PostgresStandings(_test.Source), events);
    }

    [Fact]
    public async Task After_a_failover_to_a_clock_that_is_behind_nothing_is_passed_over()
    {
        var (store, _) = await FreshAsync();
        await store.KeepAsync([new(1, new() { Kept = new(-1) })], bar: true, default);
        var ahead = TimeProvider.System.GetUtcNow().AddMinutes(10).ToString("O", System.Globalization.CultureInfo.InvariantCulture);

        var (found, _, mark) = await store.SinceAsync(ahead, default);
        Assert.Single(found);
        await store.KeepAsync([new(2, new() { Kept = new(-1) })], bar: true, default);
        Assert.Contains((await store.SinceAsync(mark, default)).Standings, one => one.Subject == 2);
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

public sealed class SqliteStandingsTests : StandingsContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private SqliteStore? _store;

    private protected override async Task<(IStandings, IEventStore)> FreshAsync()
    {
        _store = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance);
        await _store.PrepareAsync(default);
        return (new SqliteStandings(_folder.File("pixel.db")), _store);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _folder.Dispose();
    }
}

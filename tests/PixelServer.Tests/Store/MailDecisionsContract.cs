using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise about decisions of recipients. A class for each store runs all of it on a database of its own.</summary>
public abstract class MailDecisionsContract
{
    private static readonly DateTimeOffset s_at = Events.Noon;

    private protected abstract Task<IMailDecisions> FreshAsync();

    [Fact]
    public async Task What_was_kept_comes_back_as_it_went_in()
    {
        var store = await FreshAsync();
        MailDecision[] given =
        [
            One("r1", tracking: false, s_at), One("r'2 \"ä👢", tracking: true, s_at.AddMilliseconds(1)), One("", tracking: false, s_at, MailSubject.Site),
            new("shop", MailSubject.Message, "m", Tracking: false, Redirects: false, s_at, "operator"), One("r1", tracking: false, s_at) with { SiteId = "other" },
        ];
        await store.KeepAsync(given, default);

        var (found, _) = await store.SinceAsync(null, default);

        Assert.Equal(given.OrderBy(one => one.ToString()), found.OrderBy(one => one.ToString()));
    }

    [Fact]
    public async Task The_later_decision_holds_in_whatever_order_they_come_and_of_two_at_once_the_stricter()
    {
        var store = await FreshAsync();
        MailDecision[] all = [One("r", tracking: true, s_at), One("r", tracking: false, s_at.AddSeconds(1)), One("r", tracking: true, s_at.AddSeconds(1)), One("r", tracking: true, s_at.AddSeconds(-1))];
        foreach (var order in (int[][])[[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 2, 3], [2, 3, 1, 0]])
        {
            var subject = string.Join('-', order);
            foreach (var i in order) await store.KeepAsync([all[i] with { SubjectId = subject }], default);
            var found = Assert.Single((await store.SinceAsync(null, default)).Decisions, one => one.SubjectId == subject);
            Assert.Equal(all[1] with { SubjectId = subject }, found);
        }
    }

    [Fact]
    public async Task A_mark_leads_to_what_is_new_and_nothing_is_passed_over()
    {
        var store = await FreshAsync();
        var (none, start) = await store.SinceAsync(null, default);
        Assert.Empty(none);

        await store.KeepAsync([One("r1", tracking: false, s_at)], default);
        var (first, mark) = await store.SinceAsync(start, default);
        Assert.Equal("r1", Assert.Single(first).SubjectId);
        await store.KeepAsync([One("r2", tracking: false, s_at.AddYears(-1)), One("r1", tracking: true, s_at.AddDays(1))], default);
        var (second, _) = await store.SinceAsync(mark, default);

        Assert.Contains(second, one => one.SubjectId == "r2"); // new here, though decided long ago
        Assert.Contains(second, one => one is { SubjectId: "r1", Tracking: true });
    }

    [Fact]
    public async Task Two_collectors_at_once_do_not_lose_or_block_each_other()
    {
        var store = await FreshAsync();
        var batches = Enumerable.Range(0, 8).Select(batch => Enumerable.Range(0, 200).Select(i => One($"r{(batch % 2 == 0 ? i : 199 - i)}", tracking: batch % 2 == 0, s_at.AddSeconds(batch))).ToArray());

        await Task.WhenAll(batches.Select(batch => store.KeepAsync(batch, default)));

        var (found, _) = await store.SinceAsync(null, default);
        Assert.Equal(200, found.Count);
        Assert.All(found, one => Assert.Equal((false, s_at.AddSeconds(7)), (one.Tracking, one.DecidedAt)));
    }

    private protected static MailDecision One(string id, bool tracking, DateTimeOffset at, MailSubject subject = MailSubject.Recipient) =>
        new("shop", subject, id, tracking, Redirects: true, at, "recipient");
}

public sealed class PostgresMailDecisionsTests(SharedPostgres postgres) : MailDecisionsContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    private protected override async Task<IMailDecisions> FreshAsync()
    {
        await _test.FreshAsync();
        return new PostgresMailDecisions(_test.Source);
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

public sealed class SqliteMailDecisionsTests : MailDecisionsContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private SqliteStore? _store;

    private protected override async Task<IMailDecisions> FreshAsync()
    {
        _store = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<SqliteStore>.Instance);
        await _store.PrepareAsync(default);
        return new SqliteMailDecisions(_folder.File("pixel.db"));
    }

    // The erasure of a person takes the newest row; a verb beside the server writes the next.
    [Fact]
    public async Task A_mark_leads_to_what_is_new_also_after_the_newest_row_was_deleted()
    {
        var store = await FreshAsync();
        await store.KeepAsync([.. Enumerable.Range(0, 100).Select(i => One($"r{i}", tracking: false, Events.Noon))], default);
        var (_, mark) = await store.SinceAsync(null, default);
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False"))
        {
            await connection.OpenAsync();
            using var delete = connection.CreateCommand();
            delete.CommandText = "delete from mail_decisions where subject_id > 'r5'";
            await delete.ExecuteNonQueryAsync();
        }

        await store.KeepAsync([One("another", tracking: false, Events.Noon)], default);

        Assert.Equal("another", Assert.Single((await store.SinceAsync(mark, default)).Decisions).SubjectId);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _folder.Dispose();
    }
}

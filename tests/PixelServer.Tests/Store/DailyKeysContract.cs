using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise about keys of days. A class for each store runs all of it on a database of its own.</summary>
public abstract class DailyKeysContract
{
    private static readonly DateOnly s_day = new(2026, 11, 23);

    private protected abstract Task<IDailyKeys> FreshAsync();

    [Fact]
    public async Task The_first_who_comes_with_a_key_decides_for_all()
    {
        var store = await FreshAsync();

        Assert.Equal([1, 2, 3], await store.MeetAsync(s_day, [1, 2, 3], default));
        Assert.Equal([1, 2, 3], await store.MeetAsync(s_day, [4], default));
        Assert.Equal([5], await store.MeetAsync(s_day.AddDays(1), [5], default));
    }

    [Fact]
    public async Task Of_many_who_come_at_once_all_get_the_same()
    {
        var store = await FreshAsync();

        var got = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => store.MeetAsync(s_day, [(byte)i, 7], default))));

        Assert.Single(got.Select(Convert.ToHexString).Distinct());
    }

    [Fact]
    public async Task What_is_old_goes_and_what_is_not_stays()
    {
        var store = await FreshAsync();
        for (var i = -2; i <= 1; i++) await store.MeetAsync(s_day.AddDays(i), [(byte)(10 + i)], default);

        Assert.True(await store.ForgetAsync(s_day, default));
        Assert.True(await store.ForgetAsync(s_day, default));

        Assert.Equal([99], await store.MeetAsync(s_day.AddDays(-2), [99], default));
        Assert.Equal([99], await store.MeetAsync(s_day.AddDays(-1), [99], default));
        Assert.Equal([10], await store.MeetAsync(s_day, [99], default));
        Assert.Equal([11], await store.MeetAsync(s_day.AddDays(1), [99], default));
    }
}

public sealed class PostgresDailyKeysTests(SharedPostgres postgres) : DailyKeysContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    private protected override async Task<IDailyKeys> FreshAsync()
    {
        await _test.FreshAsync();
        return new PostgresDailyKeys(_test.Source);
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

public sealed class SqliteDailyKeysTests : DailyKeysContract, IDisposable
{
    private readonly TempFolder _folder = new();

    private protected override Task<IDailyKeys> FreshAsync() => Task.FromResult<IDailyKeys>(new SqliteDailyKeys(_folder.File("days.db")));

    public void Dispose() => _folder.Dispose();
}

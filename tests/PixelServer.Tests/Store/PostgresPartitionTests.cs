using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>The server makes the partitions itself, ahead of time or when a row comes without one.</summary>
public sealed class PostgresPartitionTests(SharedPostgres postgres) : IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    [Fact]
    public async Task Yesterday_to_a_week_ahead_stand_ready_and_there_is_no_default()
    {
        await _test.FreshAsync();

        Assert.Equal(
            ["events_20261122", "events_20261123", "events_20261124", "events_20261125", "events_20261126", "events_20261127",
             "events_20261128", "events_20261129", "events_20261130"], await PartitionsAsync());
        Assert.Equal("FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-24 00:00:00+00')",
            (await _test.AskAsync("set timezone = 'UTC'; select pg_get_expr(relpartbound, oid) from pg_class where relname = 'events_20261123'"))[0]);
    }

    [Fact]
    public async Task The_next_day_gets_its_partition_when_the_store_prepares_again()
    {
        var store = await _test.FreshAsync();
        _test.Clock.Advance(TimeSpan.FromDays(1));

        await store.PrepareAsync(default);

        Assert.Equal("events_20261201", (await PartitionsAsync())[^1]);
    }

    [Fact]
    public async Task Months_are_made_where_the_operator_says_so_and_days_that_are_there_stay()
    {
        var store = await _test.FreshAsync();
        _test.Options = new StoreOptions { PartitionBy = PartitionBy.Month, PartitionsAhead = 40 };

        await _test.Open().PrepareAsync(default);

        Assert.Equal(9, (await PartitionsAsync()).Count(name => name!.StartsWith("events_202611", StringComparison.Ordinal)));
        Assert.Equal(["events_202612", "events_202701"], (await PartitionsAsync())[^2..]);
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default);
    }

    [Fact]
    public async Task A_late_row_of_a_day_whose_partition_was_detached_and_kept_gets_a_new_one()
    {
        var store = await _test.FreshAsync();
        await _test.AskAsync("alter table events detach partition events_20261122");

        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full(1, Events.Noon.AddDays(-1))), default);

        Assert.Contains("events_20261122_2", await PartitionsAsync());
        Assert.Equal("1", (await _test.AskAsync("select count(*) from events"))[0]);
    }

    [Fact]
    public async Task A_row_without_a_partition_makes_it_and_is_stored()
    {
        var store = await _test.FreshAsync();
        var journal = Guid.NewGuid();
        Event[] events = [Events.Full(1), Events.Full(2, Events.Noon.AddDays(-40)), Events.Full(3, Events.Noon.AddDays(-20))];

        await store.SaveAsync(Events.Batch(journal, 0, events), default);

        Assert.Equal(["events_20261014", "events_20261103", "events_20261122"], (await PartitionsAsync())[..3]);
        Assert.Equal("3", (await _test.AskAsync("select count(*) from events"))[0]);
        Assert.Equal(30, await store.PositionAsync(journal, default));
    }

    [Fact]
    public async Task The_last_and_the_first_microsecond_of_a_day_lie_in_different_partitions()
    {
        var store = await _test.FreshAsync();
        var midnight = new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero);

        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full(1, midnight.AddTicks(-1)), Events.Full(2, midnight)), default);

        Assert.Equal(["events_20261123", "events_20261124"], await _test.AskAsync("select tableoid::regclass::text from events order by received_at"));
    }

    [Theory]
    [InlineData("2019-12-31T23:59:59Z")]
    [InlineData("2026-11-26T00:00:00Z")] // today and two days more are believed
    [InlineData("9999-12-31T23:59:59Z")]
    public async Task A_row_of_a_clock_gone_wild_is_refused_and_makes_no_partition(string time)
    {
        _test.Options = new StoreOptions { PartitionsAhead = 1 };
        var store = await _test.FreshAsync();
        var before = await PartitionsAsync();
        var at = DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() =>
            store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full(1), Events.Full(2, at)), default));

        Assert.Equal("23514", refused.Code);
        Assert.Equal(before, await PartitionsAsync());
        Assert.Equal("0", (await _test.AskAsync("select count(*) from events"))[0]);
    }

    [Fact]
    public async Task A_long_report_does_not_hold_up_tomorrow()
    {
        var store = await _test.FreshAsync();
        await using var report = await _test.Source.OpenConnectionAsync();
        await using var transaction = await report.BeginTransactionAsync();
        await using (var query = new NpgsqlCommand("select count(*) from events", report)) await query.ExecuteScalarAsync();

        _test.Clock.Advance(TimeSpan.FromDays(3));
        await store.PrepareAsync(default).WaitAsync(TimeSpan.FromSeconds(8)); // a wait for the report would end at ten

        Assert.Equal("events_20261203", (await PartitionsAsync())[^1]);
    }

    [Fact]
    public async Task Collectors_that_start_together_do_not_collide()
    {
        await _test.CreateAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => _test.Open().PrepareAsync(default))));

        Assert.Equal(9, (await PartitionsAsync()).Count);
        Assert.Equal("0", (await _test.AskAsync("select count(*) from (select 1 from schema_versions group by scriptname having count(*) > 1) as twice"))[0]);
    }

    [Fact]
    public async Task Every_partition_has_the_index()
    {
        await _test.FreshAsync();

        var plan = string.Join('\n', await _test.AskAsync(
            "select count(*)::text from pg_indexes where tablename like 'events\\_2%' and indexdef like '%brin%received_at%'"));

        Assert.Equal("9", plan);
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    private async Task<List<string?>> PartitionsAsync() =>
        [.. await _test.AskAsync("select inhrelid::regclass::text from pg_inherits where inhparent = 'events'::regclass order by 1")];
}

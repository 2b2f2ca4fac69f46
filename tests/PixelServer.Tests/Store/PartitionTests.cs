using PixelServer.Store;

namespace PixelServer.Tests.Store;

/// <summary>Which partitions are missing: pure.</summary>
public sealed class PartitionTests
{
    private static readonly DateOnly Today = new(2026, 11, 23);

    [Fact]
    public void Days_without_a_partition_get_one_each()
    {
        var missing = Partition.Missing([Day(Today)], [Today.AddDays(-1), Today, Today.AddDays(1), Today.AddDays(1)], PartitionBy.Day);

        Assert.Equal(["events_20261122", "events_20261124"], missing.Select(p => p.Table));
    }

    [Fact]
    public void Days_of_a_month_share_one_and_the_year_turns()
    {
        var missing = Partition.Missing([], [new(2026, 12, 31), new(2026, 12, 1), new(2027, 1, 1)], PartitionBy.Month);

        Assert.Equal(["events_202612", "events_202701"], missing.Select(p => p.Table));
        Assert.Equal("from ('2026-12-01 00:00:00+00') to ('2027-01-01 00:00:00+00')", missing[0].Sql);
    }

    [Fact]
    public void A_month_that_has_days_already_is_completed_by_days()
    {
        var missing = Partition.Missing([Day(Today)], [Today, Today.AddDays(1), new(2026, 12, 1)], PartitionBy.Month);

        Assert.Equal(["events_20261124", "events_202612"], missing.Select(p => p.Table));
    }

    [Fact]
    public void Days_within_a_month_that_is_there_are_covered() =>
        Assert.Empty(Partition.Missing([new(new(2026, 11, 1), new(2026, 12, 1))], [Today, new(2026, 11, 30)], PartitionBy.Day));

    [Theory]
    [InlineData("FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-24 00:00:00+00')", 23, 24)]
    [InlineData("FOR VALUES FROM ('2026-11-23 06:00:00+00') TO ('2026-11-23 12:00:00.5+00')", 23, 24)]
    public void Bounds_are_read_as_PostgreSQL_writes_them(string bound, int from, int until) =>
        Assert.Equal(new Partition(new(2026, 11, from), new(2026, 11, until)), Partition.Read(bound));

    [Theory]
    [InlineData("DEFAULT")]
    [InlineData("FOR VALUES FROM (MINVALUE) TO ('2026-11-24 00:00:00+00')")]
    [InlineData("FOR VALUES FROM ('2026-11-23 01:00:00+01') TO ('2026-11-24 01:00:00+01')")]
    public void Bounds_of_another_kind_are_left_alone(string bound) => Assert.Null(Partition.Read(bound));

    private static Partition Day(DateOnly day) => new(day, day.AddDays(1));
}

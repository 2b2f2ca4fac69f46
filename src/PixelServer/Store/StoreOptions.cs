using System.ComponentModel.DataAnnotations;

namespace PixelServer.Store;

/// <summary>How long a stretch of time one partition of <c>events</c> covers.</summary>
internal enum PartitionBy
{
    /// <summary>One UTC day: retention by the day, small indexes. The default.</summary>
    Day,

    /// <summary>One UTC month: for sites with few events a day.</summary>
    Month,
}

/// <summary>How events are stored; section <c>Pixel:Store</c>.</summary>
internal sealed class StoreOptions
{
    /// <summary>PostgreSQL only. May be changed at any time: days that are covered stay as they are.</summary>
    public PartitionBy PartitionBy { get; init; } = PartitionBy.Day;

    /// <summary>For how many days ahead of today partitions are made. Default 7.</summary>
    [Range(1, 366)]
    public int PartitionsAhead { get; init; } = 7;

    /// <summary>Most events in one transaction; never more than 2 MiB of the journal hold, some 5,000. Default 5,000.</summary>
    [Range(1, 100_000)]
    public int MaxBatch { get; init; } = 5_000;

    /// <summary>For how many days a message is known again by its id, and its second copy not stored. Default 7.</summary>
    [Range(1, 90)]
    public int OnceDays { get; init; } = 7;

    /// <summary>How long an event may wait for others to share its transaction. Default 200 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(200);
}

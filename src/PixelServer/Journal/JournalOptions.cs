using System.ComponentModel.DataAnnotations;

namespace PixelServer.Journal;

/// <summary>When an event counts as taken; <c>Pixel:Acknowledge</c>.</summary>
internal enum Acknowledge
{
    /// <summary>Written and flushed to the device: survives a power cut. The default.</summary>
    Flushed,

    /// <summary>Handed to the operating system: survives a killed process, not a power cut.</summary>
    Written,

    /// <summary>In memory only: lost with the process.</summary>
    Queued,
}

/// <summary>The journal's bounds; section <c>Pixel:Journal</c>.</summary>
internal sealed class JournalOptions
{
    /// <summary>Most bytes on disk, all segments together. Beyond it new events get 503. Default 10 GiB.</summary>
    [Range(4L << 20, 1L << 50)]
    public long MaxBytes { get; init; } = 10L << 30;

    /// <summary>Bytes that must stay free on the disk; below it new events get 503. Default 256 MiB.</summary>
    [Range(0, 1L << 50)]
    public long MinFreeBytes { get; init; } = 256L << 20;

    /// <summary>Size of one segment file in bytes, preallocated; 1 MiB to 256 MiB. Default 32 MiB.</summary>
    [Range(1L << 20, 256L << 20)]
    public long SegmentBytes { get; init; } = 32L << 20;

    /// <summary>How long delivered segments are kept, so that a database set back by a failover can be filled again. Default 15 minutes.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "30.00:00:00")]
    public TimeSpan RetainFor { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Most bytes of delivered segments to keep. Default 1 GiB.</summary>
    [Range(0, 1L << 50)]
    public long RetainBytes { get; init; } = 1L << 30;

    /// <summary>Most events that wait in memory for the journal; beyond it new events get 503. Default 16,384.</summary>
    [Range(64, 1 << 20)]
    public int QueueLength { get; init; } = 16_384;
}

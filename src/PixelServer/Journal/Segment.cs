namespace PixelServer.Journal;

/// <summary>One segment file as the running journal knows it. Guarded by <see cref="Segments"/>' lock, except <see cref="End"/>.</summary>
internal sealed class Segment(SegmentHeader header, string path, long bytes)
{
    private long _end = header.First;

    public SegmentHeader Header { get; } = header;
    public string Path { get; } = path;

    /// <summary>Size of the file on disk.</summary>
    public long Bytes { get; set; } = bytes;

    /// <summary>Position behind the last record that may be read. In the active segment the writer moves it after each flush.</summary>
    public long End
    {
        get => Volatile.Read(ref _end);
        set => Volatile.Write(ref _end, value);
    }

    /// <summary>Readable records.</summary>
    public long Records { get; set; }

    public IReadOnlyList<Hole> Holes { get; set; } = [];

    /// <summary>No record will be added.</summary>
    public bool Sealed { get; set; }

    /// <summary>That nothing stands behind its end, and that this file has the name, is on the device too.</summary>
    public bool Settled { get; set; }

    /// <summary>When all of it was seen to be in the store; null before.</summary>
    public DateTimeOffset? DeliveredAt { get; set; }
}

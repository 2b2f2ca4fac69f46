namespace PixelServer.Journal;

/// <summary>What became of a hit that was offered to the journal. Everything but <see cref="Accepted"/> is a 503 with <c>Retry-After</c>.</summary>
internal enum AppendOutcome : byte
{
    /// <summary>Durable to the level that <c>Pixel:Acknowledge</c> asks for.</summary>
    Accepted,

    /// <summary>Too many hits wait in memory: the disk is slower than the visitors.</summary>
    QueueFull,

    /// <summary>The byte cap is reached or the disk is nearly full; clears when the store catches up or space is freed.</summary>
    JournalFull,

    /// <summary>The disk refused to write or to flush; the journal tries again by itself.</summary>
    JournalFailed,

    /// <summary>The server is shutting down.</summary>
    Stopping,
}

namespace PixelServer.Journal;

/// <summary>Reads a segment's bytes from end to end and says what is in them: pure, so that every kind of damage can be tried on it.</summary>
internal static class SegmentScan
{
    private const int Sector = 512;

    /// <summary>Looks at every byte of a segment.</summary>
    /// <param name="file">The whole file, header included.</param>
    /// <param name="header">Its header.</param>
    /// <param name="limit">Position at which the next segment of the run begins; what stands behind it was never acknowledged. Null if there is none.</param>
    public static ScanResult Scan(ReadOnlySpan<byte> file, SegmentHeader header, long? limit)
    {
        var seed = Record.Seed(header.Run);
        var length = limit is { } next ? (int)Math.Min(file.Length, SegmentHeader.Bytes + next - header.First) : file.Length;
        var records = file[SegmentHeader.Bytes..length];
        var holes = new List<Hole>();
        var (offset, count, checksum, lastCommit) = (0, 0L, 0u, 0L);
        while (true)
        {
            if (Record.TryRead(records[offset..], seed, header.First + offset, out var record))
            {
                offset += record.Size;
                count++;
                (checksum, lastCommit) = (record.Checksum, record.CommitStart);
                continue;
            }

            // Preallocated space that was never written reads as zeros.
            if (!records[offset..].ContainsAnyExcept((byte)0)) return Result(junk: 0, torn: false);
            var resume = NextRecord(records, offset, seed, header.First, out var found);
            if (resume < 0) return Result(junk: records.Length - offset, IsTornTail(file[..length], SegmentHeader.Bytes + offset));

            var torn = found.CommitStart <= header.First + offset
                && HasLostSector(file, SegmentHeader.Bytes + resume, SegmentHeader.Bytes + (int)(found.CommitStart - header.First));
            holes.Add(new Hole(header.First + offset, header.First + resume, torn));
            offset = resume;
        }

        // What a later commit or a later segment follows was flushed and acknowledged: a hole in it is damage, whatever it looks like.
        ScanResult Result(int junk, bool torn) => new(
            header.First + offset, count, checksum,
            [.. holes.Select(hole => hole with { Torn = hole.Torn && limit is null && lastCommit <= hole.From })], junk, torn && limit is null);
    }

    /// <summary>Offset of the first whole record behind <paramref name="offset"/>; -1 if there is none.</summary>
    public static int NextRecord(ReadOnlySpan<byte> records, int offset, uint seed, long first, out RecordHeader header)
    {
        // Only text that visitors sent could look like a record here, and text has no zero bytes where a header has three.
        for (var at = offset + Record.Alignment; at + Record.HeaderBytes <= records.Length; at += Record.Alignment)
            if (Record.TryRead(records[at..], seed, first + at, out header)) return at;
        header = default;
        return -1;
    }

    // The end of a file that was cut off, or a record of which sectors are missing; a record that is all there but wrong is damage.
    private static bool IsTornTail(ReadOnlySpan<byte> file, int offset)
    {
        var written = file.LastIndexOfAnyExcept((byte)0) + 1;
        var claimed = offset + Record.HeaderBytes <= file.Length ? Record.ClaimedSize(file[offset..]) : Record.HeaderBytes;
        if (offset + claimed > file.Length) return true;
        return HasLostSector(file, Math.Max(written, offset + claimed), offset);
    }

    // A write that a power failure cut off loses whole sectors, which then still hold the zeros of the preallocation from the
    // start of the commit on; a flipped bit or a stray write does not look like that. (The rule is etcd's: isTornEntry in
    // server/storage/wal/decoder.go.)
    private static bool HasLostSector(ReadOnlySpan<byte> file, int to, int commitStart)
    {
        for (var sector = commitStart / Sector * Sector; sector < to; sector += Sector)
        {
            var from = Math.Max(sector, commitStart);
            if (!file[from..Math.Min(sector + Sector, file.Length)].ContainsAnyExcept((byte)0)) return true;
        }

        return false;
    }
}

/// <summary>What a scan found.</summary>
/// <param name="End">Position behind the last whole record.</param>
/// <param name="Records">How many whole records there are.</param>
/// <param name="Checksum">Of the last whole record; 0 if there is none.</param>
/// <param name="Holes">Stretches without a whole record that are followed by one.</param>
/// <param name="Junk">Bytes behind <paramref name="End"/> that are neither records nor untouched space.</param>
/// <param name="IsTorn">The junk is what a crash leaves of a commit that it cut off; otherwise it is damage.</param>
internal sealed record ScanResult(long End, long Records, uint Checksum, IReadOnlyList<Hole> Holes, int Junk, bool IsTorn);

/// <summary>A stretch of a segment in which no record can be read.</summary>
/// <param name="From">Position of its first byte.</param>
/// <param name="To">Position of the next whole record.</param>
/// <param name="Torn">Part of a group commit that a crash cut off before it was flushed, so that nothing in it was acknowledged; otherwise damage.</param>
internal readonly record struct Hole(long From, long To, bool Torn);

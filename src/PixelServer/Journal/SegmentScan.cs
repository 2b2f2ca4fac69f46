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
        var (offset, count, checksum) = (0, 0L, 0u);
        while (true)
        {
            if (Record.TryRead(records[offset..], seed, header.First + offset, out var record))
            {
                offset += record.Size;
                count++;
                checksum = record.Checksum;
                continue;
            }

            // Preallocated space that was never written reads as zeros.
            if (!records[offset..].ContainsAnyExcept((byte)0)) return Result(junk: 0);
            var resume = NextRecord(records, offset, seed, header.First, out var found);
            if (resume < 0) return Result(junk: records.Length - offset);

            var torn = found.CommitStart <= header.First + offset
                && HasLostSector(file, SegmentHeader.Bytes + resume, SegmentHeader.Bytes + (int)(found.CommitStart - header.First));
            holes.Add(new Hole(header.First + offset, header.First + resume, torn));
            offset = resume;
        }

        ScanResult Result(int junk) => new(header.First + offset, count, checksum, holes, junk);
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
internal sealed record ScanResult(long End, long Records, uint Checksum, IReadOnlyList<Hole> Holes, int Junk);

/// <summary>A stretch of a segment in which no record can be read.</summary>
/// <param name="From">Position of its first byte.</param>
/// <param name="To">Position of the next whole record.</param>
/// <param name="Torn">Part of a group commit that a crash cut off before it was flushed, so that nothing in it was acknowledged; otherwise damage.</param>
internal readonly record struct Hole(long From, long To, bool Torn);

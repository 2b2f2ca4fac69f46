namespace PixelServer.Journal;

/// <summary>
/// Takes hits out of segments without moving a position: a segment that holds one is written anew, with a record of the same size and no content in
/// the place of each. One at a time; beside it the appender writes and the reader reads.
/// </summary>
/// <remarks>
/// What cannot be read cannot be searched: in the segments and in quarantine the unreadable stretches are zeroed, and a quarantined file without a
/// header is deleted. The space that the old files took is given back to the file system, which may not overwrite it at once.
/// </remarks>
internal sealed class Erasing(Segments segments, ILogger log)
{
    /// <summary>Works on the segments that are closed; the appender has closed the one that matters.</summary>
    /// <exception cref="NewerJournalException">A later version wrote a hit.</exception>
    public JournalErased Erase(Func<Hit, bool> belongs, CancellationToken ct, Action? done = null)
    {
        var (total, buffer) = (new JournalErased(0, 0, 0), Array.Empty<byte>());
        foreach (var segment in segments.All)
        {
            ct.ThrowIfCancellationRequested();
            if (!segment.Sealed || !TryReadWhole(segment.Path, ref buffer, out var content)) continue;

            var end = SegmentHeader.Bytes + segment.End - segment.Header.First;
            var records = content[SegmentHeader.Bytes..(int)Math.Min(content.Length, end)];
            var erased = Erase(records, segment.Header, belongs);
            // Behind its end stands what a failed write left.
            var rest = content[(SegmentHeader.Bytes + records.Length)..];
            if (rest.ContainsAnyExcept((byte)0)) erased = erased with { Unreadable = erased.Unreadable + rest.Length };
            if (erased is { Hits: 0, Unreadable: 0 })
            {
                Settle(segment);
                continue;
            }

            SegmentHeader.MarkErased(content);
            if (segments.Replace(segment, content[..(SegmentHeader.Bytes + records.Length)])) total += erased with { Files = 1 };
            done?.Invoke();
        }

        foreach (var path in segments.Quarantined)
        {
            ct.ThrowIfCancellationRequested();
            if (!TryReadQuarantined(path, ref buffer, out var content)) continue;
            if (!SegmentHeader.TryRead(content, out var header))
            {
                segments.ReplaceQuarantined(path, default);
                total += new JournalErased(0, content.Length, 1);
                continue;
            }

            var erased = Erase(content[SegmentHeader.Bytes..], header, belongs);
            if (erased is { Hits: 0, Unreadable: 0 }) continue;
            SegmentHeader.MarkErased(content);
            segments.ReplaceQuarantined(path, content);
            done?.Invoke();
            total += erased with { Files = 1 };
        }

        if (total.Unreadable > 0) log.LogWarning("{Bytes} bytes of the journal that could not be read were erased with the hits of a person: nobody can say whose they were.", total.Unreadable);
        return total;
    }

    public IEnumerable<(Guid Run, long End, Hit Hit)> Find(Func<Hit, bool> belongs)
    {
        var buffer = Array.Empty<byte>();
        foreach (var segment in segments.All)
            foreach (var found in Find(segment, belongs, ref buffer))
                yield return (segment.Header.Run, found.End, found.Hit);
    }

    private List<(long End, Hit Hit)> Find(Segment segment, Func<Hit, bool> belongs, ref byte[] buffer)
    {
        var found = new List<(long, Hit)>();
        var end = segment.End; // before the file is read: everything up to it is there
        if (!TryReadWhole(segment.Path, ref buffer, out var content)) return found;
        var records = content[SegmentHeader.Bytes..(int)Math.Min(content.Length, SegmentHeader.Bytes + end - segment.Header.First)];
        var (seed, first) = (Record.Seed(segment.Header.Run), segment.Header.First);
        for (var offset = 0; offset < records.Length;)
        {
            if (!Record.TryRead(records[offset..], seed, first + offset, out var record))
            {
                offset = SegmentScan.NextRecord(records, offset, seed, first, out _) is >= 0 and var next ? next : records.Length;
                continue;
            }

            if (!record.IsErased && TryDecode(records.Slice(offset + Record.HeaderBytes, record.Payload)) is { } hit && belongs(hit)) found.Add((first + offset + record.Size, hit));
            offset += record.Size;
        }

        return found;
    }

    private static JournalErased Erase(Span<byte> records, SegmentHeader header, Func<Hit, bool> belongs)
    {
        var (seed, hits, unreadable) = (Record.Seed(header.Run), 0, 0L);
        for (var offset = 0; offset < records.Length;)
        {
            if (Record.TryRead(records[offset..], seed, header.First + offset, out var record))
            {
                var decoded = record.IsErased ? null : TryDecode(records.Slice(offset + Record.HeaderBytes, record.Payload));
                if (!record.IsErased && (decoded is null || belongs(decoded)))
                {
                    Record.Erase(records.Slice(offset, record.Size), record, seed, header.First + offset, isLast: !IsFollowed(records[(offset + record.Size)..]));
                    if (decoded is null) unreadable += record.Size;
                    else hits++;
                }

                offset += record.Size;
                continue;
            }

            var next = SegmentScan.NextRecord(records, offset, seed, header.First, out _) is >= 0 and var resume ? resume : records.Length;
            var hole = records[offset..next];
            if (hole.ContainsAnyExcept((byte)0)) unreadable += hole.Length;
            hole.Clear();
            offset = next;
        }

        return new JournalErased(hits, unreadable, 0);

        // A segment's records end where the file ends; only quarantined copies have unused space behind them.
        static bool IsFollowed(ReadOnlySpan<byte> rest) => rest.ContainsAnyExcept((byte)0);
    }

    // Null: whole, but not a hit.
    private static Hit? TryDecode(ReadOnlySpan<byte> payload)
    {
        try
        {
            return HitCodec.Read(payload);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private void Settle(Segment segment)
    {
        try
        {
            segments.Settle(segment);
        }
        catch (FileNotFoundException)
        {
            // Delivered and deleted meanwhile.
        }
    }

    // What was put aside because the disk cannot read it counts as empty.
    private bool TryReadQuarantined(string path, scoped ref byte[] buffer, out Span<byte> content)
    {
        try
        {
            return TryReadWhole(path, ref buffer, out content);
        }
        catch (IOException)
        {
            content = default;
            return true;
        }
    }

    // False: it was delivered and deleted meanwhile.
    private bool TryReadWhole(string path, scoped ref byte[] buffer, out Span<byte> content)
    {
        try
        {
            content = segments.ReadWhole(path, ref buffer);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            content = default;
            return false;
        }
    }
}

/// <summary>What was erased.</summary>
/// <param name="Hits">Hits of the person.</param>
/// <param name="Unreadable">Bytes that could not be read.</param>
/// <param name="Files">Files that were written anew or deleted.</param>
internal readonly record struct JournalErased(long Hits, long Unreadable, int Files)
{
    public static JournalErased operator +(JournalErased one, JournalErased other) =>
        new(one.Hits + other.Hits, one.Unreadable + other.Unreadable, one.Files + other.Files);
}

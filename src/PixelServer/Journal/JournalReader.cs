namespace PixelServer.Journal;

/// <summary>Reads durable hits in order. Steps over what recovery found unreadable. Used by one thread.</summary>
internal sealed class JournalReader(Segments segments, JournalOptions options, ILogger log)
{
    // Room for the largest record, and enough for some thousand ordinary ones.
    private readonly byte[] _chunk = new byte[Math.Min(2 * Record.Size(Record.MaxPayload), options.SegmentBytes)];
    // What is given up where the disk cannot read: small, so that little else is lost, and a multiple of every disk's sector.
    private const int Unreadable = 64 << 10;

    // How often a place that cannot be read is tried before it is stepped over; the drain backs off in between.
    private const int Attempts = 5;

    private (Guid Run, uint Seed) _seed;
    private (Guid Run, long Position, int Count) _failed;

    /// <summary>Records that were whole but hold no hit; each was told and stepped over.</summary>
    public long QuarantinedRecords { get; private set; }

    public JournalSlice Read(Guid run, long from, int maxHits)
    {
        var (hits, ends, erased) = (new List<Hit>(), new List<long>(), new List<long>());
        var to = Walk(run, from, long.MaxValue, maxHits, (record, payload, end) =>
        {
            if (record.IsErased)
            {
                erased.Add(end);
                return;
            }

            try
            {
                hits.Add(HitCodec.Read(payload));
                ends.Add(end);
            }
            catch (InvalidDataException e)
            {
                QuarantinedRecords++;
                log.LogError(e, "The journal record that ends at {Position} of run {Run} is not a hit and is left out.", end, run);
            }
        });
        return new JournalSlice(run, from, to, hits, ends, erased);
    }

    /// <summary>Records of the run between two positions, erased ones among them: they too were received and are still to be passed.</summary>
    public long Count(Guid run, long from, long to)
    {
        var count = 0L;
        while (from < to)
        {
            // Whole segments were counted when they were written or recovered.
            if (segments.Find(run, from) is { } segment && from <= segment.Header.First && segment.End <= to)
            {
                (count, from) = (count + segment.Records, segment.End);
                continue;
            }

            var next = Walk(run, from, to, int.MaxValue, (_, _, _) => count++);
            if (next == from) break;
            from = next;
        }

        return count;
    }

    // One chunk of one segment. Returns the position behind what was read, which is `from` where there is nothing.
    private long Walk(Guid run, long from, long until, int maxRecords, RecordVisitor visit)
    {
        if (segments.Find(run, from) is not { } segment) return from;
        // Behind a lost stretch the run goes on where its next segment begins.
        if (from < segment.Header.First) return segment.Header.First;

        var end = Math.Min(segment.End, until);
        var chunk = _chunk.AsSpan(0, (int)Math.Min(_chunk.Length, end - from));
        if (!TryRead(segment, from, ref chunk)) return StepOver(segment, from, Math.Min(segment.End, from + Unreadable));
        if (chunk.IsEmpty) return StepOver(segment, from, segment.End); // the file was cut from outside
        var seed = Seed(run);
        var (offset, records) = (0, 0);
        while (records < maxRecords && Record.TryRead(chunk[offset..], seed, from + offset, out var record))
        {
            visit(record, chunk.Slice(offset + Record.HeaderBytes, record.Payload), from + offset + record.Size);
            offset += record.Size;
            records++;
        }

        if (offset > 0) return from + offset;

        // Not the edge of a chunk but a hole: one that recovery told of, or one that came since.
        foreach (var hole in segment.Holes)
            if (hole.From <= from && from < hole.To) return hole.To;
        var resume = SegmentScan.NextRecord(chunk, 0, seed, from, out _);
        var behind = resume < 0 ? from + Math.Max(chunk.Length & -Record.Alignment, Record.Alignment) : from + resume;
        return StepOver(segment, from, Math.Min(behind, segment.End));
    }

    // A place that cannot be read is tried again later, and only then given up: what lies behind it must not wait for ever.
    private bool TryRead(Segment segment, long from, ref Span<byte> chunk)
    {
        try
        {
            chunk = chunk[..segments.Read(segment, from, chunk)];
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _failed = (segment.Header.Run, from, _failed.Run == segment.Header.Run && _failed.Position == from ? _failed.Count + 1 : 1);
            if (_failed.Count < Attempts) throw;
            return false;
        }
    }

    private long StepOver(Segment segment, long from, long behind)
    {
        QuarantinedRecords++;
        log.LogError("Journal segment {Segment} cannot be read from position {From} to {To} and is stepped over there: its disk may be failing.",
            Path.GetFileName(segment.Path), from, behind);
        return behind;
    }

    private uint Seed(Guid run)
    {
        if (_seed.Run != run) _seed = (run, Record.Seed(run));
        return _seed.Seed;
    }

    private delegate void RecordVisitor(RecordHeader record, ReadOnlySpan<byte> payload, long end);
}

/// <summary>Consecutive hits of one run.</summary>
/// <param name="Run">Id of the run.</param>
/// <param name="From">Position that was asked for.</param>
/// <param name="To">Position behind what was read; beyond the last of <paramref name="Ends"/> where something unreadable was stepped over.</param>
/// <param name="Hits">In order of arrival.</param>
/// <param name="Ends">For each hit the position behind it.</param>
/// <param name="Erased">For each hit that was erased before it could be read the position behind it.</param>
internal sealed record JournalSlice(Guid Run, long From, long To, IReadOnlyList<Hit> Hits, IReadOnlyList<long> Ends, IReadOnlyList<long> Erased)
{
    public bool IsEmpty => To == From;
}

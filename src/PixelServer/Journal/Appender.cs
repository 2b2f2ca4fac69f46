namespace PixelServer.Journal;

/// <summary>
/// Writes batches of hits at the end of the journal: one write and one flush for a batch, whatever its size. Used by one thread.
/// </summary>
/// <remarks>
/// Every start of the server is a new run with an id of its own, in new segments: a recovered segment is never written to again,
/// and a copy of an old directory can never produce a position that the store takes for a newer one. A run that appends
/// nothing leaves no trace.
/// </remarks>
internal sealed class Appender(Segments segments, JournalOptions options, TimeProvider clock, ILogger log) : IDisposable
{
    private const int MaxCommit = 1 << 20;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly byte[] _buffer = new byte[Math.Min(MaxCommit, options.SegmentBytes - SegmentHeader.Bytes)];
    private long _durable;
    private int _buffered;
    private int _records;
    private uint _checksum;
    private Segment? _segment;
    private IDiskFile? _file;
    private AppendOutcome _trouble;
    private long _troubleAt;

    /// <summary>Id of this run of the server.</summary>
    public Guid Run { get; } = Guid.NewGuid();

    private uint Seed => field != 0 ? field : field = Record.Seed(Run);

    /// <summary>Position behind the last durable record of this run.</summary>
    public long Durable
    {
        get => Volatile.Read(ref _durable);
        private set => Volatile.Write(ref _durable, value);
    }

    /// <summary>Hits that wait for <see cref="Commit"/>.</summary>
    public int Waiting => _records;

    /// <summary>What the last commit met: <see cref="AppendOutcome.Accepted"/> where all is well.</summary>
    public AppendOutcome State => _trouble;

    /// <summary>How long ago a commit last met trouble; meaningless while <see cref="State"/> is <see cref="AppendOutcome.Accepted"/>.</summary>
    public TimeSpan TroubleAge => clock.GetElapsedTime(Volatile.Read(ref _troubleAt));

    /// <summary>Adds a hit to the next commit; false if the commit is full.</summary>
    /// <exception cref="ArgumentException">The hit is larger than a record may be; the limits of the door forbid that.</exception>
    public bool TryAdd(Hit hit)
    {
        var room = _buffer.AsSpan(_buffered);
        if (room.Length <= Record.HeaderBytes || !HitCodec.TryWrite(hit, room[Record.HeaderBytes..], out var payload)
            || Record.Size(payload) > room.Length)
        {
            return _records > 0 ? false : throw new ArgumentException("A hit that fits no record.", nameof(hit));
        }

        var record = room[..Record.Size(payload)];
        _checksum = Record.Seal(record, payload, Seed, Durable + _buffered, Durable);
        _buffered += record.Length;
        _records++;
        return true;
    }

    /// <summary>Makes all added hits durable, or none of them; afterwards none wait.</summary>
    /// <param name="written">Called when the operating system has them, before the flush.</param>
    public AppendOutcome Commit(Action? written = null)
    {
        try
        {
            // A disk in trouble is not asked again for every batch.
            if (_trouble != AppendOutcome.Accepted && clock.GetElapsedTime(_troubleAt) < RetryAfter) return _trouble;
            return Tell(TryCommit(written));
        }
        finally
        {
            (_buffered, _records) = (0, 0);
        }
    }

    /// <summary>Closes the segment for good; the next commit begins another.</summary>
    public void Roll() => Leave();

    /// <summary>Closes the segment; nothing may be added afterwards.</summary>
    public void Dispose() => Leave();

    private AppendOutcome TryCommit(Action? written)
    {
        for (var isLast = false; ; isLast = true)
        {
            try
            {
                Write(written);
                return AppendOutcome.Accepted;
            }
            catch (JournalFullException)
            {
                return AppendOutcome.JournalFull;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                log.LogError(e, "The journal could not be written; {Then}.", isLast ? "its events are refused" : "the same events are tried once more in a new segment");
            }

            // After a failed flush nobody knows what is on the device, and a second flush of the same file may claim success
            // (the kernel has dropped the dirty pages): the segment is left at its last durable record and not touched again.
            Leave();
            if (isLast) return AppendOutcome.JournalFailed;
        }
    }

    private void Write(Action? written)
    {
        if (_segment is not null && Durable - _segment.Header.First + _buffered + SegmentHeader.Bytes > options.SegmentBytes) Leave();
        if (_segment is null) (_segment, _file) = segments.Create(Run, Durable);

        _file!.Write(SegmentHeader.Bytes + Durable - _segment.Header.First, _buffer.AsSpan(0, _buffered));
        written?.Invoke();
        _file.Flush();

        Durable += _buffered;
        segments.Chain = _checksum;
        _segment.Records += _records;
        _segment.End = Durable;
    }

    private void Leave()
    {
        if (_segment is not null) segments.Seal(_segment, _file!);
        (_segment, _file) = (null, null);
    }

    private AppendOutcome Tell(AppendOutcome outcome)
    {
        if (outcome != AppendOutcome.Accepted) Volatile.Write(ref _troubleAt, clock.GetTimestamp());
        if (outcome != _trouble)
        {
            if (outcome == AppendOutcome.Accepted) log.LogInformation("The journal takes events again.");
            else if (outcome == AppendOutcome.JournalFull)
                log.LogError("The journal is full ({Bytes} bytes of {MaxBytes}, {Free} bytes free on the disk): new events get 503 until the store catches up or space is freed.",
                    segments.Bytes, options.MaxBytes, segments.FreeBytes);
        }

        return _trouble = outcome;
    }
}

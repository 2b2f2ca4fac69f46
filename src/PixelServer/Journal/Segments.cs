namespace PixelServer.Journal;

/// <summary>
/// The segment files of one directory: makes the next, finds the one to read, deletes what is delivered, and keeps within the
/// byte cap and the free-space floor. Thread-safe: the writer and the reader of the journal share it.
/// </summary>
internal sealed class Segments
{
    public const string QuarantineFolder = "quarantine";
    public const string DraftSuffix = ".new";

    private readonly Lock _lock = new();
    private readonly IDisk _disk;
    private readonly string _directory;
    private readonly JournalOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly List<Segment> _segments;
    private long _nextOrdinal;

    private Segments(IDisk disk, string directory, JournalOptions options, TimeProvider clock, ILogger log, Recovered recovered)
    {
        (_disk, _directory, _options, _clock, _log) = (disk, directory, options, clock, log);
        _segments = [.. recovered.Segments];
        _nextOrdinal = recovered.NextOrdinal;
        Chain = recovered.Chain;
        Damage = recovered.Damage;
    }

    /// <summary>Checksum of the last durable record; the next segment's header repeats it.</summary>
    public uint Chain { get; set; }

    /// <summary>What the recovery found wrong.</summary>
    public Damage Damage { get; }

    /// <exception cref="IOException">The directory cannot be used.</exception>
    /// <exception cref="NewerJournalException">A later version wrote a segment.</exception>
    public static Segments Open(IDisk disk, string directory, JournalOptions options, TimeProvider clock, ILogger log) =>
        new(disk, directory, options, clock, log, Recovery.Read(disk, directory, log));

    /// <summary>Bytes of all segment files.</summary>
    public long Bytes { get { lock (_lock) return _segments.Sum(segment => segment.Bytes); } }

    public long FreeBytes => _disk.FreeBytes(_directory);

    /// <summary>The runs on disk, oldest first.</summary>
    public IReadOnlyList<Guid> Runs { get { lock (_lock) return [.. _segments.Select(segment => segment.Header.Run).Distinct()]; } }

    /// <summary>Oldest position of the run that is still on disk, and the end of what may be read; null if nothing of it is.</summary>
    public (long First, long End)? Extent(Guid run)
    {
        lock (_lock)
        {
            var of = _segments.Where(segment => segment.Header.Run == run).ToList();
            return of.Count == 0 ? null : (of[0].Header.First, of[^1].End);
        }
    }

    /// <summary>The first segment of the run that holds something behind <paramref name="position"/>.</summary>
    public Segment? Find(Guid run, long position)
    {
        lock (_lock) return _segments.Find(segment => segment.Header.Run == run && segment.End > position);
    }

    /// <summary>Makes the segment that continues <paramref name="run"/> at <paramref name="first"/>, its header already durable.</summary>
    /// <exception cref="JournalFullException">The byte cap or the free-space floor forbids it.</exception>
    /// <exception cref="IOException">The disk refused.</exception>
    public (Segment Segment, IDiskFile File) Create(Guid run, long first)
    {
        MakeRoom();
        SegmentHeader header;
        lock (_lock) header = new SegmentHeader(run, _nextOrdinal, first, _clock.GetUtcNow(), Chain);
        var path = Path.Combine(_directory, SegmentHeader.FileName(header.Ordinal));
        var file = Write(header, path);
        var segment = new Segment(header, path, _options.SegmentBytes);
        lock (_lock)
        {
            _segments.Add(segment);
            _nextOrdinal++;
        }

        return (segment, file);
    }

    /// <summary>Cuts the segment to what is in it and closes it for good.</summary>
    public void Seal(Segment segment, IDiskFile file)
    {
        var length = SegmentHeader.Bytes + segment.End - segment.Header.First;
        try
        {
            file.Truncate(length);
            lock (_lock) segment.Bytes = length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only space is lost: a reader stops at the end of the records, or at the start of the next segment.
        }
        finally
        {
            file.Dispose();
            lock (_lock) segment.Sealed = true;
        }
    }

    /// <summary>Everything of the run before <paramref name="position"/> is in the store: marks it, and deletes what need not be kept.</summary>
    public void Delivered(Guid run, long position)
    {
        lock (_lock)
        {
            var now = _clock.GetUtcNow();
            foreach (var segment in _segments)
                if (segment.Header.Run == run && segment.Sealed && segment.End <= position) segment.DeliveredAt ??= now;
        }

        DropDelivered(keep: true);
    }

    /// <summary>The segments, oldest first.</summary>
    public IReadOnlyList<Segment> All { get { lock (_lock) return [.. _segments]; } }

    /// <summary>Whole files of what could not be read at a start: copies of damaged segments, and segments without a header.</summary>
    public IReadOnlyList<string> Quarantined
    {
        get
        {
            var folder = Path.Combine(_directory, QuarantineFolder);
            return [.. _disk.List(folder).Order(StringComparer.Ordinal).Select(name => Path.Combine(folder, name))];
        }
    }

    /// <summary>
    /// Puts other bytes in the place of a sealed segment's file: after a crash the old ones stand there or the new ones, and when this returns the new ones
    /// for good. A reader that has the old file open reads on in it.
    /// </summary>
    /// <returns>False if the segment was delivered and deleted meanwhile.</returns>
    public bool Replace(Segment segment, ReadOnlySpan<byte> content)
    {
        var draft = Draft(segment.Path, content);
        lock (_lock)
        {
            // Whoever deletes takes it out of the list first: a deleted segment does not come back under its name.
            if (_segments.Contains(segment))
            {
                segment.Settled = false; // also where it was: whoever tries again finds nothing to replace, and must flush all the same
                _disk.Rename(draft, segment.Path);
                segment.Bytes = content.Length;
                draft = null;
            }
        }

        if (draft is not null) _disk.Delete(draft);
        _disk.FlushDirectory(_directory);
        segment.Settled = true;
        return draft is null;
    }

    /// <summary>
    /// Makes a sealed segment's file and name survive a power cut, after which what a failed write had left at its end, or the file that it was before, would
    /// be back.
    /// </summary>
    public void Settle(Segment segment)
    {
        if (segment.Settled) return;
        using var file = _disk.OpenWrite(segment.Path);
        file.Flush();
        _disk.FlushDirectory(_directory);
        segment.Settled = true;
    }

    /// <summary>As <see cref="Replace"/>, for a file in quarantine; without content the file goes.</summary>
    public void ReplaceQuarantined(string path, ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty) _disk.Delete(path);
        else _disk.Rename(Draft(path, content), path);
        _disk.FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>The whole file, in a buffer that is made larger where it is too small.</summary>
    /// <exception cref="FileNotFoundException">It was deleted.</exception>
    public Span<byte> ReadWhole(string path, scoped ref byte[] buffer)
    {
        using var file = _disk.OpenRead(path);
        var length = checked((int)file.Length);
        if (buffer.Length < length) buffer = new byte[length];
        var read = 0;
        while (read < length && file.Read(read, buffer.AsSpan(read, length - read)) is > 0 and var got) read += got;
        return buffer.AsSpan(0, read);
    }

    /// <summary>Reads from a segment's file.</summary>
    public int Read(Segment segment, long position, Span<byte> buffer)
    {
        using var file = _disk.OpenRead(segment.Path);
        var (read, offset) = (0, SegmentHeader.Bytes + position - segment.Header.First);
        while (read < buffer.Length && file.Read(offset + read, buffer[read..]) is > 0 and var got) read += got;
        return read;
    }

    private void MakeRoom()
    {
        if (!HasRoom()) DropDelivered(keep: false);
        if (!HasRoom()) throw new JournalFullException();
    }

    private bool HasRoom() => Bytes + _options.SegmentBytes <= _options.MaxBytes && FreeBytes - _options.SegmentBytes >= _options.MinFreeBytes;

    // Deletes from the oldest on, so that what is left is without gaps. With keep, the retained window stays.
    private void DropDelivered(bool keep)
    {
        var dropped = new List<Segment>();
        lock (_lock)
        {
            var now = _clock.GetUtcNow();
            var delivered = _segments.TakeWhile(segment => segment.DeliveredAt is not null).Sum(segment => segment.Bytes);
            while (_segments.Count > 0 && _segments[0] is { DeliveredAt: { } since } oldest)
            {
                if (keep && delivered <= _options.RetainBytes && now - since < _options.RetainFor) break;
                delivered -= oldest.Bytes;
                _segments.RemoveAt(0);
                dropped.Add(oldest);
            }
        }

        if (dropped.Count > 0) Delete(dropped);
    }

    // Outside the lock: the writer needs it for every new segment. What cannot be deleted costs only space, and the next start
    // finds that the store has it.
    private void Delete(List<Segment> segments)
    {
        try
        {
            foreach (var segment in segments) _disk.Delete(segment.Path);
            _disk.FlushDirectory(_directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.LogError(e, "Delivered journal segments could not be deleted and take up space until the next start.");
        }
    }

    private string Draft(string path, ReadOnlySpan<byte> content)
    {
        var draft = path + DraftSuffix;
        if (_disk.List(Path.GetDirectoryName(path)!).Contains(Path.GetFileName(draft))) _disk.Delete(draft);
        using var file = _disk.Create(draft, content.Length);
        file.Write(0, content);
        file.Flush();
        return draft;
    }

    // Under another name until its header is on the device: a segment with a name has a header.
    private IDiskFile Write(SegmentHeader header, string path)
    {
        var draft = path + DraftSuffix;
        if (_disk.List(_directory).Contains(Path.GetFileName(draft))) _disk.Delete(draft);
        var file = _disk.Create(draft, _options.SegmentBytes);
        try
        {
            Span<byte> bytes = stackalloc byte[SegmentHeader.Bytes];
            header.Write(bytes);
            file.Write(0, bytes);
            file.Flush();
            _disk.Rename(draft, path);
            _disk.FlushDirectory(_directory);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}

/// <summary>The journal may not grow: its byte cap is reached, or the disk has too little left.</summary>
internal sealed class JournalFullException() : Exception("The journal is full.");

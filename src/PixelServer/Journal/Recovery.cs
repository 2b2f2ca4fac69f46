namespace PixelServer.Journal;

/// <summary>
/// Reads a journal directory at the start: which runs it holds, where each ends, what is torn and what is damaged. A torn tail is
/// cut; anything else that is wrong is copied to <c>quarantine/</c>, counted and told, and the records around it stay readable.
/// </summary>
internal sealed class Recovery(IDisk disk, string directory, ILogger log)
{
    // errno of a read that the device refused, which .NET passes on (asm-generic/errno-base.h).
    private const int InputOutputError = 5;

    private readonly List<Segment> _segments = [];
    private byte[] _content = [];
    private Damage _damage;

    public static Recovered Read(IDisk disk, string directory, ILogger log) => new Recovery(disk, directory, log).Read();

    private Recovered Read()
    {
        var ordinals = disk.List(directory).Select(SegmentHeader.OrdinalOf).OfType<long>().Order().ToList();
        foreach (var name in disk.List(directory).Where(name => name.EndsWith(Segments.DraftSuffix, StringComparison.Ordinal)))
            disk.Delete(Path.Combine(directory, name));

        uint? chain = null;
        for (var i = 0; i < ordinals.Count; i++)
        {
            var newest = i == ordinals.Count - 1;
            if (i > 0 && ordinals[i] != ordinals[i - 1] + 1) Missing(ordinals[i - 1] + 1, ordinals[i] - 1, ref chain);
            if (ReadFile(ordinals[i], newest) is not { } file)
            {
                chain = null;
                continue;
            }

            // The limit of a segment is known only from its successor: look one file ahead.
            var successor = newest ? null : PeekHeader(ordinals[i + 1]);
            var limit = successor is { } next && next.Run == file.Header.Run ? next.First : (long?)null;
            Take(file.Header, file.Path, file.Content.Span, limit, newest, ref chain);
        }

        return new Recovered(_segments, ordinals.Count == 0 ? 0 : ordinals[^1] + 1, chain ?? 0, _damage);
    }

    private void Take(SegmentHeader header, string path, ReadOnlySpan<byte> content, long? limit, bool newest, ref uint? chain)
    {
        if (chain is { } expected && header.Chain != expected)
        {
            _damage = _damage with { BrokenChains = _damage.BrokenChains + 1 };
            log.LogError("Journal segment {Segment} does not follow the end of the one before it: acknowledged events may be missing there.",
                Path.GetFileName(path));
        }

        var scan = SegmentScan.Scan(content, header, limit);
        var segment = new Segment(header, path, content.Length) { End = scan.End, Records = scan.Records, Holes = scan.Holes, Sealed = true };
        foreach (var hole in scan.Holes) Report(segment, hole.To - hole.From, hole.Torn);

        if (newest && scan.End - header.First + SegmentHeader.Bytes is var whole && whole < content.Length)
        {
            // The tail was being written when the process or the machine died; damage there is copied before the cut.
            if (scan.Junk > 0) Report(segment, scan.Junk, scan.IsTorn);
            Cut(segment, whole);
        }
        else if (limit is { } next && scan.End < next)
        {
            Report(segment, next - scan.End, torn: false);
        }
        else if (scan.Junk > 0)
        {
            Report(segment, scan.Junk, torn: false);
        }

        chain = scan.Records > 0 ? scan.Checksum : header.Chain;
        _segments.Add(segment);
    }

    private (SegmentHeader Header, string Path, ReadOnlyMemory<byte> Content)? ReadFile(long ordinal, bool newest)
    {
        var path = Path.Combine(directory, SegmentHeader.FileName(ordinal));
        ReadOnlyMemory<byte> whole;
        try
        {
            whole = ReadWhole(path);
        }
        catch (IOException e) when (e.HResult == InputOutputError)
        {
            log.LogError(e, "The disk cannot read journal segment {Segment}.", Path.GetFileName(path));
            MoveToQuarantine(path, 0);
            return null;
        }

        var content = whole.Span;

        if (SegmentHeader.TryRead(content, out var header) && header.Ordinal == ordinal) return (header, path, whole);

        // A newest file that is shorter than a header was cut off while it was made.
        if (newest && content.Length < SegmentHeader.Bytes) disk.Delete(path);
        else MoveToQuarantine(path, content.Length);
        return null;
    }

    // One buffer for all segments: there may be hundreds, of many megabytes each.
    private ReadOnlyMemory<byte> ReadWhole(string path)
    {
        using var file = disk.OpenRead(path);
        var length = checked((int)file.Length);
        if (_content.Length < length) _content = new byte[length];
        var read = 0;
        while (read < length && file.Read(read, _content.AsSpan(read, length - read)) is > 0 and var got) read += got;
        return _content.AsMemory(0, read);
    }

    private SegmentHeader? PeekHeader(long ordinal)
    {
        using var file = disk.OpenRead(Path.Combine(directory, SegmentHeader.FileName(ordinal)));
        Span<byte> bytes = stackalloc byte[SegmentHeader.Bytes];
        return file.Read(0, bytes) == bytes.Length && SegmentHeader.TryRead(bytes, out var header) && header.Ordinal == ordinal ? header : null;
    }

    private void Missing(long first, long last, ref uint? chain)
    {
        chain = null;
        _damage = _damage with { MissingSegments = _damage.MissingSegments + (last - first + 1) };
        log.LogError("Journal segments {First} to {Last} are missing: their events are lost unless the store already has them.", first, last);
    }

    private void Report(Segment segment, long bytes, bool torn)
    {
        if (torn)
        {
            _damage = _damage with { TornBytes = _damage.TornBytes + bytes };
            log.LogInformation("Journal segment {Segment} ends in {Bytes} bytes of a commit that was cut off; nothing in it was acknowledged.",
                Path.GetFileName(segment.Path), bytes);
            return;
        }

        _damage = _damage with { QuarantinedSegments = _damage.QuarantinedSegments + 1, QuarantinedBytes = _damage.QuarantinedBytes + bytes };
        // By run and ordinal: a segment that stays damaged is copied once, however often the server starts.
        var copy = InQuarantine($"{Path.GetFileNameWithoutExtension(segment.Path)}.{segment.Header.Run:N}.seg");
        log.LogError("Journal segment {Segment} is damaged: {Bytes} bytes cannot be read. A copy is in {Copy}; the rest is delivered.",
            Path.GetFileName(segment.Path), bytes, copy);
        if (!Exists(copy)) disk.Copy(segment.Path, copy);
    }

    private void MoveToQuarantine(string path, long bytes)
    {
        _damage = _damage with { QuarantinedSegments = _damage.QuarantinedSegments + 1, QuarantinedBytes = _damage.QuarantinedBytes + bytes };
        var (name, number) = (Path.GetFileNameWithoutExtension(path), 1);
        var copy = InQuarantine($"{name}.unreadable.seg");
        while (Exists(copy)) copy = InQuarantine($"{name}.unreadable-{++number}.seg");
        log.LogError("Journal segment {Segment} has no readable header. It was moved to {Copy}.", Path.GetFileName(path), copy);
        disk.Rename(path, copy);
        disk.FlushDirectory(directory);
    }

    private string InQuarantine(string name)
    {
        var folder = Path.Combine(directory, Segments.QuarantineFolder);
        disk.CreateDirectory(folder);
        return Path.Combine(folder, name);
    }

    private bool Exists(string path) => disk.List(Path.GetDirectoryName(path)!).Contains(Path.GetFileName(path));

    private void Cut(Segment segment, long length)
    {
        using var file = disk.OpenWrite(segment.Path);
        file.Truncate(length);
        file.Flush();
        segment.Bytes = length;
    }
}

/// <summary>What a journal directory held at the start.</summary>
/// <param name="Segments">In order.</param>
/// <param name="NextOrdinal">Of the next segment.</param>
/// <param name="Chain">Checksum of the last record; 0 if there is none.</param>
/// <param name="Damage">What was not as it should be.</param>
internal sealed record Recovered(IReadOnlyList<Segment> Segments, long NextOrdinal, uint Chain, Damage Damage);

/// <summary>What was found wrong. Torn bytes are the normal trace of a crash; everything else is an alarm.</summary>
internal readonly record struct Damage(long TornBytes, int QuarantinedSegments, long QuarantinedBytes, long MissingSegments, int BrokenChains)
{
    public bool IsAlarm => QuarantinedSegments > 0 || MissingSegments > 0 || BrokenChains > 0;
}

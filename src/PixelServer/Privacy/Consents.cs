using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>
/// Takes decisions of persons: on disk before anybody is told, in force at the doors at once, and in the store when it can be reached. What the store
/// has leaves the disk.
/// </summary>
internal sealed class Consents : IDisposable
{
    /// <summary>More waits for no store: whoever sends is told to come again.</summary>
    public const long MaxBytes = 64 * 1024 * 1024;

    private const int MaxTexts = 1_000, AtOnce = 1_000;

    private readonly ConsentFile _file;
    private readonly ConsentEffects _effects;
    private readonly Lock _lists = new();
    private readonly GroupCommit<IReadOnlyList<ConsentRecord>> _writing;
    private readonly List<ConsentRecord> _waiting;
    private readonly Dictionary<(string Site, string RecordId), ConsentRecord> _byId = [];

    // Used only by whoever has the turn to write.
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private long _bytes;
    private int _lines;
    private bool _isInForce; // not after a start: a crash may have come between the disk and the doors

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public Consents(ConsentFile file, ConsentEffects effects)
    {
        (_file, _effects, _writing) = (file, effects, new(WriteAsync));
        _waiting = [.. file.Read()];
        foreach (var one in _waiting) _byId[(one.SiteId, one.RecordId)] = one;
        (_bytes, _lines) = (file.Length, _waiting.Count);
    }

    /// <summary>When this completes everything that waits is in force: what was on disk at the start, and what could be written but not put in force.</summary>
    /// <exception cref="IOException">It cannot be.</exception>
    public Task ResumeAsync() => _writing.AloneAsync(PutInForceAsync);

    /// <summary>When this completes the records are on disk, and they and all that wait are in force.</summary>
    /// <param name="records">May be none, where all were told before: they may not be in force yet.</param>
    /// <exception cref="IOException">They cannot be kept.</exception>
    public Task KeepAsync(IReadOnlyList<ConsentRecord> records) => _writing.WriteAsync(records);

    /// <summary>What the store may not have yet, in the order of arrival.</summary>
    public IReadOnlyList<ConsentRecord> Waiting(int most = int.MaxValue)
    {
        lock (_lists) return [.. _waiting.Take(most)];
    }

    /// <summary>The record of that id, if it waits here.</summary>
    public ConsentRecord? Waiting(string site, string recordId)
    {
        lock (_lists) return _byId.GetValueOrDefault((site, recordId));
    }

    /// <summary>The store has these. The file is written anew when half of it is of no use any more: once for each batch would cost a large one many times over.</summary>
    /// <exception cref="IOException">One of them is not in force, or the file cannot be written anew.</exception>
    public Task SharedAsync(IReadOnlyCollection<ConsentRecord> records) => _writing.AloneAsync(async () =>
    {
        await PutInForceAsync(); // what leaves the disk is not looked at again
        // Not by its id: two senders may have come with one id at once, and the store has heard of one of them.
        var shared = new HashSet<ConsentRecord>(records, ReferenceEqualityComparer.Instance);
        var rest = Waiting().Where(one => !shared.Contains(one)).ToList();
        if (2 * rest.Count <= _lines) Rewrite(rest);
        Hold(rest);
    });

    /// <summary>Takes persons out of what is on this disk; the decisions stay.</summary>
    /// <exception cref="IOException">It stands on the disk as before.</exception>
    public Task EraseAsync(Func<ConsentRecord, bool> isTheirs) => _writing.AloneAsync(() =>
    {
        var erased = false;
        var rest = new List<ConsentRecord>();
        foreach (var one in Waiting())
        {
            var goes = isTheirs(one);
            erased |= goes;
            rest.Add(goes ? one with { Person = ConsentPerson.Erased } : one);
        }

        if (!erased && rest.Count == _lines) return; // else the file has lines that are in the store, and they may be theirs
        Rewrite(rest);
        Hold(rest);
    });

    public void Dispose() => _writing.Dispose();

    private void Rewrite(IReadOnlyList<ConsentRecord> records)
    {
        _file.Rewrite(records);
        (_bytes, _lines) = (_file.Length, records.Count);
    }

    private void Hold(List<ConsentRecord> records)
    {
        lock (_lists)
        {
            _waiting.Clear();
            _byId.Clear();
            Wait(records);
        }
    }

    private void Wait(IEnumerable<ConsentRecord> records)
    {
        foreach (var one in records)
        {
            _waiting.Add(one);
            _byId[(one.SiteId, one.RecordId)] = one;
        }
    }

    private async Task WriteAsync(IReadOnlyList<IReadOnlyList<ConsentRecord>> all)
    {
        await PutInForceAsync();
        List<ConsentRecord> records = [.. all.SelectMany(some => some).Select(_effects.WithoutErased).Select(WithoutKnownText)];
        if (records.Count == 0) return;
        if (_bytes > MaxBytes && Waiting() is var waiting && waiting.Count < _lines) Rewrite(waiting); // what the store has is not counted
        if (_bytes > MaxBytes) throw new IOException("Too many consent records wait for the store.");
        _file.Append(records);
        (_bytes, _lines) = (_file.Length, _lines + records.Count);
        foreach (var one in records)
            if (one.Text is not null && _texts.Count < MaxTexts) _texts.Add(one.TextHash!);

        // Where this fails, nobody is told that anything is kept before it is made up for.
        _isInForce = false;
        lock (_lists) Wait(records);
        await _effects.ApplyAsync(records);
        _isInForce = true;
    }

    private async Task PutInForceAsync()
    {
        if (_isInForce) return;
        foreach (var some in Waiting().Chunk(AtOnce)) await _effects.ApplyAsync(some);
        _isInForce = true;
    }

    // It comes with every record of a careless sender; once is enough.
    private ConsentRecord WithoutKnownText(ConsentRecord record) =>
        record.Text is not null && _texts.Contains(record.TextHash!) ? record with { Text = null } : record;
}

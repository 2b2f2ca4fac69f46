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

    private const int MaxTexts = 1_000;

    private readonly ConsentFile _file;
    private readonly ConsentEffects _effects;
    private readonly Lock _lists = new();
    private readonly SemaphoreSlim _writing = new(1, 1); // the file has one writer at a time
    private readonly List<ConsentRecord> _waiting;
    private readonly Dictionary<(string Site, string RecordId), ConsentRecord> _byId = [];
    private List<Wish> _wishes = [];

    // Used only by whoever has the turn to write.
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private long _bytes;

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public Consents(ConsentFile file, ConsentEffects effects)
    {
        (_file, _effects) = (file, effects);
        _waiting = [.. file.Read()];
        foreach (var one in _waiting) _byId[(one.SiteId, one.RecordId)] = one;
        _bytes = file.Length;
    }

    /// <summary>Puts what waited on disk at the start in force again: a crash may have come between the two.</summary>
    public async Task ResumeAsync()
    {
        foreach (var some in Waiting().Chunk(1_000)) await _effects.ApplyAsync(some);
    }

    /// <summary>When this completes the records are on disk and in force.</summary>
    /// <exception cref="IOException">They cannot be kept.</exception>
    public async Task KeepAsync(IReadOnlyList<ConsentRecord> records)
    {
        var wish = new Wish(records);
        lock (_lists) _wishes.Add(wish);
        await _writing.WaitAsync();
        try
        {
            // Whoever has the turn writes for all that wait: one flush serves them, and nobody blocks a thread of the pool meanwhile.
            if (!wish.Outcome.Task.IsCompleted) await Task.Run(WriteWishesAsync);
        }
        finally
        {
            _writing.Release();
        }

        await wish.Outcome.Task;
    }

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

    /// <summary>The store has these: they leave the disk.</summary>
    public Task SharedAsync(IReadOnlyCollection<ConsentRecord> records)
    {
        // Not by its id: two senders may have come with one id at once, and the store has heard of one of them.
        var shared = new HashSet<ConsentRecord>(records, ReferenceEqualityComparer.Instance);
        return RewriteAsync(waiting => [.. waiting.Where(one => !shared.Contains(one))]);
    }

    /// <summary>Takes persons out of what waits here; the decisions stay.</summary>
    /// <exception cref="IOException">It stands on the disk as before.</exception>
    public Task EraseAsync(Func<ConsentRecord, bool> isTheirs) => RewriteAsync(waiting =>
    {
        var erased = false;
        var rest = new List<ConsentRecord>();
        foreach (var one in waiting)
        {
            var goes = isTheirs(one);
            erased |= goes;
            rest.Add(goes ? one with { Person = ConsentPerson.Erased } : one);
        }

        return erased ? rest : waiting;
    });

    public void Dispose() => _writing.Dispose();

    private async Task RewriteAsync(Func<IReadOnlyList<ConsentRecord>, IReadOnlyList<ConsentRecord>> change)
    {
        await _writing.WaitAsync();
        try
        {
            await Task.Run(() =>
            {
                var before = Waiting();
                var rest = change(before);
                if (ReferenceEquals(rest, before)) return;
                _file.Rewrite(rest);
                _bytes = _file.Length;
                lock (_lists)
                {
                    _waiting.Clear();
                    _byId.Clear();
                    Wait(rest);
                }
            });
        }
        finally
        {
            _writing.Release();
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

    private async Task WriteWishesAsync()
    {
        List<Wish> wishes;
        lock (_lists) (wishes, _wishes) = (_wishes, []);
        try
        {
            if (_bytes > MaxBytes) throw new IOException("Too many consent records wait for the store.");
            List<ConsentRecord> records = [.. wishes.SelectMany(wish => wish.Records).Select(_effects.WithoutErased).Select(WithoutKnownText)];
            _file.Append(records);
            _bytes = _file.Length;
            foreach (var one in records)
                if (one.Text is not null && _texts.Count < MaxTexts) _texts.Add(one.TextHash!);

            // In force before the store has them: what it has is not looked at again after a crash.
            try
            {
                await _effects.ApplyAsync(records);
            }
            finally
            {
                lock (_lists) Wait(records);
            }

            foreach (var wish in wishes) wish.Outcome.SetResult();
        }
        catch (Exception e)
        {
            foreach (var wish in wishes) wish.Outcome.TrySetException(e);
        }
    }

    // It comes with every record of a careless sender; once is enough.
    private ConsentRecord WithoutKnownText(ConsentRecord record) =>
        record.Text is not null && _texts.Contains(record.TextHash!) ? record with { Text = null } : record;

    /// <summary>Records that wait for their flush.</summary>
    private sealed record Wish(IReadOnlyList<ConsentRecord> Records)
    {
        public TaskCompletionSource Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

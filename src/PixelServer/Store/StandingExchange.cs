namespace PixelServer.Store;

/// <summary>Keeps <see cref="Standings"/> on our own disk and in step with the store, and through it with the other collectors.</summary>
internal sealed class StandingExchange : IDisposable
{
    private const int AtOnce = 10_000;

    private readonly Standings _standings;
    private readonly StandingFile? _file;
    private readonly IStandings _store;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _writing = new(1, 1); // the file has one writer at a time
    private readonly Lock _lock = new();
    private readonly HashSet<UInt128> _unwritten = [];
    private readonly Dictionary<UInt128, Standing> _unshared = [];
    private string? _mark;
    private bool _isSetBack;
    private int _setBacks;
    private long _uncompacted; // records when the file could not be made smaller; used only by its writer

    /// <param name="standings">What is known here.</param>
    /// <param name="file">Null where another process may write it: everything is told to the store at once instead.</param>
    /// <param name="store">Where the collectors meet.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public StandingExchange(Standings standings, StandingFile? file, IStandings store)
    {
        (_standings, _file, _store) = (standings, file, store);
        if (file is null) return;
        foreach (var (subject, standing) in file.Read()) _unshared[subject] = standings.Learn(subject, standing); // the store may never have heard of it
    }

    /// <summary>How often the store was found to have lost what it had. Whoever shares more with it has to share everything again when this has grown.</summary>
    public int SetBacks => Volatile.Read(ref _setBacks);

    /// <summary>Keeps words on disk; when this completes they hold here, also after a crash. The next exchange tells the others.</summary>
    /// <exception cref="IOException">They cannot be kept, and are tried again. What forbids something holds until the next start all the same.</exception>
    public Task DecideAsync(IReadOnlyList<SubjectStanding> words)
    {
        var news = Hold(words);
        lock (_lock)
        {
            foreach (var (subject, standing) in news) Share(subject, standing);
        }

        return KeepToldAsync(); // also where nothing is new: who said it before may still be waiting for the disk
    }

    /// <summary>Writes what the doors were told by signals, and whatever else is not on disk yet. When this completes it is.</summary>
    /// <exception cref="IOException">It cannot be written, and is tried again.</exception>
    public async Task KeepToldAsync()
    {
        if (_file is null)
        {
            await ExchangeAsync(default);
            return;
        }

        await _writing.WaitAsync();
        try
        {
            bool isMore;
            do isMore = await WriteAsync(_file);
            while (isMore);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>
    /// One exchange, both ways. When it completes everybody who was barred here is barred at every collector: what was under way is stored, and
    /// nothing of them is stored any more.
    /// </summary>
    /// <exception cref="IOException">Our own disk refuses; but for that the exchange is done.</exception>
    public async Task ExchangeAsync(CancellationToken ct)
    {
        await ExchangeWithStoreAsync(ct);
        if (_file is not null) await KeepToldAsync();
    }

    /// <summary>As <see cref="ExchangeAsync"/>, for whoever only has to know who is barred: what is learnt is on our own disk with the next of those.</summary>
    public async Task ExchangeWithStoreAsync(CancellationToken ct)
    {
        // Before the store, which may take long; a disk that refuses must not keep us from hearing who is barred.
        if (_file is not null) await KeepToldAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _turn.WaitAsync(ct);
        try
        {
            do await ExchangeInTurnAsync(ct);
            while (Volatile.Read(ref _isSetBack));
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The store does not have any more what it had: the next exchange begins from nothing, and tells it everything.</summary>
    public void StoreWasSetBack() => Volatile.Write(ref _isSetBack, true);

    public void Dispose()
    {
        _turn.Dispose();
        _writing.Dispose();
    }

    private async Task ExchangeInTurnAsync(CancellationToken ct)
    {
        if (Interlocked.Exchange(ref _isSetBack, false))
        {
            _mark = null;
            _standings.Reached(0); // no batch is stored before everything is learnt
            lock (_lock)
            {
                foreach (var (subject, standing) in _standings.All) _unshared[subject] = standing;
            }

            Interlocked.Increment(ref _setBacks);
        }

        while (Unshared() is { Count: > 0 } unshared)
        {
            await _store.KeepAsync(unshared, bar: unshared.Any(one => one.Standing.IsErased || one.Standing.IsRestricted), ct);
            lock (_lock)
            {
                foreach (var (subject, standing) in unshared)
                    if (_unshared.TryGetValue(subject, out var waiting) && waiting == standing) _unshared.Remove(subject);
            }
        }

        var (found, epoch, mark) = await _store.SinceAsync(_mark, ct);
        Hold(found);
        if (epoch < _standings.Epoch) StoreWasSetBack();
        else _standings.Reached(epoch);
        _mark = mark;
    }

    private List<SubjectStanding> Unshared()
    {
        lock (_lock)
        {
            TakeTold();
            return [.. _unshared.Take(AtOnce).Select(one => new SubjectStanding(one.Key, one.Value))];
        }
    }

    // In memory at once, whatever the disk says. Only what changes something is news.
    private List<SubjectStanding> Hold(IReadOnlyList<SubjectStanding> words)
    {
        var news = new List<SubjectStanding>();
        foreach (var (subject, standing) in words)
        {
            var before = _standings.Of(subject);
            var now = _standings.Learn(subject, standing);
            if (now != before) news.Add(new(subject, now));
        }

        lock (_lock)
        {
            if (_file is not null) _unwritten.UnionWith(news.Select(one => one.Subject));
        }

        return news;
    }

    // Under the lock, so that nobody finds it neither there nor here.
    private void TakeTold()
    {
        while (_standings.NextTold() is { } subject)
        {
            if (_file is not null) _unwritten.Add(subject);
            Share(subject, _standings.Of(subject));
        }
    }

    private void Share(UInt128 subject, Standing standing) => _unshared[subject] = _unshared.GetValueOrDefault(subject).Merge(standing);

    // True where there is more.
    private async Task<bool> WriteAsync(StandingFile file)
    {
        UInt128[] some;
        lock (_lock)
        {
            TakeTold();
            some = [.. _unwritten.Take(AtOnce)];
            _unwritten.ExceptWith(some);
        }

        if (some.Length == 0) return false;
        try
        {
            await Task.Run(() => file.Append([.. some.Select(subject => new SubjectStanding(subject, _standings.Of(subject)))]));
        }
        catch
        {
            lock (_lock) _unwritten.UnionWith(some);
            throw;
        }

        if (file.Count - _uncompacted > 2L * _standings.Count + 1_000) await CompactAsync(file);
        return some.Length == AtOnce;
    }

    // Each signal that comes again after an hour is another record: the file would grow for as long as the server runs.
    private async Task CompactAsync(StandingFile file)
    {
        _uncompacted = file.Count; // where it fails, not again with the very next append: it only takes more room than it has to
        try
        {
            await Task.Run(() => file.Rewrite(_standings.All.Select(one => new SubjectStanding(one.Key, one.Value))));
            _uncompacted = 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Tried again when as much has been appended once more.
        }
    }
}

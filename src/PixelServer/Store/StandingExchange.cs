namespace PixelServer.Store;

/// <summary>Keeps <see cref="Standings"/> on our own disk and in step with the store, and through it with the other collectors.</summary>
internal sealed class StandingExchange : IDisposable
{
    private const int AtOnce = 10_000;

    private readonly Standings _standings;
    private readonly StandingFile _file;
    private readonly IStandings _store;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _writing = new(1, 1); // the file has one writer at a time
    private readonly SemaphoreSlim _telling = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, Standing> _unshared = [];
    private string? _mark;
    private int _setBacks;

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public StandingExchange(Standings standings, StandingFile file, IStandings store)
    {
        (_standings, _file, _store) = (standings, file, store);
        var records = file.Read();
        foreach (var (subject, standing) in records) _unshared[subject] = standings.Learn(subject, standing); // the store may never have heard of it
        if (records.Count > 2 * standings.Count + 1_000) file.Rewrite([.. standings.All.Select(one => new SubjectStanding(one.Key, one.Value))]);
    }

    /// <summary>How often the store was found to have lost what it had. Whoever shares more with it has to share everything again when this has grown.</summary>
    public int SetBacks => Volatile.Read(ref _setBacks);

    /// <summary>The store does not have any more what it had.</summary>
    public void StoreWasSetBack() => Interlocked.Increment(ref _setBacks);

    /// <summary>Keeps words on disk; when this completes they hold here, also after a crash. The next exchange tells the others.</summary>
    /// <exception cref="IOException">They cannot be kept. What forbids something holds until the next start all the same.</exception>
    public async Task DecideAsync(IReadOnlyList<SubjectStanding> words)
    {
        var news = Hold(words);
        if (news.Count == 0) return;
        lock (_lock)
        {
            foreach (var (subject, standing) in news) _unshared[subject] = _unshared.GetValueOrDefault(subject).Merge(standing);
        }

        await WriteAsync(news);
    }

    /// <summary>Writes what the doors were told by signals. When this completes it is on disk.</summary>
    /// <exception cref="IOException">It cannot be written, and is tried again.</exception>
    public async Task KeepToldAsync()
    {
        await _telling.WaitAsync(); // whoever comes while another writes must wait for that too
        var news = new Dictionary<UInt128, Standing>();
        try
        {
            while (news.Count < AtOnce && _standings.NextTold() is { } subject) news[subject] = _standings.Of(subject);
            if (news.Count == 0) return;
            await WriteAsync([.. news.Select(one => new SubjectStanding(one.Key, one.Value))]);
            lock (_lock)
            {
                foreach (var (subject, standing) in news) _unshared[subject] = _unshared.GetValueOrDefault(subject).Merge(standing);
            }
        }
        catch
        {
            foreach (var subject in news.Keys) _standings.TellAgain(subject);
            throw;
        }
        finally
        {
            _telling.Release();
        }

        if (news.Count == AtOnce) await KeepToldAsync();
    }

    /// <summary>
    /// One exchange, both ways. When it completes everybody who was barred here is barred at every collector: what was under way is stored, and
    /// nothing of them is stored any more.
    /// </summary>
    public async Task ExchangeAsync(CancellationToken ct)
    {
        await KeepToldAsync();
        await _turn.WaitAsync(ct);
        try
        {
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
            if (Hold(found) is { Count: > 0 } news) await WriteAsync(news);
            _standings.Reached(epoch);
            _mark = mark;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _writing.Dispose();
        _telling.Dispose();
    }

    private List<SubjectStanding> Unshared()
    {
        lock (_lock) return [.. _unshared.Take(AtOnce).Select(one => new SubjectStanding(one.Key, one.Value))];
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

        return news;
    }

    private async Task WriteAsync(IReadOnlyList<SubjectStanding> news)
    {
        await _writing.WaitAsync();
        try
        {
            await Task.Run(() => _file.Append(news));
        }
        finally
        {
            _writing.Release();
        }
    }
}

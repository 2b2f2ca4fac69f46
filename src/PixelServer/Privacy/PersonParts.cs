using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>This collector's part in what persons ask for: looks into the store every second, and does on its own disk what it finds there.</summary>
internal sealed class PersonParts(
    PersonRequests requests, PersonRows rows, IEnumerable<IHolder> holders, Standings standings, StandingExchange exchange, SubjectKeys keys, PersonCollector me,
    Func<StoreReading> reading, TimeProvider clock, ILogger<PersonParts> log) : BackgroundService
{
    // So many passes in which there was always something more are told as an error.
    private const int ManyPasses = 30;

    /// <summary>How often it says that it is there.</summary>
    public static readonly TimeSpan SeenEvery = TimeSpan.FromSeconds(5);

    /// <summary>A request that had passed the door's question just before may still put something down: once nothing was found so long after a first look, nothing can be there.</summary>
    public static readonly TimeSpan Apart = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_cleanEvery = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly IReadOnlyList<IHolder> _holders = [.. holders];
    private readonly Dictionary<Guid, Erasing> _erasing = [];
    private long? _seen;
    private long _cleaned = clock.GetTimestamp();
    private bool _warned, _warnedOfDisk;

    /// <summary>
    /// One pass over what is open. All erasures go through the disk together, but each is done for itself: of one whose hits do not cease to come the others
    /// hear nothing. An erasure takes two passes at least; one for which it is too early is left out.
    /// </summary>
    public async Task LookAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            var open = (await requests.OpenAsync(me.Id, clock.GetUtcNow(), ct)).ToLookup(one => one.Verb == "erase");
            await FindAsync([.. open[false]], ct);
            await EraseAsync([.. open[true]], ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Says that this collector is there, and which hashes it makes.</summary>
    public async Task ShowAsync(CancellationToken ct)
    {
        if (_seen is { } seen && clock.GetElapsedTime(seen) < SeenEvery) return;
        await requests.SeenAsync(new(me.Id, me.Host, me.KeyCheck, clock.GetUtcNow()), ct);
        _seen = clock.GetTimestamp();
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ShowAsync(stoppingToken);
                await LookAsync(stoppingToken);
                await CleanAsync(stoppingToken);
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // the next start goes on
                // A store that is away is told by the drain, and before its first visit there the table does not exist.
                if (!_warned && reading().Reachable)
                {
                    log.LogError("What a person asked for cannot be done here yet, and is tried again: {Error}", e.Message);
                    _warned = true;
                }
            }

            await Task.Delay(s_every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What whoever asked could not do, or did not live to do.
    private async Task CleanAsync(CancellationToken ct)
    {
        if (clock.GetElapsedTime(_cleaned) < s_cleanEvery) return;
        await rows.CleanAsync(ct);
        _cleaned = clock.GetTimestamp();
    }

    private async Task FindAsync(IReadOnlyList<PersonRequest> open, CancellationToken ct)
    {
        if (open.Count == 0 || await PassAsync(open, null, (holder, crowd) => holder.FindAsync(crowd, ct), ct) is not { IsWhole: true } found) return;
        for (var i = 0; i < open.Count; i++) await requests.AddPartAsync(open[i].Id, new(me.Id, me.Host, clock.GetUtcNow(), found.Counts[i]), ct);
    }

    private async Task EraseAsync(IReadOnlyList<PersonRequest> open, CancellationToken ct)
    {
        foreach (var gone in _erasing.Keys.Except(open.Select(one => one.Id)).ToList()) _erasing.Remove(gone);
        List<PersonRequest> due = [.. open.Where(one => !_erasing.TryGetValue(one.Id, out var known) || clock.GetElapsedTime(known.LookedAt) >= Apart)];
        if (due.Count == 0) return;

        await exchange.ExchangeAsync(ct); // from here on the doors and the drain refuse them
        var looked = clock.GetTimestamp();
        var (counts, isWhole) = await PassAsync(due, standings, (holder, crowd) => holder.EraseAsync(crowd, ct), ct);
        for (var i = 0; i < due.Count; i++)
        {
            var before = _erasing.GetValueOrDefault(due[i].Id);
            var now = new Erasing(looked, (before?.Passes ?? 0) + (isWhole ? 1 : 0), before?.Counts ?? new(StringComparer.Ordinal));
            foreach (var (holder, count) in counts[i]) now.Counts[holder] = now.Counts.GetValueOrDefault(holder) + count;
            if (now.Passes > 1 && isWhole && counts[i].Count == 0)
            {
                await requests.AddPartAsync(due[i].Id, new(me.Id, me.Host, clock.GetUtcNow(), now.Counts), ct);
                _erasing.Remove(due[i].Id);
                continue;
            }

            _erasing[due[i].Id] = now;
            if (now.Passes == ManyPasses && isWhole) log.LogError("Hits of an erased person do not cease to come, and are erased as they come: request {Request} stays open.", due[i].Id);
        }
    }

    // What a disk refuses one holder is tried again, and keeps none of the others from their part.
    private async Task<(IReadOnlyList<SortedDictionary<string, long>> Counts, bool IsWhole)> PassAsync(
        IReadOnlyList<PersonRequest> open, Standings? released, Func<IHolder, PersonCrowd, Task> look, CancellationToken ct)
    {
        var (counts, isWhole) = (open.Select(_ => new SortedDictionary<string, long>(StringComparer.Ordinal)).ToList(), true);
        foreach (var holder in _holders)
        {
            var crowd = new PersonCrowd(keys, [.. open.Select(one => (one.Site, one.Subjects))], released);
            try
            {
                await look(holder, crowd);
                crowd.Done();
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                isWhole = false;
                if (!_warnedOfDisk) log.LogError("What a person asked for cannot be done in {Holder} yet, and is tried again: {Error}", holder.Name, e.Message);
                _warnedOfDisk = true;
            }

            for (var i = 0; i < open.Count; i++)
                if (crowd.Counts[i] > 0) counts[i][holder.Name] = crowd.Counts[i];
        }

        if (isWhole) _warnedOfDisk = false;
        return (counts, isWhole);
    }

    /// <summary>An erasure on this disk that is not over.</summary>
    /// <param name="LookedAt">When the last pass began.</param>
    /// <param name="Passes">How many there were.</param>
    /// <param name="Counts">What was erased, by holder.</param>
    private sealed record Erasing(long LookedAt, int Passes, SortedDictionary<string, long> Counts);
}

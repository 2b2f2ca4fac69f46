using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>This collector's part in what persons ask for: looks into the store every second, and does on its own disk what it finds there.</summary>
internal sealed class PersonParts(
    PersonRequests requests, IEnumerable<IHolder> holders, StandingExchange exchange, SubjectKeys keys, PersonCollector me, Func<StoreReading> reading,
    TimeProvider clock, ILogger<PersonParts> log) : BackgroundService
{
    private const int MostPasses = 30;

    /// <summary>How often it says that it is there.</summary>
    public static readonly TimeSpan SeenEvery = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly IReadOnlyList<IHolder> _holders = [.. holders];
    private long? _seen;
    private bool _warned;

    /// <summary>Does everything that is open.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            foreach (var one in (await requests.OpenAsync(me.Id, ct)).GroupBy(one => one.Verb)) await DoAsync([.. one], isErase: one.Key == "erase", ct);
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
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // the next start goes on
                // A store that is away is told by the drain, and before its first visit there the table does not exist.
                if (!_warned && (e is IOException || reading().Reachable))
                {
                    log.LogError("What a person asked for cannot be done here yet, and is tried again: {Error}", e.Message);
                    _warned = true;
                }
            }

            await Task.Delay(s_every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task DoAsync(IReadOnlyList<PersonRequest> open, bool isErase, CancellationToken ct)
    {
        if (isErase) await exchange.ExchangeAsync(ct); // from here on the doors and the drain refuse them
        var persons = open.Select(one => (Request: one, Marks: new PersonMarks(keys, one.Site, one.Subjects), Counts: new SortedDictionary<string, long>(StringComparer.Ordinal))).ToList();

        // A request that had passed the door's question just before may still put something down: once nothing was found, a second after it was
        // looked for before, nothing can be there.
        for (var pass = 0; ; pass++)
        {
            var found = 0L;
            foreach (var (_, marks, counts) in persons)
            {
                foreach (var holder in _holders)
                {
                    var count = await (isErase ? holder.EraseAsync(marks, ct) : holder.FindAsync(marks, ct));
                    if (count > 0) counts[holder.Name] = counts.GetValueOrDefault(holder.Name) + count;
                    found += count;
                }
            }

            if (!isErase || (pass > 0 && found == 0)) break;
            if (pass == MostPasses) throw new IOException("Hits of an erased person do not cease to come.");
            await Task.Delay(s_every, clock, ct);
        }

        foreach (var (request, _, counts) in persons) await requests.AddPartAsync(request.Id, new(me.Id, me.Host, clock.GetUtcNow(), counts), ct);
    }
}

using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Writes opt-outs that no hit carries into the store every few seconds, and says when the doors learn no more of them.</summary>
internal sealed class OptOutSync(
    UnwrittenOptOuts unwritten, IOptOuts store, Standings standings, SubjectKeys keys, PrivacyOptions options, TimeProvider clock, ILogger<OptOutSync> log) : BackgroundService
{
    private bool _warned;

    /// <summary>A last time.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryKeepAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await TryKeepAsync(stoppingToken);
            if (standings.IsFull && !_warned)
            {
                log.LogWarning("{Count} persons and devices are known to have opted out: the doors learn no more of them from signals (Pixel:Privacy:MostOptOuts). The store still does.", options.MostOptOuts);
                _warned = true;
            }

            await Task.Delay(options.SyncEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TryKeepAsync(CancellationToken ct)
    {
        try
        {
            await unwritten.WriteAsync(rows => store.KeepAsync([.. rows.Where(one => !IsErased(one.Key))], ct), ct);
        }
        catch (Exception e)
        {
            log.LogDebug("Opt-outs are not written yet: {Error}", e.GetType().Name); // a store that is away is told by the drain
        }
    }

    // Whoever was erased since: nothing of them is written any more.
    private bool IsErased(OptOut one) => standings.Of(keys.Of(one.SiteId, SubjectKinds.Of(one.Kind)!.Value, one.Id)).IsErased;
}

/// <summary>Opt-outs that wait in memory for the store.</summary>
internal sealed class OptOutHolder(UnwrittenOptOuts unwritten) : IHolder
{
    public string Name => "opt_outs";

    public Task FindAsync(PersonCrowd persons, CancellationToken ct)
    {
        _ = unwritten.Count(Theirs(persons));
        return Task.CompletedTask;
    }

    public Task EraseAsync(PersonCrowd persons, CancellationToken ct) => unwritten.RemoveAsync(Theirs(persons), ct);

    private static Func<KeyValuePair<OptOut, OptOutTimes>, bool> Theirs(PersonCrowd persons) => one => persons.Name(one.Key.SiteId, SubjectKinds.Of(one.Key.Kind)!.Value, one.Key.Id, one.Value.Last);
}

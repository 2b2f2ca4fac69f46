using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Writes opt-outs that no hit carries into the store every few seconds, and says when the doors learn no more of them.</summary>
internal sealed class OptOutSync(
    UnwrittenOptOuts unwritten, IOptOuts store, Standings standings, SubjectKeys keys, Func<StoreReading> reading, PrivacyOptions options, TimeProvider clock, ILogger<OptOutSync> log)
    : StoreSync("Opt-outs that no event carries", "they wait in memory", options.SyncEvery, reading, clock, log)
{
    private bool _warned;

    protected override async Task SyncAsync(CancellationToken ct)
    {
        if (standings.IsFull && !_warned)
        {
            log.LogWarning("{Count} persons and devices are known to have opted out: the doors learn no more of them from signals (Pixel:Privacy:MostOptOuts). The store still does.", options.MostOptOuts);
            _warned = true;
        }

        await unwritten.WriteAsync(rows => store.KeepAsync([.. rows.Where(one => !IsErased(one.Key))], ct), ct);
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

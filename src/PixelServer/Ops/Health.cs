namespace PixelServer.Ops;

/// <summary>How one dependency is.</summary>
internal enum Light
{
    Ok,

    /// <summary>Not well, but events are taken and none is lost.</summary>
    Degraded,

    /// <summary>Events cannot be taken.</summary>
    Failed,
}

/// <summary>
/// Whether this server should get traffic. The store being away does not count against it: the doors stay open and the
/// journal fills; taking every collector out for that would turn a database outage into lost events.
/// </summary>
internal sealed class Health(
    Func<JournalReading> journal, Func<StoreReading> store, Func<DailyKeyReading> dailyKey, Func<RetentionReading> retention,
    Func<OptOutReading> optOuts, Ledger ledger, DataDirectory directory, Stopping stopping, TimeProvider clock)
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);
    private const string Retain = "Events that are past their RetentionDays are still stored. The log says why; pixel retain deletes them at once.";
    private readonly Lock _lock = new();
    private Readiness? _last;
    private long _lastAt;

    /// <summary>At most one second old, except that stopping shows at once.</summary>
    public Readiness Read()
    {
        lock (_lock)
        {
            if (_last is null || clock.GetElapsedTime(_lastAt) >= s_fresh || _last.Stopping != stopping.HasBegun)
                (_last, _lastAt) = (Look(), clock.GetTimestamp());
            return _last;
        }
    }

    private Readiness Look()
    {
        var (j, s, free) = (journal(), store(), FreeBytes());
        var damaged = j.Damage.NeedsAPerson;
        var journalLight = new JournalLight(
            !j.Accepting ? Light.Failed : damaged ? Light.Degraded : Light.Ok, j.State, j.DurablePosition, j.Bytes, j.MaxBytes, damaged);
        var storeLight = new StoreLight(s.Reachable ? Light.Ok : Light.Degraded, s.Name, s.Reachable, ledger.Read().Waiting, s.Lag.TotalSeconds, s.LastError);
        var diskLight = new DiskLight(Of(free, j.MinFreeBytes), free, j.MinFreeBytes);

        var days = dailyKey();
        var visitorLight = new DailyVisitorLight(days.Shared && !days.Foreign ? Light.Ok : Light.Degraded, days.Foreign ? "foreign" : days.Shared ? "shared" : "own");

        var past = retention();
        var retentionLight = new RetentionLight(
            !past.Overdue ? Light.Ok : s.Reachable ? Light.Failed : Light.Degraded, past.IsSet ? past.Overdue ? "overdue" : "on" : "off",
            past.LastSuccess, past.LastError, past.Overdue ? Retain : null);

        var learnt = optOuts();
        var isFull = learnt.Known >= learnt.Most;
        var optOutLight = new OptOutLight(isFull ? Light.Degraded : Light.Ok, isFull ? "full" : "learning", learnt.Known, learnt.Most);

        var stops = stopping.HasBegun;
        var worst = new[] { journalLight.Status, storeLight.Status, diskLight.Status, visitorLight.Status, retentionLight.Status, optOutLight.Status }.Max();
        return new(stops ? Light.Failed : worst, stops, new(journalLight, storeLight, diskLight, visitorLight, retentionLight, optOutLight));
    }

    // Twice the floor: time to act before the first 503.
    private static Light Of(long? free, long floor) => free is null || free >= 2 * floor ? Light.Ok : free >= floor ? Light.Degraded : Light.Failed;

    private long? FreeBytes()
    {
        try
        {
            return new DriveInfo(directory.Root).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // a mount that cannot be asked, as in some containers; the journal watches its own writes
        }
    }
}

/// <summary>The body of <c>/readyz</c>.</summary>
internal sealed record Readiness(Light Status, bool Stopping, Dependencies Dependencies);
internal sealed record Dependencies(JournalLight Journal, StoreLight Store, DiskLight Disk, DailyVisitorLight DailyVisitors, RetentionLight Retention, OptOutLight OptOuts);
internal sealed record JournalLight(Light Status, string State, long DurablePosition, long Bytes, long MaxBytes, bool Damaged);
internal sealed record StoreLight(Light Status, string Name, bool Reachable, long LagEvents, double LagSeconds, string? LastError);
internal sealed record DiskLight(Light Status, long? FreeBytes, long MinFreeBytes);
internal sealed record DailyVisitorLight(Light Status, string Key);
internal sealed record RetentionLight(Light Status, string State, DateTimeOffset? LastSuccess, string? LastError, string? ToDo);
internal sealed record OptOutLight(Light Status, string State, int Known, int Most);

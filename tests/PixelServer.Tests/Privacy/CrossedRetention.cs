using PixelServer.Store;

namespace PixelServer.Tests.Privacy;

/// <summary>A real one whose partitions are in use, or whose commands end when they delete too much.</summary>
internal sealed class CrossedRetention(IRetention real) : IRetention
{
    public bool InUse { get; init; }

    public long MostRows { get; init; } = long.MaxValue;

    public int Drops { get; private set; }

    public int TooMuch { get; private set; }

    public Task<IAsyncDisposable?> TurnAsync(CancellationToken ct) => real.TurnAsync(ct);
    public Task<RetentionPast> PastAsync(string rules, CancellationToken ct) => real.PastAsync(rules, ct);
    public Task KeepAsync(RetentionRun run, CancellationToken ct) => real.KeepAsync(run, ct);
    public Task<IReadOnlyList<EventStretch>> StretchesAsync(CancellationToken ct) => real.StretchesAsync(ct);

    public Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty, CancellationToken ct)
    {
        Drops++;
        return InUse ? Task.FromResult(Dropped.InUse) : real.DropAsync(stretch, onlyIfEmpty, ct);
    }

    public Task<long> CountEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct) => real.CountEventsAsync(stretch, sites, from, until, ct);

    public async Task<long> DeleteEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct)
    {
        if (await real.CountEventsAsync(stretch, sites, from, until, ct) <= MostRows) return await real.DeleteEventsAsync(stretch, sites, from, until, ct);
        TooMuch++;
        throw new TimeoutException();
    }

    public Task<long> CountRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => real.CountRestAsync(sites, before, ct);
    public Task<long> DeleteRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => real.DeleteRestAsync(sites, before, ct);
}

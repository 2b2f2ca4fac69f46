using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Report;

/// <summary>Writes what was turned away into the store, as sums of this run: a kill loses what was counted since the last time, a repetition counts nothing twice.</summary>
internal sealed class RefusalSync : StoreSync
{
    private readonly Ledger _ledger;
    private readonly IRefusals _store;
    private readonly Guid _run = Guid.NewGuid();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Dictionary<(DateOnly, string, string), long> _kept = [];

    public RefusalSync(Ledger ledger, IRefusals store, IConfiguration configuration, Func<StoreReading> reading, TimeProvider clock, ILogger<RefusalSync> log)
        : base("Counts of refusals", "they wait in memory", TimeSpan.FromSeconds(5), reading, clock, log)
    {
        (_ledger, _store) = (ledger, store);
        ledger.Expect(configuration.GetSection("Pixel:Sites").GetChildren().Select(site => site.Key).Append("default"));
    }

    /// <summary>Writes what has grown.</summary>
    public async Task KeepAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            var counted = _ledger.Refusals();
            RefusalRow[] grown = [.. counted.Where(one => _kept.GetValueOrDefault((one.Day, one.Site, one.Code)) != one.Count).Select(one => new RefusalRow(one.Day, one.Site, one.Code, one.Count))];
            await _store.KeepAsync(_run, grown, ct);
            var yesterday = DateOnly.FromDateTime(Clock.GetUtcNow().UtcDateTime).AddDays(-1);
            _ledger.ForgetRefusals(yesterday); // a day ends under the lock that counts: yesterday's may still be on their way
            _kept = counted.Where(one => one.Day >= yesterday).ToDictionary(one => (one.Day, one.Site, one.Code), one => one.Count);
        }
        finally
        {
            _turn.Release();
        }
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    protected override Task SyncAsync(CancellationToken ct) => KeepAsync(ct);
}

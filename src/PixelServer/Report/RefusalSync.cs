using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Report;

/// <summary>Writes what was turned away into the store, as sums of this run: a kill loses what was counted since the last time, a repetition counts nothing twice.</summary>
internal sealed class RefusalSync : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);

    private readonly Ledger _ledger;
    private readonly IRefusals _store;
    private readonly TimeProvider _clock;
    private readonly ILogger<RefusalSync> _log;
    private readonly Guid _run = Guid.NewGuid();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Dictionary<(DateOnly, string, string), long> _kept = [];

    public RefusalSync(Ledger ledger, IRefusals store, IConfiguration configuration, TimeProvider clock, ILogger<RefusalSync> log)
    {
        (_ledger, _store, _clock, _log) = (ledger, store, clock, log);
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
            var yesterday = DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime).AddDays(-1);
            _ledger.ForgetRefusals(yesterday); // a day ends under the lock that counts: yesterday's may still be on their way
            _kept = counted.Where(one => one.Day >= yesterday).ToDictionary(one => (one.Day, one.Site, one.Code), one => one.Count);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>A last time.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryKeepAsync(cancellationToken);
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
            await TryKeepAsync(stoppingToken);
            await Task.Delay(s_every, _clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TryKeepAsync(CancellationToken ct)
    {
        try
        {
            await KeepAsync(ct);
        }
        catch (Exception e)
        {
            _log.LogDebug("Refusal counts are not written yet: {Error}", e.GetType().Name); // a store that is away is told by the drain
        }
    }
}

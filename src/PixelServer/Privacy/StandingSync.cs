using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Exchanges standings with the store, and through it with the other collectors. While the store is away each collector goes on with what it knows.</summary>
internal sealed class StandingSync(StandingExchange exchange, Func<StoreReading> reading, PrivacyOptions options, TimeProvider clock, ILogger<StandingSync> log) : BackgroundService
{
    private bool _warned;

    /// <summary>A last exchange, so that a machine that is taken away leaves nothing behind that only it knows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await exchange.ExchangeAsync(cancellationToken);
        }
        catch (Exception e)
        {
            log.LogDebug("The last exchange of standings failed, they stay on this disk: {Error}", e.GetType().Name);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await exchange.ExchangeAsync(stoppingToken);
                if (_warned) log.LogInformation("Standings of persons are exchanged with the store again.");
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // what is not shared yet is on our own disk
                // A store that is away is told by the drain, and before its first visit there the table does not exist.
                if (!_warned && reading().Reachable)
                {
                    log.LogWarning("Standings of persons cannot be exchanged with the store, though it takes events: other collectors do not hear of opt-outs. {Error}", e.GetType().Name);
                    _warned = true;
                }
            }

            await Task.Delay(options.SyncEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

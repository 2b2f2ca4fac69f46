using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>Exchanges something with the store again and again, and a last time when the server stops. While the store is away this collector goes on with what it has.</summary>
/// <param name="what">What is exchanged, in the plural, as a sentence begins.</param>
/// <param name="consequence">What it means that it is not, as a sentence ends.</param>
/// <param name="every">How long after an exchange the next begins.</param>
/// <param name="reading">Whether the store can be reached.</param>
/// <param name="clock">For the time between.</param>
/// <param name="log">Told once of a failure that is not the store's, and once of its end.</param>
internal abstract class StoreSync(string what, string consequence, TimeSpan every, Func<StoreReading> reading, TimeProvider clock, ILogger log) : BackgroundService
{
    private bool _warned;

    protected TimeProvider Clock => clock;

    /// <summary>A last exchange, so that a machine that is taken away leaves nothing behind that only it has.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await LastAsync(cancellationToken);
        }
        catch (Exception e)
        {
            log.LogDebug("{What} could not be exchanged a last time: {Error}", what, e.GetType().Name);
        }
    }

    /// <summary>One exchange.</summary>
    protected abstract Task SyncAsync(CancellationToken ct);

    /// <summary>The one before the end.</summary>
    protected virtual Task LastAsync(CancellationToken ct) => SyncAsync(ct);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await SyncAsync(stoppingToken);
                if (_warned) log.LogInformation("{What} are exchanged with the store again.", what);
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // what is not shared yet is on our own disk
                // A store that is away is told by the drain, and before its first visit there the table does not exist.
                if (!_warned && reading().Reachable)
                {
                    log.LogWarning("{What} cannot be exchanged with the store, though it takes events: {Consequence}. {Error}", what, consequence, e.GetType().Name);
                    _warned = true;
                }
            }

            await Task.Delay(every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

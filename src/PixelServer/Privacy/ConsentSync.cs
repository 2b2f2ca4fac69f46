using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Brings consent records from our own disk into the store. While it is away they wait there.</summary>
internal sealed class ConsentSync(
    Consents consents, IConsents store, ConsentEffects effects, StandingExchange standings, DataDirectory directory, Func<StoreReading> reading, PrivacyOptions options, TimeProvider clock,
    ILogger<ConsentSync> log) : BackgroundService
{
    private const int AtOnce = 1_000;
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMinutes(1);
    private readonly Guid _chain = ChainOf(directory);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private DateTimeOffset _expiredUntil = DateTimeOffset.UnixEpoch; // all of them after a start
    private bool _resumed, _warned;

    /// <summary>Everything that waits, in batches; each is in the store before it leaves the disk.</summary>
    public async Task ShareAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            if (!_resumed) await consents.ResumeAsync(); // what the store has is not looked at again: not before it holds
            _resumed = true;
            while (consents.Waiting(AtOnce) is { Count: > 0 } waiting)
            {
                await standings.ExchangeAsync(ct); // who was erased while this collector was away
                await store.KeepAsync(_chain, [.. waiting.Select(effects.WithoutErased)], ct);
                await consents.SharedAsync(waiting);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>A yes that is over is a no from then on, until the person decides again.</summary>
    public async Task ExpireAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (now - _expiredUntil < s_lookEvery) return;
        await effects.EndAsync(await store.ExpiredAsync(_expiredUntil - s_lookEvery, now, ct)); // and those that came in late
        _expiredUntil = now;
    }

    /// <summary>A last exchange, so that a machine that is taken away leaves nothing behind that only it has.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await ShareAsync(cancellationToken);
        }
        catch (Exception e)
        {
            log.LogDebug("The last consent records could not be brought into the store, they stay on this disk: {Error}", e.GetType().Name);
        }
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
                await ShareAsync(stoppingToken);
                await ExpireAsync(stoppingToken);
                if (_warned) log.LogInformation("Consent records are brought into the store again.");
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // what is not shared yet is on our own disk
                if (!_warned && reading().Reachable)
                {
                    log.LogWarning("Consent records cannot be brought into the store, though it takes events: they wait on this disk. {Error}", e.GetType().Name);
                    _warned = true;
                }
            }

            await Task.Delay(options.SyncEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The chain that this machine writes: random, made once.</summary>
    public static Guid ChainOf(DataDirectory directory) => new(directory.Key("consent-chain", 16), bigEndian: true);
}

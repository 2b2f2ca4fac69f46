using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Brings consent records from our own disk into the store. While it is away they wait there.</summary>
internal sealed class ConsentSync(
    Consents consents, IConsents store, ConsentEffects effects, StandingExchange standings, DataDirectory directory, Func<StoreReading> reading, PrivacyOptions options, TimeProvider clock,
    ILogger<ConsentSync> log) : StoreSync("Consent records", "they wait on this disk", options.SyncEvery, reading, clock, log)
{
    private const int AtOnce = 1_000;
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMinutes(1);
    private readonly Guid _chain = ChainOf(directory);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private DateTimeOffset _expiredUntil = DateTimeOffset.UnixEpoch; // all of them after a start
    private bool _resumed;

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
        var now = Clock.GetUtcNow();
        if (now - _expiredUntil < s_lookEvery) return;
        await effects.EndAsync(await store.ExpiredAsync(_expiredUntil - s_lookEvery, now, ct)); // and those that came in late
        _expiredUntil = now;
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    protected override async Task SyncAsync(CancellationToken ct)
    {
        await ShareAsync(ct);
        await ExpireAsync(ct);
    }

    protected override Task LastAsync(CancellationToken ct) => ShareAsync(ct);

    /// <summary>The chain that this machine writes: random, made once.</summary>
    public static Guid ChainOf(DataDirectory directory) => new(directory.Key("consent-chain", 16), bigEndian: true);
}

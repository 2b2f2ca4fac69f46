using System.Globalization;
using System.Text;
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

    // Collectors end what they know by their own clocks; this is for one that was told and is gone.
    private static readonly TimeSpan s_overlap = TimeSpan.FromMinutes(10);
    private readonly Guid _chain = ChainOf(directory);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly AppendedFile _mark = new(Path.Combine(directory.Root, EndedName));
    private DateTimeOffset? _ended, _looked;

    /// <summary>In the data directory: until when every yes that is over was ended here.</summary>
    public const string EndedName = "consents-ended";

    /// <summary>Everything that waits, in batches; each is in the store before it leaves the disk.</summary>
    public async Task ShareAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            await consents.ResumeAsync();
            while (consents.Waiting(AtOnce) is { Count: > 0 } waiting)
            {
                await standings.ExchangeWithStoreAsync(ct); // who was erased while this collector was away
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
        await _turn.WaitAsync(ct);
        try
        {
            var now = Clock.GetUtcNow();
            if (now - _looked < s_lookEvery) return;
            await EndAsync(now, ct);
            _looked = now;
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

    protected override async Task SyncAsync(CancellationToken ct)
    {
        await ShareAsync(ct);
        await ExpireAsync(ct);
    }

    private async Task EndAsync(DateTimeOffset now, CancellationToken ct)
    {
        var ended = _ended ?? Ended();
        if (ended > now) ended = now; // this clock was ahead
        var after = new ConsentEnd(ended > DateTimeOffset.UnixEpoch + s_overlap ? ended - s_overlap : DateTimeOffset.UnixEpoch, Guid.Empty, 0);
        while (await store.ExpiredAsync(after, now, AtOnce, ct) is { Count: > 0 } some)
        {
            await effects.ApplyAsync([.. some.Select(one => one.Record)]);
            after = new(some[^1].Record.ExpiresAt!.Value, some[^1].Chain, some[^1].Seq);
            if (after.At <= ended) continue;
            _ended = ended = after.At;
            _mark.Rewrite(Encoding.ASCII.GetBytes(ended.ToString("O", CultureInfo.InvariantCulture)));
        }

        _ended = now;
    }

    // What cannot be read is as good as none: all of them are ended once more, which changes nothing.
    private DateTimeOffset Ended() =>
        DateTimeOffset.TryParseExact(Encoding.ASCII.GetString(_mark.Read()), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var at) ? at : DateTimeOffset.UnixEpoch;

    protected override Task LastAsync(CancellationToken ct) => ShareAsync(ct);

    /// <summary>The chain that this machine writes: random, made once.</summary>
    public static Guid ChainOf(DataDirectory directory) => new(directory.Key("consent-chain", 16), bigEndian: true);
}

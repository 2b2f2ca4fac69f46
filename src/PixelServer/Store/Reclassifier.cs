using System.ComponentModel.DataAnnotations;
using System.Data.Common;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>When labels of mail events are looked at again; section <c>Pixel:Mail</c>.</summary>
internal sealed class ReclassifyOptions
{
    /// <summary>How long a mail event may wait for the rules that look across events. 1 second to 1 day, default 15 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan ReclassifyEvery { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>
/// Corrects the labels of mail events once more of them are there. Looks only when mail events were stored since the last look, and then only
/// at the mails that they belong to. Several collectors may do it at once: what one has corrected the others find right.
/// </summary>
internal sealed class Reclassifier(
    Relabelling relabelling, MailArrivals arrivals, Func<StoreReading> store, ReclassifyOptions options, Meters meters, TimeProvider clock,
    ILogger<Reclassifier> log) : BackgroundService
{
    /// <summary>Looked at after a start, for events that were stored just before a crash.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromDays(1);

    /// <summary>Most that one query sorts; a backlog of a week is seven of them.</summary>
    private static readonly TimeSpan Piece = TimeSpan.FromDays(1);

    private bool _failed;

    /// <summary>Looks at what was stored since the last time.</summary>
    /// <returns>How many rows changed; null where there was nothing to look at.</returns>
    public async Task<long?> LookAsync(CancellationToken ct)
    {
        if (!store().Reachable || arrivals.Take() is not { } fresh) return null;
        var changed = 0L;
        try
        {
            for (var from = fresh.From; from < fresh.Until; from += Piece, fresh = fresh with { From = from })
            {
                var tally = await relabelling.MailAsync(new(from, fresh.Until - from > Piece ? from + Piece : fresh.Until), ct);
                changed += tally.Written;
                meters.Relabelled(tally.Written);
            }
        }
        catch
        {
            arrivals.Add(fresh);
            throw;
        }

        return changed;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var now = clock.GetUtcNow();
        arrivals.Add(new(now - FirstLook, now));
        using var timer = new PeriodicTimer(options.ReclassifyEvery, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The last look is taken when the drain has stopped.
        }
    }

    /// <summary>The drain has made its last pass by now: so that a server that stays away for long leaves nothing unseen.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!cancellationToken.IsCancellationRequested)
            await TryAsync(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task TryAsync(CancellationToken ct)
    {
        try
        {
            await LookAsync(ct);
            _failed = false;
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // The drain says more of a store that is away; the stretch is kept for the next look.
            var kind = e is DbException { SqlState: { } state } ? $"{e.GetType().Name} {state}" : e.GetType().Name;
            if (!_failed)
                log.LogWarning(e, "The labels of mail events could not be looked at ({Kind}); the next look is in {Every}.", kind, options.ReclassifyEvery);
            _failed = true;
        }
    }
}

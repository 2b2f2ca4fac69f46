using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Exchanges decisions with the store, and through it with the other collectors. While the store is away each collector goes on with what it knows.</summary>
internal sealed class MailDecisionSync(
    MailDecisions decisions, IMailDecisions store, StandingExchange standings, Func<StoreReading> reading, MailOptions options, TimeProvider clock, ILogger<MailDecisionSync> log) : BackgroundService
{
    private const int AtOnce = 1_000;
    private string? _mark;
    private bool _warned;

    /// <summary>One exchange, both ways.</summary>
    public async Task ExchangeAsync(CancellationToken ct)
    {
        await standings.ExchangeAsync(ct); // who was erased while this collector was away: nothing of them goes back into the store
        var (news, mark) = await store.SinceAsync(_mark, ct);
        await decisions.LearnAsync(news);
        _mark = mark;
        while (decisions.Unshared(AtOnce) is { Count: > 0 } unshared)
        {
            await store.KeepAsync(unshared, ct);
            decisions.Shared(unshared);
        }
    }

    /// <summary>A last exchange, so that a machine that is taken away leaves nothing behind that only it knows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await ExchangeAsync(cancellationToken);
        }
        catch (Exception e)
        {
            log.LogDebug("The last exchange of decisions about mails failed, they stay on this disk: {Error}", e.GetType().Name);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ExchangeAsync(stoppingToken);
                if (_warned) log.LogInformation("Decisions about mails are exchanged with the store again.");
                _warned = false;
            }
            catch (Exception e)
            {
                if (stoppingToken.IsCancellationRequested) return; // what is not shared yet is on our own disk
                // A store that is away is told by the drain, and before its first visit there the table does not exist.
                if (!_warned && reading().Reachable)
                {
                    log.LogWarning("Decisions about mails cannot be exchanged with the store, though it takes events: other collectors do not hear of withdrawals. {Error}", e.GetType().Name);
                    _warned = true;
                }
            }

            await Task.Delay(options.SyncEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

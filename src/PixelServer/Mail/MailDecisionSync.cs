using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Exchanges decisions with the store, and through it with the other collectors. While the store is away each collector goes on with what it knows.</summary>
internal sealed class MailDecisionSync(MailDecisions decisions, IMailDecisions store, MailOptions options, TimeProvider clock, ILogger<MailDecisionSync> log) : BackgroundService
{
    private const int AtOnce = 1_000;
    private string? _mark;
    private bool _away;

    /// <summary>One exchange, both ways.</summary>
    public async Task ExchangeAsync(CancellationToken ct)
    {
        var (news, mark) = await store.SinceAsync(_mark, ct);
        decisions.Learn(news);
        _mark = mark;
        while (decisions.Unshared(AtOnce) is { Count: > 0 } unshared)
        {
            await store.KeepAsync(unshared, ct);
            decisions.Shared(unshared);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ExchangeAsync(stoppingToken);
                if (_away) log.LogInformation("Decisions about mails are exchanged with the store again.");
                _away = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // At the first start the table does not exist before the drain has made it: the next try finds it.
                if (!_away) log.LogDebug("Decisions about mails cannot be exchanged with the store yet: {Error}", e.GetType().Name);
                _away = true;
            }

            await Task.Delay(options.SyncEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

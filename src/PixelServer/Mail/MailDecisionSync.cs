using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Exchanges decisions with the store, and through it with the other collectors.</summary>
internal sealed class MailDecisionSync(
    MailDecisions decisions, IMailDecisions store, StandingExchange standings, Func<StoreReading> reading, MailOptions options, TimeProvider clock, ILogger<MailDecisionSync> log)
    : StoreSync("Decisions about mails", "other collectors do not hear of withdrawals", options.SyncEvery, reading, clock, log)
{
    private const int AtOnce = 1_000;
    private string? _mark;
    private int _setBacks;

    /// <summary>One exchange, both ways.</summary>
    public async Task ExchangeAsync(CancellationToken ct)
    {
        await standings.ExchangeWithStoreAsync(ct); // who was erased while this collector was away: nothing of them goes back into the store
        if (standings.SetBacks is var setBacks && setBacks != _setBacks)
        {
            decisions.ShareAgain(); // what the store still has is taken out of that again at once
            (_setBacks, _mark) = (setBacks, null);
        }

        var (news, mark) = await store.SinceAsync(_mark, ct);
        await decisions.LearnAsync(news);
        _mark = mark;
        while (decisions.Unshared(AtOnce) is { Count: > 0 } unshared)
        {
            await store.KeepAsync(unshared, ct);
            decisions.Shared(unshared);
        }
    }

    protected override Task SyncAsync(CancellationToken ct) => ExchangeAsync(ct);
}

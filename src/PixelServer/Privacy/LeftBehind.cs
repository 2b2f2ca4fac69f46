using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What another machine's data directory holds of decisions that its store may never have heard of. Nothing of whoever was erased since comes back with it.</summary>
internal static class LeftBehind
{
    private const int AtOnce = 1_000;

    /// <param name="services">The stages behind the doors.</param>
    /// <param name="directory">The other machine's data directory; its files stay as they are.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static async Task ShareAsync(IServiceProvider services, string directory, CancellationToken ct)
    {
        var (exchange, standings, keys) = (services.GetRequiredService<StandingExchange>(), services.GetRequiredService<Standings>(), services.GetRequiredService<SubjectKeys>());
        foreach (var some in new MailDecisionFile(Path.Combine(directory, DataDirectory.MailDecisionsName)).Read().Chunk(AtOnce))
        {
            await exchange.ExchangeAsync(ct); // who was erased while the former ones were written
            await services.GetRequiredService<IMailDecisions>().KeepAsync([.. some.Where(one => !IsErased(one))], ct);
        }

        var chain = ConsentSync.ChainOf(services.GetRequiredService<DataDirectory>());
        foreach (var some in new ConsentFile(Path.Combine(directory, DataDirectory.ConsentsName)).Read().Chunk(AtOnce))
        {
            await exchange.ExchangeAsync(ct);
            await services.GetRequiredService<IConsents>().KeepAsync(chain, [.. some.Select(one => ConsentEffects.WithoutErased(one, standings, keys))], ct);
        }

        bool IsErased(MailDecision one) => one.Subject == MailSubject.Recipient && standings.Of(keys.Of(one.SiteId, SubjectKind.User, one.SubjectId)).IsErased;
    }
}

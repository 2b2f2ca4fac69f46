using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Exchanges standings with the store, and through it with the other collectors.</summary>
internal sealed class StandingSync(StandingExchange exchange, Func<StoreReading> reading, PrivacyOptions options, TimeProvider clock, ILogger<StandingSync> log)
    : StoreSync("Standings of persons", "other collectors do not hear of opt-outs", options.SyncEvery, reading, clock, log)
{
    protected override Task SyncAsync(CancellationToken ct) => exchange.ExchangeAsync(ct);
}

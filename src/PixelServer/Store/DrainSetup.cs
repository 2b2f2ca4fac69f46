using PixelServer.Enrich;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>Registers <see cref="Drain"/>, and what it tells of itself and of the store.</summary>
internal static class DrainSetup
{
    public static IServiceCollection AddDrain(this IServiceCollection services) => services
        .AddSingleton(provider => new Drain(
            provider.GetRequiredService<Journal.Journal>(), provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<Enricher>(),
            provider.GetRequiredService<Ledger>(), provider.GetRequiredService<StoreOptions>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<Drain>>(), provider.GetRequiredService<Meters>().BatchStored, provider.GetService<MailArrivals>(), provider.GetService<Bar>()))
        .AddHostedService(provider => provider.GetRequiredService<Drain>())
        .AddSingleton<Func<StoreReading>>(provider => () => Reading(
            provider.GetRequiredService<IEventStore>().Name, provider.GetRequiredService<Drain>().Status, provider.GetRequiredService<TimeProvider>()));

    private static StoreReading Reading(string name, DrainStatus status, TimeProvider clock)
    {
        var lag = status.WaitingSince is { } since && clock.GetUtcNow() - since is { Ticks: > 0 } age ? age : TimeSpan.Zero;
        return new(name, status.Reachable && !status.Fenced, lag, status.Failures, status.Fenced ? nameof(FencedException) : status.LastError);
    }
}

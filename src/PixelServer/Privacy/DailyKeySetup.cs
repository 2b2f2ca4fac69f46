using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Registers <see cref="DailyKeyExchange"/>, and what it tells of itself.</summary>
internal static class DailyKeySetup
{
    /// <summary>Needs what Store and Collect add.</summary>
    public static IServiceCollection AddDailyKeys(this IServiceCollection services) => services
        .AddSingleton<DailyKeyExchange>().AddHostedService(provider => provider.GetRequiredService<DailyKeyExchange>())
        .AddSingleton<Func<DailyKeyReading>>(provider => () => provider.GetRequiredService<DailyKeyExchange>().Reading);
}

using PixelServer.Ops;

namespace PixelServer.Enrich;

/// <summary>Registers <see cref="Enricher"/>.</summary>
internal static class EnrichSetup
{
    /// <summary>Reads the settings and opens the country file at once, so that a wrong one stops the start and not the drain.</summary>
    /// <exception cref="SettingException">A setting of <c>Pixel:Enrich</c> is not usable.</exception>
    public static IServiceCollection AddEnrich(this IServiceCollection services, IConfiguration configuration) =>
        services.AddSingleton(new Enricher(Settings.Read<EnrichOptions>(configuration, "Pixel:Enrich")));
}

using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>Puts the doors with keys into the server: those of SDKs, apps and backends.</summary>
internal static class ApiSetup
{
    /// <summary>Needs what Collect and Journal add.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddApi(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(Settings.Read<KeyOptions>(configuration, "Pixel:Keys"));
        services.AddSingleton<ApiKeys>().AddSingleton<KeyRates>().AddSingleton<KeyUse>().AddSingleton<KeyGate>();
        services.AddSingleton(provider => ApiKeys.UseFile(provider.GetRequiredService<KeyOptions>(), provider.GetRequiredService<DataDirectory>()));
        services.AddHostedService(provider => provider.GetRequiredService<KeyUse>());
        services.AddSingleton(Settings.Read<EventsOptions>(configuration, "Pixel:Events"));
        services.AddSingleton(Settings.ReadPerSite<IdentityOptions>(configuration, "Identity"));
        services.AddSingleton<EventsDoor>();
        foreach (var route in EventsRoutes.All) services.AddSingleton(route);
        services.AddSingleton(Settings.Read<SegmentOptions>(configuration, "Pixel:Segment"));
        services.AddSingleton<SegmentReader>().AddSingleton<SegmentDoor>().AddSingleton<SegmentPixel>().AddSingleton<SegmentSettings>();
        services.AddSingleton(Settings.Read<PartnerOptions>(configuration, "Pixel:Partners")).AddSingleton<PartnerDoor>();
        foreach (var route in PartnerRoutes.All()) services.AddSingleton(route);
        foreach (var route in SegmentRoutes.All()) services.AddSingleton(route);
        return services;
    }

    /// <summary>Answers the doors' paths.</summary>
    public static void MapApi(this IEndpointRouteBuilder routes)
    {
        routes.ServiceProvider.GetRequiredService<KeyGate>(); // a file that cannot be read stops the start, not the first request
        routes.Map(EventsDoor.Path, routes.ServiceProvider.GetRequiredService<EventsDoor>().AnswerAsync).ExcludeFromDescription();
        routes.MapSegment();
        routes.MapPartners();
    }
}

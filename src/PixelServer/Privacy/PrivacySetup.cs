using PixelServer.Mail;
using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Puts into the server what persons may ask of it, and what it owes them unasked.</summary>
internal static class PrivacySetup
{
    /// <summary>Needs what Store, Collect and Mail add.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddPrivacy(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(Settings.Read<PrivacyOptions>(configuration, "Pixel:Privacy"));
        services.AddHostedService<StandingSync>();
        AddConsents(services);
        var gpc = Settings.Read<GpcOptions>(configuration, "Pixel:Gpc");
        gpc.Check();
        services.AddSingleton(gpc);
        if (gpc.Enabled) services.AddSingleton(GpcEndpoint.Route(gpc));
        return services;
    }

    public static void MapPrivacy(this IEndpointRouteBuilder routes)
    {
        var consents = routes.ServiceProvider.GetRequiredService<ConsentEndpoints>();
        routes.MapPost(ConsentRoutes.Path, consents.KeepAsync).ExcludeFromDescription();
        routes.MapGet(ConsentRoutes.Path, consents.AboutAsync).ExcludeFromDescription();
        GpcEndpoint.Map(routes, routes.ServiceProvider.GetRequiredService<GpcOptions>());
    }

    private static void AddConsents(IServiceCollection services)
    {
        services.AddSingleton(provider => new ConsentFile(provider.GetRequiredService<DataDirectory>().Consents));
        services.AddSingleton<Consents>().AddSingleton<ConsentEffects>().AddSingleton<ConsentEndpoints>();
        services.AddSingleton<MailProof>(provider => decision => provider.GetRequiredService<Consents>().KeepAsync([ConsentEffects.ProofOf(decision)]));
        services.AddSingleton<ConsentSync>().AddHostedService(provider => provider.GetRequiredService<ConsentSync>());
        foreach (var route in ConsentRoutes.All) services.AddSingleton(route);
    }
}

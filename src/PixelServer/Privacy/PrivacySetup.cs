using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Puts into the server what persons may ask of it, and what it owes them unasked.</summary>
internal static class PrivacySetup
{
    /// <summary>Needs what Store and Collect add.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddPrivacy(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(Settings.Read<PrivacyOptions>(configuration, "Pixel:Privacy"));
        services.AddHostedService<StandingSync>();
        return services;
    }
}

using PixelServer.Collect;
using PixelServer.Journal;
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
        services.AddSingleton<DailyKeyExchange>().AddHostedService(provider => provider.GetRequiredService<DailyKeyExchange>());
        services.AddSingleton<Func<DailyKeyReading>>(provider => () => provider.GetRequiredService<DailyKeyExchange>().Reading);
        services.AddSingleton(provider => RetentionRules.Of(provider.GetRequiredService<Sites>())).AddSingleton<RetentionSweep>();
        services.AddSingleton<Retention>().AddHostedService(provider => provider.GetRequiredService<Retention>());
        services.AddSingleton<Func<RetentionReading>>(provider => () => provider.GetRequiredService<Retention>().Reading);
        CheckJournal(services);
        return services;
    }

    // Delivered segments stay on disk for a while: no longer than any event may.
    private static void CheckJournal(IServiceCollection services)
    {
        var sites = services.Select(one => one.ImplementationInstance).OfType<Sites>().Single();
        var kept = services.Select(one => one.ImplementationInstance).OfType<JournalOptions>().Single().RetainFor;
        if (RetentionRules.Of(sites).All is [var shortest, ..] && kept > TimeSpan.FromDays(shortest.Days))
            throw new SettingException("Pixel:Journal:RetainFor", kept.ToString(), $"at most {shortest.Days} days, the shortest RetentionDays of a site");
    }
}

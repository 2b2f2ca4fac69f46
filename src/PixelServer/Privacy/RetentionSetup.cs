using PixelServer.Collect;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Registers <see cref="Retention"/>, and what it tells of itself.</summary>
internal static class RetentionSetup
{
    /// <summary>Needs what Store, Journal and Collect add.</summary>
    /// <exception cref="SettingException">The journal would keep events longer than a site may.</exception>
    public static IServiceCollection AddRetention(this IServiceCollection services)
    {
        // Delivered segments stay on disk for a while: no longer than any event may.
        var rules = RetentionRules.Of(services.Select(one => one.ImplementationInstance).OfType<Sites>().Single());
        var kept = services.Select(one => one.ImplementationInstance).OfType<JournalOptions>().Single().RetainFor;
        if (rules.All is [var shortest, ..] && kept > TimeSpan.FromDays(shortest.Days))
            throw new SettingException("Pixel:Journal:RetainFor", kept.ToString(), $"at most {shortest.Days} days, the shortest RetentionDays of a site");

        return services
            .AddSingleton(rules).AddSingleton<RetentionSweep>()
            .AddSingleton<Retention>().AddHostedService(provider => provider.GetRequiredService<Retention>())
            .AddSingleton<Func<RetentionReading>>(provider => () => provider.GetRequiredService<Retention>().Reading);
    }
}

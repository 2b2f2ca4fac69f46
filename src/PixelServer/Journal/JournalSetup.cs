using PixelServer.Ops;

namespace PixelServer.Journal;

/// <summary>Registers <see cref="Journal"/>, and what it tells of itself.</summary>
internal static class JournalSetup
{
    // A load balancer that obeys a red light sends nothing, and only an event shows whether the disk is well again: after this
    // long without a test the light gives way, and the next event decides.
    private static readonly TimeSpan s_troubleHolds = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The journal opens when it is first asked for, at the latest at the start. Register it after the drain: services stop
    /// in reverse order, and the drain must see what the journal writes last.
    /// </summary>
    /// <param name="services">Hold the basics of Ops.</param>
    /// <param name="configuration">Where the settings are.</param>
    /// <param name="directory">Of the segments; null: under the data directory.</param>
    /// <exception cref="SettingException">A setting of <c>Pixel:Journal</c>, or <c>Pixel:Acknowledge</c>, is not usable.</exception>
    public static IServiceCollection AddJournal(this IServiceCollection services, IConfiguration configuration, string? directory = null)
    {
        var options = Settings.Read<JournalOptions>(configuration, "Pixel:Journal");
        var acknowledge = Settings.Read<AcknowledgeOptions>(configuration, "Pixel").Acknowledge;
        return services
            .AddSingleton(options)
            .AddSingleton(provider => Journal.Open(
                directory ?? provider.GetRequiredService<DataDirectory>().Journal, options, acknowledge, provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<Ledger>(), provider.GetRequiredService<ILogger<Journal>>(), provider.GetRequiredService<Meters>().Flushed))
            .AddHostedService(provider => provider.GetRequiredService<Journal>())
            .AddSingleton<Func<JournalReading>>(provider => () => Reading(provider.GetRequiredService<Journal>().Status, options, acknowledge));
    }

    internal static JournalReading Reading(JournalStatus status, JournalOptions options, Acknowledge acknowledge)
    {
        var (state, accepting) = status.State switch
        {
            AppendOutcome.Accepted or AppendOutcome.QueueFull => ("writing", true),
            AppendOutcome.JournalFull => ("full", status.TroubleAge >= s_troubleHolds),
            AppendOutcome.Stopping => ("stopping", false),
            _ => ("failed", status.TroubleAge >= s_troubleHolds),
        };
        var damage = status.Damage;
        return new(
            accepting, state, acknowledge.ToString(), status.Durable, status.Queued, status.Bytes, options.MaxBytes, options.MinFreeBytes,
            new(damage.TornBytes, damage.QuarantinedSegments, damage.QuarantinedBytes, status.QuarantinedRecords, damage.MissingSegments + damage.BrokenChains));
    }
}

/// <summary>The one setting of the journal that the contract keeps at the top, in section <c>Pixel</c>.</summary>
internal sealed class AcknowledgeOptions
{
    public Acknowledge Acknowledge { get; init; } = Acknowledge.Flushed;
}

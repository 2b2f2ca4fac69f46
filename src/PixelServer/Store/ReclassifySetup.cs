using System.Globalization;
using PixelServer.Enrich;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>Registers <see cref="Reclassifier"/>; and what <c>pixel reclassify</c> does.</summary>
internal static class ReclassifySetup
{
    /// <summary>Register it before the drain: services stop in reverse order, and the last look comes after the drain's last pass.</summary>
    /// <exception cref="SettingException"><c>Pixel:Mail:ReclassifyEvery</c> is not usable.</exception>
    public static IServiceCollection AddReclassify(this IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(Settings.Read<ReclassifyOptions>(configuration, "Pixel:Mail"))
        .AddSingleton<MailArrivals>()
        .AddSingleton<Relabelling>()
        .AddSingleton<Reclassifier>()
        .AddHostedService(provider => provider.GetRequiredService<Reclassifier>());

    /// <summary>Judges all stored rows of some days by today's rules and prints what changed.</summary>
    /// <param name="services">The store, its labels and the rules.</param>
    /// <param name="since">First day; null for the first that has rows.</param>
    /// <param name="until">Last day; null for the last that has rows.</param>
    /// <param name="dryRun">Only counts.</param>
    /// <param name="print">Takes one line for each day that has rows, and one for all.</param>
    /// <param name="ct">Stops between two transactions; what is written stays.</param>
    public static async Task RunAsync(IServiceProvider services, DateOnly? since, DateOnly? until, bool dryRun, Action<string> print, CancellationToken ct)
    {
        var labels = services.GetRequiredService<ILabels>();
        var relabelling = new Relabelling(labels);
        var enricher = services.GetRequiredService<Enricher>();
        var (read, changed) = (0L, 0L);
        // Never beyond the days that there are: somebody writes the year 9999 for "all".
        var days = await labels.DaysAsync(ct);
        var first = since > days?.First ? since : days?.First;
        var last = until < days?.Last ? until : days?.Last;
        for (var day = first; day is { } one && one <= last; day = one.AddDays(1))
        {
            var tally = await relabelling.DayAsync(one, enricher.Again, dryRun, ct);
            read += tally.Read;
            changed += tally.Changed;
            if (tally.Read > 0) print(string.Create(CultureInfo.InvariantCulture, $"{one:yyyy-MM-dd}: {Line(tally)}"));
        }

        print(string.Create(CultureInfo.InvariantCulture, $"{read} rows read, {changed} {(dryRun ? "would change" : "changed")}."));
    }

    private static string Line(Tally tally) => string.Create(CultureInfo.InvariantCulture, $"{tally.Read} rows read, {tally.Changed} changed")
        + string.Concat(tally.Moves.Select((move, i) => string.Create(CultureInfo.InvariantCulture,
            $"{(i == 0 ? ": " : ", ")}{Names.Of(move.From)} to {Names.Of(move.To)} {move.Rows}")));
}

using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Sites whose events are kept for so many days.</summary>
internal sealed record RetentionRule(RetentionSites Sites, int Days);

/// <summary>
/// For how long events of each site are kept. An event goes when the UTC day on which it was received lies that many days back: it was kept for
/// at least so long, and for less than a day more.
/// </summary>
internal sealed class RetentionRules
{
    /// <summary>25 months, the most that the French regulator's exemption allows, are 760 days here: with the day that has begun.</summary>
    public const int ExemptDays = 759;

    private readonly bool _someForEver;

    /// <param name="listed">Days of the sites that the settings name; null: for ever.</param>
    /// <param name="others">Days of every other site.</param>
    public RetentionRules(IReadOnlyDictionary<string, int?> listed, int? others)
    {
        _someForEver = others is null || listed.Values.Any(days => days is null);
        IEnumerable<RetentionRule> rules = listed.Where(site => site.Value is not null).GroupBy(site => site.Value!.Value, site => site.Key)
            .Select(sites => new RetentionRule(new([.. sites.Order(StringComparer.Ordinal)], IsAllBut: false), sites.Key));
        if (others is { } rest) rules = rules.Append(new(new([.. listed.Keys.Order(StringComparer.Ordinal)], IsAllBut: true), rest));
        All = [.. rules.OrderBy(rule => rule.Days)];
        Text = JsonSerializer.Serialize(new SortedDictionary<string, int?>(listed.ToDictionary(), StringComparer.Ordinal) { ["*"] = others });
    }

    public static RetentionRules Of(Sites sites) =>
        new(sites.Listed.ToDictionary(site => site.Key, site => DaysOf(site.Value), StringComparer.Ordinal), DaysOf(sites.Unlisted));

    /// <summary>Those with an end, the shortest first. Each site has at most one.</summary>
    public IReadOnlyList<RetentionRule> All { get; }

    public bool IsSet => All.Count > 0;

    /// <summary>The rules as JSON, in one order.</summary>
    public string Text { get; }

    /// <summary>What was received before this day is past for every site; null where some are kept for ever.</summary>
    public DateOnly? PastForAll(DateOnly today) => _someForEver || !IsSet ? null : today.AddDays(-All[^1].Days);

    /// <summary>What was received before this day is past for at least one site.</summary>
    public DateOnly PastForSome(DateOnly today) => today.AddDays(-All[0].Days);

    // In some countries is enough: an event does not say under which regime it came.
    private static bool IsExempt(Site site) => site.Regime == Regime.Exempt || site.ByCountry?.Values.Contains(Regime.Exempt) is true;

    private static int? DaysOf(Site site) => IsExempt(site) ? Math.Min(site.RetentionDays ?? ExemptDays, ExemptDays) : site.RetentionDays;
}

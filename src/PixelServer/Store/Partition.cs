using System.Globalization;
using System.Text.RegularExpressions;

namespace PixelServer.Store;

/// <summary>A stretch of UTC days that has a table of its own: from <paramref name="From"/> until before <paramref name="Until"/>.</summary>
internal readonly partial record struct Partition(DateOnly From, DateOnly Until)
{
    /// <summary>No pixel server is older; an earlier date is a clock that was never set.</summary>
    private static readonly DateOnly Earliest = new(2020, 1, 1);

    /// <summary>How far the clock of a machine may be ahead of ours before its rows are refused.</summary>
    public const int LatestDaysAhead = 2;

    /// <summary><c>events_20261123</c> for a day, <c>events_202611</c> for a month.</summary>
    public string Table => "events_" + From.ToString(Until == From.AddDays(1) ? "yyyyMMdd" : "yyyyMM", CultureInfo.InvariantCulture);

    public string Sql => string.Create(CultureInfo.InvariantCulture,
        $"from ('{From:yyyy-MM-dd} 00:00:00+00') to ('{Until:yyyy-MM-dd} 00:00:00+00')");

    /// <summary>
    /// The partitions that <paramref name="days"/> lack. A month of which some days are covered already (the setting was changed)
    /// gets the other days one by one.
    /// </summary>
    public static IReadOnlyList<Partition> Missing(IReadOnlyCollection<Partition> existing, IEnumerable<DateOnly> days, PartitionBy by)
    {
        var missing = new SortedDictionary<DateOnly, Partition>();
        foreach (var day in days)
        {
            if (existing.Any(p => p.Covers(day)) || missing.Values.Any(p => p.Covers(day))) continue;
            var first = new DateOnly(day.Year, day.Month, 1);
            var wanted = by == PartitionBy.Month ? new Partition(first, first.AddMonths(1)) : OneDay(day);
            if (existing.Concat(missing.Values).Any(wanted.Overlaps)) wanted = OneDay(day);
            missing.Add(wanted.From, wanted);
        }

        return [.. missing.Values];
    }

    /// <summary>The days of arrival.</summary>
    /// <exception cref="RefusedRowException">One of them is so far away that a clock must have been wrong: it gets no partition.</exception>
    public static IReadOnlyCollection<DateOnly> DaysOf(IReadOnlyList<Event> events, DateOnly today)
    {
        var latest = today.AddDays(LatestDaysAhead);
        var days = new SortedSet<DateOnly>();
        foreach (var e in events)
        {
            var day = DateOnly.FromDateTime(e.Hit.ReceivedAt.UtcDateTime);
            if (day < Earliest || day > latest)
                throw new RefusedRowException("23514", string.Create(CultureInfo.InvariantCulture,
                    $"received_at lies outside {Earliest:yyyy-MM-dd} to {latest:yyyy-MM-dd}: a clock was wrong"), null);
            days.Add(day);
        }

        return days;
    }

    /// <summary>Reads <c>pg_get_expr(relpartbound)</c> of a session in UTC; null for bounds that are not ours to judge.</summary>
    public static Partition? Read(string bound) =>
        Bound().Match(bound) is { Success: true } match
            ? new(Day(match.Groups["from"].Value), DayBehind(match.Groups["until"].Value, match.Groups["time"].Value)) : null;

    private static Partition OneDay(DateOnly day) => new(day, day.AddDays(1));

    private static DateOnly Day(string text) => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    // A bound within a day, made by hand, takes the whole day.
    private static DateOnly DayBehind(string day, string time) => time == "00:00:00" ? Day(day) : Day(day).AddDays(1);

    private bool Covers(DateOnly day) => From <= day && day < Until;

    private bool Overlaps(Partition other) => From < other.Until && other.From < Until;

    [GeneratedRegex(@"^FOR VALUES FROM \('(?<from>\d{4}-\d\d-\d\d) [\d:.]+\+00'\) TO \('(?<until>\d{4}-\d\d-\d\d) (?<time>[\d:.]+)\+00'\)$")]
    private static partial Regex Bound();
}

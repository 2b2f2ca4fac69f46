using System.Data.Common;
using System.Globalization;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <param name="Partitions">Dropped.</param>
/// <param name="Rows">Deleted one by one.</param>
/// <param name="Blocked">Partitions that somebody was reading.</param>
internal readonly record struct RetentionTally(int Partitions, long Rows, int Blocked);

/// <summary>
/// One run over everything that is stored: partitions in which all is past are dropped, rows of single sites are deleted. What a former run
/// has looked at is passed over, until a week has gone by: rows may have come late.
/// </summary>
internal sealed class RetentionSweep(RetentionRules rules, IRetention store, TimeProvider clock)
{
    private const int WholeEveryDays = 7;

    // A transaction takes as much time of arrival as has about so many rows in it.
    private const int FewRows = 2_500, ManyRows = 10_000;
    private static readonly TimeSpan s_first = TimeSpan.FromMinutes(1), s_shortest = TimeSpan.FromSeconds(1), s_longest = TimeSpan.FromDays(32);

    // The day for which all rows are gone already, though a partition would not go.
    private DateOnly? _swept;

    /// <summary>Deletes what is past.</summary>
    /// <param name="byRow">Also from partitions that cannot be dropped because somebody reads all the time.</param>
    /// <param name="all">Looks at everything, whatever former runs have seen.</param>
    /// <param name="ct">Stops between two transactions.</param>
    /// <returns>Null where another collector is at it.</returns>
    public async Task<RetentionTally?> RunAsync(bool byRow, bool all, CancellationToken ct)
    {
        await using var turn = await store.TurnAsync(ct);
        if (turn is null) return null;

        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var past = await store.PastAsync(rules.Text, ct);
        var whole = all || past.WholeDay is not { } last || last < today.AddDays(-WholeEveryDays);
        var since = whole ? null : past.Day;
        var isNew = since is null || since < today; // in the other hours of a day only partitions can have come late
        var isSwept = !all && (!isNew || _swept == today);
        var (partitions, rows, blocked) = (0, 0L, 0);
        var (inUse, failure) = (false, (Exception?)null);
        foreach (var stretch in await store.StretchesAsync(ct))
        {
            if (stretch.CanDrop && stretch.Until <= rules.PastForAll(today))
            {
                var dropped = await DropAsync(stretch, onlyIfEmpty: false);
                if (dropped == Dropped.Gone) partitions++;
                else if (byRow || dropped == Dropped.NotEmpty) rows += await DeleteAsync(stretch, RetentionSites.All, stretch.From, stretch.Until, ct);
                else blocked++;
                continue;
            }

            foreach (var rule in rules.All)
                if (!isSwept && Due(stretch, rule, since, today) is var (from, until)) rows += await DeleteAsync(stretch, rule.Sites, from, until, ct);

            if (isNew && !inUse && stretch.CanDrop && stretch.Until <= rules.PastForSome(today))
            {
                var dropped = await DropAsync(stretch, onlyIfEmpty: true);
                if (dropped == Dropped.Gone) partitions++;
                else if (dropped == Dropped.InUse && !byRow) blocked++;
            }
        }

        foreach (var rule in rules.All)
            while (!isSwept && await store.DeleteRestAsync(rule.Sites, Midnight(today.AddDays(-rule.Days)), ct) is > 0 and var some) rows += some;

        _swept = today;
        if (failure is not null) throw failure;
        if (blocked == 0) await store.KeepAsync(new(today, clock.GetUtcNow(), rules.Text, whole, partitions, rows), ct);
        return new(partitions, rows, blocked);

        // While we wait for a reader everybody waits behind us: one such wait in a run is enough. And a partition that does not go for a reason of its own,
        // such as a view that somebody made on it, keeps none of the others.
        async Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty)
        {
            if (inUse) return Dropped.InUse;
            try
            {
                var dropped = await store.DropAsync(stretch, onlyIfEmpty, ct);
                inUse |= dropped == Dropped.InUse;
                return dropped;
            }
            catch (DbException e) when (!e.IsTransient)
            {
                failure ??= e;
                return Dropped.NotEmpty;
            }
        }
    }

    /// <summary>What <see cref="RunAsync"/> would do now if it looked at everything, a line for each thing; deletes nothing.</summary>
    public async Task PreviewAsync(Action<string> print, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var (partitions, rows) = (0, 0L);
        foreach (var stretch in await store.StretchesAsync(ct))
        {
            if (stretch.CanDrop && stretch.Until <= rules.PastForAll(today))
            {
                var all = await store.CountEventsAsync(stretch, RetentionSites.All, Midnight(stretch.From), Midnight(stretch.Until), ct);
                print(string.Create(CultureInfo.InvariantCulture, $"partition {stretch.Name} would be dropped: {all} events"));
                partitions++;
                continue;
            }

            foreach (var rule in rules.All)
            {
                if (Due(stretch, rule, null, today) is not var (from, until)) continue;
                var some = await store.CountEventsAsync(stretch, rule.Sites, Midnight(from), Midnight(until), ct);
                if (some > 0) print(string.Create(CultureInfo.InvariantCulture, $"{stretch.Name}: {some} events of {Named(rule)} before {today.AddDays(-rule.Days):yyyy-MM-dd} would be deleted"));
                rows += some;
            }
        }

        foreach (var rule in rules.All)
        {
            var before = today.AddDays(-rule.Days);
            var some = await store.CountRestAsync(rule.Sites, Midnight(before), ct);
            if (some > 0) print(string.Create(CultureInfo.InvariantCulture, $"{some} rejected events and identity edges of {Named(rule)} before {before:yyyy-MM-dd} would be deleted"));
            rows += some;
        }

        print(string.Create(CultureInfo.InvariantCulture, $"{partitions} partitions would be dropped, {rows} rows deleted."));
    }

    // The days of a stretch that are past by a rule and were not when the last run looked; null where there are none.
    private static (DateOnly From, DateOnly Until)? Due(EventStretch stretch, RetentionRule rule, DateOnly? since, DateOnly today)
    {
        var from = since is { } day && day.AddDays(-rule.Days) is var looked && looked > stretch.From ? looked : stretch.From;
        var until = today.AddDays(-rule.Days) is var past && past < stretch.Until ? past : stretch.Until;
        return from < until ? (from, until) : null;
    }

    private async Task<long> DeleteAsync(EventStretch stretch, RetentionSites sites, DateOnly from, DateOnly until, CancellationToken ct)
    {
        var (deleted, end, width) = (0L, Midnight(until), s_first);
        for (var at = Midnight(from); at < end;)
        {
            var next = end - at > width ? at + width : end;
            long rows;
            try
            {
                rows = await store.DeleteEventsAsync(stretch, sites, at, next, ct);
            }
            catch (Exception e) when (IsTooMuch(e) && next - at > s_shortest)
            {
                width = (next - at) / 2; // a quiet night may end in the busiest minute of the year
                continue;
            }

            if (rows > ManyRows && width > s_shortest) width /= 2;
            else if (rows < FewRows && width < s_longest) width *= 2;
            (at, deleted) = (next, deleted + rows);
        }

        return deleted;
    }

    // The command took longer than a command may: nothing was deleted.
    private static bool IsTooMuch(Exception e) => e is TimeoutException || e.InnerException is TimeoutException || e is DbException { SqlState: "57014" };

    private static string Named(RetentionRule rule) =>
        rule.Sites.IsAllBut ? rule.Sites.Sites.Count == 0 ? "all sites" : "all other sites" : string.Join(", ", rule.Sites.Sites);

    private static DateTimeOffset Midnight(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
}

using System.Net;

namespace PixelServer.Enrich;

/// <summary>
/// Rules that look across the hits of one mail to one recipient: a gateway that tests every link before it delivers can look like a browser
/// in each of its fetches, and only their number and pace give it away.
/// </summary>
/// <remarks>
/// Measured on 836 clusters of machine clicks (putyourlightson/craft-campaign issue 546): an open at a median of 9 s after the sending, then
/// all nine or ten links inside one second, at a median of 43 s; a rule for the first 10 s catches 0.5 % of them. The trap link and its window
/// are Mautic's (issue 9798). The same link twice is a person's double click.
/// Others call two different links within two seconds a scanner: people who open links in tabs are that quick, so that two count within one
/// second, and three within two (docs/traffic.md has both side by side).
/// </remarks>
internal static class MailBursts
{
    /// <summary>How far in time one hit can matter to the label of another, with a minute to spare.</summary>
    public static readonly TimeSpan Reach = TimeSpan.FromMinutes(11);

    private static readonly TimeSpan
        PairWithin = TimeSpan.FromSeconds(1), TripleWithin = TimeSpan.FromSeconds(2),
        FloodWithin = TimeSpan.FromSeconds(1), EveryWithin = TimeSpan.FromSeconds(10),
        NearTrap = TimeSpan.FromSeconds(60), OpensWithin = TimeSpan.FromMinutes(10), NearBurst = TimeSpan.FromMinutes(2), LeafingPace = TimeSpan.FromSeconds(2);

    private const int Pair = 2, Triple = 3, Flood = 5, LeastForEvery = 3, Opens = 5, Programs = 3;

    // In the order of the bits in the marks.
    private static readonly Verdict[] Rules =
        [Verdict.TrapLink, Verdict.LinkFlood, Verdict.EveryLink, Verdict.LinkBurst, Verdict.OpenBurst, Verdict.ScannerOpen];

    private const byte NearTrapMark = 1, FloodMark = 2, EveryMark = 4, PairMark = 8, OpensMark = 16, ScannerMark = 32;

    /// <summary>The labels of the rows, in their order. Linear in their number but for look-ups.</summary>
    /// <param name="rows">All hits of one <see cref="LabelledRow.Copy"/> within <see cref="Reach"/> of those that matter, in the order of time.</param>
    /// <param name="own">What each says by itself.</param>
    public static Label[] Judge(IReadOnlyList<LabelledRow> rows, IReadOnlyList<Label> own)
    {
        var marks = new byte[rows.Count];
        List<int> clicks = [], opens = [];
        for (var i = 0; i < rows.Count; i++)
            if (!own[i].IsOfMailService) (rows[i].Source == Source.Click ? clicks : opens).Add(i);

        Mark(rows, clicks, i => LinkOf(rows[i]), PairWithin, Pair, marks, PairMark);
        Mark(rows, clicks, i => LinkOf(rows[i]), TripleWithin, Triple, marks, PairMark);
        Mark(rows, clicks, i => LinkOf(rows[i]), FloodWithin, Flood, marks, FloodMark);
        if (rows.Max(row => row.Facts.LinkCount) is >= LeastForEvery and var all) Mark(rows, clicks, i => LinkOf(rows[i]), EveryWithin, all, marks, EveryMark);
        MarkNearTraps(rows, clicks, marks);
        foreach (var network in opens.GroupBy(i => Networks.Around(rows[i].Ip)))
            if (network.Key is not null) MarkOpens(rows, [.. network], marks);
        MarkScanners(rows, clicks, opens, marks);

        var labels = new Label[rows.Count];
        for (var i = 0; i < labels.Length; i++)
        {
            var mark = own[i].IsOfMailService ? (byte)0 : marks[i];
            labels[i] = mark == 0 ? own[i] : own[i].With(Rules.Where((_, bit) => (mark & (1 << bit)) != 0));
        }

        return labels;
    }

    /// <summary>
    /// Marks every hit of a stretch of time no longer than <paramref name="within"/> that has at least <paramref name="least"/> different keys
    /// in at least <paramref name="leastHits"/> hits.
    /// </summary>
    private static void Mark<TKey>(
        IReadOnlyList<LabelledRow> rows, List<int> among, Func<int, TKey> keyOf, TimeSpan within, int least, byte[] marks, byte mark, int leastHits = 0)
        where TKey : notnull
    {
        var inside = new Dictionary<TKey, int>();
        var (first, marked) = (0, 0);
        for (var last = 0; last < among.Count; last++)
        {
            var key = keyOf(among[last]);
            inside[key] = inside.GetValueOrDefault(key) + 1;
            for (; rows[among[last]].ReceivedAt - rows[among[first]].ReceivedAt > within; first++)
            {
                var gone = keyOf(among[first]);
                if (--inside[gone] == 0) inside.Remove(gone);
            }

            if (inside.Count < least || last - first + 1 < leastHits) continue;
            for (marked = Math.Max(marked, first); marked <= last; marked++) marks[among[marked]] |= mark;
        }
    }

    // A person who leafs through the mails passes the same one again and again: one client, at the pace of a hand, counts once however often.
    // Nobody does that with three programs.
    private static void MarkOpens(IReadOnlyList<LabelledRow> rows, List<int> opens, byte[] marks)
    {
        var seen = new Dictionary<string, DateTimeOffset>();
        var hurried = new HashSet<int>();
        foreach (var i in opens)
        {
            var client = rows[i].UserAgent ?? "";
            if (seen.TryGetValue(client, out var before) && rows[i].ReceivedAt - before < LeafingPace) hurried.Add(i);
            seen[client] = rows[i].ReceivedAt;
        }

        Mark(rows, opens, i => (rows[i].UserAgent, hurried.Contains(i) ? i : -1), OpensWithin, Opens, marks, OpensMark);
        Mark(rows, opens, i => rows[i].UserAgent ?? "", OpensWithin, Programs, marks, OpensMark, leastHits: Opens);
    }

    // The trap itself, and whatever else is fetched around it: scanners spread over addresses and user agents.
    private static void MarkNearTraps(IReadOnlyList<LabelledRow> rows, List<int> clicks, byte[] marks)
    {
        var from = 0;
        foreach (var trap in clicks.Where(i => rows[i].Facts.IsTrap))
        {
            while (rows[trap].ReceivedAt - rows[from].ReceivedAt > NearTrap) from++;
            for (; from < rows.Count && rows[from].ReceivedAt - rows[trap].ReceivedAt <= NearTrap; from++) marks[from] |= NearTrapMark;
            if (from == rows.Count) return;
        }
    }

    // The scanner's open comes well before its clicks, or behind them: it is known by being the same client. Where the clicks themselves come
    // from several networks the network is no mark of this scanner, and the user agent alone is.
    private static void MarkScanners(IReadOnlyList<LabelledRow> rows, List<int> clicks, List<int> opens, byte[] marks)
    {
        var bursts = clicks.Where(i => (marks[i] & (FloodMark | EveryMark | PairMark)) != 0 || rows[i].Facts.IsTrap).ToList();
        if (bursts.Count == 0) return;
        var clients = bursts.Where(i => ClientOf(rows[i]) is not null)
            .GroupBy(i => ClientOf(rows[i])!.Value, i => rows[i].ReceivedAt)
            .ToDictionary(burst => burst.Key, burst => burst.ToList());
        var spread = bursts.GroupBy(i => rows[i].UserAgent ?? "")
            .Where(burst => burst.Select(i => Networks.Around(rows[i].Ip)).OfType<IPAddress>().Distinct().Skip(1).Any())
            .ToDictionary(burst => burst.Key, burst => burst.Select(i => rows[i].ReceivedAt).ToList());
        foreach (var i in opens)
        {
            if ((ClientOf(rows[i]) is { } client && clients.TryGetValue(client, out var times) && IsNear(times, rows[i].ReceivedAt))
                || (spread.TryGetValue(rows[i].UserAgent ?? "", out times) && IsNear(times, rows[i].ReceivedAt)))
                marks[i] |= ScannerMark;
        }
    }

    private static bool IsNear(List<DateTimeOffset> times, DateTimeOffset time)
    {
        var at = times.BinarySearch(time) is var found && found >= 0 ? found : ~found;
        return (at < times.Count && times[at] - time <= NearBurst) || (at > 0 && time - times[at - 1] <= NearBurst);
    }

    // The place in the mail where the sender gave it: two links to one page are two links.
    private static (int? Index, string? Url) LinkOf(LabelledRow row) => row.Facts.Link is { } index ? (index, null) : (null, row.Url);

    // A user agent without an address is a client where addresses are not kept; an address without a user agent is one as well.
    private static (string? UserAgent, IPAddress? Network)? ClientOf(LabelledRow row) =>
        (string.IsNullOrEmpty(row.UserAgent) ? null : row.UserAgent, Networks.Around(row.Ip)) is var client && client is (null, null) ? null : client;
}

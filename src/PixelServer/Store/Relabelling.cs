using PixelServer.Enrich;

namespace PixelServer.Store;

/// <summary>Judges stored rows again and writes the labels that differ, in bounded memory however many rows there are.</summary>
internal sealed class Relabelling(ILabels labels)
{
    /// <summary>Rows of one transaction: short enough for the writers beside it.</summary>
    private const int Together = 1_000;

    /// <summary>
    /// Most hits of one mail to one recipient that are judged together. No reader and no gateway comes near it; whoever fetches one image
    /// without end is cut into pieces that are judged by themselves.
    /// </summary>
    public const int MostOfOneCopy = 10_000;

    /// <summary>What mails with rows in <paramref name="fresh"/> look like now that those rows are there: corrects only what other hits say.</summary>
    public async Task<Tally> MailAsync(Stretch fresh, CancellationToken ct)
    {
        var judged = fresh.Widened(MailBursts.Reach);
        var tally = new Tally();
        var changes = new Changes(labels, tally, dryRun: false);
        await foreach (var copy in CopiesAsync(labels.MailAsync(judged.Widened(MailBursts.Reach), fresh, ct)))
            await JudgeAsync(copy, row => row.Label.Alone, judged, changes, ct);
        await changes.FlushAsync(ct);
        return tally;
    }

    /// <summary>Everything of one UTC day by today's rules.</summary>
    /// <param name="day">Of arrival.</param>
    /// <param name="own">What one row says by itself.</param>
    /// <param name="dryRun">Only counts.</param>
    /// <param name="ct">Stops between two transactions.</param>
    public async Task<Tally> DayAsync(DateOnly day, Func<LabelledRow, Label> own, bool dryRun, CancellationToken ct)
    {
        var judged = Stretch.Day(day);
        var tally = new Tally();
        var changes = new Changes(labels, tally, dryRun);
        await foreach (var row in labels.OthersAsync(judged, ct).WithCancellation(ct)) await changes.AddAsync(row, own(row), ct);
        await foreach (var copy in CopiesAsync(labels.MailAsync(judged.Widened(MailBursts.Reach), null, ct))) await JudgeAsync(copy, own, judged, changes, ct);
        await changes.FlushAsync(ct);
        return tally;
    }

    private static async Task JudgeAsync(List<LabelledRow> rows, Func<LabelledRow, Label> own, Stretch judged, Changes changes, CancellationToken ct)
    {
        // A row that a later version judged is a hit among the others, but keeps its label.
        Label[] alone = [.. rows.Select(row => row.Label.IsKnown ? own(row) : row.Label)];
        var found = rows[0].Copy is null ? alone : MailBursts.Judge(rows, alone);
        for (var i = 0; i < rows.Count; i++)
            if (judged.Holds(rows[i].ReceivedAt))
                await changes.AddAsync(rows[i], found[i], ct);
    }

    private static async IAsyncEnumerable<List<LabelledRow>> CopiesAsync(IAsyncEnumerable<LabelledRow> rows)
    {
        var copy = new List<LabelledRow>();
        await foreach (var row in rows)
        {
            if (copy.Count > 0 && (row.Copy is null || row.Copy != copy[0].Copy || copy.Count == MostOfOneCopy))
            {
                yield return copy;
                copy = [];
            }

            copy.Add(row);
        }

        if (copy.Count > 0) yield return copy;
    }

    /// <summary>Collects what is to be changed, and writes it when it is enough for a transaction.</summary>
    private sealed class Changes(ILabels labels, Tally tally, bool dryRun)
    {
        private readonly List<Relabelled> _waiting = [];

        public async Task AddAsync(LabelledRow row, Label label, CancellationToken ct)
        {
            tally.Read++;
            if (!row.Label.IsKnown || row.Label.Equals(label)) return;
            tally.Count(row.Label.Traffic, label.Traffic);
            if (dryRun) return;
            _waiting.Add(new(row.EventId, row.ReceivedAt, label));
            if (_waiting.Count == Together) await FlushAsync(ct);
        }

        public async Task FlushAsync(CancellationToken ct)
        {
            tally.Written += await labels.ChangeAsync(_waiting, ct);
            _waiting.Clear();
        }
    }
}

/// <summary>What a pass found.</summary>
internal sealed class Tally
{
    private readonly SortedDictionary<(Traffic From, Traffic To), long> _moves = [];

    /// <summary>Rows that were judged.</summary>
    public long Read { get; set; }

    /// <summary>Rows that the store changed: fewer than <see cref="Changed"/> where somebody else was quicker, none in a dry run.</summary>
    public long Written { get; set; }

    /// <summary>Rows whose label or reasons differ from what stands there.</summary>
    public long Changed => _moves.Values.Sum();

    public IEnumerable<(Traffic From, Traffic To, long Rows)> Moves => _moves.Select(one => (one.Key.From, one.Key.To, one.Value));

    public void Count(Traffic from, Traffic to) => _moves[(from, to)] = _moves.GetValueOrDefault((from, to)) + 1;
}

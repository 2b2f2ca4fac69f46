using System.Text.Json;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>What became of the events of one body, by their place in it.</summary>
internal sealed class HitBatch
{
    private readonly List<(int Index, Hit Hit)> _taken = [];
    private readonly List<RefusedEvent> _refused = [];

    /// <summary>Why the body as a whole is refused: it counts as one event.</summary>
    public Refusal? Whole { get; init; }

    /// <summary>Events of the body so far; the place of the next one.</summary>
    public int Count => _taken.Count + _refused.Count;

    /// <summary>Events that are durable; known once they were offered.</summary>
    public int Accepted { get; private set; }

    /// <summary>Those that are made, in their order.</summary>
    public IReadOnlyList<(int Index, Hit Hit)> Taken => _taken;

    /// <summary>Those that are not kept; in their order once they were offered.</summary>
    public IReadOnlyList<RefusedEvent> Refused => _refused;

    /// <summary>The first refusal that passes: it decides the answer, because a 2xx would make the client forget the event.</summary>
    public Refusal? Retry { get; private set; }

    /// <summary>The members <c>accepted</c> and <c>refused</c> of an answer.</summary>
    public void WriteReceipt(Utf8JsonWriter json)
    {
        json.WriteNumber("accepted", Accepted);
        json.WriteStartArray("refused");
        foreach (var (index, refusal, _) in _refused)
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            json.WriteString("code", refusal.Code);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public void Take(Hit hit) => _taken.Add((Count, hit));

    public void Refuse(Refusal refusal, string? site = null) => _refused.Add(new(Count, refusal, site));

    /// <summary>Waits until every event is durable or lost, and tells the ledger of those that were refused.</summary>
    public async Task OfferAsync(Journal.Journal journal, Ledger ledger)
    {
        if (Whole is { } whole)
        {
            ledger.Refused(whole.Code);
            return;
        }

        var appends = Offer(journal);
        for (var i = 0; i < appends.Count; i++)
        {
            if (Refusal.Of(await appends[i]) is { } lost) _refused.Add(new(_taken[i].Index, lost, _taken[i].Hit.SiteId));
            else Accepted++;
        }

        for (var i = appends.Count; i < _taken.Count; i++) _refused.Add(new(_taken[i].Index, _refused[^1].Refusal, _taken[i].Hit.SiteId));
        _refused.Sort((a, b) => a.Index.CompareTo(b.Index));
        foreach (var (_, refusal, site) in _refused)
        {
            ledger.Refused(refusal.Code, site: site);
            if (refusal.MayBeRetried) Retry ??= refusal;
        }
    }

    // All at once, so that one flush of the journal serves the whole body; but once it says no, nothing more is pressed on it.
    private List<ValueTask<AppendOutcome>> Offer(Journal.Journal journal)
    {
        var appends = new List<ValueTask<AppendOutcome>>(_taken.Count);
        foreach (var (_, hit) in _taken)
        {
            var append = journal.AppendAsync(hit);
            if (append.IsCompletedSuccessfully)
            {
                var outcome = append.Result;
                appends.Add(new(outcome));
                if (outcome != AppendOutcome.Accepted) break;
            }
            else
            {
                appends.Add(append);
            }
        }

        return appends;
    }
}

/// <summary>One event of a body that was turned away, by its place in it.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Refusal">Why.</param>
/// <param name="Site">The site that it named, for the count; null where it named none that could be one.</param>
internal readonly record struct RefusedEvent(int Index, Refusal Refusal, string? Site = null);

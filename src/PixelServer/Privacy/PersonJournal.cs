using System.Runtime.CompilerServices;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Hits in the journal: those that wait, and those that the store has and that are kept for a while in case it is set back.</summary>
internal sealed class PersonJournal(Journal.Journal journal, IEventStore store, TimeProvider clock) : IHolder
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(50);

    public string Name => "journal";

    public Task<long> FindAsync(PersonMarks person, CancellationToken ct) => Task.Run(() => journal.Find(person.Name).LongCount(), ct);

    public async Task<long> EraseAsync(PersonMarks person, CancellationToken ct) => (await journal.EraseAsync(person.Name, ct)).Hits;

    /// <summary>
    /// What is in the journal now is in the store, unless that takes too long: who an event belongs to is known by what the store was told before it.
    /// </summary>
    public async Task PassedAsync(TimeSpan patience, CancellationToken ct)
    {
        var ends = journal.Runs.Select(run => (Run: run, journal.Extent(run)?.End)).Where(one => one.End > 0).ToList();
        var started = clock.GetTimestamp();
        foreach (var (run, end) in ends)
        {
            while ((await store.PositionAsync(run, ct) ?? 0) < end)
            {
                if (clock.GetElapsedTime(started) > patience) return;
                await Task.Delay(s_again, clock, ct);
            }
        }
    }

    /// <summary>Those that the store does not have yet.</summary>
    public async IAsyncEnumerable<Hit> WaitingAsync(PersonMarks person, [EnumeratorCancellation] CancellationToken ct)
    {
        var positions = new Dictionary<Guid, long>();
        foreach (var (run, end, hit) in journal.Find(person.Name))
        {
            if (!positions.TryGetValue(run, out var position)) positions[run] = position = await store.PositionAsync(run, ct) ?? 0;
            if (end > position) yield return hit;
        }
    }
}

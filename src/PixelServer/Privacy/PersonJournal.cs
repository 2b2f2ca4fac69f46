using System.Runtime.CompilerServices;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Hits in the journal: those that wait, and those that the store has and that are kept for a while in case it is set back.</summary>
internal sealed class PersonJournal(Journal.Journal journal, IEventStore store) : IHolder
{
    public string Name => "journal";

    public Task<long> FindAsync(PersonMarks person, CancellationToken ct) => Task.Run(() => journal.Find(person.Name).LongCount(), ct);

    public async Task<long> EraseAsync(PersonMarks person, CancellationToken ct) => (await journal.EraseAsync(person.Name, ct)).Hits;

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

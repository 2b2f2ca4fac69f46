using System.Runtime.CompilerServices;
using System.Threading.Channels;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Hits in the journal: those that wait, and those that the store has and that are kept for a while in case it is set back.</summary>
internal sealed class PersonJournal(Journal.Journal journal, IEventStore store, TimeProvider clock) : IHolder
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(50);

    public string Name => "journal";

    public Task FindAsync(PersonCrowd persons, CancellationToken ct) => Task.Run(() => journal.Find(persons.Name).LongCount(), ct);

    public Task EraseAsync(PersonCrowd persons, CancellationToken ct) => journal.EraseAsync(persons.Name, ct, persons.Done);

    /// <summary>Up to where the store has each run.</summary>
    public async Task<IReadOnlyDictionary<Guid, long>> StoredAsync(CancellationToken ct)
    {
        var positions = new Dictionary<Guid, long>();
        foreach (var run in journal.Runs) positions[run] = await store.PositionAsync(run, ct) ?? 0;
        return positions;
    }

    /// <summary>Every hit that a door has taken is found from now on.</summary>
    public async Task FlushedAsync(CancellationToken ct)
    {
        try
        {
            await journal.RollAsync(ct);
        }
        catch (ChannelClosedException)
        {
            // The server is shutting down: what the doors took is being written.
        }
    }

    /// <summary>Hits that the store had not got there. A run that was begun since is none that it had.</summary>
    public IEnumerable<Hit> Behind(IReadOnlyDictionary<Guid, long> stored, Func<Hit, bool> belongs) =>
        journal.Find(belongs).Where(one => one.End > stored.GetValueOrDefault(one.Run)).Select(one => one.Hit);

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
        foreach (var hit in Behind(await StoredAsync(ct), person.Name)) yield return hit;
    }
}

using CsCheck;

namespace PixelServer.Tests.Journal;

/// <summary>Random histories of a journal against a model that is only a list.</summary>
public sealed class JournalModelTests
{
    // What happens, and a number that it may use.
    private static readonly Gen<(int What, int Number)[]> s_history = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 10_000]).Array[1, 60];

    [Fact]
    public void Whatever_happens_acknowledged_events_are_read_once_in_order_and_nothing_is_invented() =>
        s_history.Sample(history =>
        {
            var journal = new JournalBench();
            var delivered = new List<int>();
            var positions = new Dictionary<Guid, long>();
            foreach (var (what, number) in history)
            {
                var random = new Random(number);
                switch (what)
                {
                    case <= 3: journal.Append(1 + number % 20, number % 300); break;
                    case 4: journal.Restart(); break;
                    case 5: journal.Crash(random); break;
                    case 6: CrashInTheMiddle(journal, random); break;
                    case 7: FailOnce(journal, random); break;
                    case 8: Deliver(journal, positions, delivered, 1 + number % 30); break;
                    default: journal.Clock.Advance(TimeSpan.FromSeconds(2)); break;
                }
            }

            var found = delivered.Concat(journal.ReadAll(positions)).ToList();
            Assert.Equal(found.Count, found.Distinct().Count());
            Assert.Equal(found.Order(), found);
            Assert.Empty(journal.Acknowledged.Except(found));
            Assert.Empty(found.Except(journal.Offered));
        }, iter: 1_000);

    [Fact]
    public void A_crash_is_never_taken_for_damage() => s_history.Sample(history =>
    {
        var journal = new JournalBench();
        foreach (var (what, number) in history)
        {
            var random = new Random(number);
            if (what <= 4) journal.Append(1 + number % 20, number % 300);
            else if (what <= 7) CrashInTheMiddle(journal, random);
            else journal.Restart();
            Assert.False(journal.Segments.Damage.IsAlarm);
        }
    }, iter: 500);

    // Power is cut after some number of writes and flushes of the commit.
    private static void CrashInTheMiddle(JournalBench journal, Random random)
    {
        var steps = random.Next(8);
        journal.Disk.Before = _ =>
        {
            if (steps-- == 0) throw new PowerCut();
        };
        try
        {
            journal.Append(1 + random.Next(20), random.Next(300));
        }
        catch (PowerCut)
        {
            // The server is gone: nobody was told anything.
        }

        journal.Crash(random);
    }

    // One write or flush fails, and perhaps the attempt in the new segment too.
    private static void FailOnce(JournalBench journal, Random random)
    {
        var first = random.Next(4);
        var last = first + random.Next(3);
        var step = 0;
        journal.Disk.Before = _ =>
        {
            if (step >= first && step <= last && step++ >= 0) throw new IOException("injected");
            step++;
        };
        journal.Append(1 + random.Next(20), random.Next(300));
        journal.Disk.Before = null;
    }

    // As the drain does it: reads from its position, and only then says so.
    private static void Deliver(JournalBench journal, Dictionary<Guid, long> positions, List<int> delivered, int count)
    {
        foreach (var run in journal.Segments.Runs)
        {
            if (count == 0) return;
            var slice = journal.Reader.Read(run, positions.GetValueOrDefault(run), count);
            delivered.AddRange(slice.Hits.Select(JournalBench.IdOf));
            positions[run] = slice.To;
            journal.Segments.Delivered(run, slice.To);
            count -= slice.Hits.Count;
            // An older run is finished before the next is begun.
            if (journal.Segments.Extent(run) is { } extent && slice.To < extent.End) return;
        }
    }

    private sealed class PowerCut : Exception;
}

using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Journal;

namespace PixelServer.Tests.Journal;

/// <summary>Hits are erased, positions stay, and neither a crash nor damage brings anything back.</summary>
public sealed class ErasingTests
{
    private static readonly Gen<(int What, int Number)[]> s_history = Gen.Select(Gen.Int[0, 10], Gen.Int[0, 10_000]).Array[1, 50];

    [Fact]
    public void Whatever_happens_what_was_erased_is_on_no_disk_and_everything_else_is_read_once_in_order() =>
        s_history.Sample(history =>
        {
            var journal = new JournalBench();
            var (delivered, erased) = (new List<int>(), new HashSet<int>());
            var positions = new Dictionary<Guid, long>();
            foreach (var (what, number) in history)
            {
                var random = new Random(number);
                switch (what)
                {
                    case <= 3: journal.Append(1 + number % 20, number % 300); break;
                    case 4: journal.Restart(); break;
                    case 5: journal.Crash(random); break;
                    case 6: Deliver(journal, positions, delivered, 1 + number % 30); break;
                    case 7: FailOnce(journal, random); break;
                    case 8: CrashInTheMiddle(journal, number, random, erased); break;
                    default: Erase(journal, number, erased); break;
                }

                Assert.False(journal.Segments.Damage.IsAlarm);
            }

            journal.Crash(new Random(history.Length));
            Assert.False(journal.Segments.Damage.IsAlarm);
            Assert.Empty(journal.OnDisk(erased));
            var found = delivered.Concat(journal.ReadAll(positions)).ToList();
            Assert.Equal(found.Order(), found);
            Assert.Equal(found.Count, found.Distinct().Count());
            Assert.Empty(journal.Acknowledged.Except(found).Except(journal.Wanted));
            Assert.Empty(found.Except(journal.Offered));
        }, iter: 1_000);

    [Fact]
    public void Erased_hits_count_as_passed_and_not_as_read()
    {
        var journal = new JournalBench();
        journal.Append(10);
        var run = journal.Appender.Run;
        var end = journal.Segments.Extent(run)!.Value.End;

        Assert.Equal(new JournalErased(5, 0, 1), journal.Erase(hit => JournalBench.IdOf(hit) % 2 == 0));
        journal.Append(3);

        var slice = journal.Reader.Read(run, 0, 100);
        Assert.Equal([1, 3, 5, 7, 9], slice.Hits.Select(JournalBench.IdOf));
        Assert.Equal((5, end), (slice.Erased.Count, slice.To));
        Assert.Equal([10, 11, 12], journal.Reader.Read(run, slice.To, 100).Hits.Select(JournalBench.IdOf));
        Assert.Equal(13, journal.Reader.Count(run, 0, long.MaxValue));
        journal.Restart();
        Assert.Equal(13, journal.Reader.Count(run, 0, long.MaxValue));
        Assert.Equal([1, 3, 5, 7, 9, 10, 11, 12], journal.ReadAll());
    }

    [Fact]
    public void Erasing_again_finds_nothing_and_writes_nothing()
    {
        var journal = new JournalBench();
        journal.Append(10);
        journal.Erase(_ => true);
        var bytes = journal.Disk[journal.Files[0]];

        Assert.Equal(default, journal.Erase(_ => true));
        Assert.Same(bytes, journal.Disk[journal.Files[0]]);
    }

    [Fact]
    public void A_segment_whose_last_record_was_erased_is_still_followed_by_the_next()
    {
        var journal = new JournalBench();
        journal.Append(5);
        journal.Appender.Roll();
        journal.Append(5);
        journal.Erase(hit => JournalBench.IdOf(hit) == 4);

        journal.Restart();
        Assert.Equal(0, journal.Segments.Damage.BrokenChains);

        // And a segment that is exchanged for one of the same place still shows.
        var last = journal.Disk[journal.Files[0]].Length - 1;
        journal.Disk[journal.Files[0]] = [.. journal.Disk[journal.Files[0]][..^48]];
        Assert.True(last > 48);
        journal.Restart();
        Assert.True(journal.Segments.Damage.IsAlarm);
    }

    [Fact]
    public void A_hole_and_its_copy_in_quarantine_are_erased_with_the_hits_around_it_and_the_rest_is_still_read()
    {
        var journal = new JournalBench();
        journal.Append(9);
        journal.Appender.Roll();
        journal.Append(1);
        var bytes = journal.Disk[journal.Files[0]];
        bytes[bytes.Length / 2] ^= 1; // in the middle of some hit
        journal.Restart();
        Assert.Single(journal.Quarantined);
        var readable = journal.ReadAll();
        Assert.Equal(9, readable.Count);

        var erased = journal.Erase(hit => JournalBench.IdOf(hit) == 0);

        Assert.Equal(2, erased.Hits); // in the segment and in the copy
        Assert.Equal(2, erased.Files);
        Assert.True(erased.Unreadable > 0);
        Assert.Equal(readable[1..], journal.ReadAll());
        Assert.Empty(journal.OnDisk([0, .. Enumerable.Range(0, 10).Except(readable)]));
        journal.Restart();
        Assert.Equal(readable[1..], journal.ReadAll());
        Assert.Single(journal.Quarantined);
        Assert.Empty(journal.OnDisk([0, .. Enumerable.Range(0, 10).Except(readable)]));
    }

    [Fact]
    public void A_quarantined_file_without_a_header_goes()
    {
        var journal = new JournalBench();
        journal.Append(3);
        journal.Appender.Roll();
        journal.Append(3);
        journal.Disk[journal.Files[0]][3] ^= 1;
        journal.Restart();
        Assert.Single(journal.Quarantined);

        Assert.True(journal.Erase(_ => false).Unreadable > 0);
        Assert.Empty(journal.Quarantined);
        Assert.Equal([3, 4, 5], journal.ReadAll());
    }

    [Fact]
    public void What_a_failed_flush_left_behind_the_end_does_not_come_back_with_a_power_cut()
    {
        for (var seed = 0; seed < 32; seed++)
        {
            var journal = new JournalBench();
            journal.Append(1 + seed % 2);
            if (seed % 3 == 0) journal.Appender.Roll();
            var victim = journal.Offered.Count;
            var flushes = 0;
            journal.Disk.Before = what =>
            {
                if (what == "flush" && flushes++ == (seed % 3 == 0 ? 2 : 0)) throw new IOException("injected");
            };
            Assert.Equal(AppendOutcome.Accepted, journal.Append(1));
            journal.Disk.Before = null;

            journal.Erase(hit => JournalBench.IdOf(hit) == victim);
            journal.Crash(new Random(seed));
            Assert.Empty(journal.OnDisk([victim]));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_erasing_whose_last_flush_failed_is_made_good_by_the_next_before_it_counts_as_done(bool afterAnother)
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var journal = new JournalBench();
            journal.Append(10);
            journal.Appender.Roll();
            if (afterAnother) journal.Erase(_ => false); // of somebody who has nothing here
            var flushes = 0;
            journal.Disk.Before = what =>
            {
                if (what == "flush" && ++flushes == 2) throw new IOException("injected"); // the first is the new file's, this the directory's
            };
            Assert.Throws<IOException>(() => new Erasing(journal.Segments, NullLogger.Instance).Erase(_ => true, default));
            journal.Disk.Before = null;
            journal.Erase(_ => true);

            journal.Crash(new Random(seed));
            Assert.Empty(journal.OnDisk([.. journal.Offered]));
        }
    }

    [Fact]
    public void A_server_of_before_leaves_a_segment_with_erased_records_alone()
    {
        var journal = new JournalBench();
        journal.Append(3);
        journal.Erase(hit => JournalBench.IdOf(hit) == 1);
        Assert.Equal("PXJRNL02", System.Text.Encoding.ASCII.GetString(journal.Disk[journal.Files[0]].AsSpan(0, 8)));
    }

    [Fact]
    public void A_hit_that_is_sought_is_found_where_it_stands_and_not_after_it_was_erased()
    {
        var journal = new JournalBench();
        journal.Append(5);
        journal.Appender.Roll();
        journal.Append(5);
        var erasing = new Erasing(journal.Segments, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

        Assert.Equal([3, 7], erasing.Find(hit => JournalBench.IdOf(hit) is 3 or 7).Select(one => JournalBench.IdOf(one.Hit)));
        journal.Erase(hit => JournalBench.IdOf(hit) == 3);
        Assert.Equal([7], erasing.Find(hit => JournalBench.IdOf(hit) is 3 or 7).Select(one => JournalBench.IdOf(one.Hit)));
    }

    private static bool Belongs(int id, int number) => id % 7 == number % 7;

    private static void Erase(JournalBench journal, int number, HashSet<int> erased)
    {
        journal.Wanted.UnionWith(journal.Offered.Where(id => Belongs(id, number)));
        journal.Erase(hit => Belongs(JournalBench.IdOf(hit), number));
        erased.UnionWith(journal.Offered.Where(id => Belongs(id, number)));
    }

    // Power is cut somewhere in the erasing: each segment is as before or as it should be.
    private static void CrashInTheMiddle(JournalBench journal, int number, Random random, HashSet<int> erased)
    {
        var steps = random.Next(12);
        journal.Disk.Before = _ =>
        {
            if (steps-- == 0) throw new PowerCut();
        };
        try
        {
            Erase(journal, number, erased);
        }
        catch (PowerCut)
        {
            // Nobody was told that it is done.
        }

        journal.Crash(random);
    }

    private static void FailOnce(JournalBench journal, Random random)
    {
        var step = random.Next(4);
        journal.Disk.Before = _ =>
        {
            if (step-- == 0) throw new IOException("injected");
        };
        journal.Append(1 + random.Next(20), random.Next(300));
        journal.Disk.Before = null;
    }

    private static void Deliver(JournalBench journal, Dictionary<Guid, long> positions, List<int> delivered, int count)
    {
        foreach (var run in journal.Segments.Runs)
        {
            var slice = journal.Reader.Read(run, positions.GetValueOrDefault(run), count);
            delivered.AddRange(slice.Hits.Select(JournalBench.IdOf));
            positions[run] = slice.To;
            journal.Segments.Delivered(run, slice.To);
            if (journal.Segments.Extent(run) is { } extent && slice.To < extent.End) return;
        }
    }

    private sealed class PowerCut : Exception;
}

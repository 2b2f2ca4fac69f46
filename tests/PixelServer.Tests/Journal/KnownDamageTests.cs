using PixelServer.Journal;
using Record = PixelServer.Journal.Record;

namespace PixelServer.Tests.Journal;

/// <summary>Every kind of damage that a segment can have, tried one by one.</summary>
public sealed class KnownDamageTests
{
    [Fact]
    public void A_last_segment_that_is_cut_anywhere_opens_with_exactly_its_whole_records()
    {
        var (whole, ends) = ThreeCommits();
        for (var length = 0; length <= whole.Length; length++)
        {
            var journal = Reopen(whole[..length]);
            Assert.Equal(Enumerable.Range(0, ends.Count(end => end <= length)), journal.ReadAll());
            Assert.False(journal.Segments.Damage.IsAlarm);
        }
    }

    [Fact]
    public void A_flipped_bit_never_gives_a_wrong_event_and_costs_at_most_the_record_it_is_in()
    {
        var (whole, ends) = ThreeCommits();
        for (var bit = SegmentHeader.Bytes * 8; bit < ends[^1] * 8; bit++)
        {
            var bytes = whole.ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var touched = ends.FindIndex(end => bit / 8 < end);

            var found = Reopen(bytes).ReadAll();

            Assert.Empty(found.Except(Enumerable.Range(0, ends.Count)));
            Assert.Empty(Enumerable.Range(0, ends.Count).Except(found).Except([touched]));
        }
    }

    [Fact]
    public void A_flipped_bit_in_a_header_quarantines_the_segment_and_leaves_the_others()
    {
        for (var bit = 0; bit < SegmentHeader.Bytes * 8; bit++)
        {
            var journal = TwoSegments(out var inFirst, out var inSecond);
            journal.Disk[journal.Files[0]][bit / 8] ^= (byte)(1 << (bit % 8));
            journal.Restart();

            Assert.Equal(inSecond, journal.ReadAll());
            Assert.Single(journal.Quarantined);
            Assert.True(journal.Segments.Damage.IsAlarm);
            Assert.NotEmpty(inFirst);
        }
    }

    [Fact]
    public void Zeroing_any_sector_loses_only_the_records_in_it()
    {
        var (whole, ends) = ThreeCommits();
        for (var sector = 0; sector * 512 + SegmentHeader.Bytes < ends[^1]; sector++)
        {
            var (from, to) = (Math.Max(sector * 512, SegmentHeader.Bytes), Math.Min((sector + 1) * 512, whole.Length));
            var bytes = whole.ToArray();
            bytes.AsSpan(from, to - from).Clear();

            var lost = Enumerable.Range(0, ends.Count).Where(i => (i == 0 ? SegmentHeader.Bytes : ends[i - 1]) < to && ends[i] > from);
            Assert.Empty(Enumerable.Range(0, ends.Count).Except(Reopen(bytes).ReadAll()).Except(lost));
        }
    }

    [Fact]
    public void A_hole_in_a_commit_that_a_later_one_follows_is_damage_even_if_it_looks_torn()
    {
        var journal = new JournalBench();
        journal.Append(8, 300);
        journal.Append(1);
        journal.Disk[journal.Files[0]].AsSpan(1024, 512).Clear();
        journal.Restart();

        Assert.Equal(1, journal.Segments.Damage.QuarantinedSegments);
        Assert.Equal(0, journal.Segments.Damage.TornBytes);
        Assert.Single(journal.Quarantined);
    }

    [Fact]
    public void A_last_record_that_is_all_there_but_wrong_is_copied_before_it_is_cut()
    {
        var (whole, ends) = ThreeCommits();
        whole[ends[^1] - 20] ^= 1;
        var journal = Reopen(whole);

        Assert.Equal(Enumerable.Range(0, ends.Count - 1), journal.ReadAll());
        Assert.Single(journal.Quarantined);
        Assert.True(journal.Segments.Damage.IsAlarm);
    }

    [Fact]
    public void A_record_at_another_position_of_its_own_run_does_not_count()
    {
        var (whole, ends) = ThreeCommits();
        // Two records of one size change places.
        var (first, second) = (whole[SegmentHeader.Bytes..ends[0]], whole[ends[0]..ends[1]]);
        Assert.Equal(first.Length, second.Length);
        second.CopyTo(whole.AsSpan(SegmentHeader.Bytes));
        first.CopyTo(whole.AsSpan(ends[0]));

        Assert.Equal(Enumerable.Range(2, ends.Count - 2), Reopen(whole).ReadAll());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    [InlineData(5_000)]
    public void A_record_with_an_impossible_length_is_stepped_over(int length)
    {
        var (whole, ends) = ThreeCommits();
        BitConverter.TryWriteBytes(whole.AsSpan(ends[0]), length);

        Assert.Equal([0, .. Enumerable.Range(2, ends.Count - 2)], Reopen(whole).ReadAll());
    }

    [Fact]
    public void Damage_before_the_end_of_the_journal_is_quarantined_once_and_told()
    {
        var journal = TwoSegments(out var inFirst, out var inSecond);
        journal.Disk[journal.Files[0]][SegmentHeader.Bytes + 20] ^= 1;
        journal.Restart();
        journal.Restart();

        Assert.Equal([.. inFirst.Skip(1), .. inSecond], journal.ReadAll());
        Assert.Single(journal.Quarantined);
        Assert.Equal(1, journal.Segments.Damage.QuarantinedSegments);
        Assert.True(journal.Segments.Damage.QuarantinedBytes > 0);
    }

    [Fact]
    public void A_missing_segment_is_told_and_the_rest_is_delivered()
    {
        var journal = TwoSegments(out _, out _);
        while (journal.Files.Length < 3) journal.Append(5);
        var last = journal.Files[2];
        journal.Disk.Delete(journal.Files[1]);
        journal.Restart();

        Assert.Equal(1, journal.Segments.Damage.MissingSegments);
        Assert.Contains(journal.Acknowledged[^1], journal.ReadAll());
        Assert.Equal(last, journal.Files[1]);
    }

    [Fact]
    public void A_segment_under_another_name_is_not_read_as_if_it_were_that_one()
    {
        var journal = TwoSegments(out var inFirst, out var inSecond);
        journal.Disk.Copy(journal.Files[0], "/journal/" + SegmentHeader.FileName(2));
        journal.Restart();

        Assert.Equal([.. inFirst, .. inSecond], journal.ReadAll());
        Assert.Single(journal.Quarantined);
    }

    [Fact]
    public void Records_of_another_run_do_not_count_even_at_the_same_position()
    {
        var foreign = new JournalBench();
        foreign.Append(3);
        var journal = new JournalBench();
        journal.Append(3);
        var stale = foreign.Disk[foreign.Files[0]];
        stale.AsSpan(SegmentHeader.Bytes, 300).CopyTo(journal.Disk[journal.Files[0]].AsSpan(SegmentHeader.Bytes));

        journal.Restart();

        Assert.Empty(journal.ReadAll());
    }

    [Fact]
    public void A_tail_that_lost_acknowledged_records_is_noticed_by_the_chain()
    {
        // The end of a run may be cut at a record without a trace in its own file; the next run's first header remembers it.
        var journal = new JournalBench();
        journal.Append(5);
        journal.Restart();
        journal.Append(5);
        var bytes = journal.Disk[journal.Files[0]];
        var (_, ends) = Ends(bytes);
        journal.Disk[journal.Files[0]] = bytes[..ends[^2]];
        journal.Restart();

        Assert.Equal([0, 1, 2, 3, 5, 6, 7, 8, 9], journal.ReadAll());
        Assert.Equal(1, journal.Segments.Damage.BrokenChains);
    }

    [Fact]
    public void A_segment_of_a_later_version_stops_the_start_and_is_left_alone()
    {
        var journal = new JournalBench();
        journal.Append(1);
        var bytes = journal.Disk[journal.Files[0]];
        bytes[7] = (byte)'3';
        BitConverter.TryWriteBytes(bytes.AsSpan(60), ~Crc32C.Append(uint.MaxValue, bytes.AsSpan(0, 60)));

        Assert.Throws<NewerJournalException>(journal.Restart);
        Assert.Single(journal.Files);
    }

    private static JournalBench Reopen(byte[] segment)
    {
        var journal = new JournalBench();
        journal.Disk["/journal/" + SegmentHeader.FileName(0)] = segment;
        journal.Start();
        return journal;
    }

    // The bytes of a segment of three commits with two records each, and where each record ends in the file.
    private static (byte[] Bytes, List<int> Ends) ThreeCommits()
    {
        var journal = new JournalBench();
        for (var i = 0; i < 3; i++) journal.Append(2, 150);
        return Ends(journal.Disk[journal.Files[0]].ToArray());
    }

    private static (byte[] Bytes, List<int> Ends) Ends(byte[] bytes)
    {
        Assert.True(SegmentHeader.TryRead(bytes, out var header));
        var (ends, offset) = (new List<int>(), SegmentHeader.Bytes);
        while (Record.TryRead(bytes.AsSpan(offset), Record.Seed(header.Run), header.First + offset - SegmentHeader.Bytes, out var record))
            ends.Add(offset += record.Size);
        return (bytes, ends);
    }

    private static JournalBench TwoSegments(out List<int> inFirst, out List<int> inSecond)
    {
        var journal = new JournalBench();
        while (journal.Files.Length < 2) journal.Append(5);
        var all = journal.ReadAll();
        (inFirst, inSecond) = ([.. all.SkipLast(5)], [.. all.TakeLast(5)]);
        return journal;
    }
}

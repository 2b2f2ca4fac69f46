using PixelServer.Journal;

namespace PixelServer.Tests.Journal;

public sealed class AppenderTests
{
    [Fact]
    public void A_segment_whose_flush_failed_is_never_written_or_flushed_again()
    {
        var journal = new JournalBench();
        journal.Append(2);
        FailFlush(journal, times: 1);

        Assert.Equal(AppendOutcome.Accepted, journal.Append(2));

        Assert.Equal(2, journal.Files.Length);
        Assert.Equal([0, 1, 2, 3], journal.ReadAll());
    }

    [Fact]
    public void Events_that_could_not_be_flushed_twice_are_refused_and_never_come_back()
    {
        var journal = new JournalBench();
        journal.Append(2);
        FailFlush(journal, times: 2);
        Assert.Equal(AppendOutcome.JournalFailed, journal.Append(2));

        journal.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(AppendOutcome.Accepted, journal.Append(1));
        journal.Restart();

        Assert.Equal([0, 1, 4], journal.ReadAll());
    }

    [Fact]
    public void A_disk_in_trouble_is_asked_again_only_after_a_second()
    {
        var journal = new JournalBench();
        FailFlush(journal, times: int.MaxValue);
        Assert.Equal(AppendOutcome.JournalFailed, journal.Append(1));
        var flushes = journal.Disk.Flushes;
        journal.Disk.Before = null;

        Assert.Equal(AppendOutcome.JournalFailed, journal.Append(1));
        Assert.Equal(flushes, journal.Disk.Flushes);
        journal.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(AppendOutcome.Accepted, journal.Append(1));
    }

    [Fact]
    public void A_recovered_segment_is_never_appended_to()
    {
        var journal = new JournalBench();
        journal.Append(1);
        var before = journal.Disk[journal.Files[0]].Length;
        journal.Restart();
        var sealedLength = journal.Disk[journal.Files[0]].Length;
        journal.Append(1);

        Assert.Equal(2, journal.Files.Length);
        Assert.Equal(sealedLength, journal.Disk[journal.Files[0]].Length);
        Assert.True(sealedLength < before);
        Assert.Equal(2, journal.Segments.Runs.Count);
    }

    [Fact]
    public void A_run_that_takes_no_event_leaves_no_file()
    {
        var journal = new JournalBench();
        for (var i = 0; i < 3; i++) journal.Restart();

        Assert.Empty(journal.Files);
    }

    [Fact]
    public void At_the_byte_cap_events_are_refused_until_delivered_segments_may_go()
    {
        var journal = new JournalBench(new() { SegmentBytes = 8 << 10, MaxBytes = 20 << 10, MinFreeBytes = 0 });
        while (journal.Append(5) == AppendOutcome.Accepted) { }

        Assert.True(journal.Segments.Bytes <= 20 << 10);
        var run = journal.Appender.Run;
        journal.Segments.Delivered(run, journal.Appender.Durable);
        journal.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(AppendOutcome.Accepted, journal.Append(5));
    }

    [Fact]
    public void Below_the_free_space_floor_events_are_refused()
    {
        var journal = new JournalBench(new() { SegmentBytes = 8 << 10, MinFreeBytes = 1 << 20 });
        journal.Disk.Free = 1 << 20;
        Assert.Equal(AppendOutcome.JournalFull, journal.Append(1));
        Assert.Empty(journal.Files);

        journal.Disk.Free = 2 << 20;
        journal.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(AppendOutcome.Accepted, journal.Append(1));
    }

    [Fact]
    public void Delivered_segments_are_kept_for_the_retained_window_and_then_go_oldest_first()
    {
        var journal = new JournalBench(new() { SegmentBytes = 8 << 10, MinFreeBytes = 0, RetainFor = TimeSpan.FromMinutes(15), RetainBytes = 1 << 30 });
        while (journal.Files.Length < 3) journal.Append(5);
        var (run, durable) = (journal.Appender.Run, journal.Appender.Durable);
        journal.Segments.Delivered(run, durable);
        Assert.Equal(3, journal.Files.Length);

        journal.Clock.Advance(TimeSpan.FromMinutes(15));
        journal.Segments.Delivered(run, durable);

        Assert.Single(journal.Files);
    }

    [Fact]
    public void The_retained_window_is_bounded_in_bytes()
    {
        var journal = new JournalBench(new() { SegmentBytes = 8 << 10, MinFreeBytes = 0, RetainFor = TimeSpan.FromDays(1), RetainBytes = 9 << 10 });
        while (journal.Files.Length < 5) journal.Append(5);
        journal.Segments.Delivered(journal.Appender.Run, journal.Appender.Durable);

        Assert.Equal(2, journal.Files.Length);
    }

    [Fact]
    public void Many_events_share_one_flush()
    {
        var journal = new JournalBench();
        journal.Append(1);
        var before = journal.Disk.Flushes;

        journal.Append(50);

        Assert.Equal(before + 1, journal.Disk.Flushes);
    }

    private static void FailFlush(JournalBench journal, int times) => journal.Disk.Before = what =>
    {
        if (what == "flush" && times-- > 0) throw new IOException("injected");
    };
}

using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Journal;

/// <summary>The journal as the doors and the drain use it, with its thread.</summary>
public sealed class JournalTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Ledger _ledger = new();
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_hit_is_acknowledged_only_after_the_flush_that_covers_it()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Flushed, _disk);
        await Append(journal);
        _disk.Before = what => { if (what == "flush") device.Pass(); };

        var answer = Append(journal);
        await device.ReachedAsync();
        Assert.False(answer.IsCompleted);
        Assert.Equal(1, _ledger.Read().Received);
        var before = journal.Status.Durable;

        device.Open();
        Assert.Equal(AppendOutcome.Accepted, await answer);
        Assert.Equal(2, _ledger.Read().Received);
        Assert.True(journal.Status.Durable > before);
    }

    [Fact]
    public async Task With_Written_a_hit_is_acknowledged_after_the_write_and_before_the_flush()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Written, _disk);
        await Append(journal);
        await Eventually.TrueAsync(() => _ledger.Read().Received == 1, () => "first event");
        _disk.Before = what => { if (what == "flush") device.Pass(); };

        Assert.Equal(AppendOutcome.Accepted, await Append(journal));
        await device.ReachedAsync();
        // The drain may only have what a power cut cannot take back.
        Assert.Equal(1, journal.Count(journal.CurrentRun, 0, long.MaxValue));
        device.Open();
    }

    [Fact]
    public async Task With_Queued_a_hit_is_acknowledged_before_anything_is_written()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Queued, _disk);
        _disk.Before = _ => device.Pass();

        Assert.Equal(AppendOutcome.Accepted, await Append(journal));
        device.Open();
    }

    [Fact]
    public async Task Hits_that_were_answered_too_early_and_then_lost_are_counted()
    {
        using var journal = Open(Acknowledge.Queued, _disk);
        _disk.Before = _ => throw new IOException("injected");
        await Append(journal);

        await Eventually.TrueAsync(() => _ledger.Read().Refused.GetValueOrDefault(PixelServer.Journal.Journal.LostAfterAnswer) == 1, () => "counted");
    }

    [Fact]
    public async Task Hits_that_wait_while_the_disk_is_busy_share_the_next_flush()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Flushed, _disk);
        await Append(journal);
        _disk.Before = what => { if (what == "flush") device.Pass(); };
        var first = Append(journal);
        await device.ReachedAsync();
        var others = Enumerable.Range(0, 100).Select(_ => Append(journal)).ToList();
        var flushes = _disk.Flushes;

        device.Open();
        Assert.All(await Task.WhenAll(others.Append(first)), outcome => Assert.Equal(AppendOutcome.Accepted, outcome));
        Assert.Equal(flushes + 1, _disk.Flushes);
    }

    [Fact]
    public async Task After_a_roll_every_hit_that_was_handed_over_is_found_however_long_its_flush_takes()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Queued, _disk);
        _disk.Before = what => { if (what == "flush") device.Pass(); };
        await Append(journal);
        await device.ReachedAsync();
        var roll = journal.RollAsync(default);
        Assert.False(roll.IsCompleted);
        Assert.Empty(journal.Find(_ => true));

        device.Open();
        await roll;
        Assert.Single(journal.Find(_ => true));
    }

    [Fact]
    public async Task When_too_many_hits_wait_the_next_is_refused_at_once()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Flushed, _disk, queue: 64);
        _disk.Before = _ => device.Pass();
        var waiting = Enumerable.Range(0, 200).Select(_ => Append(journal)).ToList();
        await device.ReachedAsync();

        Assert.Contains(waiting, answer => answer.IsCompletedSuccessfully && answer.Result == AppendOutcome.QueueFull);
        device.Open();
        var outcomes = await Task.WhenAll(waiting);
        Assert.Equal(outcomes.Count(outcome => outcome == AppendOutcome.Accepted), _ledger.Read().Received);
    }

    [Fact]
    public async Task Large_hits_that_wait_are_bounded_in_bytes()
    {
        using var device = new Gate();
        using var journal = Open(Acknowledge.Flushed, _disk);
        _disk.Before = _ => device.Pass();
        var large = Clone(Events.Full().Hit, new byte[500_000]);
        var waiting = Enumerable.Range(0, 300).Select(_ => journal.AppendAsync(large).AsTask()).ToList();
        await device.ReachedAsync();

        // 64 MiB of half-megabyte hits, and what the first commit has taken already.
        Assert.InRange(waiting.Count(answer => !answer.IsCompleted), 100, 140);
        Assert.Contains(waiting, answer => answer.IsCompletedSuccessfully && answer.Result == AppendOutcome.QueueFull);
        device.Open();
        await Task.WhenAll(waiting);
        Assert.Equal(AppendOutcome.Accepted, await Append(journal));
    }

    [Fact]
    public async Task After_a_failed_flush_of_the_directory_the_journal_goes_on_by_itself()
    {
        var disk = new FailingDirectory();
        using var journal = Open(Acknowledge.Flushed, disk);
        disk.Failures = 2;
        Assert.Equal(AppendOutcome.JournalFailed, await Append(journal));

        await Eventually.TrueAsync(async () => await Append(journal) == AppendOutcome.Accepted, () => $"{journal.Status}");
    }

    [Fact]
    public async Task Closing_writes_what_waits_and_answers_it_and_takes_nothing_more()
    {
        var journal = Open(Acknowledge.Flushed);
        var waiting = Enumerable.Range(0, 500).Select(_ => Append(journal)).ToList();
        await journal.StopAsync(default);

        Assert.All(await Task.WhenAll(waiting), outcome => Assert.Equal(AppendOutcome.Accepted, outcome));
        Assert.Equal(AppendOutcome.Stopping, await Append(journal));
        journal.Dispose();
        using var again = Open(Acknowledge.Flushed);
        Assert.Equal(500, again.Count(again.Runs[0], 0, long.MaxValue));
    }

    [Fact]
    public async Task A_second_server_on_the_same_directory_is_turned_away_until_the_first_is_gone()
    {
        var first = Open(Acknowledge.Flushed);
        await Append(first);
        Assert.Contains("in use by another server", Assert.Throws<DirectoryInUseException>(() => Open(Acknowledge.Flushed)).Message, StringComparison.Ordinal);

        first.Dispose();
        Open(Acknowledge.Flushed).Dispose();
    }

    [Fact]
    public async Task A_hit_that_is_too_large_is_refused_and_its_neighbours_are_not()
    {
        using var journal = Open(Acknowledge.Flushed);
        var giant = Events.Full().Hit;
        giant = Clone(giant, new byte[3 << 20]);

        var answers = await Task.WhenAll(Append(journal), journal.AppendAsync(giant).AsTask(), Append(journal));

        Assert.Equal([AppendOutcome.Accepted, AppendOutcome.JournalFailed, AppendOutcome.Accepted], answers);
    }

    [Fact]
    public async Task Waiting_for_more_ends_with_the_next_durable_hit()
    {
        using var journal = Open(Acknowledge.Flushed);
        var more = journal.WaitAsync(0, default);
        Assert.False(more.IsCompleted);
        await Append(journal);
        await more.WaitAsync(TimeSpan.FromSeconds(30));
        using var stop = new CancellationTokenSource();
        var never = journal.WaitAsync(journal.Status.Durable, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
    }

    [Fact]
    public async Task On_the_real_disk_hits_come_back_in_order_over_many_segments()
    {
        using (var journal = Open(Acknowledge.Flushed))
            for (var i = 0; i < 40; i++)
                await Task.WhenAll(Enumerable.Range(0, 200).Select(n => journal.AppendAsync(Events.Full(i * 200 + n).Hit).AsTask()));

        using var again = Open(Acknowledge.Flushed);
        var (run, position, orders) = (again.Runs[0], 0L, new List<string>());
        while (again.Read(run, position, 1_000) is { IsEmpty: false } slice)
        {
            orders.AddRange(slice.Hits.Select(hit => hit.ClientEventId!));
            position = slice.To;
        }

        Assert.Equal(Enumerable.Range(0, 8_000).Select(i => "order-" + i).Order(), orders.Order());
        Assert.True(Directory.GetFiles(_folder.File("journal"), "*.seg").Length > 1);
    }

    private PixelServer.Journal.Journal Open(Acknowledge acknowledge, IDisk? disk = null, int queue = 16_384)
    {
        Directory.CreateDirectory(_folder.File("journal"));
        return PixelServer.Journal.Journal.Open(
            _folder.File("journal"), new JournalOptions { SegmentBytes = 1 << 20, MinFreeBytes = 0, QueueLength = queue }, acknowledge,
            TimeProvider.System, _ledger, NullLogger.Instance, disk: disk);
    }

    private static Task<AppendOutcome> Append(PixelServer.Journal.Journal journal) => journal.AppendAsync(Events.Full().Hit).AsTask();

    private static Hit Clone(Hit hit, byte[] properties)
    {
        var copy = Events.Full().Hit;
        typeof(Hit).GetProperty(nameof(Hit.Properties))!.SetValue(copy, new ReadOnlyMemory<byte>(properties));
        Assert.Equal(hit.EventId, copy.EventId);
        return copy;
    }

    /// <summary>The machine's disk, of which only the flush of a directory fails.</summary>
    private sealed class FailingDirectory : IDisk
    {
        private readonly Disk _disk = new();

        public int Failures { get; set; }

        public void FlushDirectory(string directory)
        {
            if (Failures-- > 0) throw new IOException("injected");
            _disk.FlushDirectory(directory);
        }

        public IReadOnlyList<string> List(string directory) => _disk.List(directory);
        public void CreateDirectory(string directory) => _disk.CreateDirectory(directory);
        public IDiskFile Create(string path, long size) => _disk.Create(path, size);
        public IDiskFile OpenRead(string path) => _disk.OpenRead(path);
        public IDiskFile OpenWrite(string path) => _disk.OpenWrite(path);
        public void Rename(string from, string to) => _disk.Rename(from, to);
        public void Copy(string from, string to) => _disk.Copy(from, to);
        public void Delete(string path) => _disk.Delete(path);
        public long FreeBytes(string directory) => _disk.FreeBytes(directory);
    }

    /// <summary>A point that the journal's thread reaches and waits at.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new();

        public void Pass()
        {
            _reached.TrySetResult();
            Assert.True(_open.Wait(TimeSpan.FromSeconds(30)));
        }

        public Task ReachedAsync() => _reached.Task.WaitAsync(TimeSpan.FromSeconds(30));

        public void Open() => _open.Set();

        public void Dispose()
        {
            _open.Set();
            _open.Dispose();
        }
    }
}

using System.Threading.Channels;
using PixelServer.Ops;

namespace PixelServer.Journal;

/// <summary>
/// The durable log between the doors and the store. Doors append; the drain reads what is durable, and says what the store has.
/// See README.md in this folder for the promises and the bytes.
/// </summary>
/// <remarks>Append from any thread; read from one.</remarks>
internal sealed class Journal : IHostedService, IDisposable
{
    /// <summary>Ledger code of events that were answered at a lower acknowledge level and then could not be written.</summary>
    public const string LostAfterAnswer = "lost_after_answer";

    private const int MaxBatch = 4_096;

    // QueueLength bounds the hits that wait, this what large ones among them may hold.
    private const long MaxQueuedBytes = 64L << 20;

    private static readonly TimeSpan LastWait = TimeSpan.FromSeconds(5);

    private readonly Channel<PendingHit> _queue;
    private readonly Segments _segments;
    private readonly Appender _appender;
    private readonly JournalReader _reader;
    private readonly Erasing _erasing;
    private readonly SemaphoreSlim _erases = new(1, 1);
    private readonly JournalOptions _options;
    private readonly Acknowledge _acknowledge;
    private readonly Ledger _ledger;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Action<TimeSpan, int>? _flushed;
    private readonly IDisposable? _lock;
    private readonly Thread _thread;
    private readonly List<PendingHit> _batch = new(MaxBatch);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _readerWaits;
    private long _queuedBytes;
    private volatile bool _stopping;

    private Journal(Segments segments, JournalOptions options, Acknowledge acknowledge, TimeProvider clock, Ledger ledger,
        Action<TimeSpan, int>? flushed, ILogger log, IDisposable? directoryLock)
    {
        (_segments, _options, _acknowledge, _clock, _ledger) = (segments, options, acknowledge, clock, ledger);
        (_flushed, _log, _lock) = (flushed, log, directoryLock);
        _appender = new Appender(segments, options, clock, log);
        _reader = new JournalReader(segments, options, log);
        _erasing = new Erasing(segments, log);
        _queue = Channel.CreateBounded<PendingHit>(new BoundedChannelOptions(options.QueueLength)
        {
            SingleReader = true,
            AllowSynchronousContinuations = true, // the only continuation wakes the journal's thread
        });
        // A thread of its own: it blocks in the flush, and a pool thread that blocks is one of two on a small machine.
        _thread = new Thread(Run) { Name = "journal", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Opens the journal of a directory, makes it where there is none, and reads what a former run left in it.</summary>
    /// <param name="directory">Where the segments are.</param>
    /// <param name="options">Its bounds.</param>
    /// <param name="acknowledge">When an appended hit counts as taken.</param>
    /// <param name="clock">For the age of what is retained.</param>
    /// <param name="ledger">Told of every durable hit.</param>
    /// <param name="log">Told of every damage.</param>
    /// <param name="flushed">Told how long each commit took and how many hits it held.</param>
    /// <param name="disk">The machine's file system where none is given.</param>
    /// <exception cref="IOException">The directory cannot be used, or another server uses it.</exception>
    /// <exception cref="NewerJournalException">A later version wrote it.</exception>
    public static Journal Open(string directory, JournalOptions options, Acknowledge acknowledge, TimeProvider clock, Ledger ledger,
        ILogger log, Action<TimeSpan, int>? flushed = null, IDisk? disk = null)
    {
        disk ??= new Disk();
        disk.CreateDirectory(directory);
        var directoryLock = DirectoryLock.Take(directory);
        try
        {
            var segments = Segments.Open(disk, directory, options, clock, log);
            return new Journal(segments, options, acknowledge, clock, ledger, flushed, log, directoryLock);
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    /// <summary>Id of the run that is being written. It has no segment before its first event.</summary>
    public Guid CurrentRun => _appender.Run;

    /// <summary>The runs that the directory holds, oldest first, the current one last.</summary>
    public IReadOnlyList<Guid> Runs => [.. _segments.Runs.Where(run => run != CurrentRun), CurrentRun];

    public JournalStatus Status => new(
        _stopping ? AppendOutcome.Stopping : _appender.State, _appender.TroubleAge, CurrentRun, _appender.Durable, _queue.Reader.Count, _segments.Bytes,
        _segments.Damage, _reader.QuarantinedRecords);

    /// <summary>Completes when the hit is as durable as <c>Pixel:Acknowledge</c> asks for, or cannot be made so. Never throws.</summary>
    public ValueTask<AppendOutcome> AppendAsync(Hit hit)
    {
        var pending = new PendingHit(hit);
        if (Interlocked.Add(ref _queuedBytes, pending.Bytes) <= MaxQueuedBytes && _queue.Writer.TryWrite(pending))
            return _acknowledge == Acknowledge.Queued ? new(AppendOutcome.Accepted) : pending.Completion;
        Interlocked.Add(ref _queuedBytes, -pending.Bytes);
        return new(_stopping ? AppendOutcome.Stopping : AppendOutcome.QueueFull);
    }

    /// <summary>Oldest readable position of a run and the position behind its last durable record; null if nothing of it is on disk.</summary>
    public (long First, long End)? Extent(Guid run) => _segments.Extent(run);

    /// <summary>Readable records of a run between two positions.</summary>
    public long Count(Guid run, long from, long to) => _reader.Count(run, from, to);

    /// <summary>The next durable hits of a run; empty where there are none now.</summary>
    /// <exception cref="NewerJournalException">A later version wrote the next hit.</exception>
    public JournalSlice Read(Guid run, long from, int maxHits) => _reader.Read(run, from, maxHits);

    /// <summary>Completes when the current run holds something behind <paramref name="position"/>.</summary>
    public async Task WaitAsync(long position, CancellationToken ct)
    {
        while (_appender.Durable <= position)
        {
            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _readerWaits, signal);
            Interlocked.MemoryBarrier();
            if (_appender.Durable > position) return;
            await signal.Task.WaitAsync(ct);
        }
    }

    /// <summary>The store has everything of the run before <paramref name="position"/>, durably.</summary>
    public void Delivered(Guid run, long position) => _segments.Delivered(run, position);

    /// <summary>Closes the segment: every hit that was handed to <see cref="AppendAsync"/> before this call is durable, and found, or was refused.</summary>
    /// <exception cref="ChannelClosedException">The server is shutting down.</exception>
    public async Task RollAsync(CancellationToken ct)
    {
        var roll = new PendingHit(null);
        await _queue.Writer.WriteAsync(roll, ct);
        await roll.Completion;
    }

    /// <summary>
    /// Erases every hit of the directory that belongs to somebody: those that wait, those of the retained window, those in quarantine. Covers every hit
    /// that was handed to <see cref="AppendAsync"/> before this call. Positions stay as they are.
    /// </summary>
    /// <param name="belongs">Whether a hit does; asked of each once.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="done">Called when what belonged to somebody so far is off the disk.</param>
    /// <exception cref="IOException">A segment cannot be read or written: it is as it was.</exception>
    /// <exception cref="ChannelClosedException">The server is shutting down.</exception>
    public async Task<JournalErased> EraseAsync(Func<Hit, bool> belongs, CancellationToken ct, Action? done = null)
    {
        await _erases.WaitAsync(ct);
        try
        {
            await RollAsync(ct);
            return await Task.Run(() => _erasing.Erase(belongs, ct, done), ct);
        }
        finally
        {
            _erases.Release();
        }
    }

    /// <summary>The durable hits of the directory that belong to somebody, in the order of arrival, with the position behind each.</summary>
    public IEnumerable<(Guid Run, long End, Hit Hit)> Find(Func<Hit, bool> belongs) => _erasing.Find(belongs);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes no more hits, writes those that wait, and answers their requests.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Close();
        // A device that hangs must not keep the server from ending.
        await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        Close();
        if (_thread.Join(LastWait)) _lock?.Dispose();
        _erases.Dispose();
    }

    private void Close()
    {
        _stopping = true;
        _queue.Writer.TryComplete();
    }

    private void Run()
    {
        PendingHit? carried = null;
        while (carried is not null || WaitForHits())
        {
            // On a busy machine the requests that are ready to run get to hand over their hits first, so that more of them share
            // the flush (bench/results/tuning.md has what was seen); on an idle one this returns at once.
            Thread.Yield();
            Thread.Yield();
            while (_batch.Count < MaxBatch && (carried is not null || _queue.Reader.TryRead(out carried)))
            {
                if (carried.IsRoll || !TryAdd(carried)) break;
                carried = null;
            }

            if (_batch.Count > 0) Commit([.. _batch]);
            _batch.Clear();
            if (carried is { IsRoll: true })
            {
                _appender.Roll();
                ThreadPool.UnsafeQueueUserWorkItem(new Release([carried], AppendOutcome.Accepted), preferLocal: false);
                carried = null;
            }
        }

        _appender.Dispose();
        _ended.SetResult();
    }

    // False: the commit is full, and the hit opens the next one.
    private bool TryAdd(PendingHit pending)
    {
        try
        {
            if (!_appender.TryAdd(pending.Hit)) return false;
            _batch.Add(pending);
            Interlocked.Add(ref _queuedBytes, -pending.Bytes);
        }
        catch (ArgumentException e)
        {
            // The limits of the door keep hits far below this; one that is larger must not stop the others.
            _log.LogError(e, "A hit is too large for the journal and is refused.");
            Interlocked.Add(ref _queuedBytes, -pending.Bytes);
            pending.Complete(AppendOutcome.JournalFailed);
        }

        return true;
    }

    private bool WaitForHits()
    {
        var wait = _queue.Reader.WaitToReadAsync();
        return wait.IsCompletedSuccessfully ? wait.Result : wait.AsTask().GetAwaiter().GetResult();
    }

    private void Commit(PendingHit[] batch)
    {
        var started = _clock.GetTimestamp();
        var answered = _acknowledge == Acknowledge.Queued;
        var outcome = _appender.Commit(_acknowledge == Acknowledge.Written ? () => Answer(AppendOutcome.Accepted) : null);
        if (outcome == AppendOutcome.Accepted) _flushed?.Invoke(_clock.GetElapsedTime(started), batch.Length);

        // Counted before anybody is told, so that whoever has an answer finds its event in the ledger.
        if (outcome == AppendOutcome.Accepted) _ledger.Accepted(batch.Length);
        else if (answered) _ledger.Refused(LostAfterAnswer, batch.Length);
        Interlocked.Exchange(ref _readerWaits, null)?.TrySetResult();
        Answer(outcome);

        void Answer(AppendOutcome answer)
        {
            if (answered) return;
            answered = true;
            ThreadPool.UnsafeQueueUserWorkItem(new Release(batch, answer), preferLocal: false);
        }
    }
}

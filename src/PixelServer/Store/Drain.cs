using System.Data.Common;
using PixelServer.Enrich;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>
/// Moves hits from the journal through enrichment into the store, at the store's pace, each exactly once. The store's position is
/// the truth: it is read again after every failure, so a commit whose answer was lost is neither repeated nor skipped.
/// </summary>
internal sealed class Drain(
    Journal.Journal journal, IEventStore store, Enricher enricher, Ledger ledger, StoreOptions options, TimeProvider clock, ILogger<Drain> log,
    Action<TimeSpan>? stored = null, MailArrivals? mail = null, Bar? bar = null) : BackgroundService
{
    private static readonly TimeSpan PrepareEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan IdleCheck = TimeSpan.FromSeconds(30);

    private readonly Backoff _backoff = new(Random.Shared.NextDouble);
    private readonly CancellationTokenSource _lastPass = new();

    // Where each run stands in the store, as it was last read or moved; forgotten at every failure, and then asked for again.
    private readonly Dictionary<Guid, long> _positions = [];
    private readonly HashSet<Guid> _counted = [];

    // Runs of which the store said that it does not know them, until it has something of them.
    private readonly HashSet<Guid> _unknown = [];

    // The furthest that each run was seen in the store: a position below it means that the store was set back.
    private readonly Dictionary<Guid, long> _reached = [];
    private (EventBatch Batch, bool Rejecting)? _uncertain;
    private long _preparedAt;
    private bool _prepared;
    private DrainStatus _status = new(false, 0, null, null, false);

    public DrainStatus Status => _status;

    /// <summary>Moves everything that is in the journal when it is called, then returns; without back-off.</summary>
    /// <returns>How many events the store took or rejected.</returns>
    public async Task<long> DrainOnceAsync(CancellationToken ct)
    {
        await PrepareAsync(ct);
        // A new run's first batch would hide that an older run was set back: all of them are asked for before it.
        if (!_positions.ContainsKey(journal.CurrentRun) && journal.Extent(journal.CurrentRun) is not null) _positions.Clear();
        var moved = 0L;
        foreach (var run in journal.Runs) moved += await DrainRunAsync(run, ct);
        _status = _status with { WaitingSince = null };
        return moved;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var wake = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _lastPass.Token);
        while (!stoppingToken.IsCancellationRequested && !_status.Fenced)
        {
            var last = _lastPass.IsCancellationRequested;
            try
            {
                await DrainOnceAsync(stoppingToken);
                if (!last) await WaitForMoreAsync(wake.Token);
            }
            catch (Exception e) when (stoppingToken.IsCancellationRequested || (e is OperationCanceledException && wake.IsCancellationRequested))
            {
                // Woken for the last pass, or stopped for good: the loop's condition knows. A start that failed takes the store away under the
                // drain, and that is not the store's fault.
            }
            catch (Exception e)
            {
                await FailedAsync(e, wake.Token);
            }

            if (last) return;
        }
    }

    /// <summary>The journal is closed by now: makes a last pass, and leaves to the journal what the store does not take before the deadline.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await _lastPass.CancelAsync();
        if (ExecuteTask is { } last) await last.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
        if (ledger.Read().Waiting is > 0 and var waiting) log.LogInformation("Stopped with {Waiting} events in the journal; the next start delivers them.", waiting);
    }

    public override void Dispose()
    {
        _lastPass.Dispose();
        base.Dispose();
    }

    private async Task<long> DrainRunAsync(Guid run, CancellationToken ct)
    {
        if (journal.Extent(run) is not { } extent) return 0;
        if (!_positions.TryGetValue(run, out var position)) position = await ResumeAsync(run, extent.First, ct);
        journal.Delivered(run, position);

        var moved = 0L;
        while (position < extent.End)
        {
            var slice = journal.Read(run, position, options.MaxBatch);
            if (slice.IsEmpty) break;
            if (slice.Hits.Count > 0) _status = _status with { WaitingSince = slice.Hits[0].ReceivedAt };
            var started = clock.GetTimestamp();
            try
            {
                await SaveAsync(BatchOf(slice), ct);
            }
            catch (BatchBarredException)
            {
                await bar!.LearnAsync(ct);
                position = await ResumeAsync(run, extent.First, ct); // half of the batch may be stored
                continue;
            }

            stored?.Invoke(clock.GetElapsedTime(started));

            _unknown.Remove(run);
            _positions[run] = _reached[run] = position = slice.To;
            moved += slice.Hits.Count;
            journal.Delivered(run, position);
            Succeeded();
        }

        return moved;
    }

    // Enriched, and without those who were erased or restricted since the door took their hits; those that the journal has erased already count with them.
    private EventBatch BatchOf(JournalSlice slice)
    {
        var (epoch, begins) = (bar?.Epoch, _unknown.Contains(slice.Run)); // the epoch before anybody is asked about
        var erased = slice.Erased.Select(end => (end, Standing.ErasedCode));
        if (!slice.Hits.Any(hit => bar?.CodeOf(hit) is not null))
            return new(slice.Run, slice.From, [.. slice.Hits.Select(enricher.Enrich)], slice.Ends, slice.To) { Begins = begins, Epoch = epoch, Barred = [.. erased] };

        var (events, ends, barred) = (new List<Event>(), new List<long>(), new List<(long, string)>(erased));
        for (var i = 0; i < slice.Hits.Count; i++)
        {
            if (bar!.CodeOf(slice.Hits[i]) is { } code)
            {
                barred.Add((slice.Ends[i], code));
                continue;
            }

            events.Add(enricher.Enrich(slice.Hits[i]));
            ends.Add(slice.Ends[i]);
        }

        return new(slice.Run, slice.From, events, ends, slice.To) { Begins = begins, Epoch = epoch, Barred = barred };
    }

    // Asks the store where the run goes on, and squares the ledger with the answer.
    private async Task<long> ResumeAsync(Guid run, long first, CancellationToken ct)
    {
        var known = await store.PositionAsync(run, ct);
        if (known is null) _unknown.Add(run);
        else _unknown.Remove(run);
        var position = known ?? first;
        if (_uncertain is { } uncertain && uncertain.Batch.Journal == run) Settle(uncertain.Batch, uncertain.Rejecting, position);
        if (_reached.TryGetValue(run, out var reached) && position < reached)
        {
            log.LogWarning("The store was set back from position {From} to {Position} of run {Run}: the events in between are delivered again.", reached, position, run);
            ledger.Recovered(journal.Count(run, position, reached));
            bar?.StoreWasSetBack();
        }

        if (position < first)
        {
            log.LogCritical(
                "The store wants run {Run} of the journal from position {Position}, but what lies before {First} was delivered and deleted: the store was set back further than Pixel:Journal:RetainFor reaches, and those events are lost to it.",
                run, position, first);
            await store.SaveAsync(new EventBatch(run, position, [], [], first), ct);
            position = first;
        }
        else if (known is null && first > 0)
        {
            log.LogWarning("The store does not know run {Run} of the journal: it gets what is still on disk, from position {First}.", run, first);
        }

        if (run != journal.CurrentRun && _counted.Add(run)) ledger.Recovered(journal.Count(run, position, long.MaxValue));
        Succeeded();
        return _positions[run] = _reached[run] = position;
    }

    // The batch whose transaction failed: the position tells whether it failed before its commit or after.
    private void Settle(EventBatch batch, bool rejecting, long position)
    {
        _uncertain = null;
        if (position == batch.From) return;
        if (position == batch.To)
        {
            log.LogInformation("The answer to a commit was lost, but the store has it: {Count} events up to position {Position}.", batch.Events.Count, position);
            if (rejecting) Rejected(batch);
            else Stored(batch);
            return;
        }

        if (position < batch.From) return; // set back: the caller sees that for every run

        if (batch.Journal == journal.CurrentRun)
        {
            _status = _status with { Fenced = true };
            throw new FencedException(batch.Journal, batch.From, position);
        }

        // A copy of this directory has delivered more of an old run than we have: what it delivered is in the store.
        ledger.Stored(journal.Count(batch.Journal, batch.From, position));
    }

    private async Task SaveAsync(EventBatch batch, CancellationToken ct)
    {
        if (bar is not null) await bar.KeepOptOutsAsync(batch.Events);
        _uncertain = (batch, false);
        try
        {
            var copies = await store.SaveAsync(batch, ct);
            Stored(batch);
            if (copies > 0) ledger.Replayed(copies);
        }
        catch (RefusedRowException refusal) when (batch.Events.Count == 1)
        {
            await RejectAsync(batch, refusal, ct);
        }
        catch (RefusedRowException) when (batch.Events.Count > 1)
        {
            // Halving finds every bad row among its neighbours in a few steps, and the neighbours get stored on the way.
            var (first, second) = batch.Split();
            await SaveAsync(first, ct);
            await SaveAsync(second, ct);
        }

        _uncertain = null;
    }

    private void Stored(EventBatch batch)
    {
        ledger.Stored(batch.Events.Count);
        CountBarred(batch);
        mail?.Stored(batch.Events);
    }

    private void Rejected(EventBatch batch)
    {
        ledger.Rejected(1);
        CountBarred(batch);
    }

    private void CountBarred(EventBatch batch)
    {
        foreach (var (_, code) in batch.Barred) ledger.Barred(code);
    }

    private async Task RejectAsync(EventBatch batch, RefusedRowException refusal, CancellationToken ct)
    {
        _uncertain = (batch, true);
        await store.RejectAsync(batch, refusal, ct);
        Rejected(batch);
        log.LogError("The store refused event {EventId} with {Code}: it is in events_rejected.", batch.Events[0].Hit.EventId, refusal.Code);
    }

    private async Task PrepareAsync(CancellationToken ct)
    {
        if (_prepared && clock.GetElapsedTime(_preparedAt) < PrepareEvery) return;
        await store.PrepareAsync(ct);
        _positions.Clear();
        (_prepared, _preparedAt) = (true, clock.GetTimestamp());
        _status = _status with { Reachable = true };
    }

    // Small batches cost a transaction each: after the first new event a moment passes, so that others can join it.
    private async Task WaitForMoreAsync(CancellationToken ct)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var more = journal.WaitAsync(_positions.GetValueOrDefault(journal.CurrentRun), idle.Token);
        var first = await Task.WhenAny(more, Task.Delay(IdleCheck, clock, idle.Token));
        await idle.CancelAsync();
        if (first == more) await Task.Delay(options.MaxDelay, clock, ct);
    }

    private void Succeeded()
    {
        if (_status.LastError is not null) log.LogInformation("The store takes events again.");
        _backoff.Succeeded();
        _status = _status with { Reachable = true, LastError = null };
    }

    private async Task FailedAsync(Exception e, CancellationToken ct)
    {
        _positions.Clear();
        _prepared = false;
        var wait = _backoff.Failed();
        var kind = e is DbException { SqlState: { } state } ? $"{e.GetType().Name} {state}" : e.GetType().Name;
        if (e is FencedException) log.LogCritical(e, "Events stay in the journal until this is settled.");
        else if (_status.LastError != kind)
            log.LogWarning(e, "The store is away; {Waiting} events wait in the journal. Next try in {Seconds:0.0} s.", ledger.Read().Waiting, wait.TotalSeconds);
        _status = _status with
        {
            Reachable = false,
            Failures = _status.Failures + 1,
            LastError = kind,
            WaitingSince = _status.WaitingSince ?? (ledger.Read().Waiting > 0 ? clock.GetUtcNow() : null),
        };
        await Task.Delay(wait, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

/// <summary>What the drain says of itself.</summary>
/// <param name="Reachable">The last attempt to use the store worked.</param>
/// <param name="Failures">Attempts that failed since the start.</param>
/// <param name="LastError">Kind of the failure that lasts, without data; null where all is well.</param>
/// <param name="WaitingSince">When the oldest event that is not stored was received, as far as is known; null where none waits.</param>
/// <param name="Fenced">Somebody else moves this journal's position: delivery has stopped until a person looks.</param>
internal sealed record DrainStatus(bool Reachable, long Failures, string? LastError, DateTimeOffset? WaitingSince, bool Fenced);

/// <summary>Another process delivers under this journal's identity, which only a copied memory image can cause.</summary>
internal sealed class FencedException(Guid run, long expected, long found) : Exception(
    $"The store has run {run} of this journal at position {found}, but only {expected} was delivered from here: another server writes with this server's identity, as after a machine was cloned while running.");

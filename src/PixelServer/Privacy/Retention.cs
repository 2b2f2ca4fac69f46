using System.Data.Common;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Keeps the promise of <c>RetentionDays</c>: every hour one of the collectors deletes what is past. Whether it was kept shows in readiness.</summary>
internal sealed class Retention(
    RetentionRules rules, RetentionSweep sweep, IRetention store, Func<StoreReading> reading, TimeProvider clock, ILogger<Retention> log) : BackgroundService
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_every = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_again = TimeSpan.FromMinutes(1);

    /// <summary>A day and two hours: the last run of yesterday, and the first that finds what has become due at midnight.</summary>
    private static readonly TimeSpan s_overdue = TimeSpan.FromHours(26);

    /// <summary>A server that was down for days is not red before it could do anything.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromHours(1);

    /// <summary>So long a partition may be kept from going by people who read; then its rows go.</summary>
    private static readonly TimeSpan s_blocked = TimeSpan.FromHours(6);

    private readonly DateTimeOffset _started = clock.GetUtcNow();
    private readonly SemaphoreSlim _looking = new(1, 1);
    private readonly Lock _state = new();
    private DateTimeOffset _lookAt = DateTimeOffset.MinValue;
    private DateTimeOffset? _succeeded, _blockedSince;
    private string? _error;
    private long _partitions, _rows;
    private bool _toldFailure;

    /// <summary>What health and metrics hear of it.</summary>
    public RetentionReading Reading
    {
        get
        {
            lock (_state)
            {
                var now = clock.GetUtcNow();
                var age = now - (_succeeded ?? _started) is { Ticks: > 0 } some ? some : TimeSpan.Zero;
                var overdue = rules.IsSet && age > s_overdue && now - _started > s_grace;
                return new(rules.IsSet, _succeeded, rules.IsSet ? age : TimeSpan.Zero, overdue, _error, _partitions, _rows);
            }
        }
    }

    /// <summary>Deletes where it is time and nobody else has.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        await _looking.WaitAsync(ct);
        try
        {
            await LookInTurnAsync(ct);
        }
        finally
        {
            _looking.Release();
        }
    }

    public override void Dispose()
    {
        _looking.Dispose();
        base.Dispose();
    }

    private async Task LookInTurnAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!rules.IsSet || now < _lookAt || !reading().Reachable) return; // the store's schema is not there before the drain's first visit
        _lookAt = now + s_again;
        try
        {
            var last = (await store.PastAsync(rules.Text, ct)).FinishedAt;
            if (last > now - s_every && last <= now)
            {
                Succeeded(last.Value);
                return;
            }

            lock (_state) _succeeded = last ?? _succeeded; // also where it is long ago: a restart makes nothing young

            var byRow = _blockedSince is { } since && now - since > s_blocked;
            if (await sweep.RunAsync(byRow, all: false, ct) is not { } tally) return;
            lock (_state) (_partitions, _rows) = (_partitions + tally.Partitions, _rows + tally.Rows);
            if (tally.Partitions > 0 || tally.Rows > 0)
                log.LogInformation("Retention dropped {Partitions} partitions and deleted {Rows} rows", tally.Partitions, tally.Rows);
            if (tally.Blocked == 0) Succeeded(clock.GetUtcNow());
            else Blocked(now, tally.Blocked);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            var kind = e is DbException { SqlState: { } state } ? $"{e.GetType().Name} {state}" : e.GetType().Name;
            lock (_state) _error = kind;
            if (!_toldFailure) log.LogWarning(e, "Retention failed ({Kind}): what is past is still stored. The next try is in a minute.", kind);
            _toldFailure = true;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_tick, clock);
        try
        {
            do await LookAsync(stoppingToken);
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // Every step is a transaction: the next run goes on.
        }
    }

    private void Succeeded(DateTimeOffset at)
    {
        lock (_state) (_succeeded, _blockedSince, _error) = (at, null, null);
        _lookAt = at + s_every;
        if (_toldFailure) log.LogInformation("Retention works again.");
        _toldFailure = false;
    }

    private void Blocked(DateTimeOffset now, int partitions)
    {
        lock (_state) (_blockedSince, _error) = (_blockedSince ?? now, "in_use");
        if (!_toldFailure) log.LogWarning("Retention could not drop {Partitions} partitions, because somebody is reading events. The next try is in a minute.", partitions);
        _toldFailure = true;
    }
}

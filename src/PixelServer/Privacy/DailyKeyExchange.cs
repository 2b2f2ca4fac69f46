using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>
/// Gives all collectors of one store the same key for each day, today's and already tomorrow's, so that a store that is away at midnight does no
/// harm; and destroys keys 48 hours after their day began. While the store is away each collector goes on with what it has.
/// </summary>
internal sealed class DailyKeyExchange(
    DailyKeys keys, DailySeal seal, IDailyKeys store, Func<StoreReading> reading, TimeProvider clock, ILogger<DailyKeyExchange> log) : BackgroundService
{
    /// <summary>How long the start waits for the first look: a server that is alone with its store has the day's key before its doors open.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_check = TimeSpan.FromMinutes(1); // a database may have lost the row: restored, crashed, or emptied by hand
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(30); // before the first visit of the drain the table does not exist

    private static readonly TimeSpan s_late = TimeSpan.FromHours(1); // a long report may hold the table for a while

    private readonly SemaphoreSlim _looking = new(1, 1);
    private readonly DateTimeOffset _started = clock.GetUtcNow();
    private DateTimeOffset _lookAt = DateTimeOffset.MinValue;
    private DateOnly _day, _forgot;
    private bool _toldOwn, _toldForeign, _toldOld;
    private volatile bool _foreign;
    private long _unopened;

    /// <summary>What health and metrics hear of it.</summary>
    public DailyKeyReading Reading => new(keys.IsShared(Today), _foreign, Interlocked.Read(ref _unopened));

    /// <summary>One look: what has to be destroyed is, and where it is time the store is asked.</summary>
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
        var (now, today) = (clock.GetUtcNow(), Today);
        keys.Forget(today);
        if (today == _day && now < _lookAt) return;
        (_day, _lookAt) = (today, now + s_tick); // also where what follows fails

        var foreign = false;
        foreach (var day in (DateOnly[])[today, today.AddDays(1)]) foreign |= !await MeetAsync(day, ct);
        _foreign = foreign;
        if (_forgot != today && await store.ForgetAsync(today.AddDays(-1), ct)) _forgot = today;
        if (_forgot == today) _lookAt = now + s_check;
        Tell(foreign);
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(s_patience);
        await TryAsync(bounded.Token).WaitAsync(bounded.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StartAsync(cancellationToken);
    }

    // Apart from each other: a store that hangs keeps no key alive.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        EveryTickAsync(() => TryAsync(stoppingToken), stoppingToken),
        EveryTickAsync(() =>
        {
            keys.Forget(Today);
            return Task.CompletedTask;
        }, stoppingToken));

    private async Task EveryTickAsync(Func<Task> work, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await work();
            await Task.Delay(s_tick, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    // False where the day's key is there but closed with another secret.
    private async Task<bool> MeetAsync(DateOnly day, CancellationToken ct)
    {
        var own = keys.Of(day);
        var found = await store.MeetAsync(day, seal.Close(own), ct);
        if (seal.Open(day, found) is not { } theirs)
        {
            Interlocked.Increment(ref _unopened);
            return false;
        }

        if (own.Is(theirs))
        {
            own.Share();
            theirs.Dispose();
        }
        else
        {
            keys.Adopt(theirs);
            if (own.IsUsed)
                log.LogInformation("The key of daily visitors of {Day:yyyy-MM-dd} is another collector's from now on: whom this one has counted under its own counts again.", day);
        }

        return true;
    }

    private async Task TryAsync(CancellationToken ct)
    {
        try
        {
            await LookAsync(ct);
        }
        catch (Exception e)
        {
            if (ct.IsCancellationRequested || _toldOwn) return;
            if (keys.IsShared(Today))
            {
                // Today's visitors are the same everywhere all the same; but what is past has to go.
                if (_forgot == Today || _toldOld || !reading().Reachable || clock.GetUtcNow().TimeOfDay < s_late) return;
                log.LogWarning("The keys of past days cannot be deleted from the table daily_keys, though the store takes events. {Error}", e.GetType().Name);
                _toldOld = true;
                return;
            }

            if (!reading().Reachable && clock.GetUtcNow() - _started < s_silence) return;
            log.LogWarning("The key of daily visitors cannot be exchanged with the store: this collector counts with a key of its own until it can, and somebody whom another one sees too counts twice. {Error}", e.GetType().Name);
            _toldOwn = true;
        }
    }

    private void Tell(bool foreign)
    {
        if (foreign && !_toldForeign)
        {
            log.LogWarning("The key of daily visitors in the store was closed with another Pixel:CookieKey: this collector counts with a key of its own, and somebody whom another one sees too counts twice. Give all collectors the same Pixel:CookieKey; after a change of it delete the rows of daily_keys.");
        }
        else if (!foreign && (_toldForeign || _toldOwn))
        {
            log.LogInformation("The key of daily visitors is the one of the store.");
            _toldOwn = false;
        }

        _toldForeign = foreign;
    }
}

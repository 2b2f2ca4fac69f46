using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Enrich;
using PixelServer.Ops;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>When the server looks at the labels of mail events again, and when it does not.</summary>
public sealed class ReclassifierTests(SharedPostgres postgres) : IAsyncLifetime
{
    private readonly MailArrivals _arrivals = new();
    private readonly FakeTimeProvider _clock = new(Events.Noon);
    private readonly Meters _meters = new(Meters.NextName(), new Ledger());
    private LabelStore _store = null!;
    private CountingLabels _labels = null!;
    private Reclassifier _reclassifier = null!;
    private bool _reachable = true;

    public async ValueTask InitializeAsync()
    {
        _store = await LabelStore.FreshAsync("sqlite", postgres);
        _labels = new CountingLabels(_store.Labels);
        _reclassifier = new(new(_labels), _arrivals, () => new("sqlite", _reachable, TimeSpan.Zero, 0, null), new(), _meters, _clock, NullLogger<Reclassifier>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _reclassifier.Dispose();
        _meters.Dispose();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_is_asked_of_the_store_while_no_mail_to_a_recipient_was_stored()
    {
        _arrivals.Stored([LabelStore.Page(Events.Noon, null, Label.Human), LabelStore.Mail(Events.Noon, null)]);

        Assert.Null(await _reclassifier.LookAsync(default));
        Assert.Equal(0, _labels.Readings);
    }

    [Fact]
    public async Task What_was_stored_is_looked_at_once_and_earlier_rows_of_the_mail_are_corrected()
    {
        await StoreAsync(LabelStore.Mail(Events.Noon, "a", 1));
        Assert.Equal(0, await _reclassifier.LookAsync(default));
        await StoreAsync(LabelStore.Mail(Events.Noon.AddSeconds(0.5), "a", 2));

        Assert.Equal(2, await _reclassifier.LookAsync(default));
        Assert.Null(await _reclassifier.LookAsync(default));
        Assert.Equal(2, _labels.Readings);
    }

    [Fact]
    public async Task While_the_store_is_away_nothing_is_lost_and_the_next_look_makes_up_for_it()
    {
        await StoreAsync(LabelStore.Mail(Events.Noon, "a", 1), LabelStore.Mail(Events.Noon.AddSeconds(0.5), "a", 2));
        _reachable = false;
        Assert.Null(await _reclassifier.LookAsync(default));
        _reachable = true;
        _labels.Fails = true;
        await Assert.ThrowsAsync<TimeoutException>(() => _reclassifier.LookAsync(default));
        _labels.Fails = false;

        Assert.Equal(2, await _reclassifier.LookAsync(default));
    }

    [Fact]
    public async Task Events_that_come_days_late_are_judged_as_those_of_today()
    {
        await StoreAsync(LabelStore.Mail(Events.Noon.AddDays(-3), "a", 1), LabelStore.Mail(Events.Noon.AddDays(-3).AddSeconds(0.5), "a", 2), LabelStore.Mail(Events.Noon, "b", 1));

        Assert.Equal(2, await _reclassifier.LookAsync(default));
    }

    [Fact]
    public async Task The_running_service_looks_at_what_was_stored_before_a_crash_then_every_so_often_and_once_more_at_the_end()
    {
        await _store.SaveAsync(LabelStore.Mail(Events.Noon.AddHours(-20), "a", 1), LabelStore.Mail(Events.Noon.AddHours(-20).AddSeconds(0.5), "a", 2)); // by a server that is gone
        await _reclassifier.StartAsync(default);
        await LooksAsync(1);
        Assert.Equal(["bot link_burst", "bot link_burst"], await _store.LabelsAsync());

        await StoreAsync(LabelStore.Mail(Events.Noon, "b", 1), LabelStore.Mail(Events.Noon.AddSeconds(0.5), "b", 2));
        await LooksAsync(2);
        await StoreAsync(LabelStore.Mail(Events.Noon.AddSeconds(20), "c", 1), LabelStore.Mail(Events.Noon.AddSeconds(20.5), "c", 2));
        await _reclassifier.StopAsync(default);

        Assert.All(await _store.LabelsAsync(), label => Assert.Equal("bot link_burst", label));
    }

    private async Task StoreAsync(params Event[] events)
    {
        await _store.SaveAsync(events);
        _arrivals.Stored(events);
    }

    // The service waits on our clock: its timer may not be there yet, so the clock goes on until it is.
    private Task LooksAsync(int times) => Eventually.TrueAsync(() =>
    {
        _clock.Advance(TimeSpan.FromSeconds(15));
        return _labels.Finished >= times;
    }, () => $"{times} looks; there were {_labels.Finished}");

    /// <summary>The real labels, counted, or away.</summary>
    private sealed class CountingLabels(ILabels inner) : ILabels
    {
        public int Readings { get; private set; }
        public int Finished { get; private set; }
        public bool Fails { get; set; }

        public Task<(DateOnly First, DateOnly Last)?> DaysAsync(CancellationToken ct) => inner.DaysAsync(ct);

        public IAsyncEnumerable<LabelledRow> OthersAsync(Stretch within, CancellationToken ct) => inner.OthersAsync(within, ct);

        public IAsyncEnumerable<LabelledRow> MailAsync(Stretch within, Stretch? touched, CancellationToken ct)
        {
            Readings++;
            return Fails ? throw new TimeoutException("the store is away") : inner.MailAsync(within, touched, ct);
        }

        public async Task<int> ChangeAsync(IReadOnlyCollection<Relabelled> rows, CancellationToken ct)
        {
            var changed = await inner.ChangeAsync(rows, ct);
            Finished++;
            return changed;
        }
    }
}

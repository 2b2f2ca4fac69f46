using System.Diagnostics.Metrics;

namespace PixelServer.Ops;

/// <summary>
/// Every counter and gauge of the server. Almost all are read from the stages when somebody scrapes, so that a hit costs
/// nothing; the histograms are fed once per batch.
/// </summary>
internal sealed class Meters : IDisposable
{
    private static int s_count;
    private readonly Meter _meter;
    private readonly Histogram<double> _flushSeconds, _storeSeconds;
    private readonly Histogram<long> _flushEvents;
    private LedgerPage _page;
    private long _relabelled;

    /// <param name="name">Unique in the process: whoever listens to a meter finds it by its name alone.</param>
    /// <param name="ledger">The counts.</param>
    public Meters(string name, Ledger ledger)
    {
        _meter = new(name);
        _page = ledger.Read();

        // All counts of one scrape come from one page, or they would not balance: the first instrument turns the page, and
        // listeners ask instruments in the order in which they were made.
        _meter.CreateObservableCounter("pixel_events_received", () => (_page = ledger.Read()).Received, description: "Events that came through the doors, refused ones included.");
        _meter.CreateObservableCounter("pixel_events_recovered", () => _page.Recovered, description: "Events found in the journal at the start that the store did not have.");
        _meter.CreateObservableCounter("pixel_events_stored", () => _page.Stored, description: "Events in the store, committed.");
        _meter.CreateObservableCounter("pixel_events_replayed", () => _page.Replayed, description: "Of the stored events second copies of a message, which made no row.");
        _meter.CreateObservableCounter("pixel_events_rejected", () => _page.Rejected, description: "Events that the database refused, now in events_rejected.");
        _meter.CreateObservableCounter("pixel_events_refused", Refused, description: "Events turned away at the door, by reason.");
        _meter.CreateObservableGauge("pixel_events_waiting", () => _page.Waiting, description: "Events in the journal that are not in the store: the lag in events.");

        _meter.CreateObservableCounter("pixel_mail_relabelled", () => Interlocked.Read(ref _relabelled), description: "Mail events whose label was corrected when other events of the same mail came in.");

        _flushSeconds = _meter.CreateHistogram("pixel_journal_flush", "s", "Time to write and flush one batch of events.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2.5, 10] });
        _flushEvents = _meter.CreateHistogram("pixel_journal_flush_events", null, "Events that one flush made durable.",
            advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096] });
        _storeSeconds = _meter.CreateHistogram("pixel_store_batch", "s", "Time to store one batch, its transaction included.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30] });
    }

    public string Name => _meter.Name;

    /// <summary>Mail events whose label was corrected.</summary>
    public void Relabelled(long rows) => Interlocked.Add(ref _relabelled, rows);

    /// <summary>A name that no other server of this process has; the first is plainly <c>PixelServer</c>.</summary>
    public static string NextName() => Interlocked.Increment(ref s_count) is var n and > 1 ? $"PixelServer.{n}" : "PixelServer";

    /// <summary>The journal made a batch durable.</summary>
    public void Flushed(TimeSpan took, int events)
    {
        _flushSeconds.Record(took.TotalSeconds);
        _flushEvents.Record(events);
    }

    /// <summary>A batch and its position are committed.</summary>
    public void BatchStored(TimeSpan took) => _storeSeconds.Record(took.TotalSeconds);

    /// <summary>Adds what the stages say of themselves; separate from the constructor because the stages may need their meters to be made.</summary>
    public void Observe(Func<JournalReading> journal, Func<StoreReading> store, Func<DailyKeyReading> dailyKey, Func<RetentionReading> retention, Func<OptOutReading> optOuts)
    {
        _meter.CreateObservableGauge("pixel_journal_durable_position", () => journal().DurablePosition, "By", "Bytes of this journal run that are durable.");
        _meter.CreateObservableGauge("pixel_journal_size", () => journal().Bytes, "By", "Journal segments on disk.");
        _meter.CreateObservableGauge("pixel_journal_size_limit", () => journal().MaxBytes, "By", "Pixel:Journal:MaxBytes.");
        _meter.CreateObservableGauge("pixel_journal_accepting", () => journal().Accepting ? 1 : 0, null, "1 while events are taken, 0 while they are answered 503.");
        _meter.CreateObservableGauge("pixel_journal_queued", () => journal().Queued, null, "Events in memory that wait for their flush.");
        _meter.CreateObservableGauge("pixel_journal_torn", () => journal().Damage.TornBytes, "By", "Cut from the journal at the start: the trace of a crash, never acknowledged.");
        _meter.CreateObservableGauge("pixel_quarantined_segments", () => journal().Damage.QuarantinedSegments, null, "Journal files set aside at the start. Anything but 0 needs a person.");
        _meter.CreateObservableGauge("pixel_quarantined", () => journal().Damage.QuarantinedBytes, "By", "Size of those files.");
        _meter.CreateObservableCounter("pixel_quarantined_records", () => journal().Damage.QuarantinedRecords, null, "Damaged records left out. Anything but 0 needs a person.");
        _meter.CreateObservableGauge("pixel_missing_segments", () => journal().Damage.MissingSegments, null, "Journal files that should be there and are not. Anything but 0 needs a person.");
        _meter.CreateObservableGauge("pixel_store_lag", () => store().Lag.TotalSeconds, "s", "Age of the oldest event that is not in the store.");
        _meter.CreateObservableGauge("pixel_store_up", () => store().Reachable ? 1 : 0, null, "1 while the last attempt to reach the store worked.");
        _meter.CreateObservableCounter("pixel_store_failures", () => store().Failures, null, "Attempts to store that failed and are tried again.");
        _meter.CreateObservableGauge("pixel_daily_key_shared", () => dailyKey().Shared ? 1 : 0, null, "1 while daily visitors are counted with the key of the store, 0 while with one of this collector's own.");
        _meter.CreateObservableCounter("pixel_daily_keys_unopened", () => dailyKey().Unopened, null, "Times that the store's key was found closed with another secret. Anything but 0 needs a person.");
        _meter.CreateObservableGauge("pixel_retention_age", () => retention().Age.TotalSeconds, "s", "Time since everything that is past its RetentionDays was gone; 0 where nothing is set.");
        _meter.CreateObservableCounter("pixel_retention_partitions", () => retention().Partitions, null, "Partitions of events that this server dropped because all in them was past.");
        _meter.CreateObservableCounter("pixel_retention_rows", () => retention().Rows, null, "Rows that this server deleted one by one because they were past.");
        _meter.CreateObservableGauge("pixel_opt_outs_known", () => optOuts().Known, null, "Persons and devices of whom the doors know that they opted out of sale and sharing.");
        _meter.CreateObservableGauge("pixel_opt_outs_limit", () => optOuts().Most, null, "Pixel:Privacy:MostOptOuts: from here on nothing more is learnt from signals that anybody can send.");
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Refused() =>
        _page.Refused.Select(one => new Measurement<long>(one.Value, new KeyValuePair<string, object?>("reason", one.Key)));
}

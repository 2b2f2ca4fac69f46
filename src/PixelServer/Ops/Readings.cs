namespace PixelServer.Ops;

/// <summary>
/// What the journal says of itself to health, metrics and banner: it registers a <c>Func&lt;JournalReading&gt;</c>, so that Ops
/// needs to know no stage. Cheap to ask: no disk, no lock that a hit waits for.
/// </summary>
/// <param name="Accepting">Whether an event offered now would be taken, as far as is known.</param>
/// <param name="State">One word: <c>writing</c>, <c>full</c>, <c>failed</c> or <c>stopping</c>.</param>
/// <param name="Acknowledge">When a 2xx is sent, as configured.</param>
/// <param name="DurablePosition">Bytes of this journal run that are durable.</param>
/// <param name="Queued">Events in memory that wait for their flush.</param>
/// <param name="Bytes">All segments on disk.</param>
/// <param name="MaxBytes">Beyond it events are refused.</param>
/// <param name="MinFreeBytes">With less free on the disk events are refused.</param>
/// <param name="Damage">What is wrong with it.</param>
internal sealed record JournalReading(
    bool Accepting, string State, string Acknowledge, long DurablePosition, int Queued, long Bytes, long MaxBytes, long MinFreeBytes, JournalDamage Damage);

/// <summary>What was found broken. A torn tail is the normal trace of a crash; anything else needs a person.</summary>
/// <param name="TornBytes">Cut from the end of a segment at the start: never acknowledged.</param>
/// <param name="QuarantinedSegments">Files set aside at the start because they could not be read.</param>
/// <param name="QuarantinedBytes">Their size.</param>
/// <param name="QuarantinedRecords">Damaged records left out since the start.</param>
/// <param name="MissingSegments">Files that should be between others and are not.</param>
internal sealed record JournalDamage(long TornBytes, long QuarantinedSegments, long QuarantinedBytes, long QuarantinedRecords, long MissingSegments)
{
    public bool NeedsAPerson => QuarantinedSegments > 0 || QuarantinedRecords > 0 || MissingSegments > 0;
}

/// <summary>What the far side of the journal says of itself: a <c>Func&lt;StoreReading&gt;</c>. Never asks the database, so that health cannot be used to hammer it.</summary>
/// <param name="Name"><c>postgresql</c> or <c>sqlite</c>.</param>
/// <param name="Reachable">Whether the last attempt to talk to it worked.</param>
/// <param name="Lag">Age of the oldest event that is not stored; zero when all are.</param>
/// <param name="Failures">Attempts that failed since the start.</param>
/// <param name="LastError">Kind of the last failure, such as a class name or SQLSTATE; never a message, which may hold secrets. Null: none yet.</param>
internal sealed record StoreReading(string Name, bool Reachable, TimeSpan Lag, long Failures, string? LastError);

/// <summary>What the exchange of daily keys says of itself: a <c>Func&lt;DailyKeyReading&gt;</c>.</summary>
/// <param name="Shared">Today's key is the one of the store, so that all collectors know the same visitors.</param>
/// <param name="Foreign">The store's key was closed with another secret.</param>
/// <param name="Unopened">How often that was found since the start.</param>
internal sealed record DailyKeyReading(bool Shared, bool Foreign, long Unopened);

/// <summary>What retention says of itself: a <c>Func&lt;RetentionReading&gt;</c>.</summary>
/// <param name="IsSet">Events of at least one site are to be deleted some day.</param>
/// <param name="LastSuccess">When everything that was past was last gone, whichever collector did it; null: not yet with these settings, as far as is known.</param>
/// <param name="Age">How long ago that is; since the start where it was not yet. Zero where nothing is set.</param>
/// <param name="Overdue">It is too long ago.</param>
/// <param name="LastError">Kind of the failure that lasts; null: none.</param>
/// <param name="Partitions">Dropped by this server since its start.</param>
/// <param name="Rows">Deleted one by one by this server since its start.</param>
internal sealed record RetentionReading(bool IsSet, DateTimeOffset? LastSuccess, TimeSpan Age, bool Overdue, string? LastError, long Partitions, long Rows);

/// <summary>Of how many opt-outs the doors know: a <c>Func&lt;OptOutReading&gt;</c>.</summary>
/// <param name="Known">Persons and devices.</param>
/// <param name="Most">From so many on nothing more is learnt from signals that anybody can send.</param>
internal sealed record OptOutReading(int Known, int Most);

/// <summary>A public address for the banner, handed over by the stage that answers there.</summary>
/// <param name="Name"><c>pixel</c>, <c>beacon</c>…</param>
/// <param name="Path">With its leading slash.</param>
internal sealed record Door(string Name, string Path);

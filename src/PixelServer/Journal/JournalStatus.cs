namespace PixelServer.Journal;

/// <summary>What the journal says of itself.</summary>
/// <param name="State">What the last commit met; <see cref="AppendOutcome.Accepted"/> where all is well.</param>
/// <param name="TroubleAge">How long ago a commit last met that; meaningless where all is well.</param>
/// <param name="Run">Id of the run that is written.</param>
/// <param name="Durable">Bytes of this run that are durable.</param>
/// <param name="Queued">Hits in memory that wait for a commit.</param>
/// <param name="Bytes">Of all segment files.</param>
/// <param name="Damage">What the start found wrong.</param>
/// <param name="QuarantinedRecords">Records that were left out since the start.</param>
internal sealed record JournalStatus(
    AppendOutcome State, TimeSpan TroubleAge, Guid Run, long Durable, int Queued, long Bytes, Damage Damage, long QuarantinedRecords);

namespace PixelServer.Store;

/// <summary>One subject's standing.</summary>
/// <param name="Subject">Made by <see cref="SubjectKeys"/>: the store holds no identifier.</param>
/// <param name="Standing">What is known.</param>
internal readonly record struct SubjectStanding(UInt128 Subject, Standing Standing);

/// <summary>Where the standings of all collectors meet: tables <c>standings</c> and <c>standing_epoch</c>. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IStandings
{
    /// <summary>
    /// Merges each word that is later than the one that is there. With <paramref name="bar"/> the epoch moves on as well: from the moment this
    /// returns no batch is stored whose drain does not know these standings, and every batch that was under way is stored and visible.
    /// </summary>
    Task KeepAsync(IReadOnlyList<SubjectStanding> standings, bool bar, CancellationToken ct);

    /// <summary>
    /// Every standing that changed since a mark, the epoch that they reach at least, and the mark to ask with next time; null asks for all. A
    /// standing may come twice.
    /// </summary>
    Task<(IReadOnlyList<SubjectStanding> Standings, long Epoch, string Mark)> SinceAsync(string? mark, CancellationToken ct);
}

/// <summary>Somebody was barred since the batch was made: learn who, and make the batch again.</summary>
internal sealed class BatchBarredException() : Exception("Somebody was erased or restricted since this batch was made.");

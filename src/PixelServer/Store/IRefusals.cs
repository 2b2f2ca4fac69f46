namespace PixelServer.Store;

/// <summary>Events of one day, site and reason that were turned away.</summary>
internal sealed record RefusalRow(DateOnly Day, string SiteId, string Code, long Count);

/// <summary>Where the refusal counts of all collectors meet: table <c>refusals</c>. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IRefusals
{
    /// <summary>Puts the sums of one run in the place of its smaller ones: however often they come, they are counted once.</summary>
    Task KeepAsync(Guid run, IReadOnlyList<RefusalRow> sums, CancellationToken ct);

    /// <summary>What all runs counted together, by day, site and code.</summary>
    /// <param name="site">Only this site; null for all.</param>
    /// <param name="first">First day, UTC.</param>
    /// <param name="last">Last day.</param>
    /// <param name="limit">At most as many rows.</param>
    /// <param name="ct">Cancels the query.</param>
    Task<IReadOnlyList<RefusalRow>> AskAsync(string? site, DateOnly first, DateOnly last, int limit, CancellationToken ct);
}

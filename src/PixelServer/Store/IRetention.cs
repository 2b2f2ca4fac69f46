namespace PixelServer.Store;

/// <summary>Sites whose events are kept for the same time.</summary>
/// <param name="Sites">Their ids.</param>
/// <param name="IsAllBut">All sites but these.</param>
internal sealed record RetentionSites(IReadOnlyList<string> Sites, bool IsAllBut)
{
    public static RetentionSites All { get; } = new([], IsAllBut: true);
}

/// <summary>A part of the stored events that covers a stretch of UTC days.</summary>
/// <param name="Name">What an operator calls it: the table.</param>
/// <param name="From">First day.</param>
/// <param name="Until">Day behind the last.</param>
/// <param name="CanDrop">It is a table of its own that can go as a whole.</param>
internal readonly record struct EventStretch(string Name, DateOnly From, DateOnly Until, bool CanDrop);

/// <summary>What became of a partition that was to go.</summary>
internal enum Dropped
{
    /// <summary>It is gone.</summary>
    Gone,

    /// <summary>It holds rows, and was to go only without.</summary>
    NotEmpty,

    /// <summary>Somebody reads; nobody was held up for longer than two seconds.</summary>
    InUse,
}

/// <summary>What is known of former runs with the same rules.</summary>
/// <param name="Day">The last day on which one succeeded.</param>
/// <param name="WholeDay">The last day on which one succeeded that looked at everything.</param>
/// <param name="FinishedAt">When the last one succeeded.</param>
internal readonly record struct RetentionPast(DateOnly? Day, DateOnly? WholeDay, DateTimeOffset? FinishedAt);

/// <summary>One run that succeeded; a row of <c>retention_runs</c> sums up those of a day.</summary>
internal sealed record RetentionRun(DateOnly Day, DateTimeOffset FinishedAt, string Rules, bool Whole, int Partitions, long Rows);

/// <summary>Where old events are deleted, in steps that are each a transaction of their own. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away or does not let us: try again later.</remarks>
internal interface IRetention
{
    /// <summary>Keeps other collectors away until it is disposed; null where one is at it.</summary>
    Task<IAsyncDisposable?> TurnAsync(CancellationToken ct);

    Task<RetentionPast> PastAsync(string rules, CancellationToken ct);

    Task KeepAsync(RetentionRun run, CancellationToken ct);

    /// <summary>Everything that holds events, oldest first.</summary>
    Task<IReadOnlyList<EventStretch>> StretchesAsync(CancellationToken ct);

    Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty, CancellationToken ct);

    /// <summary>How many events there are of these sites, received from <paramref name="from"/> (included) until <paramref name="until"/> (not included).</summary>
    Task<long> CountEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct);

    /// <summary>Deletes them; the caller keeps the time short.</summary>
    /// <returns>How many there were.</returns>
    Task<long> DeleteEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct);

    /// <summary>How many rejected rows and identity edges of these sites are older than <paramref name="before"/>.</summary>
    Task<long> CountRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct);

    /// <summary>Deletes some thousand of them: call it until it gives 0.</summary>
    Task<long> DeleteRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct);
}

namespace PixelServer.Store;

/// <summary>
/// Where events rest. Two implementations keep the same promise: PostgreSQL and SQLite; one
/// contract test suite runs on both.
/// </summary>
/// <remarks>Called by one drain at a time. Any exception other than those named here means that the store is away: try again later.</remarks>
internal interface IEventStore : IAsyncDisposable
{
    /// <summary>What health and the banner call it: <c>postgresql</c> or <c>sqlite</c>.</summary>
    string Name { get; }

    /// <summary>Brings the schema up to date and makes sure that there is room for the coming days. Safe to repeat.</summary>
    Task PrepareAsync(CancellationToken ct);

    /// <summary>Up to where the store holds the journal <paramref name="journal"/>; null if it has never seen it. Anybody may ask.</summary>
    Task<long?> PositionAsync(Guid journal, CancellationToken ct);

    /// <summary>
    /// Stores the batch and moves the journal's position from <see cref="EventBatch.From"/> to <see cref="EventBatch.To"/> in
    /// one transaction: both or neither. An empty batch only moves the position. An event whose <see cref="Hit.OnceKey"/> the store has had
    /// within <see cref="StoreOptions.OnceDays"/>, or earlier in the batch, makes no row.
    /// What the rows tell about who is who (<see cref="IdentityEdges"/>) is kept in the same transaction.
    /// </summary>
    /// <returns>How many events made no row because they were second copies.</returns>
    /// <exception cref="PositionMovedException">
    /// The position was not <see cref="EventBatch.From"/>, or the store does not know the journal and the batch neither starts at 0 nor
    /// <see cref="EventBatch.Begins"/>; nothing was stored.
    /// </exception>
    /// <exception cref="RefusedRowException">The store will never take one of the rows; nothing was stored.</exception>
    /// <exception cref="BatchBarredException">Somebody was barred since <see cref="EventBatch.Epoch"/>; nothing was stored.</exception>
    Task<int> SaveAsync(EventBatch batch, CancellationToken ct);

    /// <summary>
    /// Puts the one event of <paramref name="batch"/> into <c>events_rejected</c> with the reason, and moves the position past it, in
    /// one transaction.
    /// </summary>
    /// <exception cref="PositionMovedException">As for <see cref="SaveAsync"/>.</exception>
    /// <exception cref="BatchBarredException">As for <see cref="SaveAsync"/>.</exception>
    Task RejectAsync(EventBatch batch, RefusedRowException reason, CancellationToken ct);

    /// <summary>The newest events, newest first, as JSON objects with the column names of the contract.</summary>
    /// <param name="siteId">Only this site; null for all.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="ct">Cancels the query.</param>
    Task<IReadOnlyList<string>> RecentAsync(string? siteId, int limit, CancellationToken ct);
}

/// <summary>Consecutive events of one journal, and the stretch of the journal that they cover.</summary>
/// <param name="Journal">Id of the journal run that holds them.</param>
/// <param name="From">Position before the first event, in bytes.</param>
/// <param name="Events">The events in the order of arrival.</param>
/// <param name="Ends">For each event the position behind it; the last is <see cref="To"/> unless the batch was given an own end.</param>
/// <param name="To">Position behind the batch.</param>
internal sealed record EventBatch(Guid Journal, long From, IReadOnlyList<Event> Events, IReadOnlyList<long> Ends, long To)
{
    /// <summary>
    /// The drain has heard that the store does not know the journal, and begins it in the middle. One that is missing without that was lost by the
    /// database (restored, failed over), and the drain has to look back first.
    /// </summary>
    public bool Begins { get; init; }

    /// <summary>Everybody who was barred up to this epoch of the store is not among the events; null where that was not asked.</summary>
    public long? Epoch { get; init; }

    /// <summary>For each hit of the stretch that may not be stored the position behind it, and the code of its refusal.</summary>
    public IReadOnlyList<(long End, string Code)> Barred { get; init; } = [];

    /// <summary>Two halves that cover the same stretch; needs at least two events.</summary>
    public (EventBatch First, EventBatch Second) Split()
    {
        var half = Events.Count / 2;
        var middle = Ends[half - 1];
        return (new EventBatch(Journal, From, [.. Events.Take(half)], [.. Ends.Take(half)], middle) { Begins = Begins, Epoch = Epoch, Barred = [.. Barred.Where(one => one.End <= middle)] },
                new EventBatch(Journal, middle, [.. Events.Skip(half)], [.. Ends.Skip(half)], To) { Epoch = Epoch, Barred = [.. Barred.Where(one => one.End > middle)] });
    }
}

/// <summary>Another position stood in the store than the one the batch starts from: another writer, or a store that was set back.</summary>
internal sealed class PositionMovedException(Guid journal, long expected, long? found)
    : Exception($"Journal {journal}: expected the store at position {expected}, found {found?.ToString() ?? "none"}.")
{
    public long? Found { get; } = found;
}

/// <summary>The store judged a row itself, not the connection or the moment: trying again cannot help.</summary>
/// <param name="code">SQLSTATE or SQLite result code.</param>
/// <param name="reason">The store's words, without the row's data.</param>
/// <param name="inner">The driver's exception.</param>
internal sealed class RefusedRowException(string code, string reason, Exception? inner) : Exception($"{code}: {reason}", inner)
{
    public string Code { get; } = code;
    public string Reason { get; } = reason;
}

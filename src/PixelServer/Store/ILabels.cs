using PixelServer.Enrich;

namespace PixelServer.Store;

/// <summary>
/// The labels of rows that are stored, so that rules which look across hits, or which got better, can correct them. Two implementations:
/// PostgreSQL and SQLite; one contract test suite runs on both.
/// </summary>
/// <remarks>
/// Works beside writers, readers and other collectors; reads in bounded memory. Rows with a word of a later version are passed over. Any
/// exception means that the store is away.
/// </remarks>
internal interface ILabels
{
    /// <summary>The first and the last UTC day that can have rows; null where there are none.</summary>
    Task<(DateOnly First, DateOnly Last)?> DaysAsync(CancellationToken ct);

    /// <summary>The rows of all doors but those of mail, in no order.</summary>
    IAsyncEnumerable<LabelledRow> OthersAsync(Stretch within, CancellationToken ct);

    /// <summary>The rows of the mail doors: those of one <see cref="LabelledRow.Copy"/> together, in the order of time.</summary>
    /// <param name="within">Received in this stretch.</param>
    /// <param name="touched">Only copies with a row in this stretch; null for all rows, also those without a copy.</param>
    /// <param name="ct">Cancels the reading.</param>
    IAsyncEnumerable<LabelledRow> MailAsync(Stretch within, Stretch? touched, CancellationToken ct);

    /// <summary>Writes the labels in one transaction; rows that have them already, or that are gone, are left alone.</summary>
    /// <returns>How many rows changed.</returns>
    Task<int> ChangeAsync(IReadOnlyCollection<Relabelled> rows, CancellationToken ct);
}

/// <summary>A stretch of arrival: from <paramref name="From"/> until before <paramref name="Until"/>.</summary>
internal readonly record struct Stretch(DateTimeOffset From, DateTimeOffset Until)
{
    public static Stretch Day(DateOnly day) => new(new(day, TimeOnly.MinValue, TimeSpan.Zero), new(day.AddDays(1), TimeOnly.MinValue, TimeSpan.Zero));

    public Stretch Widened(TimeSpan by) => new(From - by, Until + by);

    public bool Holds(DateTimeOffset time) => From <= time && time < Until;

    /// <summary>From the earlier beginning to the later end.</summary>
    public Stretch Over(Stretch other) => new(From < other.From ? From : other.From, Until > other.Until ? Until : other.Until);
}

/// <summary>The label that a row is to have. <c>ReceivedAt</c> finds its partition.</summary>
internal sealed record Relabelled(Guid EventId, DateTimeOffset ReceivedAt, Label Label);

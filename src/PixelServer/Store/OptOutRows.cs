namespace PixelServer.Store;

/// <summary>Keeps whom signals opt out, apart from any batch: table <c>opt_outs</c>. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IOptOuts
{
    /// <param name="told">Each once, sorted. What is there already keeps its first and its last moment.</param>
    /// <param name="ct">Cancels it; nothing is kept then.</param>
    Task KeepAsync(IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> told, CancellationToken ct);
}

/// <summary>Whom the events of a batch opt out.</summary>
internal static class OptOutRows
{
    /// <summary>Each once, sorted; empty, at the cost of one comparison an event, where no event opts out.</summary>
    public static IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> Of(IEnumerable<Event> events)
    {
        SortedDictionary<OptOut, OptOutTimes>? found = null;
        foreach (var e in events)
        {
            var hit = e.Hit;
            if (!hit.OptedOut) continue;
            var rows = found ??= [];
            if (hit.LastingVisitor is { } visitor) Add(OptOut.Visitor, visitor.ToString("D"));
            if (hit.UserId is { } user && !BlockedIds.IsNobody(user)) Add(OptOut.User, user);
            if (hit.EmailSha256 is { } email) Add(OptOut.Email, email);

            void Add(string kind, string id) =>
                OptOutTimes.Add(rows, new(hit.SiteId, kind, id, hit.Gpc ? OptOut.Gpc : OptOut.ConsentString), new(hit.ReceivedAt, hit.ReceivedAt));
        }

        return found is null ? [] : found;
    }
}

namespace PixelServer.Store;

/// <summary>Somebody whom a signal opted out; a row of <c>opt_outs</c> without its times.</summary>
internal readonly record struct OptOut(string SiteId, string Kind, string Id, string Source) : IComparable<OptOut>
{
    /// <summary>One order for all collectors, who would else wait for each other's rows in a circle.</summary>
    public int CompareTo(OptOut other)
    {
        var order = string.CompareOrdinal(SiteId, other.SiteId);
        if (order == 0) order = string.CompareOrdinal(Kind, other.Kind);
        if (order == 0) order = string.CompareOrdinal(Id, other.Id);
        return order == 0 ? string.CompareOrdinal(Source, other.Source) : order;
    }
}

/// <summary>From and to when the signal was seen.</summary>
internal readonly record struct OptOutTimes(DateTimeOffset First, DateTimeOffset Last);

/// <summary>Whom the events of a batch opt out.</summary>
internal static class OptOutRows
{
    private const string Gpc = "gpc", ConsentString = "consent_string";

    /// <summary>Each once, sorted; empty, at the cost of one comparison an event, where no event opts out.</summary>
    public static IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> Of(IEnumerable<Event> events)
    {
        SortedDictionary<OptOut, OptOutTimes>? found = null;
        foreach (var e in events)
        {
            var hit = e.Hit;
            if (!hit.OptedOut) continue;
            var rows = found ??= [];
            if (hit.LastingVisitor is { } visitor) Add(IdentityEdges.Visitor, visitor.ToString("D"));
            if (hit.UserId is { } user && !BlockedIds.IsNobody(user)) Add(IdentityEdges.User, user);
            if (hit.EmailSha256 is { } email) Add(IdentityEdges.Email, email);

            void Add(string kind, string id)
            {
                var key = new OptOut(hit.SiteId, kind, id, hit.Gpc ? Gpc : ConsentString);
                var at = hit.ReceivedAt;
                rows[key] = rows.TryGetValue(key, out var seen) ? new(at < seen.First ? at : seen.First, at > seen.Last ? at : seen.Last) : new(at, at);
            }
        }

        return found is null ? [] : found;
    }
}

namespace PixelServer.Store;

/// <summary>Keeps out of the store what the doors would not take any more: hits that wait in the journal, or come from another machine's.</summary>
internal sealed class Bar(Standings standings, SubjectKeys keys, StandingExchange exchange)
{
    /// <summary>What is known here reaches up to this.</summary>
    public long Epoch => standings.Epoch;

    /// <summary>Why the hit is not stored; null where it may be.</summary>
    public string? CodeOf(Hit hit)
    {
        if (standings.IsEmpty) return null;
        var lasts = hit.VisitorKind is VisitorKind.Cookie or VisitorKind.Client;
        var standing = standings.Of(keys, hit.SiteId, lasts ? hit.VisitorId : null, hit.UserId, hit.EmailSha256);
        var at = hit.ReceivedAt.ToUnixTimeMilliseconds();

        // An identifier that was released is somebody's again from then on; what is older is the erased person's.
        if (standing.IsErased || at < standing.Kept.At) return Standing.ErasedCode;
        return standing.IsRestricted && at >= standing.Processed.At ? Standing.RestrictedCode : null;
    }

    public Task LearnAsync(CancellationToken ct) => exchange.ExchangeAsync(ct);
}

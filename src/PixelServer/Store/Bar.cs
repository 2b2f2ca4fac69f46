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
        var standing = standings.Of(keys, hit.SiteId, hit.LastingVisitor, hit.UserId, hit.EmailSha256)
            .With(standings.Beside(keys, hit.SiteId, hit.Name, hit.Properties.Span));
        var at = hit.ReceivedAt.ToUnixTimeMilliseconds();

        // An identifier that was released is somebody's again from then on; what is older is the erased person's.
        if (standing.IsErased || at < standing.Kept.At) return Standing.ErasedCode;
        return standing.IsRestricted && at >= standing.Processed.At ? Standing.RestrictedCode : null;
    }

    /// <summary>Whom the batch opts out is on our disk before the store has it: a crash in between must not opt anybody in again.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async Task KeepOptOutsAsync(IReadOnlyList<Event> events)
    {
        var any = false;
        foreach (var e in events)
        {
            var hit = e.Hit;
            if (!hit.OptedOut) continue;
            any = true;
            var word = Word.No(hit.ReceivedAt);

            // The door knows already, unless the server was started since. Ids that were new with the event it does not learn.
            var isProven = hit.Source is Source.Server or Source.Email or Source.Click;
            if (hit.LastingVisitor is { } visitor && !hit.IsVisitorNew) standings.OptOut(keys.Of(hit.SiteId, visitor), word, isProven);
            if (hit.UserId is { } user && !BlockedIds.IsNobody(user)) standings.OptOut(keys.Of(hit.SiteId, SubjectKind.User, user), word, isProven);
            if (hit.EmailSha256 is { } email) standings.OptOut(keys.Of(hit.SiteId, SubjectKind.Email, email), word, isProven);
        }

        if (any) await exchange.KeepToldAsync();
    }

    /// <inheritdoc cref="StandingExchange.StoreWasSetBack"/>
    public void StoreWasSetBack() => exchange.StoreWasSetBack();

    public Task LearnAsync(CancellationToken ct) => exchange.ExchangeAsync(ct);
}

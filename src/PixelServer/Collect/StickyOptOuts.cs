namespace PixelServer.Collect;

/// <summary>
/// An opt-out of sale and sharing stays: it marks everybody whom the event names, and later whoever is named on the same device. The absence of the
/// signal does not opt in again; a later recorded consent to ads does (11 CCR 7025, docs/proof.md).
/// </summary>
internal sealed class StickyOptOuts(Standings standings, SubjectKeys keys)
{
    /// <summary>In memory, so that the very next event is judged by it; on disk before the event's batch is stored.</summary>
    /// <param name="site">The site's id.</param>
    /// <param name="visitor">Where it lives longer than a day.</param>
    /// <param name="user">The site's own id of the person.</param>
    /// <param name="email">Hash of an address.</param>
    /// <param name="signal">When the event itself opts out; null where it does not.</param>
    /// <param name="known">What was known of all of them before.</param>
    public void Learn(string site, Guid? visitor, string? user, string? email, DateTimeOffset? signal, in Standing known)
    {
        if (signal is null && !known.IsOptedOut) return; // nearly every event
        Word? word = signal is { } at ? Word.No(at) : null;
        if (visitor is { } device)
        {
            var subject = keys.Of(site, device);
            if (word is { } said) standings.OptOut(subject, said);
            // From the device to everybody on it, and no further: what others do elsewhere is not this device's.
            else if (standings.Of(subject) is { IsOptedOut: true } theirs) word = theirs.Shared;
        }

        if (word is not { } no) return;
        if (user is not null && !BlockedIds.IsNobody(user)) standings.OptOut(keys.Of(site, SubjectKind.User, user), no);
        if (email is not null) standings.OptOut(keys.Of(site, SubjectKind.Email, email), no);
    }
}

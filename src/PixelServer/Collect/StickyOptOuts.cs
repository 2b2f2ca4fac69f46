namespace PixelServer.Collect;

/// <summary>Whom an event names, and whether the store hears of them by its hit.</summary>
/// <param name="Site">The site's id.</param>
/// <param name="Visitor">Where it lives longer than a day, and was there before the request.</param>
/// <param name="User">The site's own id of the person.</param>
/// <param name="Email">Hash of an address.</param>
/// <param name="IsInHit">The hit names them all.</param>
internal readonly record struct Named(string Site, Guid? Visitor, string? User, string? Email, bool IsInHit)
{
    /// <summary>Who says so has shown that they may: by a secret key, or a token of ours. Whatever anybody may send is bounded (<see cref="Standings.MostOptOuts"/>).</summary>
    public bool IsProven { get; init; }
}

/// <summary>
/// An opt-out of sale and sharing stays: it marks everybody whom the event names, and later whoever is named on the same device. The absence of the
/// signal does not opt in again; a later recorded consent to ads does (11 CCR 7025, docs/proof.md).
/// </summary>
internal sealed class StickyOptOuts(Standings standings, SubjectKeys keys, UnwrittenOptOuts unwritten)
{
    /// <summary>In memory, so that the very next event is judged by it; on disk before the event's batch is stored, or within seconds where no hit names them.</summary>
    /// <param name="who">Whom the event names.</param>
    /// <param name="source">By what it opts out, as in <see cref="OptOut"/>; null where it does not.</param>
    /// <param name="at">When the event arrived.</param>
    /// <param name="known">What was known of all of them before.</param>
    public void Learn(in Named who, string? source, DateTimeOffset at, in Standing known)
    {
        if (source is null && !known.IsOptedOut) return; // nearly every event
        Word? word = source is null ? null : Word.No(at);
        if (who.Visitor is { } device)
        {
            var subject = keys.Of(who.Site, device);
            if (word is { } said) Mark(who, subject, OptOut.Visitor, device.ToString("D"), source, said);
            // From the device to everybody on it, and no further: what others do elsewhere is not this device's.
            else if (standings.Of(subject) is { IsOptedOut: true } theirs) word = theirs.Shared;
        }

        if (word is not { } no) return;
        if (who.User is { } user && !BlockedIds.IsNobody(user)) Mark(who, keys.Of(who.Site, SubjectKind.User, user), OptOut.User, user, source, no);
        if (who.Email is { } email) Mark(who, keys.Of(who.Site, SubjectKind.Email, email), OptOut.Email, email, source, no);
    }

    // A signal counts anew each time it comes, also against a consent from between two of them; what the device kept, or is known of it, is told once and not
    // as something that was said again.
    private void Mark(in Named who, UInt128 subject, string kind, string id, string? source, Word word)
    {
        var known = standings.Of(subject);
        var isNew = !known.IsOptedOut && known.Shared.At < word.At;
        if (source != OptOut.Device) standings.OptOut(subject, word, who.IsProven);
        else if (isNew) standings.Tell(subject, new() { Shared = word }, who.IsProven);
        var isSignal = source is OptOut.Gpc or OptOut.ConsentString;
        if (isSignal ? !who.IsInHit : isNew) unwritten.Add(new(who.Site, kind, id, source ?? OptOut.Device), DateTimeOffset.FromUnixTimeMilliseconds(word.At));
    }
}

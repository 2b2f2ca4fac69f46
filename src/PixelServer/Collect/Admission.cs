using System.Text;

namespace PixelServer.Collect;

/// <summary>Decides about one event: whose it is, whether it may be kept, and what of it.</summary>
internal sealed class Admission(Sites sites, VisitorCookie cookies, EventIds ids, Standings standings, SubjectKeys subjects)
{
    private static readonly string[] s_user = [.. Parameters.NamesOf(ParameterKind.User)];
    private static readonly string[] s_identifiers = [.. Parameters.NamesOf(ParameterKind.EventId), .. ClickIds.Names];

    // What the doors with keys put among the properties: about the person, and about the device with whatever ids SDKs hang on it.
    private static readonly string[] s_keptPerson = [Encoding.ASCII.GetString(Parameters.KeptIdentities), "traits", "previous_id", "group_id"];
    private static readonly string[] s_keptDevice = [Encoding.ASCII.GetString(Parameters.KeptDevice), "anonymous_id", "context", "integrations"];

    /// <summary>Makes the hit, or says why there is none. Sets what the visit means for the visitor's device.</summary>
    public Refusal? Admit(Draft draft, in Caller caller, Source source, ref Visit visit, out Hit? hit)
    {
        hit = null;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;

        if (!MaySend(site!, caller)) return Refusal.OriginNotAllowed;
        visit.AllowOrigin();

        if (Bars(StandingOf(draft, caller, ref visit)) is { } barred) return barred;
        var consent = Consent.Decide(site!.Regime, caller.Gpc);
        if (!consent.Storage) visit.Withhold(site);
        if (Strip(draft, caller, consent) is { } refused) return refused;

        var visitor = consent.Storage ? visit.Identify(cookies, caller, site, draft.Reset) : (Guid?)null;
        hit = Make(draft, caller, source, site, consent, visitor, VisitorKind.Cookie);
        return null;
    }

    /// <summary>The same for the holder of a key, who says whose event it is (<see cref="Draft.Claim"/>): no cookie is read or set.</summary>
    public Refusal? AdmitClaimed(Draft draft, in Caller caller, Source source, out Hit? hit)
    {
        hit = null;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;
        if (!MaySend(site!, caller)) return Refusal.OriginNotAllowed;
        var claim = draft.Claim!;
        if (Bars(standings.Of(subjects, draft.Site ?? Parameters.DefaultSite, claim.Visitor, draft.User, claim.EmailSha256)) is { } barred) return barred;
        var consent = Consent.Decide(site!.Regime, caller.Gpc);
        if (claim.NoAds) consent = consent with { Ads = false };
        if (Strip(draft, caller, consent) is { } refused) return refused;
        if (!consent.User) draft.Properties.Drop(s_keptPerson);
        if (!consent.Identifiers) draft.Properties.Drop(s_keptDevice);

        hit = Make(draft, caller, source, site, consent, consent.Storage ? claim.Visitor : null, claim.VisitorKind);
        return null;
    }

    /// <summary>Whether pages of the origin may read our answer: what a preflight asks, and a body that holds no readable event.</summary>
    public bool AllowsOrigin(string? siteId, string origin) => sites.Find(siteId, out var site) is null && site!.Origins.Allows(origin);

    // A request without an Origin header is an image or a server: the list is for pages, it is no access control.
    private static bool MaySend(Site site, in Caller caller) => caller.Origin is null || site.Origins.IsOpen || site.Origins.Allows(caller.Origin);

    // The device of somebody who was erased is a new visitor's; whoever names them by any other name is refused.
    private Standing StandingOf(Draft draft, in Caller caller, ref Visit visit)
    {
        if (standings.IsEmpty) return default;
        var site = draft.Site ?? Parameters.DefaultSite;
        var visitor = draft.Reset ? null : visit.Known(cookies, caller);
        if (visitor is { } known && standings.Of(subjects.Of(site, known)).IsErased)
        {
            visit.Forget();
            visitor = null;
        }

        return standings.Of(subjects, site, visitor, draft.User, email: null);
    }

    private static Refusal? Bars(Standing standing) =>
        standing.IsErased ? Refusal.PersonErased : standing.IsRestricted ? Refusal.PersonRestricted : null;

    // What may not be kept leaves the draft before anything is made of it.
    private static Refusal? Strip(Draft draft, in Caller caller, Consent consent)
    {
        if (!consent.Measurement) return Refusal.ConsentRequired;
        if (!consent.User) draft.Properties.Drop(s_user);
        if (!consent.Identifiers) draft.Properties.Drop(s_identifiers);
        return KeepConsentStrings(draft, caller);
    }

    private Hit Make(Draft draft, in Caller caller, Source source, Site site, Consent consent, Guid? visitor, VisitorKind kind)
    {
        var eventId = ids.Next(caller.ReceivedAt);
        return new Hit
        {
            EventId = eventId,
            ReceivedAt = caller.ReceivedAt,
            OccurredAt = ClientClock.Occurred(caller.ReceivedAt, draft.Timestamp, draft.SentAt, draft.Claim?.BackHours ?? Limits.BackHours),
            SiteId = draft.Site ?? Parameters.DefaultSite,
            Source = source,
            Name = draft.Name ?? Parameters.DefaultName,
            ClientEventId = consent.Identifiers ? draft.EventId : null,
            VisitorId = visitor ?? eventId,
            VisitorKind = visitor is null ? VisitorKind.None : kind,
            UserId = consent.User ? draft.User : null,
            EmailSha256 = consent.User ? draft.Claim?.EmailSha256 : null,
            OnceKey = draft.Claim?.OnceKey,
            Url = consent.Identifiers ? draft.Url ?? caller.Referer : BareAddress.Of(draft.Url ?? caller.Referer),
            Title = draft.Title,
            Referrer = consent.Identifiers ? draft.Referrer : BareAddress.Of(draft.Referrer),
            Value = draft.Value,
            Currency = draft.Currency,
            Ip = consent.Identifiers ? ClientAddress.Kept(caller.Address, site.IpPolicy) : null,
            ProxyCountry = caller.Country,
            UserAgent = caller.UserAgent,
            HintBrands = caller.HintBrands,
            HintMobile = caller.HintMobile,
            HintPlatform = caller.HintPlatform,
            Purpose = caller.Purpose,
            FetchDest = caller.FetchDest,
            FetchMode = caller.FetchMode,
            ConsentStorage = consent.Storage,
            ConsentMeasurement = consent.Measurement,
            ConsentAds = consent.Ads,
            Gpc = caller.Gpc,
            Properties = draft.Properties.ToJson(),
        };
    }

    private static Refusal? KeepConsentStrings(Draft draft, in Caller caller)
    {
        if (caller.Dnt is { } dnt && draft.Consent.AddOwn("dnt"u8, dnt == "1" ? "1"u8 : "0"u8) is { } refusal) return refusal;
        return draft.Consent.IsEmpty ? null : draft.Properties.AddObject(Parameters.KeptConsent, draft.Consent);
    }
}

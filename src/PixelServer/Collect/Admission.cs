using System.Text;
using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>Decides about one event: whose it is, whether it may be kept, and what of it.</summary>
internal sealed class Admission(Sites sites, VisitorCookie cookies, EventIds ids, Standings standings, SubjectKeys subjects, DailyVisitors days)
{
    private static readonly string[] s_user = [.. Parameters.NamesOf(ParameterKind.User)];
    private static readonly string[] s_userOfAlias = [.. s_user, "previous_id", "previousId"];
    private static readonly string[] s_identifiers = [.. Parameters.NamesOf(ParameterKind.EventId)];

    // The tag reads the cookies in which ad platforms keep ids of clicks and browsers.
    private static readonly string[] s_clickIds = [.. ClickIds.Names, .. MailIds.Names, "$cookies"];

    // What the doors with keys put among the properties: about the person, and about the device with whatever ids SDKs hang on it.
    // Ids of apps' devices are ids for ads: where there is no person there is no device either.
    private static readonly string[] s_kept =
    [
        Encoding.ASCII.GetString(Parameters.KeptIdentities), "traits", "previous_id", "group_id",
        Encoding.ASCII.GetString(Parameters.KeptDevice), "anonymous_id", "context", "integrations",
    ];

    private readonly StickyOptOuts _optOuts = new(standings, subjects);

    /// <summary>Makes the hit, or says why there is none. Sets what the visit means for the visitor's device.</summary>
    public Refusal? Admit(Draft draft, in Caller caller, Source source, ref Visit visit, out Hit? hit)
    {
        hit = null;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;

        if (!MaySend(site!, caller)) return Refusal.OriginNotAllowed;
        visit.AllowOrigin();

        var standing = StandingOf(draft, caller, ref visit);
        if (Bars(standing) is { } barred) return barred;
        var said = ConsentReader.Read(draft, caller);
        var consent = Consent.Decide(site!, said, caller.Country, standing, caller.ReceivedAt);
        if (!consent.Storage) visit.Withhold(site!);
        if (Strip(draft, caller, site!, said, consent) is { } refused) return refused;

        var optsOut = Consent.OptsOut(site!, said, caller.Country);
        var visitor = consent.Storage ? visit.Identify(cookies, caller, site!, draft.Reset, mayRenew: consent.User) : OfTheDay(draft, caller, site!, consent);
        _optOuts.Learn(draft.Site ?? Parameters.DefaultSite, consent.Storage ? visitor : null, draft.User, null, optsOut ? caller.ReceivedAt : null, standing);
        hit = Make(draft, caller, source, site!, said.Gpc, optsOut, consent, visitor, consent.Storage ? VisitorKind.Cookie : VisitorKind.Daily);
        return null;
    }

    /// <summary>The same for the holder of a key, who says whose event it is (<see cref="Draft.Claim"/>): no cookie is read or set.</summary>
    public Refusal? AdmitClaimed(Draft draft, in Caller caller, Source source, out Hit? hit)
    {
        hit = null;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;
        if (!MaySend(site!, caller)) return Refusal.OriginNotAllowed;
        var claim = draft.Claim!;
        var standing = standings.Of(subjects, draft.Site ?? Parameters.DefaultSite, claim.Visitor, draft.User, claim.EmailSha256).With(Beside(draft));
        if (Bars(standing) is { } barred) return barred;
        var said = ConsentReader.Read(draft, caller);
        var consent = Consent.Decide(
            site!, said with { TrackingRefused = said.TrackingRefused || claim.NoAds }, caller.Country, standing, caller.ReceivedAt);
        if (Strip(draft, caller, site!, said, consent) is { } refused) return refused;
        if (!consent.User) draft.Properties.Drop(s_kept);

        // Nobody has to be told: what the backend did not say stays unsaid, and only an id that may not be kept becomes one of the day.
        var optsOut = Consent.OptsOut(site!, said, caller.Country);
        _optOuts.Learn(draft.Site ?? Parameters.DefaultSite, consent.Storage ? claim.Visitor : null, draft.User, claim.EmailSha256, optsOut ? caller.ReceivedAt : null, standing);
        hit = consent.Storage
            ? Make(draft, caller, source, site!, said.Gpc, optsOut, consent, claim.Visitor, claim.VisitorKind)
            : Make(draft, caller, source, site!, said.Gpc, optsOut, consent, OfTheDay(draft, caller, site!, consent), VisitorKind.Daily);
        return null;
    }

    /// <summary>What would be decided about the visitor, without an event. An opt-out is learnt as from an event, and a storage that the request denies is withheld.</summary>
    public Refusal? Look(Draft draft, in Caller caller, ref Visit visit, out Honoured honoured)
    {
        honoured = default;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;
        if (!MaySend(site!, caller)) return Refusal.OriginNotAllowed;
        visit.AllowOrigin();

        var id = draft.Site ?? Parameters.DefaultSite;
        var known = StandingOf(draft, caller, ref visit);
        var said = ConsentReader.Read(draft, caller);
        var consent = Consent.Decide(site!, said, caller.Country, known, caller.ReceivedAt);
        // Who asks without saying anything about consent denies nothing.
        if (!consent.Storage && !draft.Consent.IsEmpty) visit.Withhold(site!);

        var visitor = consent.Storage ? visit.Known(cookies, caller) : null;
        _optOuts.Learn(id, visitor, draft.User, null, Consent.OptsOut(site!, said, caller.Country) ? caller.ReceivedAt : null, known);
        var stays = visitor is { } device && standings.Of(subjects.Of(id, device)).IsOptedOut;
        honoured = new(said.Gpc, said.Dnt, said.Gpc || said.SaleOptOut || known.IsOptedOut || stays, stays, site!.RegimeIn(caller.Country).ToString().ToLowerInvariant());
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

        return standings.Of(subjects, site, visitor, draft.User, email: null).With(Beside(draft));
    }

    // Asked before anything leaves the draft: who may not be kept is refused, not stripped.
    private Standing Beside(Draft draft) => standings.IsEmpty || !NamedBeside.IsLikely(draft.Name, draft.Properties.Written)
        ? default : standings.Beside(subjects, draft.Site ?? Parameters.DefaultSite, draft.Name, draft.Properties.ToJson().Span);

    private Guid? OfTheDay(Draft draft, in Caller caller, Site site, in Consent consent) =>
        consent.Day ? days.Of(site, draft.Site ?? Parameters.DefaultSite, caller) : null;

    private static Refusal? Bars(Standing standing) =>
        standing.IsErased ? Refusal.PersonErased : standing.IsRestricted ? Refusal.PersonRestricted : null;

    // What may not be kept leaves the draft before anything is made of it.
    private static Refusal? Strip(Draft draft, in Caller caller, Site site, in ConsentSignals said, in Consent consent)
    {
        if (!consent.Measurement) return Refusal.ConsentRequired;
        if (!consent.User) draft.Properties.Drop(draft.Name == NamedBeside.Alias ? s_userOfAlias : s_user);
        if (!consent.Identifiers) draft.Properties.Drop(s_identifiers);
        if (!consent.ClickIds) draft.Properties.Drop(s_clickIds);
        return ConsentReader.Keep(draft, caller, said, site);
    }

    private Hit Make(Draft draft, in Caller caller, Source source, Site site, bool gpc, bool optsOut, in Consent consent, Guid? visitor, VisitorKind kind)
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
            Url = Kept(draft.Url ?? caller.Referer, consent),
            Title = draft.Title,
            Referrer = Kept(draft.Referrer, consent),
            Value = draft.Value,
            Currency = draft.Currency,
            Ip = consent.Address ? ClientAddress.Kept(caller.Address, site.IpPolicy) : null,
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
            Gpc = gpc,
            OptedOut = optsOut,
            Properties = draft.Properties.ToJson(),
        };
    }

    private static string? Kept(string? address, in Consent consent) =>
        !consent.Identifiers ? BareAddress.Of(address) : consent.ClickIds ? address : BareAddress.WithoutClickIds(address);
}

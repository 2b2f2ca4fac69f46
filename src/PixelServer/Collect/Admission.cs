using Microsoft.Extensions.Primitives;
using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>Decides about one event: whose it is, whether it may be kept, and what of it.</summary>
internal sealed class Admission(
    Sites sites, VisitorCookie cookies, EventIds ids, Standings standings, SubjectKeys subjects, DailyVisitors days, UnwrittenOptOuts unwritten)
{
    private readonly StickyOptOuts _optOuts = new(standings, subjects, unwritten);

    /// <summary>Makes the hit, or says why there is none. Sets what the visit means for the visitor's device.</summary>
    public Refusal? Admit(Draft draft, in Caller caller, Source source, ref Visit visit, out Hit? hit)
    {
        hit = null;
        if (Open(draft, caller, out var site) is { } closed) return closed;
        visit.AllowOrigin();

        // Nobody can show here that the device's owner agreed to it: apps send with a key.
        var noAds = draft.Properties.Drop(DeviceWords.IsAdvertisingId);
        var returned = Returned(draft.Reset, draft.SiteId, caller, ref visit, out var visitors);
        var person = WithUser(visitors, draft.SiteId, draft.User).With(Beside(draft));
        if (Bars(person) is { } barred) return barred;
        var noes = visit.Refused(cookies, caller);
        var judged = Judge(draft, caller, site, noes, person, noAds);
        var consent = judged.Consent;
        if (!consent.Storage) visit.Withhold(draft.SiteId, site);
        Keep(ref visit, site, consent, noes, visitors, judged.Standing, judged.OptsOut);

        // Whoever comes back with a signal is opted out, also by an event that is not kept; whom such an event names beside them anybody can make up.
        var refused = Stripping.Strip(draft, caller, site, judged.Said, judged.Consent);
        _optOuts.Learn(
            new(draft.SiteId, returned, refused is null ? draft.User : null, Email: null, IsInHit: consent.Storage && refused is null),
            judged.OptedOutBy, caller.ReceivedAt, judged.Standing);
        if (refused is not null) return refused;

        if (consent.Storage)
        {
            var visitor = visit.Identify(cookies, caller, draft.SiteId, site, draft.Reset, mayRenew: consent.User);
            hit = Make(draft, caller, source, site, judged, visitor, VisitorKind.Cookie, isNew: visitor != returned);
        }
        else
        {
            hit = Make(draft, caller, source, site, judged, consent.Day ? days.Of(site, draft.SiteId, caller) : null, VisitorKind.Daily);
        }

        return null;
    }

    /// <summary>The same for the holder of a key, who says whose event it is (<see cref="Draft.Claim"/>): no cookie is read or set.</summary>
    public Refusal? AdmitClaimed(Draft draft, in Caller caller, Source source, out Hit? hit)
    {
        hit = null;
        if (Open(draft, caller, out var site) is { } closed) return closed;
        var claim = draft.Claim!;
        var known = standings.Of(subjects, draft.SiteId, claim.Visitor, draft.User, claim.EmailSha256).With(Beside(draft));
        if (Bars(known) is { } barred) return barred;
        var judged = Judge(draft, caller, site, Noes.None, known, claim.NoAds);
        var consent = judged.Consent;

        // Nobody has to be told: what the backend did not say stays unsaid.
        var refused = Stripping.Strip(draft, caller, site, judged.Said, judged.Consent);
        _optOuts.Learn(
            new(draft.SiteId, claim.Visitor, draft.User, claim.EmailSha256, IsInHit: consent.Storage && refused is null) { IsProven = claim.IsSecret },
            judged.OptedOutBy, caller.ReceivedAt, judged.Standing);
        if (refused is not null) return refused;

        // An id that may not be kept becomes one of the day. So does a client's own under the exemption: ids have to end there, and that one lives as long as its sender likes.
        var isExempt = consent.Storage && !consent.User;
        if (consent.User || (isExempt && claim.VisitorKind == VisitorKind.Cookie)) hit = Make(draft, caller, source, site, judged, claim.Visitor, claim.VisitorKind);
        else hit = Make(draft, caller, source, site, judged, consent.Day || (isExempt && claim.Visitor is not null) ? days.Of(site, draft.SiteId, caller) : null, VisitorKind.Daily);
        return null;
    }

    /// <summary>
    /// What would be decided about the visitor, without an event: by what the request says and the device names, for of a user that it names anybody could ask.
    /// An opt-out is learnt as from an event, and a storage that the request denies is withheld.
    /// </summary>
    /// <param name="draft">What the request says.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="decides">The visitor decides here whether to be measured: the device keeps a no, and a yes takes it back.</param>
    /// <param name="visit">What the answer sets.</param>
    /// <param name="honoured">What holds then.</param>
    public Refusal? Look(Draft draft, in Caller caller, bool decides, ref Visit visit, out Honoured honoured)
    {
        honoured = default;
        if (Open(draft, caller, out var site) is { } closed) return closed;
        var returned = Returned(reset: false, draft.SiteId, caller, ref visit, out var visitors);
        var noes = visit.Refused(cookies, caller);
        var judged = Judge(draft, caller, site, noes, visitors, noAds: false);
        var (said, standing) = (judged.Said, judged.Standing);

        // Who asks without saying anything about consent denies nothing. Where the id goes, what is known of it goes to the device.
        if (!judged.Consent.Storage && !draft.Consent.IsEmpty)
        {
            visit.Withhold(draft.SiteId, site);
            visit.Keep(site, returned is null ? Noes.None : DeviceNo.Of(visitors, standing) | (judged.OptsOut ? Noes.Ads : Noes.None), Noes.None, optsOut: false);
        }

        if (decides && said.Mode.Measurement is var word and not Said.Nothing)
            visit.Keep(site, word == Said.No ? Noes.Measurement : Noes.None, judged.Consent.Measurement ? Noes.Measurement : Noes.None, optsOut: false);

        _optOuts.Learn(new(draft.SiteId, returned, User: null, Email: null, IsInHit: false), judged.OptedOutBy, caller.ReceivedAt, standing);
        var stays = (returned is { } device && standings.Of(subjects.Of(draft.SiteId, device)).IsOptedOut) || (noes.HasFlag(Noes.Ads) && standing.IsOptedOut);
        honoured = new(
            said.Gpc, said.Dnt, said.Gpc || said.SaleOptOut || standing.IsOptedOut || stays, stays, site.RegimeIn(caller.Country).ToString().ToLowerInvariant(), judged.Consent.Measurement);
        return null;
    }

    /// <summary>The device's id is to go: the Set-Cookie lines that take it away, and leave in its place what its person said no to.</summary>
    public StringValues Withdraw(string site, Site rules, in Caller caller)
    {
        var visit = new Visit();
        Returned(reset: false, site, caller, ref visit, out var visitors);
        visit.Refused(cookies, caller);
        visit.Withhold(site, rules);
        visit.Keep(rules, DeviceNo.Of(visitors, visitors), Noes.None, optsOut: false);
        return visit.CookieHeader(cookies, caller);
    }

    /// <summary>Whether pages of the origin may read our answer: what a preflight asks, and a body that holds no readable event.</summary>
    public bool AllowsOrigin(string? siteId, string origin) => sites.Find(siteId, out var site) is null && site!.Origins.Allows(origin);

    private Refusal? Open(Draft draft, in Caller caller, out Site site)
    {
        var refusal = sites.Find(draft.Site, out var found);
        site = found!;
        return refusal ?? (MaySend(site, caller) ? null : Refusal.OriginNotAllowed);
    }

    // A request without an Origin header is an image or a server: the list is for pages, it is no access control.
    private static bool MaySend(Site site, in Caller caller) => caller.Origin is null || site.Origins.IsOpen || site.Origins.Allows(caller.Origin);

    // Whose id came back, with what is known of them. The device of somebody who was erased is a new visitor's; whoever names them by any other name is refused.
    private Guid? Returned(bool reset, string site, in Caller caller, ref Visit visit, out Standing standing)
    {
        standing = default;
        var visitor = reset ? null : visit.Returned(cookies, caller);
        if (visitor is not { } known || standings.IsEmpty) return visitor;
        standing = standings.Of(subjects.Of(site, known));
        if (!standing.IsErased) return visitor;
        visit.Forget();
        standing = default;
        return null;
    }

    private Standing WithUser(in Standing visitors, string site, string? user) =>
        user is null || standings.IsEmpty || BlockedIds.IsNobody(user) ? visitors : visitors.With(standings.Of(subjects.Of(site, SubjectKind.User, user)));

    private static Judged Judge(Draft draft, in Caller caller, Site site, Noes noes, in Standing known, bool noAds)
    {
        var said = ConsentReader.Read(draft, caller);
        if (noAds) said = said with { TrackingRefused = true };
        var standing = DeviceNo.Join(noes, site, said, caller.Country, known, caller.ReceivedAt);
        return new(
            said, standing, Consent.Decide(site, said, caller.Country, standing, caller.ReceivedAt),
            Consent.OptsOut(site, said, caller.Country), SourceOf(site, said, noes, standing, caller));
    }

    // What was decided about the visitor or said by this request, and what an older no is answered by.
    private static void Keep(ref Visit visit, Site site, in Consent consent, Noes noes, in Standing visitors, in Standing person, bool optsOut)
    {
        if (noes == Noes.None && visitors == default && !optsOut) return; // nearly every event
        var refused = DeviceNo.Of(visitors, person);
        if (consent.Storage) refused &= ~Noes.Ads; // the id stays and stands for it
        var agreed = (consent.Storage ? Noes.Storage : Noes.None) | (consent.Measurement ? Noes.Measurement : Noes.None) | (consent.Ads ? Noes.Ads : Noes.None);
        visit.Keep(site, refused, agreed, optsOut);
    }

    // By what somebody is opted out: the signal, or what the device kept of one.
    private static string? SourceOf(Site site, in ConsentSignals said, Noes noes, in Standing standing, in Caller caller)
    {
        var isSignal = said.Gpc || said.SaleOptOut;
        if (!isSignal && !(noes.HasFlag(Noes.Ads) && standing.IsOptedOut)) return null;
        if (!Consent.CanOptOut(site, said, caller.Country)) return null;
        return !isSignal ? OptOut.Device : said.Gpc ? OptOut.Gpc : OptOut.ConsentString;
    }

    // Asked before anything leaves the draft: who may not be kept is refused, not stripped.
    private Standing Beside(Draft draft) => standings.IsEmpty || !NamedBeside.IsLikely(draft.Name, draft.Properties.Written)
        ? default : standings.Beside(subjects, draft.SiteId, draft.Name, draft.Properties.ToJson().Span);

    private static Refusal? Bars(Standing standing) =>
        standing.IsErased ? Refusal.PersonErased : standing.IsRestricted ? Refusal.PersonRestricted : null;

    private Hit Make(Draft draft, in Caller caller, Source source, Site site, in Judged judged, Guid? visitor, VisitorKind kind, bool isNew = false)
    {
        var consent = judged.Consent;
        var eventId = ids.Next(caller.ReceivedAt);
        return new Hit
        {
            EventId = eventId,
            ReceivedAt = caller.ReceivedAt,
            OccurredAt = ClientClock.Occurred(caller.ReceivedAt, draft.Timestamp, draft.SentAt, draft.Claim?.BackHours ?? Limits.BackHours),
            SiteId = draft.SiteId,
            Source = source,
            Name = draft.Name ?? Parameters.DefaultName,
            ClientEventId = consent.Identifiers ? draft.EventId : null,
            VisitorId = visitor ?? eventId,
            VisitorKind = visitor is null ? VisitorKind.None : kind,
            UserId = consent.User ? draft.User : null,
            EmailSha256 = consent.User ? draft.Claim?.EmailSha256 : null,
            OnceKey = draft.Claim?.OnceKey,
            Url = Stripping.Address(draft.Url ?? caller.Referer, consent),
            Title = draft.Title,
            Referrer = Stripping.Address(draft.Referrer, consent),
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
            Gpc = judged.Said.Gpc,
            OptedOut = judged.OptsOut,
            IsVisitorNew = isNew,
            Properties = draft.Properties.ToJson(),
        };
    }

    /// <summary>What was said about consent, and what follows from it.</summary>
    /// <param name="Said">By the request.</param>
    /// <param name="Standing">What is known of all whom it names, and what the device says beside it.</param>
    /// <param name="Consent">What may be done.</param>
    /// <param name="OptsOut">The request itself opts out of sale and sharing.</param>
    /// <param name="OptedOutBy">As in <see cref="OptOut"/>; null where it does not.</param>
    private readonly record struct Judged(ConsentSignals Said, Standing Standing, Consent Consent, bool OptsOut, string? OptedOutBy);
}

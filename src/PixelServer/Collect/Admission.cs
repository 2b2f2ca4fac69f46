namespace PixelServer.Collect;

/// <summary>Decides about one event: whose it is, whether it may be kept, and what of it.</summary>
internal sealed class Admission(Sites sites, VisitorCookie cookies, EventIds ids)
{
    private static readonly string[] s_user = [.. Parameters.NamesOf(ParameterKind.User)];
    private static readonly string[] s_identifiers = [.. Parameters.NamesOf(ParameterKind.EventId), .. ClickIds.Names];

    /// <summary>Makes the hit, or says why there is none. Sets what the visit means for the visitor's device.</summary>
    public Refusal? Admit(Draft draft, in Caller caller, Source source, ref Visit visit, out Hit? hit)
    {
        hit = null;
        if (sites.Find(draft.Site, out var site) is { } refusal) return refusal;

        // A request without an Origin header is an image or a server: the list is for pages, it is no access control.
        if (caller.Origin is not null && !site!.Origins.IsOpen && !site.Origins.Allows(caller.Origin)) return Refusal.OriginNotAllowed;
        visit.AllowOrigin();

        var consent = Consent.Decide(site!.Regime, caller.Gpc);
        if (!consent.Storage) visit.Withhold(site);
        if (!consent.Measurement) return Refusal.ConsentRequired;
        if (!consent.User) draft.Properties.Drop(s_user);
        if (!consent.Identifiers) draft.Properties.Drop(s_identifiers);
        if (KeepConsentStrings(draft, caller) is { } tooMuch) return tooMuch;

        var eventId = ids.Next(caller.ReceivedAt);
        hit = new Hit
        {
            EventId = eventId,
            ReceivedAt = caller.ReceivedAt,
            OccurredAt = ClientClock.Occurred(caller.ReceivedAt, draft.Timestamp, draft.SentAt),
            SiteId = draft.Site ?? Parameters.DefaultSite,
            Source = source,
            Name = draft.Name ?? Parameters.DefaultName,
            ClientEventId = consent.Identifiers ? draft.EventId : null,
            VisitorId = consent.Storage ? visit.Identify(cookies, caller, site, draft.Reset) : eventId,
            VisitorKind = consent.Storage ? VisitorKind.Cookie : VisitorKind.None,
            UserId = consent.User ? draft.User : null,
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
        return null;
    }

    /// <summary>Whether pages of the origin may read our answer: what a preflight asks, and a body that holds no readable event.</summary>
    public bool AllowsOrigin(string? siteId, string origin) => sites.Find(siteId, out var site) is null && site!.Origins.Allows(origin);

    private static Refusal? KeepConsentStrings(Draft draft, in Caller caller)
    {
        if (caller.Dnt is { } dnt && draft.Consent.AddOwn("dnt"u8, dnt == "1" ? "1"u8 : "0"u8) is { } refusal) return refusal;
        return draft.Consent.IsEmpty ? null : draft.Properties.AddObject(Parameters.KeptConsent, draft.Consent);
    }
}

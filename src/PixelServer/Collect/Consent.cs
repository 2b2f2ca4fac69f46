using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>Which law and promise a site works under; <c>Pixel:Sites:{id}:Regime</c>.</summary>
internal enum Regime
{
    /// <summary>No opt-in is needed; the default.</summary>
    Open,

    /// <summary>Nothing before an opt-in.</summary>
    Gdpr,

    /// <summary>Everything until an opt-out.</summary>
    Us,

    /// <summary>Audience measurement that needs no consent, in the shape of the French regulator's exemption.</summary>
    Exempt,

    /// <summary>Counting without any identifier.</summary>
    Aggregate,
}

/// <summary>What may be done with one event, decided at the door so that what may not be kept never reaches the disk. docs/consent.md has the table.</summary>
/// <param name="Storage">An identifier may be kept on the visitor's device: the cookie.</param>
/// <param name="Measurement">The event may be kept at all.</param>
/// <param name="Ads">The event may be told to ad platforms; which of them <see cref="ConsentSignals.MayForward"/> says.</param>
/// <param name="User">The site's own id of the person may be kept, and hashes of addresses.</param>
/// <param name="Identifiers">Client event id and whole page addresses may be kept.</param>
/// <param name="ClickIds">Ids of clicks on ads may be kept.</param>
/// <param name="Address">The visitor's address may be kept, as far as the site's IP policy allows.</param>
/// <param name="Day">Without an identifier on the device the visitor may be told apart from others for one day.</param>
internal readonly record struct Consent(bool Storage, bool Measurement, bool Ads, bool User, bool Identifiers, bool ClickIds, bool Address, bool Day)
{
    public static Consent Decide(Site site, in ConsentSignals said, string? country, in Standing known, DateTimeOffset now)
    {
        var regime = site.RegimeIn(country);
        var needsOptIn = NeedsOptIn(regime, said);

        // What the law and the person's yes allow.
        var may = regime switch
        {
            //                              storage  measurement  ads
            _ when needsOptIn => Agreed(site.Tcf, said, known, now),
            Regime.Exempt /*       */ => new(true, true, /*     */ false),
            Regime.Aggregate /*    */ => new(false, true, /*    */ false),
            _ /*                   */ => new(true, true, /*     */ true),
        };

        // A visitor of a site that is not under the regime gdpr is counted all the same, as under aggregate.
        var isOnlyCounted = regime == Regime.Aggregate || (needsOptIn && regime != Regime.Gdpr && !may.Measurement);
        if (isOnlyCounted) may = new(Storage: false, Measurement: true, Ads: false);

        // What a no takes away. Global Privacy Control says: do not sell or share (W3C GPC, 11 CCR 7025). It does not ask a first party to stop counting.
        var dnt = said.Dnt && site.HonourDnt;
        if (!may.Measurement || said.Mode.Measurement == Said.No || known.Measurement.IsNo) return default;
        var storage = may.Storage && !dnt && !(said.Gpc && site.GpcMeansNoCookie) && said.Mode.AnalyticsStorage != Said.No && !known.Storage.IsNo;
        var ads = may.Ads && storage && !said.ForbidsAds && !known.IsOptedOut && !known.Ads.IsNo;

        // Without an id on the device there is none in the event either. The exemption is for counting alone.
        var person = storage && regime != Regime.Exempt;
        return new(
            Storage: storage, Measurement: true, Ads: ads, User: person, Identifiers: storage,
            ClickIds: person && said.Mode.AdStorage != Said.No, Address: storage, Day: !storage && !isOnlyCounted);
    }

    /// <summary>Whether the event itself opts the person out of sale and sharing, for good. Where an opt-in is asked for, or nothing is sold, there is nothing to opt out of.</summary>
    public static bool OptsOut(Site site, in ConsentSignals said, string? country) =>
        (said.Gpc || said.SaleOptOut) && CanOptOut(site, said, country);

    /// <summary>Whether data may be sold and shared here until somebody opts out.</summary>
    public static bool CanOptOut(Site site, in ConsentSignals said, string? country) =>
        site.RegimeIn(country) is var regime && regime is Regime.Open or Regime.Us && !NeedsOptIn(regime, said);

    /// <summary>Whether nothing may be done before a yes. The page or its banner knows whether the GDPR applies; where it does not say, the site's regime does.</summary>
    public static bool NeedsOptIn(Regime regime, in ConsentSignals said) => regime switch
    {
        Regime.Gdpr => said.Gdpr is not false,
        Regime.Open or Regime.Us => said.Gdpr is true,
        _ => false,
    };

    /// <summary>
    /// What the request itself says yes to, or a recorded decision: it takes back what a device kept as a no. About ads only a recorded decision, and a yes where one
    /// is needed: elsewhere nobody is asked, so that a page's standing "granted" answers no opt-out.
    /// </summary>
    public static Noes Agreed(Site site, in ConsentSignals said, string? country, in Standing known, DateTimeOffset now)
    {
        var yes = Agreed(site.Tcf, said, default, now);
        var measurement = said.Tcs is null ? yes.Measurement : said.Tc(AgreesToMeasure, site.Tcf, now);
        var ads = (yes.Ads && NeedsOptIn(site.RegimeIn(country), said)) || (known.Ads.IsYes && !known.IsOptedOut);
        return (ads ? Noes.Ads : Noes.None)
            | (yes.Storage || known.Storage.IsYes ? Noes.Storage : Noes.None)
            | (measurement || known.Measurement.IsYes ? Noes.Measurement : Noes.None);
    }

    // A TC string speaks for itself, also where it cannot be used. Where none was sent the person may have agreed in another way: by Consent Mode, unless
    // the request says that the TCF is spoken (gdpr=1), or on record.
    private static Yes Agreed(TcfOptions tcf, in ConsentSignals said, in Standing known, DateTimeOffset now)
    {
        if (said.Tcs is not null) return new(said.Tc(MayStore, tcf, now), said.Tc(MayMeasure, tcf, now), said.Tc(MayAdvertise, tcf, now));
        var mode = said.Gdpr is true ? default : said.Mode;
        return new(
            mode.AnalyticsStorage == Said.Yes || known.Storage.IsYes,
            mode.MayMeasure || known.Measurement.IsYes,
            mode.GrantsAds || known.Ads.IsYes);
    }

    private static bool MayStore(TcString tc, TcfOptions tcf) => tc.PurposeOneTreatment
        ? tc.PublisherCountry.Length > 0 && tcf.PurposeOneCountries.Contains(tc.PublisherCountry, StringComparison.Ordinal)
        : tc.Publisher?.Consent[1] is true || (tcf.CoreIsPublisher && tc.PurposeConsents[1]) || tc.Allows(tcf.VendorId, 1);

    // Purpose 8 is measuring content, 9 statistics about the audience.
    private static bool MayMeasure(TcString tc, TcfOptions tcf) =>
        tc.Publisher is { } own && (own.Consent.Any(8, 9) || own.Interest.Any(8, 9))
        || (tcf.CoreIsPublisher && (tc.PurposeConsents.Any(8, 9) || tc.PurposeInterests.Any(8, 9)))
        || tc.Allows(tcf.VendorId, 8) || tc.Allows(tcf.VendorId, 9);

    // Nobody said a legitimate interest: it is what a person objects to.
    private static bool AgreesToMeasure(TcString tc, TcfOptions tcf) =>
        tc.Publisher?.Consent.Any(8, 9) is true
        || (tcf.CoreIsPublisher && tc.PurposeConsents.Any(8, 9))
        || (tc.VendorConsents.Contains(tcf.VendorId)
            && ((tc.PurposeConsents[8] && tc.Allows(tcf.VendorId, 8)) || (tc.PurposeConsents[9] && tc.Allows(tcf.VendorId, 9))));

    // Storage, a profile for ads, ads by that profile: what the tag asks for too. Each platform is asked about by its own id before it is told.
    private static bool MayAdvertise(TcString tc, TcfOptions tcf) => MayStoreForAds(tc, tcf) && tc.PurposeConsents[3] && tc.PurposeConsents[4];

    private static bool MayStoreForAds(TcString tc, TcfOptions tcf) => tc.PurposeOneTreatment ? MayStore(tc, tcf) : tc.PurposeConsents[1];

    private readonly record struct Yes(bool Storage, bool Measurement, bool Ads);
}

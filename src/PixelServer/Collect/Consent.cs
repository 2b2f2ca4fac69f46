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

/// <summary>What may be done with one event, decided at the door so that what may not be kept never reaches the disk.</summary>
/// <param name="Storage">An identifier may be kept on the visitor's device: the cookie.</param>
/// <param name="Measurement">The event may be kept at all.</param>
/// <param name="Ads">The event may be told to ad platforms.</param>
/// <param name="User">The site's own id of the person may be kept.</param>
/// <param name="Identifiers">Address, as far as the IP policy allows, client event id, click ids and whole page addresses may be kept.</param>
internal readonly record struct Consent(bool Storage, bool Measurement, bool Ads, bool User, bool Identifiers)
{
    // Global Privacy Control says: do not sell or share (W3C GPC, 11 CCR 7025). It does not ask a first party to stop counting.
    public static Consent Decide(Regime regime, bool gpc) => regime switch
    {
        //                       storage  measurement  ads   user   identifiers
        Regime.Open /*     */ => new(true, true, /* */ !gpc, true, true),
        Regime.Us /*       */ => new(true, true, /* */ !gpc, true, true),
        Regime.Exempt /*   */ => new(true, true, /* */ false, false, true),
        Regime.Aggregate /**/ => new(false, true, /**/ false, false, false),
        // No opt-in can be read yet, so there is none.
        _ => default,
    };
}

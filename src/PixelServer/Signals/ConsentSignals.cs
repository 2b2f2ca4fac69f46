namespace PixelServer.Signals;

/// <summary>All that one request said about consent, read and not yet judged. The default says nothing.</summary>
internal readonly record struct ConsentSignals
{
    /// <summary>Global Privacy Control: do not sell or share, do not use for ads elsewhere. By header, or by a field of a page or backend.</summary>
    public bool Gpc { get; init; }

    /// <summary>Do Not Track.</summary>
    public bool Dnt { get; init; }

    /// <summary>Whether the GDPR applies, where it was said: by <c>gdpr</c>, or by section 2 in <c>gpp_sid</c>.</summary>
    public bool? Gdpr { get; init; }

    /// <summary>Every TC string that was sent, good or not; where there are several each has to allow. Null where there is none.</summary>
    public List<TcString>? Tcs { get; init; }

    /// <summary>Opted out of sale, sharing or targeted ads under American law.</summary>
    public bool SaleOptOut { get; init; }

    /// <summary>Something was said about that which cannot be read: it forbids as an opt-out does, but it is none that anybody could be held to for good.</summary>
    public bool SaleUnclear { get; init; }

    public ConsentMode Mode { get; init; }

    /// <summary>Apple's App Tracking Transparency has another status than authorized.</summary>
    public bool TrackingRefused { get; init; }

    /// <summary>Null where none was sent, or none that can be read.</summary>
    public AdditionalConsent? Additional { get; init; }

    /// <summary>What could not be used, by the name it was sent under. Null where all could.</summary>
    public List<SignalFault>? Faults { get; init; }

    /// <summary>Something forbids telling ad platforms, whatever else allows it.</summary>
    public bool ForbidsAds => Gpc || SaleOptOut || SaleUnclear || TrackingRefused || Mode.DeniesAds;

    /// <summary>Whether all TC strings count, and each has the property; false where there is none.</summary>
    public bool Tc(Func<TcString, TcfOptions, bool> allows, TcfOptions options, DateTimeOffset now)
    {
        if (Tcs is null) return false;
        foreach (var tc in Tcs)
            if (tc.FaultFor(options, now) != Fault.None || !allows(tc, options)) return false;
        return true;
    }

    /// <summary>Whether what was said lets a vendor be told an event for these purposes.</summary>
    /// <param name="vendor">Its id in the Global Vendor List; 0 where it has none: it then needs Consent Mode's yes.</param>
    /// <param name="purposes">Purposes of the TCF, all of which it needs.</param>
    /// <param name="needsOptIn">The GDPR applies: nothing without a yes.</param>
    /// <param name="options">How the site reads TC strings.</param>
    /// <param name="now">The moment of sending, not of the event.</param>
    public bool MayForward(int vendor, ReadOnlySpan<int> purposes, bool needsOptIn, TcfOptions options, DateTimeOffset now)
    {
        if (ForbidsAds) return false;
        if (!needsOptIn) return true;
        if (Tcs is null) return Mode.GrantsAds && Gdpr is not true;
        foreach (var tc in Tcs)
            if (tc.FaultFor(options, now) != Fault.None || !tc.Allows(vendor, purposes)) return false;
        return true;
    }
}

/// <summary>A signal that cannot be used.</summary>
internal readonly record struct SignalFault(string Name, Fault Fault);

namespace PixelServer.Signals;

/// <summary>
/// A TC string of the IAB's Transparency and Consent Framework 2 ("Consent string and vendor list formats v2"): what was read of it, and why it
/// cannot be used where it cannot. Whether it is good enough for a site at a moment is <see cref="FaultFor"/>.
/// </summary>
internal sealed class TcString
{
    /// <summary>Characters. The longest that was seen, with 1,500 vendors as bits in three sections, has below 1,500.</summary>
    public const int LongestText = 16 * 1024;

    private static readonly DateTimeOffset s_policy4 = new(2023, 10, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_disclosed = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly byte[] _text;
    private readonly bool _inGpp;
    private ReadOnlyMemory<byte> _core;
    private int _restrictions, _restrictionsAt;
    private bool _isServiceSpecific;

    private TcString(byte[] text, bool inGpp) => (_text, _inGpp) = (text, inGpp);

    /// <summary>Anything but <see cref="Signals.Fault.None"/>: nothing of it may be relied on.</summary>
    public Fault Fault { get; private set; }

    public DateTimeOffset Created { get; private set; }
    public DateTimeOffset LastUpdated { get; private set; }
    public int CmpId { get; private set; }
    public int CmpVersion { get; private set; }
    public int ConsentScreen { get; private set; }
    public string ConsentLanguage { get; private set; } = "";
    public int VendorListVersion { get; private set; }
    public int PolicyVersion { get; private set; }
    public bool UsesNonStandardTexts { get; private set; }
    public Purposes SpecialFeatures { get; private set; }
    public Purposes PurposeConsents { get; private set; }
    public Purposes PurposeInterests { get; private set; }

    /// <summary>Purpose 1 was not asked about at all, so that its bit says nothing.</summary>
    public bool PurposeOneTreatment { get; private set; }

    /// <summary>Two upper-case letters; empty where they are none.</summary>
    public string PublisherCountry { get; private set; } = "";

    public VendorSet VendorConsents { get; private set; }
    public VendorSet VendorInterests { get; private set; }

    /// <summary>What the publisher forbids vendors, in the order of the text.</summary>
    public IReadOnlyList<Restriction> Restrictions
    {
        get
        {
            var all = new List<Restriction>();
            var bits = new BitReader(_core.Span, _restrictionsAt);
            for (var i = 0; i < _restrictions; i++) all.Add(Next(ref bits));
            return all;
        }
    }

    /// <summary>Who was shown to the visitor; null where the string does not say.</summary>
    public VendorSet? Disclosed { get; private set; }

    public PublisherTc? Publisher { get; private set; }

    public bool IsOf(ReadOnlySpan<byte> text, bool inGpp) => inGpp == _inGpp && text.SequenceEqual(_text);

    /// <param name="text">As it was sent, or a section of a GPP string.</param>
    /// <param name="inGpp">The alphabet of GPP counts.</param>
    public static TcString Read(ReadOnlySpan<byte> text, bool inGpp = false)
    {
        if (text.Length > LongestText) return new([], inGpp) { Fault = Fault.TooLong };
        var read = new TcString(text.ToArray(), inGpp);
        read.Fault = read.ReadSegments();
        return read;
    }

    /// <summary>Why the string does not count for a site at a moment.</summary>
    public Fault FaultFor(TcfOptions options, DateTimeOffset now)
    {
        if (Fault != Fault.None) return Fault;
        if (PolicyVersion < 4 && LastUpdated >= s_policy4) return Fault.OldPolicy;
        if (options.RequireDisclosedVendors && Disclosed is null && LastUpdated >= s_disclosed) return Fault.NoDisclosedVendors;
        if (LastUpdated > now.AddDays(1)) return Fault.FromTheFuture; // the visitor's clock made it
        return LastUpdated.AddMonths(options.MaxAgeMonths) < now ? Fault.Expired : Fault.None;
    }

    /// <summary>Whether a vendor of the Global Vendor List may process for all of these purposes: by consent, or by legitimate interest where that is possible.</summary>
    public bool Allows(int vendor, params ReadOnlySpan<int> purposes)
    {
        if (Fault != Fault.None || vendor < 1 || purposes.IsEmpty) return false;
        foreach (var purpose in purposes)
            if (!Allows(vendor, purpose)) return false;
        return true;
    }

    // Restriction 0 forbids; 1 leaves consent only; 2 leaves legitimate interest only (for vendors that can work on either; for others it means nothing,
    // and who of them is which stands in the vendor list, which this server does not have: the narrower reading).
    private bool Allows(int vendor, int purpose)
    {
        var (mayConsent, mayInterest) = (true, purpose is not (1 or 3 or 4 or 5 or 6));
        var bits = new BitReader(_core.Span, _restrictionsAt);
        for (var i = 0; i < _restrictions; i++)
        {
            var one = Next(ref bits);
            if (one.Purpose != purpose || !one.Vendors.Contains(vendor)) continue;
            mayConsent &= one.Kind is not (RestrictionKind.NotAllowed or RestrictionKind.RequireInterest);
            mayInterest &= one.Kind is not (RestrictionKind.NotAllowed or RestrictionKind.RequireConsent);
        }

        return (mayConsent && PurposeConsents[purpose] && VendorConsents.Contains(vendor))
            || (mayInterest && PurposeInterests[purpose] && VendorInterests.Contains(vendor) && Disclosed?.Contains(vendor) is true);
    }

    private Fault ReadSegments()
    {
        ReadOnlyMemory<byte> rest = _text;
        var isCore = true;
        while (true)
        {
            var dot = rest.Span.IndexOf((byte)'.');
            var segment = dot < 0 ? rest : rest[..dot];
            if (!BitReader.IsText(segment.Span, _inGpp)) return Fault.BadCharacter;
            var fault = isCore ? ReadCore(segment) : ReadFurther(segment);
            if (fault != Fault.None) return fault;
            if (dot < 0) return _isServiceSpecific ? Fault.None : Fault.NotServiceSpecific;
            rest = rest[(dot + 1)..];
            isCore = false;
        }
    }

    private Fault ReadCore(ReadOnlyMemory<byte> segment)
    {
        var bits = new BitReader(segment.Span);
        var version = bits.Int(6);
        if (bits.IsShort) return Fault.Truncated;
        if (version != 2) return Fault.UnknownVersion;
        (Created, LastUpdated) = (Time(bits.Long(36)), Time(bits.Long(36)));
        (CmpId, CmpVersion, ConsentScreen) = (bits.Int(12), bits.Int(12), bits.Int(6));
        ConsentLanguage = Letters(ref bits);
        (VendorListVersion, PolicyVersion) = (bits.Int(12), bits.Int(6));
        (_isServiceSpecific, UsesNonStandardTexts) = (bits.Bit(), bits.Bit());
        (SpecialFeatures, PurposeConsents, PurposeInterests) = (Purposes.Read(ref bits, 12), Purposes.Read(ref bits, 24), Purposes.Read(ref bits, 24));
        PurposeOneTreatment = bits.Bit();
        PublisherCountry = Letters(ref bits);

        var fault = Fault.None;
        VendorConsents = VendorSet.Read(segment, ref bits, ref fault);
        VendorInterests = VendorSet.Read(segment, ref bits, ref fault);
        var restrictions = bits.Int(12);
        (_core, _restrictionsAt) = (segment, bits.At);
        for (var i = 0; i < restrictions && !bits.IsShort; i++)
        {
            bits.Skip(8);
            VendorSet.ReadRanges(segment, ref bits, ushort.MaxValue, ref fault);
        }

        if (bits.IsShort) return Fault.Truncated;
        _restrictions = restrictions;
        return fault;
    }

    private Restriction Next(ref BitReader bits)
    {
        var fault = Fault.None; // it was read before
        return new(bits.Int(6), (RestrictionKind)bits.Int(2), VendorSet.ReadRanges(_core, ref bits, ushort.MaxValue, ref fault));
    }

    // Segments of a kind that is not known, or was given up (2, vendors that are allowed outside of the framework), are passed over.
    private Fault ReadFurther(ReadOnlyMemory<byte> segment)
    {
        var bits = new BitReader(segment.Span);
        var fault = Fault.None;
        switch (bits.Int(3))
        {
            case 1:
                if (Disclosed is not null) return Fault.RepeatedSegment;
                Disclosed = VendorSet.Read(segment, ref bits, ref fault);
                break;
            case 3:
                if (Publisher is not null) return Fault.RepeatedSegment;
                Publisher = PublisherTc.Read(segment.Span, ref fault);
                break;
        }

        return bits.IsShort ? Fault.Truncated : fault;
    }

    private static DateTimeOffset Time(long deciseconds) => DateTimeOffset.UnixEpoch.AddTicks(deciseconds * (TimeSpan.TicksPerSecond / 10));

    private static string Letters(ref BitReader bits)
    {
        var (one, other) = (bits.Int(6), bits.Int(6));
        return one > 25 || other > 25 ? "" : string.Create(2, (one, other), static (text, pair) => (text[0], text[1]) = ((char)('A' + pair.one), (char)('A' + pair.other)));
    }
}

/// <summary>What a publisher forbids some vendors for one purpose.</summary>
internal readonly record struct Restriction(int Purpose, RestrictionKind Kind, VendorSet Vendors);

internal enum RestrictionKind : byte { NotAllowed, RequireConsent, RequireInterest, Undefined }

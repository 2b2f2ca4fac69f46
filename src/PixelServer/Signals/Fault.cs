namespace PixelServer.Signals;

/// <summary>Why a signal cannot be used. The name in small letters stands beside the string that is kept: <c>truncated</c> in <c>gdpr_consent_fault</c>.</summary>
internal enum Fault : byte
{
    None,

    /// <summary>A place holder that nobody filled in: <c>${GDPR_CONSENT_123}</c>. Counts as not sent.</summary>
    Macro,

    /// <summary>The value is none of those that the signal can have.</summary>
    BadValue,

    /// <summary>Longer than <see cref="TcString.LongestText"/>.</summary>
    TooLong,

    /// <summary>A character that base64url does not have.</summary>
    BadCharacter,

    /// <summary>Of a version that this server does not know, or no string of this kind at all.</summary>
    UnknownVersion,

    /// <summary>It ends before all was said that has to be.</summary>
    Truncated,

    /// <summary>A range that ends before it starts.</summary>
    BackwardRange,

    /// <summary>Two segments of a kind that may stand once.</summary>
    RepeatedSegment,

    /// <summary>TCF: the string is a global one, and those have no meaning any more.</summary>
    NotServiceSpecific,

    /// <summary>TCF: of a policy before 4 (TCF 2.2), made when there was a newer one.</summary>
    OldPolicy,

    /// <summary>TCF: it does not say who was disclosed, made when it had to.</summary>
    NoDisclosedVendors,

    /// <summary>TCF: so old that the person has to be asked again.</summary>
    Expired,

    /// <summary>TCF: made more than a day from now. It would never grow old.</summary>
    FromTheFuture,

    /// <summary>GPP: not as many sections as the header announces.</summary>
    SectionsMissing,

    /// <summary>GPP: <c>gpp_sid</c> names a section that is not there.</summary>
    SectionNotThere,

    /// <summary>GPP: a section that this server does not know, so that nobody can say what it forbids.</summary>
    UnknownSection,
}

/// <summary>The words that are kept with an event.</summary>
internal static class Faults
{
    public static ReadOnlySpan<byte> Name(Fault fault) => fault switch
    {
        Fault.Macro => "macro"u8,
        Fault.BadValue => "bad_value"u8,
        Fault.TooLong => "too_long"u8,
        Fault.BadCharacter => "bad_character"u8,
        Fault.UnknownVersion => "unknown_version"u8,
        Fault.Truncated => "truncated"u8,
        Fault.BackwardRange => "backward_range"u8,
        Fault.RepeatedSegment => "repeated_segment"u8,
        Fault.NotServiceSpecific => "not_service_specific"u8,
        Fault.OldPolicy => "old_policy"u8,
        Fault.NoDisclosedVendors => "no_disclosed_vendors"u8,
        Fault.Expired => "expired"u8,
        Fault.FromTheFuture => "from_the_future"u8,
        Fault.SectionsMissing => "sections_missing"u8,
        Fault.SectionNotThere => "section_not_there"u8,
        Fault.UnknownSection => "unknown_section"u8,
        _ => ""u8,
    };
}

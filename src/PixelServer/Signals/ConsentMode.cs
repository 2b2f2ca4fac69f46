namespace PixelServer.Signals;

/// <summary>What was said about one thing; of two that say different things a no holds.</summary>
internal enum Said : byte { Nothing, Yes, No }

/// <summary>Google's Consent Mode 2, and beside it our own word for keeping the event at all.</summary>
/// <param name="AnalyticsStorage">An id for counting may be stored.</param>
/// <param name="AdStorage">Ids of clicks on ads may be stored.</param>
/// <param name="AdUserData">Data of the visitor may go to ad platforms.</param>
/// <param name="AdPersonalization">It may be used for lists of people to show ads to.</param>
/// <param name="Measurement">The event may be kept.</param>
internal readonly record struct ConsentMode(Said AnalyticsStorage, Said AdStorage, Said AdUserData, Said AdPersonalization, Said Measurement)
{
    public bool DeniesAds => AdStorage == Said.No || AdUserData == Said.No || AdPersonalization == Said.No;

    /// <summary>Since March 2024 Google wants both in the European Economic Area. The tag, which asks for both and then says one word, is known by our own word beside it.</summary>
    public bool GrantsAds => AdStorage == Said.Yes && AdPersonalization != Said.No && (AdUserData == Said.Yes || (AdUserData == Said.Nothing && Measurement != Said.Nothing));

    public bool MayMeasure => Measurement == Said.Yes || (Measurement == Said.Nothing && AnalyticsStorage == Said.Yes);

    /// <summary>Only these words say yes; every other word, though nobody knows it, is a no.</summary>
    public static Said Word(ReadOnlySpan<byte> text) => text.SequenceEqual("granted"u8) || text.SequenceEqual("true"u8) || text.SequenceEqual("1"u8) ? Said.Yes : Said.No;

    public static Said Narrower(Said one, Said other) => one > other ? one : other;

    /// <summary>Of each the narrower.</summary>
    public static ConsentMode Narrower(ConsentMode one, ConsentMode other) => new(
        Narrower(one.AnalyticsStorage, other.AnalyticsStorage), Narrower(one.AdStorage, other.AdStorage), Narrower(one.AdUserData, other.AdUserData),
        Narrower(one.AdPersonalization, other.AdPersonalization), Narrower(one.Measurement, other.Measurement));

    /// <summary>Google's short form of two of them: <c>G1</c>, then ad storage and analytics storage as 0 or 1. Says nothing where it is of another shape.</summary>
    public static ConsentMode Gcs(ReadOnlySpan<byte> text) =>
        text.Length == 4 && text.StartsWith("G1"u8) ? new ConsentMode { AdStorage = Digit(text[2]), AnalyticsStorage = Digit(text[3]) } : default;

    /// <summary>
    /// Google's longer form, <c>11t1t1t1p5</c>: a letter each for ad storage, analytics storage, user data and personalisation, with a 1 or 3 before it. Google
    /// has published no description: a hint, from senders that are trusted.
    /// </summary>
    public static ConsentMode Gcd(ReadOnlySpan<byte> text)
    {
        if (text.Length != 10 || text[0] != '1' || text[9] is < (byte)'1' or > (byte)'7') return default;
        Span<Said> said = stackalloc Said[4];
        for (var i = 0; i < 4; i++)
        {
            if (text[1 + (2 * i)] is not ((byte)'1' or (byte)'3') || Letter(text[2 + (2 * i)]) is not { } one) return default;
            said[i] = one;
        }

        return new ConsentMode { AdStorage = said[0], AnalyticsStorage = said[1], AdUserData = said[2], AdPersonalization = said[3] };
    }

    /// <summary>Fills in what was not said.</summary>
    public ConsentMode Or(ConsentMode hint) => new(
        Or(AnalyticsStorage, hint.AnalyticsStorage), Or(AdStorage, hint.AdStorage), Or(AdUserData, hint.AdUserData), Or(AdPersonalization, hint.AdPersonalization), Measurement);

    private static Said Or(Said one, Said hint) => one == Said.Nothing ? hint : one;

    private static Said Digit(byte c) => c switch { (byte)'1' => Said.Yes, (byte)'0' => Said.No, _ => Said.Nothing };

    private static Said? Letter(byte c) => (char)c switch
    {
        'l' => Said.Nothing,
        'n' or 'r' or 't' or 'v' => Said.Yes,
        'm' or 'p' or 'q' or 'u' => Said.No,
        _ => null,
    };
}

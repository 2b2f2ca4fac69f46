namespace PixelServer;

/// <summary>A yes or a no, and when it was said. The later one holds; of two at once the no.</summary>
/// <param name="Value">Unix milliseconds, negative for a no; 0 where nothing was said. As it is on disk.</param>
internal readonly record struct Word(long Value)
{
    public static Word Yes(DateTimeOffset at) => new(Math.Max(at.ToUnixTimeMilliseconds(), 1));

    public static Word No(DateTimeOffset at) => new(-Math.Max(at.ToUnixTimeMilliseconds(), 1));

    public bool IsYes => Value > 0;

    public bool IsNo => Value < 0;

    /// <summary>Unix milliseconds; 0 where nothing was said.</summary>
    public long At => Math.Abs(Value);

    public Word Or(Word other) => At != other.At ? (At > other.At ? this : other) : (IsNo ? this : other);
}

/// <summary>What a server knows of a person beyond what a request says: what was decided, recorded or objected to, whichever door it came through.</summary>
/// <param name="Kept">No: erased, nothing of the person is kept any more. Yes: the identifier was released for use again, from then on.</param>
/// <param name="Processed">No: restricted, nothing new is kept (GDPR art. 18). Yes: lifted.</param>
/// <param name="Shared">No: opted out of sale and sharing, by GPC or another signal (11 CCR 7025).</param>
/// <param name="Storage">The recorded decision about an id on the device.</param>
/// <param name="Measurement">The recorded decision about measurement.</param>
/// <param name="Ads">The recorded decision about advertising.</param>
internal readonly record struct Standing(Word Kept, Word Processed, Word Shared, Word Storage, Word Measurement, Word Ads)
{
    /// <summary>Codes of the refusals, at the door and behind the journal.</summary>
    public const string ErasedCode = "person_erased", RestrictedCode = "person_restricted";

    public bool IsErased => Kept.IsNo;

    public bool IsRestricted => Processed.IsNo;

    /// <summary>A later recorded consent to advertising lifts an opt-out: it asked for exactly this.</summary>
    public bool IsOptedOut => Shared.IsNo && !(Ads.IsYes && Ads.At > Shared.At);

    /// <summary>Two accounts of the same subject: of each field the later word.</summary>
    public Standing Merge(in Standing other) => new(
        Kept.Or(other.Kept), Processed.Or(other.Processed), Shared.Or(other.Shared),
        Storage.Or(other.Storage), Measurement.Or(other.Measurement), Ads.Or(other.Ads));

    /// <summary>Two subjects of one event. What one of them forbids is not made good by the other; of consent the person's last word holds.</summary>
    public Standing With(in Standing other) => new(
        Strictest(Kept, other.Kept), Strictest(Processed, other.Processed), Shared.Or(other.Shared),
        Storage.Or(other.Storage), Measurement.Or(other.Measurement), Ads.Or(other.Ads));

    private static Word Strictest(Word one, Word other) => one.IsNo == other.IsNo ? one.Or(other) : one.IsNo ? one : other;
}

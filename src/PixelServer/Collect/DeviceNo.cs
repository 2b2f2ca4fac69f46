using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>What the person of a device said no to, as the device itself keeps it; see <see cref="DeviceNo"/>.</summary>
[Flags]
internal enum Noes : byte { None = 0, Ads = 1, Storage = 2, Measurement = 4 }

/// <summary>
/// A no that outlives the visitor's id: the cookie <c>px_no</c>, a letter for each thing, the same for everybody who said the same. Without it a decision about
/// a visitor would end with the id whose cookie it takes away, and an opt-out of somebody who never comes back would have to be remembered here for ever.
/// </summary>
/// <remarks>Not signed: whoever makes one up can only say no for their own device.</remarks>
internal static class DeviceNo
{
    public const string Name = "px_no";

    /// <summary>By the bits of <see cref="Noes"/>.</summary>
    private const string Alphabet = "asm";

    private const int LongestText = 16; // what is longer is not ours

    public static Noes Read(ReadOnlySpan<char> value)
    {
        var noes = Noes.None;
        if (value.Length > LongestText) return noes;
        foreach (var letter in value)
            if (Alphabet.IndexOf(letter) is >= 0 and var bit) noes |= (Noes)(1 << bit);
        return noes;
    }

    public static string Letters(Noes noes) => string.Concat(Alphabet.Where((_, bit) => noes.HasFlag((Noes)(1 << bit))));

    /// <summary>
    /// What is known of the person, and what the device says beside it. Nobody knows how old that is: it holds, unless the request itself or a recorded decision
    /// says yes to the same.
    /// </summary>
    public static Standing Join(Noes noes, Site site, in ConsentSignals said, string? country, in Standing known, DateTimeOffset now)
    {
        if (noes == Noes.None) return known;
        noes &= ~Consent.Agreed(site, said, country, known, now);
        var no = Word.No(now);
        return known with
        {
            Shared = noes.HasFlag(Noes.Ads) ? no : known.Shared,
            Storage = noes.HasFlag(Noes.Storage) ? no : known.Storage,
            Measurement = noes.HasFlag(Noes.Measurement) ? no : known.Measurement,
        };
    }

    /// <summary>What the device has to keep when the visitor's id goes.</summary>
    /// <param name="visitor">What is known of the visitor.</param>
    /// <param name="person">What is known of all whom the event names: a later yes of the user's is the visitor's, too.</param>
    public static Noes Of(in Standing visitor, in Standing person) =>
        (visitor.IsOptedOut && person.IsOptedOut ? Noes.Ads : Noes.None)
        | (visitor.Storage.IsNo && person.Storage.IsNo ? Noes.Storage : Noes.None)
        | (visitor.Measurement.IsNo && person.Measurement.IsNo ? Noes.Measurement : Noes.None);
}

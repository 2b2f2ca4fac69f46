using System.Collections.Frozen;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>The regimes that a site has in some countries; <c>Pixel:Sites:{id}:RegimeByCountry</c>.</summary>
internal static class RegimesByCountry
{
    // With the parts of the Union that have a code of their own (Åland and the French departments and Saint-Martin).
    private const string Union =
        "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE AX GF GP MF MQ RE YT";

    private const string Allowed = "open, gdpr, us, exempt or aggregate";

    // Wide before narrow: a country's own row wins over its group's, and the Union's over the wider area's.
    private static readonly (string Name, string Countries)[] s_groups = [("EEA", Union + " IS LI NO"), ("EU", Union), ("UK", "GB")];

    /// <summary>Each country with its regime; null where there is none. A row of the site replaces the same row of the default site.</summary>
    /// <exception cref="SettingException">A row names no country or no regime.</exception>
    public static FrozenDictionary<string, Regime>? Read(string key, IReadOnlyDictionary<string, string>? own, IReadOnlyDictionary<string, string>? fallback)
    {
        var rows = new Dictionary<string, Regime>(StringComparer.OrdinalIgnoreCase);
        foreach (var (place, regime) in (fallback ?? new Dictionary<string, string>()).Concat(own ?? new Dictionary<string, string>()))
        {
            if (!IsPlace(place)) throw new SettingException($"{key}:RegimeByCountry:{place}", place, "a country of two letters, EEA, EU or UK as the name");
            rows[place] = Enum.TryParse<Regime>(regime, ignoreCase: true, out var known) && char.IsAsciiLetter(regime.Trim()[0])
                ? known : throw new SettingException($"{key}:RegimeByCountry:{place}", regime, Allowed);
        }

        if (rows.Count == 0) return null;
        var byCountry = new Dictionary<string, Regime>();
        foreach (var (name, countries) in s_groups)
            if (rows.TryGetValue(name, out var regime))
                foreach (var country in countries.Split(' ')) byCountry[country] = regime;
        foreach (var (place, regime) in rows)
            if (!s_groups.Any(group => group.Name.Equals(place, StringComparison.OrdinalIgnoreCase))) byCountry[place.ToUpperInvariant()] = regime;
        return byCountry.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static bool IsPlace(string text) =>
        (text.Length == 2 && char.IsAsciiLetter(text[0]) && char.IsAsciiLetter(text[1])) || s_groups.Any(group => group.Name.Equals(text, StringComparison.OrdinalIgnoreCase));
}

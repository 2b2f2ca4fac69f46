using System.Collections.Frozen;
using System.Globalization;

namespace PixelServer;

/// <summary>The small normalisations of what describes a person: names, places, a birthday. Each gives null where nothing is left.</summary>
internal static class PersonText
{
    // Meta and Pinterest want the codes of the United States and Canada; written as people write them they are names.
    private static readonly FrozenDictionary<string, string> s_states = (
        "alabama al,alaska ak,arizona az,arkansas ar,california ca,colorado co,connecticut ct,delaware de,districtofcolumbia dc,florida fl,georgia ga,"
        + "hawaii hi,idaho id,illinois il,indiana in,iowa ia,kansas ks,kentucky ky,louisiana la,maine me,maryland md,massachusetts ma,michigan mi,"
        + "minnesota mn,mississippi ms,missouri mo,montana mt,nebraska ne,nevada nv,newhampshire nh,newjersey nj,newmexico nm,newyork ny,"
        + "northcarolina nc,northdakota nd,ohio oh,oklahoma ok,oregon or,pennsylvania pa,rhodeisland ri,southcarolina sc,southdakota sd,tennessee tn,"
        + "texas tx,utah ut,vermont vt,virginia va,washington wa,westvirginia wv,wisconsin wi,wyoming wy,puertorico pr,"
        + "alberta ab,britishcolumbia bc,manitoba mb,newbrunswick nb,newfoundlandandlabrador nl,newfoundland nl,northwestterritories nt,novascotia ns,"
        + "nunavut nu,ontario on,princeedwardisland pe,quebec qc,québec qc,saskatchewan sk,yukon yt")
        .Split(',').Select(pair => pair.Split(' ')).ToFrozenDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    public static string Lower(string text) => text.Trim().ToLowerInvariant();

    public static string? Unspaced(string lower) => Something(Only(lower, c => !char.IsWhiteSpace(c)));

    /// <summary>Without white space and the punctuation of ASCII: <c>o'brien</c> is <c>obrien</c>.</summary>
    public static string? Unpunctuated(string lower) =>
        Something(Only(lower, c => !char.IsWhiteSpace(c) && !(char.IsAscii(c) && (char.IsPunctuation(c) || char.IsSymbol(c)))));

    /// <summary>Letters and digits of every script, with the marks that belong to them.</summary>
    public static string? Letters(string lower) => Something(Only(lower, IsOfWord));

    /// <summary>Meta's form of a city: a to z and digits, a letter first.</summary>
    public static string? AsciiCity(string lower) =>
        Only(lower, char.IsAsciiLetterOrDigit) is { Length: > 0 } city && char.IsAsciiLetter(city[0]) ? city : null;

    /// <summary>Without the country in front, as ISO 3166-2 writes it: <c>us-ca</c> is <c>ca</c>.</summary>
    public static string? State(string lower) =>
        Letters(lower.Length is > 3 and <= 6 && lower[2] == '-' && char.IsAsciiLetter(lower[0]) && char.IsAsciiLetter(lower[1]) ? lower[3..] : lower);

    /// <summary>Of a state that was read: two letters, by name in the United States and Canada, elsewhere the first two as Meta has it.</summary>
    public static string StateCode(string state) =>
        s_states.GetValueOrDefault(state) ?? (state.Length > 2 && char.IsAscii(state[0]) && char.IsAscii(state[1]) ? state[..2] : state);

    /// <summary>Meta's form: what stands in front of a hyphen, so that 94107-1234 is 94107; white space only at the ends left out.</summary>
    public static string? SpacedZip(string lower) => Something(lower.Split('-')[0].Trim());

    public static string? UndashedZip(string lower) => Something(Only(lower, c => c != '-' && !char.IsWhiteSpace(c)));

    public static string? ZipDigits(string lower) => Something(Only(lower, char.IsAsciiDigit));

    /// <summary><c>YYYYMMDD</c> of a date as ISO 8601 writes it, with or without a time behind it. No other order of day and month is guessed.</summary>
    public static string? Birth(string text)
    {
        text = text.Trim();
        if (text.Length > 10 && text[10] is 'T' or 't' or ' ') text = text[..10];
        return DateOnly.TryParseExact(text, ["yyyy-MM-dd", "yyyyMMdd"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is >= 1880 and < 2200
            ? day.ToString("yyyyMMdd", CultureInfo.InvariantCulture) : null;
    }

    /// <summary><c>f</c>, <c>m</c> or <c>n</c> for neither.</summary>
    public static string? Gender(string text) => Unpunctuated(Lower(text)) switch
    {
        "f" or "female" or "woman" => "f",
        "m" or "male" or "man" => "m",
        "n" or "nonbinary" or "x" or "d" or "diverse" or "other" => "n",
        _ => null,
    };

    /// <summary>ISO 3166-1, two letters in lower case.</summary>
    public static string? Country(string text) => Unpunctuated(Lower(text)) switch
    {
        "uk" => "gb",
        "usa" or "unitedstates" or "unitedstatesofamerica" => "us",
        { Length: 2 } code when char.IsAsciiLetter(code[0]) && char.IsAsciiLetter(code[1]) => code,
        _ => null,
    };

    public static string Only(ReadOnlySpan<char> text, Func<char, bool> isKept)
    {
        Span<char> kept = text.Length <= 512 ? stackalloc char[text.Length] : new char[text.Length];
        var length = 0;
        foreach (var c in text)
            if (isKept(c)) kept[length++] = c;
        return new string(kept[..length]);
    }

    // Halves of surrogate pairs stay: Only looks at characters, and there are letters beyond the first 65,536.
    private static bool IsOfWord(char c) => char.IsLetterOrDigit(c) || char.IsSurrogate(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    private static string? Something(string text) => text.Length == 0 ? null : text;
}

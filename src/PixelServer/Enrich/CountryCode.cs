namespace PixelServer.Enrich;

/// <summary>Checks what claims to be a country.</summary>
internal static class CountryCode
{
    /// <summary>Two ASCII letters in upper case; null for anything else, and for <c>XX</c>, with which proxies say that they do not know.</summary>
    public static string? From(string? code)
    {
        if (code is not { Length: 2 } || !char.IsAsciiLetter(code[0]) || !char.IsAsciiLetter(code[1])) return null;
        var upper = char.IsAsciiLetterUpper(code[0]) && char.IsAsciiLetterUpper(code[1]) ? code : code.ToUpperInvariant();
        return upper == "XX" ? null : upper;
    }
}

using System.Globalization;
using System.Text;

namespace PixelServer;

/// <summary>Reads an e-mail address into the one form that it is hashed in, and into the forms that single ad platforms hash.</summary>
internal static class EmailAddress
{
    /// <summary>RFC 5321 4.5.3.1 and erratum 1690.</summary>
    private const int MostBytes = 254, MostLocalBytes = 64;

    private static readonly IdnMapping s_idn = new() { UseStd3AsciiRules = true };

    /// <summary>
    /// Without white space around it, in lower case, an international host as punycode. Dots and <c>+tags</c> stay: only the host's owner
    /// knows whether they mean something. Null where the text is no address. Reading what was read changes nothing.
    /// </summary>
    public static string? Read(string text)
    {
        var address = text.Trim().ToLowerInvariant();
        var at = address.LastIndexOf('@');
        if (at < 1 || !IsLocal(address.AsSpan(0, at)) || Host(address[(at + 1)..]) is not { } host) return null;
        if (Encoding.UTF8.GetByteCount(address.AsSpan(0, at)) > MostLocalBytes) return null;
        address = string.Concat(address.AsSpan(0, at + 1), host);
        return Encoding.UTF8.GetByteCount(address) <= MostBytes ? address : null;
    }

    /// <summary>Google's form: at Gmail, dots in front of the @ are as if they were not there. Of an address that was read.</summary>
    public static string Undotted(string address)
    {
        var at = address.LastIndexOf('@');
        return address.AsSpan(at + 1) is "gmail.com" or "googlemail.com" ? string.Concat(address[..at].Replace(".", "", StringComparison.Ordinal), address.AsSpan(at)) : address;
    }

    /// <summary>Reddit's form: at every host, no <c>+tag</c> and nothing but letters and digits in front of the @. Null where nothing is left there.</summary>
    public static string? Bare(string address)
    {
        var at = address.LastIndexOf('@');
        var local = address.AsSpan(0, at);
        var tag = local.IndexOf('+');
        var bare = PersonText.Only(tag < 0 ? local : local[..tag], char.IsLetterOrDigit);
        return bare.Length == 0 ? null : string.Concat(bare, address.AsSpan(at));
    }

    // RFC 5322 3.2.3 atext and dots, and every letter and digit of other scripts (RFC 6531). No quoted local part: nobody has one.
    private static bool IsLocal(ReadOnlySpan<char> local)
    {
        foreach (var rune in local.EnumerateRunes())
            if (rune.IsAscii ? !Rune.IsLetterOrDigit(rune) && !"!#$%&'*+-/=?^_`{|}~.".Contains((char)rune.Value) : !IsOfScript(rune)) return false;
        return true;
    }

    private static bool IsOfScript(Rune rune) => Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    // Two labels at least: addresses of this machine are nobody's.
    private static string? Host(string host)
    {
        try
        {
            if (!Ascii.IsValid(host)) host = s_idn.GetAscii(host).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null;
        }

        var labels = 0;
        foreach (var part in host.AsSpan().Split('.'))
        {
            var label = host.AsSpan()[part];
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-') return null;
            foreach (var c in label)
                if (c is not (>= 'a' and <= 'z' or >= '0' and <= '9' or '-')) return null;
            labels++;
        }

        return labels >= 2 ? host : null;
    }
}

using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PixelServer.Mail;

/// <summary>
/// Where a click may lead. Judged by the characters themselves, not by one library's idea of an address: browsers, proxies and
/// frameworks read the odd ones each in their own way, and open redirects live in those differences.
/// </summary>
internal static class MailTarget
{
    public const int MaxChars = 2_048;

    public const string Rule =
        "A link is an absolute http or https address of at most 2048 visible ASCII characters, with a host name, and without user name, backslash, quotes or angle brackets.";

    private static readonly SearchValues<char> s_allowed = SearchValues.Create(
        "!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~|");

    private static readonly IdnMapping s_idn = new();
    private static readonly SearchValues<char> s_hostName = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    /// <summary>An address as a person writes it, made fit for a header: other letters percent-encoded, an international host in punycode. Null where it is none.</summary>
    public static string? Normal(string text)
    {
        text = text.Trim();
        if (IsSafe(text)) return text;
        if (text.Length > MaxChars || text.Any(IsHidden)) return null;

        // By our own reading, not by a library's, which mends what it should refuse: "https://@host", "https://host:/".
        var start = text.IndexOf("://", StringComparison.Ordinal) + 3;
        if (start < 3) return null;
        var length = text.AsSpan(start).IndexOfAny('/', '?', '#');
        var end = length < 0 ? text.Length : start + length;
        if (Punycode(text[start..end]) is not { } authority) return null;

        var normal = new StringBuilder(text.Length + 32).Append(text, 0, start).Append(authority);
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in text.AsSpan(end).EnumerateRunes())
        {
            if (rune.IsAscii && s_allowed.Contains((char)rune.Value)) normal.Append((char)rune.Value);
            else foreach (var one in bytes[..rune.EncodeToUtf8(bytes)]) normal.Append(CultureInfo.InvariantCulture, $"%{one:X2}");
        }

        return normal.ToString() is var made && IsSafe(made) ? made : null;
    }

    // What ends a header, what browsers take for a slash or leave out, and what turns the direction of a text.
    private static bool IsHidden(char c) => c == '\\' || char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    /// <summary>Names of other scripts in their <c>xn--</c> form (RFC 5891). Letters that browsers fold into other ones first are refused.</summary>
    private static string? Punycode(string authority)
    {
        if (Ascii.IsValid(authority)) return authority;
        foreach (var rune in authority.EnumerateRunes())
        {
            if (rune.IsAscii) continue;
            if (!Rune.IsLetter(rune) && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark)) return null;
            if (IsFolded(rune.Value)) return null;
        }

        try
        {
            var port = authority.LastIndexOf(':') is var colon and >= 0 ? authority[colon..] : "";
            return s_idn.GetAscii(authority[..^port.Length].ToLowerInvariant()) + port;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    // Unicode's compatibility blocks: a full-width "127" is 127 to a browser, and a full-width slash is a slash.
    private static bool IsFolded(int rune) => rune is 0xAA or 0xBA or (>= 0x1D00 and <= 0x1DBF) or (>= 0x2070 and <= 0x24FF) or (>= 0x3200 and <= 0x33FF)
        or (>= 0xF900 and <= 0xFFEF) or (>= 0x1D400 and <= 0x1D7FF) or (>= 0x1EE00 and <= 0x1EEFF) or (>= 0x1F100 and <= 0x1F2FF);

    /// <summary>Whether it may stand in a Location header, whoever signed it.</summary>
    public static bool IsSafe(string? target) =>
        target is { Length: <= MaxChars } && !target.AsSpan().ContainsAnyExcept(s_allowed) && Host(target).Length > 0
        && Uri.TryCreate(target, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0;

    /// <summary>Whether it leads to this machine or into a network that is not the public one, as far as its text tells; names are not looked up.</summary>
    public static bool IsPrivate(string target)
    {
        var host = Host(target).TrimEnd('.');
        if (host.StartsWith('[')) return !IPAddress.TryParse(host[1..^1], out var v6) || IsPrivate(v6);
        var last = host[(host.LastIndexOf('.') + 1)..];
        if (last.Equals("localhost", StringComparison.OrdinalIgnoreCase) || last.Equals("internal", StringComparison.OrdinalIgnoreCase) || last.Equals("local", StringComparison.OrdinalIgnoreCase)) return true;

        // A last label that is a number makes browsers read the whole host as an IPv4 address, in many spellings (WHATWG URL 4.4): only the plain one is judged.
        if (!char.IsAsciiDigit(last is [var digit, ..] ? digit : 'x')) return last.Length == host.Length; // a single label is a name of this network
        return !IPAddress.TryParse(host, out var v4) || v4.ToString() != host.ToString() || IsPrivate(v4);
    }

    /// <param name="target">A safe one.</param>
    /// <param name="hosts">Names, and <c>*.</c> names for what is below them, separated by commas; empty for every host.</param>
    public static bool IsAmong(string target, string hosts)
    {
        if (string.IsNullOrWhiteSpace(hosts)) return true;
        var host = Host(target).TrimEnd('.');
        foreach (var range in hosts.AsSpan().Split(','))
        {
            var allowed = hosts.AsSpan()[range].Trim();
            if (allowed.StartsWith("*.") ? host.Length > allowed.Length - 1 && host.EndsWith(allowed[1..], StringComparison.OrdinalIgnoreCase) : host.Equals(allowed, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    /// <summary>The host as written; empty where scheme and authority are not plainly there.</summary>
    private static ReadOnlySpan<char> Host(ReadOnlySpan<char> target)
    {
        var rest = target.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? target[8..]
            : target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? target[7..] : [];
        var end = rest.IndexOfAny('/', '?', '#');
        if (end >= 0) rest = rest[..end];
        if (rest.StartsWith('['))
        {
            var close = rest.IndexOf(']');
            return close > 1 && IsPort(rest[(close + 1)..]) && IPAddress.TryParse(rest[1..close], out _) ? rest[..(close + 1)] : [];
        }

        var colon = rest.IndexOf(':');
        var host = colon < 0 ? rest : rest[..colon];
        return host.Length <= 253 && IsPort(colon < 0 ? [] : rest[colon..]) && !host.ContainsAnyExcept(s_hostName) && !host.StartsWith('.') && !host.Contains("..", StringComparison.Ordinal) ? host : [];
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.IsEmpty || (text[0] == ':' && ushort.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0);

    private static bool IsPrivate(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address)) return true;
        var bytes = address.GetAddressBytes();
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return address.IsIPv6LinkLocal || address.IsIPv6UniqueLocal || address.IsIPv6SiteLocal || address.IsIPv6Multicast || address.Equals(IPAddress.IPv6Any)
                || bytes is [0x00, 0x64, 0xff, 0x9b, ..] or [0x20, 0x02, ..] or [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..]; // lead to any IPv4 address: NAT64, 6to4, compatible
        return bytes switch
        {
            [0 or 10 or 127, ..] or [>= 224, ..] or [169, 254, ..] or [192, 168, ..] or [192, 0, 0, _] => true,
            [172, var second, ..] => second is >= 16 and <= 31,
            [100, var second, ..] => second is >= 64 and <= 127, // shared by carriers, RFC 6598
            [198, var second, ..] => second is 18 or 19,
            _ => false,
        };
    }
}

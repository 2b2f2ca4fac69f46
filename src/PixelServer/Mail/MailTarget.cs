using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

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

    private static readonly SearchValues<char> s_hostName = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    /// <summary>An address as a person writes it, made fit for a header: other letters percent-encoded, an international host in punycode. Null where it is none.</summary>
    public static string? Normal(string text)
    {
        text = text.Trim();
        if (IsSafe(text)) return text;
        if (text.Contains('\\', StringComparison.Ordinal) || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")) return null;
        var port = uri.IsDefaultPort ? "" : ":" + uri.Port.ToString(CultureInfo.InvariantCulture);
        var user = uri.UserInfo.Length == 0 ? "" : uri.UserInfo + "@"; // kept, so that it is refused and not passed over
        var normal = $"{uri.Scheme}://{user}{uri.IdnHost}{port}{uri.GetComponents(UriComponents.PathAndQuery | UriComponents.Fragment, UriFormat.UriEscaped)}";
        return IsSafe(normal) ? normal : null;
    }

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
                || bytes is [0x00, 0x64, 0xff, 0x9b, ..]; // NAT64 leads to any IPv4 address
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

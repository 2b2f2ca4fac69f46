using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>How much of a visitor's address a site keeps.</summary>
internal enum IpPolicy
{
    /// <summary>The whole address.</summary>
    Keep,

    /// <summary>The first 24 bits of IPv4, the first 48 of IPv6; the default.</summary>
    Mask,

    /// <summary>Nothing.</summary>
    Drop,
}

/// <summary>Peers whose <c>X-Forwarded-*</c> headers are believed.</summary>
internal sealed class TrustedProxies(IEnumerable<IPNetwork> networks)
{
    // As bytes: IPNetwork makes new ones of the address each time it is asked, twice a request behind a proxy.
    private readonly (byte[] Prefix, int Bits)[] _networks = [.. networks.Select(one => (one.BaseAddress.GetAddressBytes(), one.PrefixLength))];

    public static TrustedProxies Loopback { get; } = new([IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")]);

    /// <param name="address">Null for a peer without an address, on a Unix socket: it is on this machine, like loopback.</param>
    public bool Contains(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address ??= IPAddress.Loopback;
        if (!address.TryWriteBytes(bytes, out var length)) return false;
        bytes = address.IsIPv4MappedToIPv6 ? bytes[12..] : bytes[..length];
        foreach (var (prefix, bits) in _networks)
            if (prefix.Length == bytes.Length && HasPrefix(bytes, prefix, bits)) return true;
        return false;
    }

    private static bool HasPrefix(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> prefix, int bits)
    {
        var (whole, rest) = (bits / 8, bits % 8);
        return bytes[..whole].SequenceEqual(prefix[..whole]) && (rest == 0 || (bytes[whole] ^ prefix[whole]) >> (8 - rest) == 0);
    }

    /// <summary>One address or one network in CIDR notation.</summary>
    public static bool TryParse(string text, out IPNetwork network)
    {
        if (IPNetwork.TryParse(text, out network)) return true;
        if (!IPAddress.TryParse(text, out var address) || !ClientAddress.IsPlain(text)) return false;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        network = new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        return true;
    }
}

/// <summary>Where a request comes from, through trusted proxies only, and what may be kept of it.</summary>
internal static class ClientAddress
{
    private static readonly SearchValues<char> s_dotted = SearchValues.Create("0123456789.");

    /// <summary>
    /// Walks X-Forwarded-For from the right, the end that the nearest proxy wrote, past the proxies we trust. What is not
    /// an address stops the walk at the last one that was: left of it anybody may have written anything.
    /// </summary>
    public static IPAddress? Behind(IPAddress? peer, StringValues forwarded, TrustedProxies trusted)
    {
        var address = peer;
        var hops = 0;
        for (var line = forwarded.Count - 1; line >= 0; line--)
        {
            for (var rest = forwarded[line].AsSpan(); ;)
            {
                if (hops++ >= Limits.ForwardedHops || !trusted.Contains(address)) return address;
                var comma = rest.LastIndexOf(',');
                if (!TryRead(rest[(comma + 1)..].Trim(), out var next)) return address;
                address = next;
                if (comma < 0) break;
                rest = rest[..comma];
            }
        }

        return address;
    }

    public static IPAddress? Kept(IPAddress? address, IpPolicy policy)
    {
        if (address is null || policy == IpPolicy.Drop) return null;
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var length)) return null;
        bytes = bytes[..length];
        if (address.IsIPv4MappedToIPv6) bytes = bytes[12..];
        if (policy == IpPolicy.Mask) bytes[(bytes.Length == 4 ? 3 : 6)..].Clear();
        else if (bytes.Length == length && (length == 4 || address.ScopeId == 0)) return address;
        return new IPAddress(bytes);
    }

    /// <summary>Four decimal numbers, or IPv6 without a zone: the framework also takes hexadecimal, octal and shortened IPv4.</summary>
    public static bool IsPlain(ReadOnlySpan<char> text)
    {
        if (text.Contains(':')) return !text.ContainsAny('%', '[', '/');
        return text.Count('.') == 3 && !text.ContainsAnyExcept(s_dotted) && !HasLeadingZero(text);
    }

    /// <summary>An address as proxies and people write it: plain, in brackets, with a port.</summary>
    public static bool TryRead(ReadOnlySpan<char> entry, out IPAddress? address)
    {
        address = null;
        if (entry.Length is 0 or > 64) return false;
        if (entry[0] == '[')
        {
            // [2001:db8::1] or [2001:db8::1]:443
            var end = entry.IndexOf(']');
            if (end < 0 || !IsPort(entry[(end + 1)..])) return false;
            entry = entry[1..end];
            if (!entry.Contains(':')) return false;
        }
        else if (entry.Count(':') == 1)
        {
            var colon = entry.IndexOf(':');
            if (!IsPort(entry[colon..])) return false;
            entry = entry[..colon];
        }

        if (!IsPlain(entry) || !IPAddress.TryParse(entry, out address)) return false;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return true;
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.Length == 0 || (text[0] == ':' && text.Length is > 1 and <= 6 && !text[1..].ContainsAnyExceptInRange('0', '9'));

    private static bool HasLeadingZero(ReadOnlySpan<char> text)
    {
        for (var i = 0; i + 1 < text.Length; i++)
            if (text[i] == '0' && (i == 0 || text[i - 1] == '.') && text[i + 1] != '.') return true;
        return false;
    }
}

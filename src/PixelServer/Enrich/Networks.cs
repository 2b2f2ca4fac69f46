using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using PixelServer.Ops;

namespace PixelServer.Enrich;

/// <summary>A set of networks that the operator names in a file; asked by a binary search over sorted ranges that do not touch.</summary>
/// <remarks>
/// An address that the site's IP policy has masked stands for its whole /24 or /48: how many bits are missing is told by the zeros at its end.
/// IPv4 lies in the range ::ffff:0:0/96 of IPv6, so that one list serves both.
/// </remarks>
internal sealed class Networks
{
    /// <summary>Apple's list has some 300,000 lines, and those of all large clouds together fewer.</summary>
    public const int MaxLines = 2_000_000;

    private readonly UInt128[] _first, _last;

    private Networks(IEnumerable<(UInt128 First, UInt128 Last)> ranges)
    {
        var merged = new List<(UInt128 First, UInt128 Last)>();
        foreach (var range in ranges.Order())
        {
            if (merged is [.., var before] && (range.First <= before.Last || range.First - 1 == before.Last))
                merged[^1] = (before.First, UInt128.Max(before.Last, range.Last));
            else merged.Add(range);
        }

        _first = [.. merged.Select(range => range.First)];
        _last = [.. merged.Select(range => range.Last)];
    }

    /// <summary>Reads a text file: one address or network a line, up to a comma or a <c>#</c>; the rest of the line and empty lines say nothing.</summary>
    /// <param name="key">The setting, for the explanation.</param>
    /// <param name="path">Its value; empty for no networks at all.</param>
    /// <exception cref="SettingException">The file cannot be read, a line is no network, or there are more than <see cref="MaxLines"/>.</exception>
    public static Networks? Read(string key, string path)
    {
        if (path.Length == 0) return null;
        const string Allowed = "the path of a text file with one network a line, such as 203.0.113.0/24 or 2001:db8::/32";
        try
        {
            var ranges = new List<(UInt128, UInt128)>();
            var number = 0;
            foreach (var line in File.ReadLines(path))
            {
                if (++number > MaxLines) throw new SettingException(key, path, $"{Allowed}, of at most {MaxLines} lines");
                var end = line.AsSpan().IndexOfAny('#', ',');
                var text = (end < 0 ? line : line[..end]).Trim();
                if (text.Length == 0) continue;
                ranges.Add(RangeOf(text) ?? throw new SettingException(key, path, $"{Allowed}; line {number} is none"));
            }

            return ranges.Count > 0 ? new Networks(ranges) : throw new SettingException(key, path, $"{Allowed}; it holds none");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SettingException(key, path, $"{Allowed} ({e.Message.TrimEnd('.')})");
        }
    }

    /// <summary>Whether all that the address may stand for lies in the networks.</summary>
    public bool Holds(IPAddress address)
    {
        var (first, last) = Block(address);
        return At(last) is var at and >= 0 && _first[at] <= first && last <= _last[at];
    }

    /// <summary>Whether any of what the address may stand for lies in the networks.</summary>
    public bool Touches(IPAddress address)
    {
        var (first, last) = Block(address);
        return At(last) is var at and >= 0 && first <= _last[at];
    }

    /// <summary>The /24 or /48 around an address; null where it says nothing of the sender: private, loopback, link-local, or none.</summary>
    public static IPAddress? Around(IPAddress? address)
    {
        if (address is null || IsPrivate(address)) return null;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(bytes.Length == 4 ? 3 : 6).Clear();
        return new IPAddress(bytes);
    }

    /// <summary>Not from the Internet: what a server sees when its proxy is not trusted, or inside a company. RFC 1918, 3927, 4193, 4291 and 6598.</summary>
    public static bool IsPrivate(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetwork)
            return address.IsIPv6LinkLocal || address.IsIPv6UniqueLocal || IPAddress.IsLoopback(address) || address.Equals(IPAddress.IPv6Any);
        return address.GetAddressBytes() is [0 or 10 or 127, ..] or [192, 168, ..] or [169, 254, ..] or [172, >= 16 and <= 31, ..]
            or [100, >= 64 and <= 127, ..];
    }

    // The last range that begins at or before the number; -1 if there is none.
    private int At(UInt128 number) => Array.BinarySearch(_first, number) is var found && found >= 0 ? found : ~found - 1;

    private static (UInt128 First, UInt128 Last) Block(IPAddress address)
    {
        var number = Number(address);
        var missing = address.AddressFamily == AddressFamily.InterNetwork ? 8 : 80;
        var rest = (UInt128.One << missing) - 1;
        return (number & rest) == 0 ? (number, number | rest) : (number, number);
    }

    private static (UInt128 First, UInt128 Last)? RangeOf(string text)
    {
        if (IPAddress.TryParse(text, out var single)) return (Number(single), Number(single));
        if (!IPNetwork.TryParse(text, out var network)) return null;
        var bits = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var first = Number(network.BaseAddress);
        var rest = network.PrefixLength == 0 && bits == 128 ? UInt128.MaxValue : (UInt128.One << (bits - network.PrefixLength)) - 1;
        return (first, first | rest);
    }

    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 16 ? BinaryPrimitives.ReadUInt128BigEndian(bytes)
            : ((UInt128)0xFFFF << 32) + BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}

using System.Buffers;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Collect;

/// <summary>What a visitor is who may be measured, but on whose device nothing may be stored; <c>Pixel:Sites:{id}:Cookieless</c>.</summary>
internal enum Cookieless
{
    /// <summary>The same visitor for one UTC day; the default.</summary>
    Daily,

    /// <summary>Nobody: each event stands alone.</summary>
    None,
}

/// <summary>
/// Visitors without anything on their device: HMAC-SHA256 under the key of the day over site, address and user agent, as a version 8 UUID. When
/// the key is gone nobody can tell who it was, nor that two days are one visitor. Address and user agent go nowhere else from here.
/// </summary>
internal sealed class DailyVisitors(DailyKeys keys)
{
    private const int MaxStack = 512;

    /// <summary>Null where the site wants none, or where too little is known to tell one visitor from another.</summary>
    /// <param name="site">The site's rules.</param>
    /// <param name="siteId">Its id: the same person is somebody else on each site.</param>
    /// <param name="caller">Whose whole address and user agent are asked, whatever of them is kept; the day is that of arrival.</param>
    public Guid? Of(Site site, string siteId, in Caller caller)
    {
        if (site.Cookieless == Cookieless.None) return null;
        return caller.Address is { } address && caller.UserAgent is { } userAgent ? Of(siteId, address, userAgent, caller.ReceivedAt) : null;
    }

    internal Guid? Of(string siteId, IPAddress address, string userAgent, DateTimeOffset receivedAt)
    {
        // A site id holds no zero byte and an address has a fixed length: no two triples make the same bytes.
        var most = siteId.Length + 1 + 16 + Encoding.UTF8.GetMaxByteCount(userAgent.Length);
        var rented = most <= MaxStack ? null : ArrayPool<byte>.Shared.Rent(most);
        var text = rented ?? stackalloc byte[MaxStack];
        var length = Encoding.UTF8.GetBytes(siteId, text);
        text[length++] = 0;
        if (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
        {
            Mapped.CopyTo(text[length..]);
            address.TryWriteBytes(text[(length + Mapped.Length)..], out _);
        }
        else
        {
            address.TryWriteBytes(text[length..], out _);
        }

        length += 16;
        length += Encoding.UTF8.GetBytes(userAgent, text[length..]);

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var day = DateOnly.FromDateTime(receivedAt.UtcDateTime);
        var found = keys.Of(day).TryHash(text[..length], hash) || keys.Of(day).TryHash(text[..length], hash); // the first may just have been replaced
        text[..length].Clear();
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        if (!found) return null;

        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    // How an IPv4 address is written as IPv6 (RFC 4291 2.5.5.2).
    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
}

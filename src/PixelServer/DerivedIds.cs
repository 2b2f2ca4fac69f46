using System.Security.Cryptography;
using System.Text;

namespace PixelServer;

/// <summary>Visitor ids of clients that keep an id of their own.</summary>
internal static class VisitorIds
{
    /// <summary>A UUID is taken as it is, so that both sides know it by the same name; every other text becomes a version 8 UUID (RFC 9562 5.8) of its own, per site.</summary>
    /// <param name="site">Site id.</param>
    /// <param name="anonymousId">The client's id; not empty.</param>
    public static Guid Of(string site, ReadOnlySpan<char> anonymousId) =>
        Guid.TryParseExact(anonymousId, "D", out var id) && id != Guid.Empty ? id : DerivedIds.Of("visitor", site, anonymousId);
}

/// <summary>Keys by which a second copy of a message is known.</summary>
internal static class OnceKeys
{
    /// <summary>Who holds a secret key, in whatever door; a write key, which everybody can read, makes keys of its own: else a stranger could use up a backend's.</summary>
    public const string Secret = "secret", Public = "public";

    /// <summary>The same for the same message of the same site and of equally trusted senders, and for no other: 122 bits of SHA-256.</summary>
    /// <param name="sender">One of the above, or another word for who made the id; without a line feed.</param>
    /// <param name="site">Site id.</param>
    /// <param name="messageId">The sender's own id of the message.</param>
    public static Guid Of(string sender, string site, ReadOnlySpan<char> messageId) => DerivedIds.Of($"once {sender}", site, messageId);
}

/// <summary>UUIDs of version 8 (RFC 9562 5.8) that are made of text: 122 bits of SHA-256 over what it is for, the site and the text.</summary>
internal static class DerivedIds
{
    public static Guid Of(string use, string site, ReadOnlySpan<char> text)
    {
        // Neither a use nor a site id can hold a line feed: no two triples make the same bytes.
        var prefix = $"{use}\n{site}\n";
        var most = Encoding.UTF8.GetMaxByteCount(prefix.Length + text.Length);
        var bytes = most <= 1024 ? stackalloc byte[most] : new byte[most];
        var length = Encoding.UTF8.GetBytes(prefix, bytes);
        length += Encoding.UTF8.GetBytes(text, bytes[length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..length], hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}

using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Api;

/// <summary>Takes a key out of a request: from <c>Authorization</c>, and only where that is absent from the body.</summary>
internal static class KeyHeader
{
    /// <summary>More than any key with a password behind it needs.</summary>
    public const int MaxChars = 512;

    private const string Basic = "Basic", Bearer = "Bearer";

    // No key, and not nothing either: what came must not be passed over in favour of the body.
    private const string Unreadable = "?";

    /// <summary>The key as it was written, checked in nothing; empty where none came.</summary>
    /// <param name="header">All values of <c>Authorization</c>. Basic with the key as user, whatever the password, or Bearer.</param>
    /// <param name="bodyKey">What the body has as <c>writeKey</c>; empty for nothing.</param>
    /// <param name="room">At least <see cref="MaxChars"/> long; the answer may lie in it.</param>
    public static ReadOnlySpan<char> Read(StringValues header, ReadOnlySpan<char> bodyKey, Span<char> room)
    {
        if (header.Count == 0) return bodyKey;
        if (header.Count > 1) return Unreadable; // two who differ about who they are
        var text = header.ToString().AsSpan().Trim();
        if (text.IsEmpty || text.Equals(Basic, StringComparison.OrdinalIgnoreCase) || text.Equals(Bearer, StringComparison.OrdinalIgnoreCase)) return [];
        var end = text.IndexOf(' ');
        if (end < 0 || text.Length > MaxChars) return Unreadable;
        var scheme = text[..end];
        var rest = text[end..].Trim();
        if (scheme.Equals(Bearer, StringComparison.OrdinalIgnoreCase)) return rest;
        return scheme.Equals(Basic, StringComparison.OrdinalIgnoreCase) ? User(rest, room) : Unreadable;
    }

    // RFC 7617, and what clients make of it: without the colon, without the padding, in the alphabet for addresses.
    private static ReadOnlySpan<char> User(ReadOnlySpan<char> base64, Span<char> room)
    {
        Span<char> packed = stackalloc char[MaxChars];
        Span<byte> bytes = stackalloc byte[MaxChars];
        base64 = base64.TrimEnd('=');
        base64.Replace(packed, '+', '-');
        packed = packed[..base64.Length];
        packed.Replace('/', '_');
        if (Base64Url.DecodeFromChars(packed, bytes, out _, out var length) != OperationStatus.Done) return Unreadable;
        var user = bytes[..length];
        if (user.IndexOf((byte)':') is >= 0 and var colon) user = user[..colon];
        return Ascii.ToUtf16(user, room, out var chars) == OperationStatus.Done ? room[..chars] : Unreadable;
    }
}

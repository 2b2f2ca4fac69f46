using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// The header <c>Idempotency-Key</c> (draft-ietf-httpapi-idempotency-key-header): a request that is sent again with the same key is stored once.
/// </summary>
/// <remarks>
/// The draft wants 422 where a key comes back with another body. That needs a memory of requests that every collector shares and that is there when
/// the database is not; so the body is part of the key here, and another body is another request: nothing is lost in silence.
/// </remarks>
internal readonly struct IdempotencyKey
{
    public const string Header = "Idempotency-Key";
    private const int MostChars = 255;

    private readonly string? _text;

    private IdempotencyKey(string text) => _text = text;

    /// <summary>Reads the header; a request without one has no key, and every event of it is new.</summary>
    public static Refusal? Read(StringValues header, out string? text)
    {
        text = null;
        if (header.Count == 0) return null;
        var value = header.Count == 1 ? header[0]!.AsSpan().Trim() : default;
        if (value.Length >= 2 && value[0] == '"' && value[^1] == '"') value = value[1..^1]; // the draft's spelling, a string of RFC 9651
        if (value.Length is 0 or > MostChars || value.ContainsAnyExceptInRange('!', '~')) return Refusal.BadIdempotencyKey;
        text = value.ToString();
        return null;
    }

    /// <param name="keyId">Of the API key: what one caller sends says nothing about another's requests.</param>
    /// <param name="text">As the header has it; null where there was none.</param>
    /// <param name="body">Unpacked, as it came.</param>
    public static IdempotencyKey Of(string keyId, string? text, ReadOnlySpan<byte> body) =>
        text is null ? default : new($"{keyId}\n{text}\n{Convert.ToHexStringLower(SHA256.HashData(body))}");

    /// <summary>Of one event of the body; null without a key.</summary>
    /// <remarks>It is longer than any message id may be: the two cannot be mistaken for each other.</remarks>
    public Guid? Once(string site, int index) => _text is null ? null : OnceKeys.Of("idempotency", site, $"{_text}\n{index}");
}

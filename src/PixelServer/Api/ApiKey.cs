using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using PixelServer.Collect;

namespace PixelServer.Api;

internal enum KeyKind
{
    /// <summary>Stands in pages and apps, where everybody can read it: may send events as they happen, and nothing more.</summary>
    Write,

    /// <summary>For backends only: may also say who somebody is, and what happened long ago.</summary>
    Secret,
}

internal enum KeyState { Active, Expired, Revoked }

/// <summary>What is known of a key; its text is not, only the SHA-256 of it.</summary>
internal sealed record ApiKey
{
    public const int MaxNameChars = 100;
    public const int MaxOrigins = 50;

    /// <summary>8 lower-case letters and digits; part of the key's text and no secret.</summary>
    public required string Id { get; init; }

    public required KeyKind Kind { get; init; }

    /// <summary>The one site whose events it may send.</summary>
    public required string Site { get; init; }

    /// <summary>The operator's word for it, or empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>SHA-256 of the whole text. Neither salt nor a slow hash is needed: nobody guesses 256 random bits.</summary>
    public required ReadOnlyMemory<byte> Sha256 { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>From then on it is worth nothing; null: for ever.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>Origins and patterns as <see cref="Collect.Origins"/> has them; none listed leaves it to the site. Always empty for a secret key.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Requests per second; null for the setting's.</summary>
    public int? RequestsPerSecond { get; init; }

    public KeyState State(DateTimeOffset now) => RevokedAt is not null ? KeyState.Revoked : ExpiresAt <= now ? KeyState.Expired : KeyState.Active;

    /// <summary>Whether pages of this origin may use it, as far as the key has a say.</summary>
    public bool Allows(ReadOnlySpan<char> origin) => Origins.Count == 0 || new Origins(Origins).Allows(origin);
}

/// <summary>
/// The text of a key: <c>pxw_{id}_{random}</c> for a write key, <c>pxs_…</c> for a secret one, always <see cref="Chars"/> characters of ASCII
/// without a colon, so that it can be the user of Basic authorization. The random part has underscores too: places count, not separators.
/// </summary>
internal static class KeyText
{
    public const int IdChars = 8;
    public const int Chars = 4 + IdChars + 1 + 43;

    public const string SecretPrefix = "pxs_";

    private const string WritePrefix = "pxw_", IdAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
    private static readonly SearchValues<char> s_idAlphabet = SearchValues.Create(IdAlphabet);

    public static string NewId() => RandomNumberGenerator.GetString(IdAlphabet, IdChars);

    /// <summary>A new text of that id, with 256 random bits.</summary>
    public static string Make(KeyKind kind, string id) =>
        $"{(kind == KeyKind.Write ? WritePrefix : SecretPrefix)}{id}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";

    public static byte[] Hash(string text) => SHA256.HashData(Encoding.ASCII.GetBytes(text));

    public static bool IsId(ReadOnlySpan<char> text) => text.Length == IdChars && !text.ContainsAnyExcept(s_idAlphabet);

    /// <summary>Whether it begins as only keys do.</summary>
    public static bool LooksLikeOne(ReadOnlySpan<char> text) =>
        text.StartsWith(WritePrefix, StringComparison.OrdinalIgnoreCase) || text.StartsWith(SecretPrefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Takes the text apart. What cannot be a key leaves zeros and no id, to be looked up and hashed all the same.</summary>
    /// <param name="text">Anything.</param>
    /// <param name="bytes">Takes the whole text; <see cref="Chars"/> long.</param>
    public static ReadOnlySpan<char> Read(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        if (text.Length == Chars && Ascii.FromUtf16(text, bytes, out _) == OperationStatus.Done) return text.Slice(WritePrefix.Length, IdChars);
        bytes.Clear();
        return [];
    }
}

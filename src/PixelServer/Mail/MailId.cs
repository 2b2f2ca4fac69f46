using System.Buffers.Text;
using System.Text;

namespace PixelServer.Mail;

/// <summary>What may stand in an address of a mail for a person or a message: an id of the sender's own, never an address or what anybody can compute from one.</summary>
internal static class MailId
{
    public const int MaxChars = 128;

    // In hexadecimal: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
    private static ReadOnlySpan<int> HexChars => [32, 40, 56, 64, 96, 128];

    // The same in base64 without padding.
    private static ReadOnlySpan<int> Base64Chars => [22, 27, 38, 43, 64, 86];

    /// <summary>One rule for those who make tokens and for those who read them. Null: it may.</summary>
    public static string? Fault(string name, string id)
    {
        if (id.Length is 0 or > MaxChars) return $"{name}: 1 to {MaxChars} characters.";
        if (HoldsControls(id)) return $"{name}: no control characters.";
        if (HoldsAddress(id)) return $"{name}: an e-mail address would stand readable in every address of the mail. Use an id of your own.";
        if (LooksLikeHash(id)) return $"{name}: this looks like a hash, which tells an address to everybody who has the address. Use an id of your own, such as a number or a UUID with hyphens.";
        return null;
    }

    // Halves of surrogate pairs are no text either.
    private static bool HoldsControls(string id)
    {
        for (var i = 0; i < id.Length; i++)
        {
            if (i + 1 < id.Length && char.IsSurrogatePair(id[i], id[i + 1])) i++;
            else if (char.IsControl(id[i]) || char.IsSurrogate(id[i])) return true;
        }

        return false;
    }

    // As it stands, also with a full-width or small sign or as an HTML entity; percent-encoded, however often; in base64.
    private static bool HoldsAddress(string id)
    {
        for (var text = id; ;)
        {
            if (text.AsSpan().ContainsAny('@', '\uff20', '\ufe6b') || text.Contains("&#", StringComparison.Ordinal)) return true;
            var decoded = Uri.UnescapeDataString(text);
            if (decoded.Length == text.Length) break; // each round that changes something makes it shorter
            text = decoded;
        }

        return FromBase64(id) is { } inner && inner.Contains('@', StringComparison.Ordinal) && inner.Contains('.', StringComparison.Ordinal);
    }

    private static string? FromBase64(string id)
    {
        var plain = id.TrimEnd('=').Replace('+', '-').Replace('/', '_');
        if (plain.Length < 8 || !Base64Url.IsValid(plain)) return null;
        var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(plain));
        return text.Contains('\ufffd') || text.Any(char.IsControl) ? null : text;
    }

    // Also with words around it, as in "sha256-…".
    private static bool LooksLikeHash(string id)
    {
        var run = 0;
        for (var i = 0; i <= id.Length; i++)
        {
            if (i < id.Length && char.IsAsciiHexDigit(id[i])) run++;
            else if (HexChars.Contains(run)) return true;
            else run = 0;
        }

        var bare = id.AsSpan().TrimEnd('=');
        return Base64Chars.Contains(bare.Length) && IsScrambled(bare);
    }

    // 22 or 43 characters can also be a name. Random base64 changes between small letters, capitals and digits at two of three
    // characters; words and dates hardly ever do. A hash that does so at fewer than one of three is taken for a name: one of 10,000 of
    // a SHA-256, 6 of 1,000 of an MD5.
    private static bool IsScrambled(ReadOnlySpan<char> text)
    {
        var changes = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (Kind(text[i]) == 0) return false;
            if (i > 0 && Kind(text[i]) != Kind(text[i - 1])) changes++;
        }

        return changes * 3 >= text.Length;
    }

    private static int Kind(char c) => c switch
    {
        >= 'a' and <= 'z' => 1,
        >= 'A' and <= 'Z' => 2,
        >= '0' and <= '9' => 3,
        '+' or '/' or '-' or '_' => 4,
        _ => 0,
    };
}

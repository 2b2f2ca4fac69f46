using System.Buffers;
using System.Text;

namespace PixelServer.Mail;

/// <summary>What may stand in an address of a mail for a person or a message: an id of the sender's own, never an address or what anybody can compute from one.</summary>
internal static class MailId
{
    public const int MaxChars = 128;

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdefABCDEF");
    private static readonly SearchValues<char> s_base64 = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/");

    /// <summary>One rule for those who make tokens and for those who read them. Null: it may.</summary>
    public static string? Fault(string name, string id)
    {
        if (id.Length is 0 or > MaxChars) return $"{name}: 1 to {MaxChars} characters.";
        if (id.Any(c => char.IsControl(c) || char.IsSurrogate(c))) return $"{name}: no control characters, and none beyond the basic plane.";
        if (HoldsAt(id)) return $"{name}: an e-mail address would stand readable in every address of the mail. Use an id of your own.";
        if (LooksLikeHash(id)) return $"{name}: this looks like a hash, which tells an address to everybody who has the address. Use an id of your own, such as a number or a UUID with hyphens.";
        return null;
    }

    // Also as full-width or small sign, percent-encoded once or more often, or as an HTML entity.
    private static bool HoldsAt(string id)
    {
        var text = id.Normalize(NormalizationForm.FormKC);
        return text.Contains('@', StringComparison.Ordinal) || text.Contains("%40", StringComparison.Ordinal)
            || text.Contains("2540", StringComparison.Ordinal) && text.Contains('%', StringComparison.Ordinal) || text.Contains("&#", StringComparison.Ordinal);
    }

    /// <summary>MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512 in hexadecimal; MD5, SHA-1, SHA-256 and SHA-512 in base64 where their padding shows.</summary>
    private static bool LooksLikeHash(string id)
    {
        if (id.Length is 32 or 40 or 56 or 64 or 96 or 128 && !id.AsSpan().ContainsAnyExcept(s_hex)) return true;
        var bare = id.AsSpan().TrimEnd('=');
        return (bare.Length, id.Length) is (22, 24) or (27, 28) or (43, 43 or 44) or (86, 86 or 88) && !bare.ContainsAnyExcept(s_base64);
    }
}

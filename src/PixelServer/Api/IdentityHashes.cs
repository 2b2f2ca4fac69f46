using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Api;

/// <summary>The values of one field of a person, hashed in each of its forms; the same place in every list is the same value.</summary>
internal sealed class IdentityHashes(IdentityField of)
{
    /// <summary>The most values of one field; platforms take three at the most.</summary>
    public const int Most = 5;

    private readonly List<string>[] _forms = [.. Enumerable.Range(0, of.Forms.Count + 1).Select(_ => new List<string>(1))];

    /// <summary>As they came, without white space around them; those that could not be read as well.</summary>
    public List<string> Raw { get; } = [];

    /// <summary>Of the canonical form.</summary>
    public IReadOnlyList<string> Canonical => _forms[0];

    /// <summary>What is to be kept, with its names. A form that is everywhere the same as the canonical one is left out: it stands for it.</summary>
    public IEnumerable<(string Name, IReadOnlyList<string> Hashes)> Kept
    {
        get
        {
            if (Canonical.Count == 0) yield break;
            yield return (of.Hashed, Canonical);
            for (var i = 0; i < of.Forms.Count; i++)
                if (!_forms[i + 1].SequenceEqual(Canonical)) yield return (of.Forms[i].Name, _forms[i + 1]);
        }
    }

    /// <summary>Null when the text is taken, or is nothing.</summary>
    /// <param name="text">A value, or its hash.</param>
    /// <param name="isHashed">It must be a hash.</param>
    /// <param name="phoneCountry">Of national phone numbers; null where it is not known.</param>
    public Warning? Add(string text, bool isHashed, string? phoneCountry)
    {
        text = text.Trim();
        if (text.Length == 0) return null;
        if (IsHash(text)) return AddHash(text.ToLowerInvariant());
        if (isHashed) return Warning.HashNotRead;
        if (text.Length > of.MaxChars) return Warning.IdentityTooLong;
        if (Raw.Count >= Most) return Warning.IdentityTooMany;
        Raw.Add(text);
        if (of.Read(text, phoneCountry) is not { Length: > 0 } canonical) return of.Unreadable;
        var hash = Hash(canonical);
        if (_forms[0].Contains(hash)) return null;
        if (_forms[0].Count >= Most) return Warning.IdentityTooMany;
        _forms[0].Add(hash);
        var lower = PersonText.Lower(text);
        for (var i = 0; i < of.Forms.Count; i++)
            _forms[i + 1].Add(of.Forms[i].Make(lower, canonical) is { } form && form != canonical ? Hash(form) : hash);
        return null;
    }

    /// <summary>SHA-256 of the UTF-8, 64 hexadecimal digits in lower case.</summary>
    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public static bool IsHash(ReadOnlySpan<char> text)
    {
        if (text.Length != 64) return false;
        foreach (var c in text)
            if (!char.IsAsciiHexDigit(c)) return false;
        return true;
    }

    // Nothing else can be made of it: it goes wherever its thing goes.
    private Warning? AddHash(string hash)
    {
        if (_forms[0].Contains(hash)) return null;
        if (_forms[0].Count >= Most) return Warning.IdentityTooMany;
        foreach (var form in _forms) form.Add(hash);
        return null;
    }
}

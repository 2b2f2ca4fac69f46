using System.Collections.Frozen;
using System.Text;

namespace PixelServer;

/// <summary>Under which names clients say who somebody is: docs/events-api.md has the table. What is done with each is the doors' business.</summary>
internal static class IdentityNames
{
    /// <summary>Members of <c>address{}</c> are read like members beside it.</summary>
    public const string Address = "address";

    /// <summary>Longest spelling, in letters.</summary>
    private const int MostLetters = 32;

    private static readonly FrozenDictionary<string, string[]> s_spellings = new Dictionary<string, string[]>
    {
        ["email"] = ["email_address", "mail"],
        ["phone"] = ["phone_number", "telephone", "mobile", "mobile_phone"],
        ["external_id"] = [],
        ["first_name"] = ["given_name"],
        ["last_name"] = ["family_name", "surname"],
        ["date_of_birth"] = ["birthday", "birthdate", "dob"],
        ["gender"] = ["sex"],
        ["street"] = ["street_address", "address_1", "address_line_1"],
        ["city"] = [],
        ["state"] = ["region", "province"],
        ["zip"] = ["zip_code", "postal_code", "postcode"],
        ["country"] = ["country_code"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, (string? Field, bool IsHashed)>.AlternateLookup<ReadOnlySpan<char>> s_bySpelling = Spelt()
        .ToFrozenDictionary(row => Folded(row.Spelling), row => (row.Field, row.IsHashed), StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>What names a person as well, but is no match key anywhere: never kept, and not hashed.</summary>
    public static IReadOnlyList<string> Unused => ["name", "full_name", "middle_name", "username"];

    /// <summary>The name of a hash.</summary>
    public static string Hashed(string field) => field + "_sha256";

    /// <summary>Spellings of a field beside its name.</summary>
    public static IReadOnlyList<string> Spellings(string field) => s_spellings[field];

    /// <param name="key">As the caller spells it: upper and lower case, <c>_</c>, <c>-</c> and blanks make no difference.</param>
    /// <param name="field">Its documented name; null for <see cref="Address"/> and for what is <see cref="Unused"/>.</param>
    /// <param name="isHashed">The caller made the hash.</param>
    public static bool TryFind(ReadOnlySpan<char> key, out string? field, out bool isHashed)
    {
        Span<char> folded = stackalloc char[MostLetters];
        (field, isHashed) = (null, false);
        if (!s_bySpelling.TryGetValue(DeviceWords.Plain(key, folded), out var found)) return false;
        (field, isHashed) = found;
        return true;
    }

    /// <summary>Whether text under this key tells who somebody is.</summary>
    public static bool IsIdentity(ReadOnlySpan<char> key) => TryFind(key, out _, out _);

    /// <summary>Whether a property of this name tells who somebody is, where the event is about a person, or is a hash that may.</summary>
    /// <param name="key">UTF-8.</param>
    public static bool IsPersons(ReadOnlySpan<byte> key) => IsPersons(key, always: false);

    /// <summary>The same for any event: a <c>name</c> may be a product's there, a <c>state</c> an order's, and a <c>country</c> tells what the event's own column does.</summary>
    /// <inheritdoc cref="IsPersons(ReadOnlySpan{byte})"/>
    public static bool IsOnlyPersons(ReadOnlySpan<byte> key) => IsPersons(key, always: true);

    private static bool IsPersons(ReadOnlySpan<byte> key, bool always)
    {
        if (key.Length >= 6 && Ascii.EqualsIgnoreCase(key[^6..], "sha256"u8)) return true;
        Span<char> text = stackalloc char[2 * MostLetters], folded = stackalloc char[MostLetters];
        if (key.Length > text.Length || Ascii.ToUtf16(key, text, out var length) != System.Buffers.OperationStatus.Done) return false;
        var plain = DeviceWords.Plain(text[..length], folded);
        return s_bySpelling.TryGetValue(plain, out var found) && !(always && (plain is "name" || found.Field is "state" or "country"));
    }

    private static IEnumerable<(string Spelling, string? Field, bool IsHashed)> Spelt()
    {
        foreach (var (field, spellings) in s_spellings)
        {
            yield return (field, field, false);
            yield return (Hashed(field), field, true);
            foreach (var spelling in spellings) yield return (spelling, field, false);
        }

        yield return (Address, null, false);
        foreach (var name in Unused) yield return (name, null, false);
    }

    private static string Folded(string spelling) =>
        DeviceWords.Plain(spelling, new char[MostLetters]) is { IsEmpty: false } plain ? plain.ToString() : throw new ArgumentException("The spelling is too long.", nameof(spelling));
}

using System.Collections.Frozen;

namespace PixelServer.Api;

/// <summary>
/// One thing that tells who somebody is: how it may be spelt, how it is read, and the forms in which it is hashed. Ad platforms want
/// different forms of one thing, and a hash cannot be turned into another: all of them are made while the text is there.
/// </summary>
internal sealed class IdentityField(
    string name, int maxChars, Warning unreadable, Func<string, string?, string?> read, params (string Name, Func<string, string, string?> Make)[] forms)
{
    /// <summary>As it is documented.</summary>
    public string Name => name;

    /// <summary>The name of the canonical form's hash, and of one that the caller made.</summary>
    public string Hashed { get; } = IdentityNames.Hashed(name);

    /// <summary>Longer text is not read.</summary>
    public int MaxChars => maxChars;

    /// <summary>What is told where a text is not read.</summary>
    public Warning Unreadable => unreadable;

    /// <summary>Other forms, made from the text trimmed and in lower case and from the canonical form. Null where there is nothing of the kind: the canonical form stands for it.</summary>
    public IReadOnlyList<(string Name, Func<string, string, string?> Make)> Forms => forms;

    /// <summary>Spellings beside the name. Upper and lower case, <c>_</c>, <c>-</c> and blanks make no difference: <c>firstName</c> is <c>first_name</c>.</summary>
    public IReadOnlyList<string> Spellings { get; } = IdentityNames.Spellings(name);

    /// <summary>The canonical form; null where the text is not what it should be.</summary>
    /// <param name="text">Without white space around it.</param>
    /// <param name="phoneCountry">Of national phone numbers; null where it is not known.</param>
    public string? Read(string text, string? phoneCountry) => read(text, phoneCountry);

    public static IdentityField Email { get; } = new(
        "email", 320, Warning.EmailNotRead, (text, _) => EmailAddress.Read(text),
        ("email_undotted_sha256", (_, address) => EmailAddress.Undotted(address)),
        ("email_bare_sha256", (_, address) => EmailAddress.Bare(address)));

    public static IdentityField Country { get; } = new("country", 64, Warning.CountryNotRead, (text, _) => PersonText.Country(text));

    public static IReadOnlyList<IdentityField> All { get; } =
    [
        Email,
        new("phone", 64, Warning.PhoneNotRead, Phone.Read, ("phone_digits_sha256", (_, number) => number[1..])),
        new("external_id", 256, Warning.IdentityNotRead, (text, _) => text.Trim(), ("external_id_lower_sha256", (lower, _) => PersonText.Unspaced(lower))),
        new("first_name", 256, Warning.IdentityNotRead, (text, _) => PersonText.Lower(text),
            ("first_name_unspaced_sha256", (_, lower) => PersonText.Unspaced(lower)), ("first_name_unpunctuated_sha256", (_, lower) => PersonText.Unpunctuated(lower))),
        new("last_name", 256, Warning.IdentityNotRead, (text, _) => PersonText.Lower(text),
            ("last_name_unspaced_sha256", (_, lower) => PersonText.Unspaced(lower)), ("last_name_unpunctuated_sha256", (_, lower) => PersonText.Unpunctuated(lower))),
        new("date_of_birth", 64, Warning.BirthNotRead, (text, _) => PersonText.Birth(text)),
        new("gender", 32, Warning.GenderNotRead, (text, _) => PersonText.Gender(text)),
        new("street", 256, Warning.IdentityNotRead, (text, _) => PersonText.Lower(text)),
        new("city", 256, Warning.IdentityNotRead, (text, _) => PersonText.Letters(PersonText.Lower(text)), ("city_ascii_sha256", (lower, _) => PersonText.AsciiCity(lower))),
        new("state", 256, Warning.IdentityNotRead, (text, _) => PersonText.State(PersonText.Lower(text)), ("state_code_sha256", (_, state) => PersonText.StateCode(state))),
        new("zip", 32, Warning.IdentityNotRead, (text, _) => PersonText.SpacedZip(PersonText.Lower(text)) is { } zip ? PersonText.Unspaced(zip) : null,
            ("zip_spaced_sha256", (lower, _) => PersonText.SpacedZip(lower)), ("zip_undashed_sha256", (lower, _) => PersonText.UndashedZip(lower)),
            ("zip_digits_sha256", (lower, _) => PersonText.ZipDigits(lower))),
        Country,
    ];

    private static readonly FrozenDictionary<string, IdentityField> s_byName = All.ToFrozenDictionary(field => field.Name, StringComparer.Ordinal);

    /// <param name="key">As the caller spells it.</param>
    /// <param name="field">Null for <see cref="IdentityNames.Address"/> and for what is <see cref="IdentityNames.Unused"/>.</param>
    /// <param name="isHashed">The caller made the hash.</param>
    public static bool TryFind(ReadOnlySpan<char> key, out IdentityField? field, out bool isHashed)
    {
        var isKnown = IdentityNames.TryFind(key, out var name, out isHashed);
        field = name is null ? null : s_byName[name];
        return isKnown;
    }
}

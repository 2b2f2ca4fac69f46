using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PixelServer.Collect;

namespace PixelServer.Privacy;

/// <summary>An identifier by which somebody is asked for, in the form in which the store has it. No address in clear gets further than here.</summary>
/// <param name="Kind">A word of <see cref="SubjectKinds"/>, <c>event</c> or <c>client_event</c>.</param>
/// <param name="Id">The identifier.</param>
internal readonly record struct PersonName(string Kind, string Id)
{
    public const string Event = "event", ClientEvent = "client_event";

    private const int MostText = 1_000;
    private const int Sha256Digits = 64, CookieIdDigits = 32;

    /// <summary>The words by which an identifier may be asked for.</summary>
    public static readonly IReadOnlyList<string> Kinds =
    [
        "visitor_id", "anonymous_id", "user_id", "recipient_id", "email", "email_sha256", "phone", "phone_sha256", "external_id", "external_id_sha256", "device_id", "person_id",
        "event_id", "client_event_id",
    ];

    /// <summary>What is asked for is this alone, and not who it leads to. Numbers, other systems' ids and devices of apps lead to nobody.</summary>
    public bool IsAlone { get; init; }

    /// <returns>What is wrong; null where nothing is.</returns>
    public static string? Read(string site, string kind, string text, out PersonName name)
    {
        name = default;
        text = text.Trim();
        if (text.Length is 0 or > MostText) return $"{kind}: 1 to {MostText} characters.";
        if (Text.Mended(text) != text) return $"{kind}: well-formed text without U+0000, as events have it.";
        PersonName? read = kind switch
        {
            "visitor_id" => VisitorOf(text) is { } visitor ? new(SubjectKinds.Visitor, visitor) : null,
            "anonymous_id" => new(SubjectKinds.Visitor, VisitorIds.Of(site, text).ToString("D")),
            "user_id" or "recipient_id" => new(SubjectKinds.User, text),
            "email" => EmailAddress.Read(text) is { } address ? new(SubjectKinds.Email, Hash(address)) : null,
            "email_sha256" => IsSha256(text) ? new(SubjectKinds.Email, text.ToLowerInvariant()) : null,
            "phone" => Phone.Read(text, country: null) is { } number ? new(SubjectKinds.Phone, Hash(number)) { IsAlone = true } : null,
            "phone_sha256" => IsSha256(text) ? new(SubjectKinds.Phone, text.ToLowerInvariant()) { IsAlone = true } : null,
            "external_id" => new(SubjectKinds.ExternalId, Hash(text)) { IsAlone = true },
            "external_id_sha256" => IsSha256(text) ? new(SubjectKinds.ExternalId, text.ToLowerInvariant()) { IsAlone = true } : null,
            "device_id" => new(SubjectKinds.Device, Guid.TryParse(text, CultureInfo.InvariantCulture, out var device) ? device.ToString("D") : text.ToLowerInvariant()) { IsAlone = true },
            "person_id" => PersonOf(text),
            "event_id" => Guid.TryParse(text, CultureInfo.InvariantCulture, out var id) ? new(Event, id.ToString("D")) : null,
            "client_event_id" => new(ClientEvent, text),
            _ => null,
        };
        if (read is null)
        {
            return kind switch
            {
                "visitor_id" => "visitor_id: a UUID, or the value of the cookie px_id.",
                "email" => "email: an address.",
                "email_sha256" or "phone_sha256" or "external_id_sha256" => $"{kind}: 64 hex digits.",
                "phone" => "phone: a number with + or 00 and its country.",
                "person_id" => "person_id: user:, email: or visitor: and the identifier.",
                "event_id" => "event_id: a UUID.",
                _ => $"{kind}: one of {string.Join(", ", Kinds)}.",
            };
        }

        name = read.Value;
        if (!IsNobody(site, kind, text, name)) return null;
        name = default;
        return $"{kind}: this is what programs send when there is nobody; all strangers have it.";
    }

    /// <summary>The kind of an identifier that has a word and a colon before it; null where it has none.</summary>
    public static (string Kind, string Text)? Told(string text)
    {
        if (PersonOf(text) is not null) return ("person_id", text);
        foreach (var kind in Kinds)
            if (text.StartsWith(kind + ":", StringComparison.Ordinal)) return (kind, text[(kind.Length + 1)..]);
        foreach (var kind in (string[])["visitor", "user", "recipient", "event", "client_event", "anonymous", "device"])
            if (text.StartsWith(kind + ":", StringComparison.Ordinal)) return (kind + "_id", text[(kind.Length + 1)..]);
        return null;
    }

    /// <summary>The same, and without a word by its looks: only where nothing comes of a wrong guess.</summary>
    public static (string Kind, string Text) Guess(string text)
    {
        if (Told(text) is { } told) return told;
        if (text.Contains('@') && EmailAddress.Read(text) is not null) return ("email", text);
        if (VisitorOf(text) is not null) return ("visitor_id", text);
        return (IsSha256(text) ? "email_sha256" : "user_id", text);
    }

    // A cookie that is forged or has ended still names somebody who may be asked for.
    private static string? VisitorOf(string text)
    {
        if (text.StartsWith(VisitorCookie.Name + "=", StringComparison.Ordinal)) text = text[(VisitorCookie.Name.Length + 1)..];
        if (VisitorCookie.LooksLikeOne(text)) text = text[..CookieIdDigits];
        return Guid.TryParse(text, CultureInfo.InvariantCulture, out var id) && id != Guid.Empty ? id.ToString("D") : null;
    }

    private static PersonName? PersonOf(string text) =>
        text.StartsWith("user:", StringComparison.Ordinal) && text.Length > 5 ? new(SubjectKinds.User, text[5..])
        : text.StartsWith("email:", StringComparison.Ordinal) && IsSha256(text[6..]) ? new(SubjectKinds.Email, text[6..].ToLowerInvariant())
        : text.StartsWith("email:", StringComparison.Ordinal) && EmailAddress.Read(text[6..]) is { } address ? new(SubjectKinds.Email, Hash(address))
        : text.StartsWith("visitor:", StringComparison.Ordinal) && VisitorOf(text[8..]) is { } visitor ? new(SubjectKinds.Visitor, visitor)
        : null;

    // A visitor's id is made of what the client called it.
    private static bool IsNobody(string site, string kind, string text, PersonName name) => name.Kind switch
    {
        SubjectKinds.User or SubjectKinds.Device => BlockedIds.IsNobody(name.Id),
        SubjectKinds.ExternalId => BlockedIds.IsNobody(text),
        SubjectKinds.Visitor => (kind == "anonymous_id" && BlockedIds.IsNobody(text)) || BlockedIds.All.Any(id => VisitorIds.Of(site, id).ToString("D") == name.Id),
        _ => false,
    };

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static bool IsSha256(string text) => text.Length == Sha256Digits && text.All(char.IsAsciiHexDigit);
}

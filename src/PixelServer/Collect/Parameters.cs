using System.Collections.Frozen;

namespace PixelServer.Collect;

/// <summary>The named things that can be said about an event.</summary>
internal enum ParameterKind : byte
{
    None, Site, Name, User, EventId, Url, Referrer, Title, Value, Currency, Timestamp, SentAt, Reset, Consent,

    // Only with a key: see Told.
    Visitor, Address, UserAgent, Source, MessageId, Person,
}

/// <summary>
/// One row of the table of parameters: the short name (pixel, forms) and the long name (JSON), both understood by both doors;
/// longer text than <c>MaxChars</c> is refused, 0 where length is no reason to refuse.
/// </summary>
internal sealed record Parameter(
    ParameterKind Kind, string Query, string Json, string Meaning, string Example, int MaxChars = 0, Refusal? TooLong = null);

/// <summary>The one table of parameters: both readers, the API page and docs/collect.md are made from it or checked against it.</summary>
internal static class Parameters
{
    public const string DefaultSite = "default";
    public const string DefaultName = "page_view";

    /// <summary>Names that only mean something in a JSON body.</summary>
    public const string Batch = "batch", Consent = "consent", Properties = "properties";

    /// <summary>Where the properties hold what the client said about consent. A property of this name from a client is dropped.</summary>
    public static ReadOnlySpan<byte> KeptConsent => "$consent"u8;

    public static IReadOnlyList<Parameter> All { get; } =
    [
        new(ParameterKind.Site, "id", "site_id", "The site the event belongs to; default if absent", "shop", Limits.SiteIdChars, Refusal.BadSiteId),
        new(ParameterKind.Name, "e", "event", "Event name; page_view if absent", "purchase", Limits.NameChars, Refusal.NameTooLong),
        new(ParameterKind.User, "u", "user_id", "The site's own id of the person", "user123", Limits.UserIdChars, Refusal.UserIdTooLong),
        new(ParameterKind.EventId, "eid", "event_id", "Id shared by the browser's and the server's copy of one event", "order-4711", Limits.EventIdChars, Refusal.EventIdTooLong),
        new(ParameterKind.Url, "url", "url", "Page address; the Referer header if absent", "https://shop.example/shoes", Limits.UrlChars, Refusal.UrlTooLong),
        new(ParameterKind.Referrer, "ref", "referrer", "Where the visitor came from", "https://search.example/", Limits.ReferrerChars, Refusal.ReferrerTooLong),
        new(ParameterKind.Title, "title", "title", "Page title", "Shoes", Limits.TitleChars, Refusal.TitleTooLong),
        new(ParameterKind.Value, "v", "value", "Decimal amount: up to 18 digits before the point, rounded to 9 after it", "59.90"),
        new(ParameterKind.Currency, "cur", "currency", "ISO 4217 currency code", "EUR"),
        new(ParameterKind.Timestamp, "ts", "timestamp", "When it happened, by the client's clock: ISO 8601, Unix seconds or Unix milliseconds", "2026-11-23T10:00:00Z"),
        new(ParameterKind.SentAt, "sent_at", "sent_at", "When it was sent, by the same clock; corrects the timestamp", "2026-11-23T10:00:02Z"),
        new(ParameterKind.Reset, "$reset", "$reset", "1 or true: from this event on the device is a new visitor", "1"),
        new(ParameterKind.Consent, "gdpr", "gdpr", "IAB TCF: 1 where the GDPR applies", "1"),
        new(ParameterKind.Consent, "gdpr_consent", "gdpr_consent", "IAB TCF consent string", "CP…"),
        new(ParameterKind.Consent, "addtl_consent", "addtl_consent", "Google's additional consent string", "2~…"),
        new(ParameterKind.Consent, "gpp", "gpp", "IAB GPP string", "DB…"),
        new(ParameterKind.Consent, "gpp_sid", "gpp_sid", "IAB GPP section ids", "7"),
        new(ParameterKind.Consent, "us_privacy", "us_privacy", "IAB US privacy string", "1YNN"),
        new(ParameterKind.Consent, "analytics_storage", "analytics_storage", "Google Consent Mode: granted or denied", "granted"),
        new(ParameterKind.Consent, "ad_storage", "ad_storage", "Google Consent Mode: granted or denied", "denied"),
        new(ParameterKind.Consent, "ad_user_data", "ad_user_data", "Google Consent Mode: granted or denied", "denied"),
        new(ParameterKind.Consent, "ad_personalization", "ad_personalization", "Google Consent Mode: granted or denied", "denied"),
        new(ParameterKind.Consent, "gpc", "gpc", "Global Privacy Control, where the header cannot come through: 1", "1"),
        new(ParameterKind.Consent, "dnt", "dnt", "Do Not Track, where the header cannot come through: 1", "1"),
    ];

    /// <summary>Where the properties hold what the holder of a key said about the person (hashed) and the device. From a client they are dropped, as <see cref="KeptConsent"/>.</summary>
    public static ReadOnlySpan<byte> KeptIdentities => "$identities"u8;

    /// <inheritdoc cref="KeptIdentities"/>
    public static ReadOnlySpan<byte> KeptDevice => "$device"u8;

    /// <summary>Whether the name is one of the server's own, which no client can write.</summary>
    public static bool IsReserved(ReadOnlySpan<byte> name) =>
        name.StartsWith("$"u8) && (name.SequenceEqual(KeptConsent) || name.SequenceEqual(KeptIdentities) || name.SequenceEqual(KeptDevice));

    private static readonly FrozenDictionary<string, Parameter>.AlternateLookup<ReadOnlySpan<char>> s_byName = All
        .SelectMany(p => p.Query == p.Json ? [(p.Query, p)] : new[] { (p.Query, p), (p.Json, p) })
        .ToFrozenDictionary(row => row.Item1, row => row.p, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Both names of each parameter of the kind.</summary>
    public static IEnumerable<string> NamesOf(ParameterKind kind) => All.Where(p => p.Kind == kind).SelectMany(p => new[] { p.Query, p.Json });

    /// <summary>Null for every other name: those are properties. Names are case-sensitive.</summary>
    public static Parameter? Find(ReadOnlySpan<char> name) => s_byName.TryGetValue(name, out var found) ? found : null;
}

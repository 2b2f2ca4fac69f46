using System.Net;

namespace PixelServer;

/// <summary>
/// One event as it arrived, with identity, consent and IP policy already applied: what the journal stores. A hit holds
/// nothing that may not be kept, and everything <see cref="Enrich.Enricher"/> needs to make an <see cref="Event"/> of it again.
/// </summary>
/// <remarks>Text fields are well-formed Unicode without U+0000 and within the limits of the door; null where the client said nothing.</remarks>
internal sealed class Hit
{
    /// <summary>The server's own id, ordered by time of arrival.</summary>
    public required Guid EventId { get; init; }

    /// <summary>When the server received the request, UTC; never the client's clock.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>When it happened by the client's clock, corrected and bounded; equals <see cref="ReceivedAt"/> where the client gave no usable time.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    public required string SiteId { get; init; }

    public required Source Source { get; init; }

    /// <summary>Event name; <c>page_view</c> when the client sent none.</summary>
    public required string Name { get; init; }

    /// <summary>Id shared by the browser's and the server's copy of one event.</summary>
    public string? ClientEventId { get; init; }

    /// <summary>Never empty; the event's own id where <see cref="VisitorKind"/> is <see cref="VisitorKind.None"/>, so that rows spread evenly over shards.</summary>
    public required Guid VisitorId { get; init; }

    public required VisitorKind VisitorKind { get; init; }

    /// <summary>The site's own id of the person.</summary>
    public string? UserId { get; init; }

    /// <summary>Lower-case hex SHA-256 of a normalised address; only from the holder of a secret key.</summary>
    public string? EmailSha256 { get; init; }

    /// <summary>
    /// What a client that sends again sends again: made of the site and the client's own id of the message. Of events with the same key the
    /// store keeps the first. Null where the client gave no such id.
    /// </summary>
    public Guid? OnceKey { get; init; }

    /// <summary>Page address as the client sent it.</summary>
    public string? Url { get; init; }

    public string? Title { get; init; }

    public string? Referrer { get; init; }

    /// <summary>Amount; at most 18 digits before and 9 after the point.</summary>
    public decimal? Value { get; init; }

    /// <summary>ISO 4217, upper case.</summary>
    public string? Currency { get; init; }

    /// <summary>Client address as the site's IP policy leaves it; null where the policy is <c>drop</c>. IPv4-mapped addresses are IPv4.</summary>
    public IPAddress? Ip { get; init; }

    /// <summary>ISO 3166-1 alpha-2 country that a trusted proxy named.</summary>
    public string? ProxyCountry { get; init; }

    public string? UserAgent { get; init; }

    /// <summary><c>Sec-CH-UA</c>, <c>Sec-CH-UA-Mobile</c>, <c>Sec-CH-UA-Platform</c> as sent.</summary>
    public string? HintBrands { get; init; }
    public string? HintMobile { get; init; }
    public string? HintPlatform { get; init; }

    /// <summary>First of <c>Sec-Purpose</c>, <c>Purpose</c>, <c>X-Purpose</c>, <c>X-Moz</c> that was sent.</summary>
    public string? Purpose { get; init; }

    /// <summary><c>Sec-Fetch-Dest</c> and <c>Sec-Fetch-Mode</c> as sent.</summary>
    public string? FetchDest { get; init; }
    public string? FetchMode { get; init; }

    public required bool ConsentStorage { get; init; }
    public required bool ConsentMeasurement { get; init; }
    public required bool ConsentAds { get; init; }

    /// <summary>The request carried <c>Sec-GPC: 1</c>.</summary>
    public bool Gpc { get; init; }

    /// <summary>The event itself opted out of sale and sharing, by <see cref="Gpc"/> or a consent string, where that counts as one.</summary>
    public bool OptedOut { get; init; }

    /// <summary>The device was given the visitor's id with this event: nobody knows whether it will ever bring it back.</summary>
    public bool IsVisitorNew { get; init; }

    /// <summary>The visitor's id where it lives longer than a day; null where it is a day's or the event's.</summary>
    public Guid? LastingVisitor => VisitorKind is VisitorKind.Cookie or VisitorKind.Client ? VisitorId : null;

    /// <summary>A JSON object in UTF-8: every parameter without a column; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Properties { get; init; }
}

/// <summary>The door an event came through. The values are on disk: append, never renumber.</summary>
internal enum Source : byte { Pixel = 1, Beacon = 2, Email = 3, Click = 4, Server = 5, App = 6 }

/// <summary>What the visitor id rests on. The values are on disk: append, never renumber.</summary>
internal enum VisitorKind : byte { None = 0, Cookie = 1, Daily = 2, Client = 3 }

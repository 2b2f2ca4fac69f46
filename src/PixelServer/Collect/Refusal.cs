using System.Globalization;
using Microsoft.Extensions.Primitives;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>Why an event or a request was turned away: a closed set, each documented in docs/collect.md.</summary>
internal sealed class Refusal : ProblemDocument
{
    private static readonly List<Refusal> s_all = [];

    private static readonly StringValues s_encodings = "gzip, br";

    private Refusal(string code, int status, string title, int retryAfterSeconds = 0, bool withKey = false) : base(status, code, title)
    {
        Header = code;
        RetryAfter = retryAfterSeconds == 0 ? StringValues.Empty : retryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        NeedsKey = withKey;
        s_all.Add(this);
    }

    public static IReadOnlyList<Refusal> All => s_all;

    /// <summary>The code, ready to be a header's value.</summary>
    public StringValues Header { get; }

    /// <summary>Seconds; empty where the same request must not be sent again.</summary>
    public StringValues RetryAfter { get; }

    /// <summary>Only the doors with keys give it.</summary>
    public bool NeedsKey { get; }

    public bool MayBeRetried => RetryAfter.Count > 0;

    /// <summary>Answers with it where another method would do.</summary>
    public Task WriteAsync(HttpResponse response, StringValues allow)
    {
        response.Headers.Allow = allow;
        return WriteAsync(response);
    }

    /// <summary>Answers with it. Some events may be durable all the same; every event that is not is named, unless none could be told apart.</summary>
    public Task WriteAsync(HttpResponse response, HitBatch batch) => WriteAsync(response, json =>
    {
        if (batch.Refused.Count > 0) batch.WriteReceipt(json);
    });

    protected override void WriteHeaders(IHeaderDictionary headers)
    {
        if (MayBeRetried) headers.RetryAfter = RetryAfter;
        if (this == UnsupportedEncoding) headers.AcceptEncoding = s_encodings; // RFC 9110 15.5.16
    }

    // Who may send what.
    public static readonly Refusal BadSiteId = new("bad_site_id", 400, "The site id is not 1 to 64 letters, digits, dots, underscores or hyphens.");
    public static readonly Refusal UnknownSite = new("unknown_site", 403, "The site id is not one of this server's sites.");
    public static readonly Refusal OriginNotAllowed = new("origin_not_allowed", 403, "The site does not take events from pages of this origin.");
    public static readonly Refusal ConsentRequired = new("consent_required", 403, "The site keeps events of visitors who agreed, and no agreement came with this one.");

    public static readonly Refusal PersonErased = new(Standing.ErasedCode, 403, "The event names somebody who was erased: nothing of them is kept any more.");
    public static readonly Refusal PersonRestricted = new(Standing.RestrictedCode, 403, "The event names somebody whose data must not be processed at present.");

    // Which key came, and how. What is only the holder's business (expired, revoked) is only told to who shows the whole key.
    public static readonly Refusal KeyInQuery = new("key_in_query", 400, "A key, or a parameter that is named like one, stands in the address, which is written into logs.", withKey: true);
    public static readonly Refusal KeyMissing = new("key_missing", 401, "No key came: it stands in the header Authorization, or in the body as writeKey.", withKey: true);
    public static readonly Refusal KeyWrong = new("key_wrong", 401, "The key is none of this server's.", withKey: true);
    public static readonly Refusal KeyExpired = new("key_expired", 401, "The key has expired.", withKey: true);
    public static readonly Refusal KeyRevoked = new("key_revoked", 401, "The key was revoked.", withKey: true);
    public static readonly Refusal SecretKeyInBrowser = new("secret_key_in_browser", 403, "A secret key came from a browser, where everybody can read it: revoke it, and use a write key there.", withKey: true);
    public static readonly Refusal KeyOfAnotherSite = new("key_of_another_site", 403, "The key is of another site than the one that the event names.", withKey: true);
    public static readonly Refusal SecretKeyNeeded = new("secret_key_needed", 403, "This address takes a secret key only; a write key may be read by anyone.", withKey: true);
    // A key's share of a second is a second at most.
    public static readonly Refusal RateLimited = new("rate_limited", 429, "The key is used for more requests per second than it may make.", retryAfterSeconds: 1, withKey: true);

    // What an event may hold.
    public static readonly Refusal NameTooLong = new("name_too_long", 400, "The event name is longer than 200 characters.");
    public static readonly Refusal UserIdTooLong = new("user_id_too_long", 400, "The user id is longer than 256 characters.");
    public static readonly Refusal EventIdTooLong = new("event_id_too_long", 400, "The event id is longer than 200 characters.");
    public static readonly Refusal MessageIdTooLong = new("message_id_too_long", 400, "The message id is longer than 100 characters.", withKey: true);
    public static readonly Refusal AnonymousIdTooLong = new("anonymous_id_too_long", 400, "The anonymous id is longer than 256 characters.", withKey: true);
    public static readonly Refusal UrlTooLong = new("url_too_long", 400, "The page address is longer than 4096 characters.");
    public static readonly Refusal ReferrerTooLong = new("referrer_too_long", 400, "The referrer is longer than 4096 characters.");
    public static readonly Refusal TitleTooLong = new("title_too_long", 400, "The page title is longer than 1024 characters.");
    public static readonly Refusal TooManyProperties = new("too_many_properties", 400, "There are more than 100 properties, or more than 1000 values in them.");
    public static readonly Refusal TooDeep = new("too_deep", 400, "A property is nested deeper than 16 levels.");
    public static readonly Refusal TooManyIds = new("too_many_ids", 400, "The event holds more than 16 advertising ids.", withKey: true);
    public static readonly Refusal KeyTooLong = new("key_too_long", 400, "The name of a property is longer than 200 bytes.");
    public static readonly Refusal PropertyTooLong = new("property_too_long", 400, "A text among the properties is longer than 8192 bytes.");
    public static readonly Refusal PropertiesTooLarge = new("properties_too_large", 400, "The properties are larger than 65536 bytes.");
    public static readonly Refusal UnknownType = new("unknown_type", 400, "The type of a call is none of track, page, screen, identify, group and alias.", withKey: true);
    public static readonly Refusal NoEventName = new("no_event_name", 400, "A track call has no event name.", withKey: true);
    public static readonly Refusal NoUserAnonId = new("no_user_anon_id", 400, "A call has neither a user id nor an anonymous id.", withKey: true);
    public static readonly Refusal NothingKept = new("nothing_kept", 400, "No event of the body is kept: each has its reason beside its index.", withKey: true);
    public static readonly Refusal NotAnEvent = new("not_an_event", 400, "An event must be a JSON object.");

    // What a request may be.
    public static readonly Refusal MethodNotAllowed = new("method_not_allowed", 405, "This address does not answer this method.");
    public static readonly Refusal QueryTooLong = new("query_too_long", 414, "The query of a beacon is longer than 2048 characters.");
    public static readonly Refusal UnsupportedType = new("unsupported_type", 415, "The body is not JSON, text or a form.");
    public static readonly Refusal UnsupportedCharset = new("unsupported_charset", 415, "The body is not in UTF-8.");
    public static readonly Refusal UnsupportedEncoding = new("unsupported_encoding", 415, "The body is packed in another way than gzip or br, or more than once.");
    public static readonly Refusal BodyTooLarge = new("body_too_large", 413, "The body is larger than 65536 bytes, or 524288 when unpacked; with a key 524288, or 2097152 when unpacked.");
    public static readonly Refusal BatchTooLarge = new("batch_too_large", 413, "The batch holds more than 500 events (2500 with a key), or headers and query times its events come to more than 2097152 bytes.");
    public static readonly Refusal EventTooLarge = new("event_too_large", 413, "An event of the batch is larger than 32768 bytes.", withKey: true);
    public static readonly Refusal BadIdempotencyKey = new("bad_idempotency_key", 400, "The Idempotency-Key is not one text of 1 to 255 visible ASCII characters.", withKey: true);
    public static readonly Refusal EmptyBody = new("empty_body", 400, "The body is empty.");
    public static readonly Refusal EmptyBatch = new("empty_batch", 400, "The batch is empty.");
    public static readonly Refusal BadBody = new("bad_body", 400, "The body ends early or breaks the rules of HTTP.");
    public static readonly Refusal BadEncoding = new("bad_encoding", 400, "The body cannot be unpacked.");
    public static readonly Refusal BadJson = new("bad_json", 400, "The body is not valid JSON.");
    public static readonly Refusal BodyTooSlow = new("body_too_slow", 408, "The body came too slowly.");

    // What the journal said. A longer wait where a person or the database has to help.
    public static readonly Refusal QueueFull = new("queue_full", 503, "More events wait than the disk can take at the moment.", retryAfterSeconds: 5);
    public static readonly Refusal JournalFull = new("journal_full", 503, "The journal is full.", retryAfterSeconds: 60);
    public static readonly Refusal JournalFailed = new("journal_failed", 503, "The disk does not take events at the moment.", retryAfterSeconds: 30);
    public static readonly Refusal Stopping = new("stopping", 503, "The server is stopping.", retryAfterSeconds: 5);

    /// <summary>Null when the hit is taken.</summary>
    public static Refusal? Of(AppendOutcome outcome) => outcome switch
    {
        AppendOutcome.Accepted => null,
        AppendOutcome.QueueFull => QueueFull,
        AppendOutcome.JournalFull => JournalFull,
        AppendOutcome.Stopping => Stopping,
        _ => JournalFailed,
    };
}

using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using PixelServer.Collect;
using PixelServer.Enrich;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>A decision as it is told to <c>POST /api/consents</c>, and as a line of a file that is imported.</summary>
internal sealed partial record ConsentRequest
{
    /// <summary>Bounds of texts, in characters.</summary>
    public const int MaxId = 256, MaxWord = 64, MaxText = 16_384, MaxSignal = 8_192, MaxPage = 2_048;

    // An id of so many characters is found in another word by no chance.
    private const int MinTelling = 8;

    public static readonly JsonSerializerOptions Json = new(AdminJson.Options) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public string? RecordId { get; init; }
    public string SiteId { get; init; } = Collect.Parameters.DefaultSite;
    public ConsentSubject? Subject { get; init; }
    public string? Purpose { get; init; }
    public string? Decision { get; init; }
    public DateTimeOffset? At { get; init; }
    public string? Method { get; init; }
    public string? TextId { get; init; }
    public string? Text { get; init; }
    public string? TextHash { get; init; }
    public string? Locale { get; init; }
    public string? PolicyVersion { get; init; }
    public ConsentSignal? Signal { get; init; }
    public ConsentPlatform? Cmp { get; init; }
    public string? Page { get; init; }
    public string? Ip { get; init; }
    public string? UserAgent { get; init; }
    public string? Actor { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The record, or what is wrong, beginning with the member's name.</summary>
    /// <param name="sites">Which sites there are, and their IP policies.</param>
    /// <param name="now">The server's clock.</param>
    /// <param name="ahead">How far a sender's clock may be ahead: what it says is then taken as now.</param>
    /// <param name="told">What <see cref="Method"/> and <see cref="Actor"/> are where they are absent.</param>
    /// <param name="fault">Null where there is a record.</param>
    public ConsentRecord? ToRecord(Sites sites, DateTimeOffset now, TimeSpan ahead, (string Method, string Actor) told, out string? fault)
    {
        var id = Subject?.Id ?? "";
        var decision = ConsentDecisions.Read(Decision);
        if (Subject?.Kind == ConsentPersons.Visitor && Guid.TryParse(id, out var visitor)) id = visitor.ToString("D");
        if (Subject?.Kind == ConsentPersons.Email) id = id.ToLowerInvariant();
        IPAddress? address = null;
        _ = sites.Find(SiteId, out var site);
        fault = site is null ? "site_id: none of this server's sites."
            : SubjectFault(Subject?.Kind, id)
            ?? Shape("record_id", RecordId, RecordIdShape(), "1 to 64 letters, digits and ._:-")
            ?? (Purpose is null ? "purpose: storage, measurement, ads, email or a name of your own." : Shape("purpose", Purpose, WordShape(), "1 to 64 small letters, digits and ._-, a letter first"))
            ?? (decision is null ? "decision: granted, denied or withdrawn." : null)
            ?? (At > now + ahead ? "at: lies in the future." : At < DateTimeOffset.UnixEpoch ? "at: lies before 1970." : null)
            ?? Shape("method", Method, WordShape(), "1 to 64 small letters, digits and ._-, a letter first")
            ?? (Actor is null or "person" or "operator" or "import" ? null : "actor: person, operator or import.")
            ?? Shape("text_hash", TextHash, HashShape(), "64 lower-case hex digits: the SHA-256 of the text")
            ?? (Text is not null && TextHash is not null && ConsentChain.HashOf(Text) != TextHash ? "text_hash: not the SHA-256 of the text beside it." : null)
            ?? Length("text", Text, MaxText) ?? Length("text_id", TextId, MaxId) ?? Length("locale", Locale, MaxWord) ?? Length("policy_version", PolicyVersion, MaxWord)
            ?? Length("cmp.id", Cmp?.Id, MaxWord) ?? Length("cmp.version", Cmp?.Version, MaxWord) ?? Length("page", Page, MaxPage) ?? Length("user_agent", UserAgent, MaxSignal)
            ?? Length("signal", Signal is null ? null : JsonSerializer.Serialize(Signal, Json), MaxSignal)
            ?? (Tells(RecordId, id) ? "record_id: holds the subject's id, and would stay when the person is erased." : null)
            ?? (Tells(TextId, id) ? "text_id: holds the subject's id, and would stay when the person is erased." : null)
            ?? (Ip is null || IPAddress.TryParse(Ip, out address) ? null : "ip: an address such as 203.0.113.7.")
            ?? (ExpiresAt <= At ? "expires_at: later than at." : null);
        if (fault is not null) return null;

        now = Whole(now);
        var at = At is { } said && said < now ? Whole(said) : now;
        return new()
        {
            RecordId = RecordId ?? Guid.CreateVersion7(now).ToString("D"),
            SiteId = SiteId,
            Person = new(
                ConsentPerson.NewSalt(), Subject!.Kind, id, Signal is null ? null : JsonSerializer.Serialize(Signal, Json), Bare(Page),
                ClientAddress.Kept(address, site!.IpPolicy)?.ToString(), FamiliesOf(UserAgent)),
            Purpose = Purpose!,
            Decision = decision!.Value,
            At = at,
            RecordedAt = now,
            Method = Method ?? told.Method,
            TextId = TextId,
            Text = Text,
            TextHash = Text is null ? TextHash : ConsentChain.HashOf(Text),
            Locale = Locale,
            PolicyVersion = PolicyVersion,
            CmpId = Cmp?.Id,
            CmpVersion = Cmp?.Version,
            Actor = Actor ?? told.Actor,
            ExpiresAt = ExpiresAt is { } end ? Whole(end) : null,
        };
    }

    // Whether a text holds the id. A short one has to stand there by itself: "17" is in every other UUID.
    private static bool Tells(string? text, string id)
    {
        if (text is null) return false;
        if (Guid.TryParse(id, out var uuid) && text.Contains(uuid.ToString("N"), StringComparison.OrdinalIgnoreCase)) return true;
        if (Guid.TryParse(text, out _)) return text.Equals(id, StringComparison.OrdinalIgnoreCase);
        for (var at = text.IndexOf(id, StringComparison.OrdinalIgnoreCase); at >= 0; at = text.IndexOf(id, at + 1, StringComparison.OrdinalIgnoreCase))
        {
            var end = at + id.Length;
            if (id.Length >= MinTelling || !((at > 0 && char.IsLetterOrDigit(text[at - 1])) || (end < text.Length && char.IsLetterOrDigit(text[end])))) return true;
        }

        return false;
    }

    /// <summary>What is wrong with the name of a subject; null where nothing is.</summary>
    public static string? SubjectFault(string? kind, string id) => kind switch
    {
        ConsentPersons.Visitor => Guid.TryParse(id, out _) ? null : "subject.id: a visitor_id, such as 01937c5e-0000-4000-8000-000000000001.",
        ConsentPersons.Email => HashShape().IsMatch(id) ? null : "subject.id: 64 hex digits, the SHA-256 of the normalised address.",
        ConsentPersons.User => id.Length is 0 or > MaxId || !EventText.IsStorable(id) ? $"subject.id: 1 to {MaxId} characters." : null,
        ConsentPersons.Recipient => Mail.MailId.Fault("subject.id", id),
        _ => "subject.kind: visitor, user, email_sha256 or recipient.",
    };

    private static string? Shape(string name, string? text, Regex shape, string allowed) => text is null || shape.IsMatch(text) ? null : $"{name}: {allowed}.";

    private static string? Length(string name, string? text, int most) =>
        text is null || (text.Length is > 0 && text.Length <= most && EventText.IsStorable(text)) ? null : $"{name}: 1 to {most} characters.";

    private static DateTimeOffset Whole(DateTimeOffset time) => DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds());

    // A query may say who somebody is, and what stands before a host may be a password.
    private static string? Bare(string? page) => page is null ? null : BareAddress.Of(page.Split('?', '#')[0]);

    private static string? FamiliesOf(string? userAgent)
    {
        if (userAgent is null) return null;
        var client = Client.Read(new(userAgent, null, null, null, InMail: false));
        return string.Join(", ", ((string?[])[client.Browser, client.Os]).OfType<string>()) is { Length: > 0 } families ? families : "unknown";
    }

    [GeneratedRegex(@"^[A-Za-z0-9._:-]{1,64}\z")]
    private static partial Regex RecordIdShape();

    [GeneratedRegex(@"^[a-z][a-z0-9._-]{0,63}\z")]
    private static partial Regex WordShape();

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex HashShape();
}

/// <summary>Who decided.</summary>
internal sealed record ConsentSubject(string Kind, string Id);

/// <summary>Consent strings that came with a decision, as they came.</summary>
internal sealed record ConsentSignal(string? Tc = null, string? Gpp = null, string? GppSid = null, string? UsPrivacy = null, string? Gcs = null, bool? Gpc = null);

/// <summary>The consent platform that asked.</summary>
internal sealed record ConsentPlatform(string? Id = null, string? Version = null);

using System.Text;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>Reads one event of the Segment HTTP API into a draft. docs/segment.md has the table of what becomes of each field.</summary>
internal sealed class SegmentReader(PerSite<IdentityOptions> identities, EventsOptions events)
{
    // Of a page these are columns, or can be read from its address. Of everything else they are properties: an "url" there is a product's.
    private static readonly HashSet<string> s_ofPage = new(StringComparer.Ordinal) { "url", "title", "referrer", "path", "search" };

    // Segment's reserved names first, revenue before the weaker value, then the total of its e-commerce events.
    private static readonly string[] s_amounts = ["revenue", "value", "total"];

    // What is read by name, or is about the transport and not about the event.
    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "type", "action", "event", "name", "category", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "originalTimestamp", "sentAt",
        "receivedAt", "context", "integrations", "properties", "traits", "writeKey", "site_id", "version", "_metadata", "projectId", "request_ip", "ip", "batch",
    };

    private static readonly (string Said, string Kept)[] s_kept =
        [("name", "name"), ("category", "category"), ("groupId", "group_id"), ("previousId", "previous_id")];

    private static readonly Parameter s_site = Parameters.Find("site_id")!, s_user = Parameters.Find("user_id")!,
        s_eventId = Parameters.Find("event_id")!, s_url = Parameters.Find("url")!, s_title = Parameters.Find("title")!, s_referrer = Parameters.Find("referrer")!,
        s_value = Parameters.Find("value")!, s_currency = Parameters.Find("currency")!,
        s_timestamp = Parameters.Find("timestamp")!, s_sentAt = Parameters.Find("sent_at")!;

    [ThreadStatic] private static PropertyWriter? t_integrations;

    /// <summary>Fills the draft, or says why the event is refused.</summary>
    /// <param name="item">A JSON object without broken text.</param>
    /// <param name="request">Whose request it is, and what its address and headers say.</param>
    /// <param name="body">What holds for all events of the request.</param>
    /// <param name="draft">Cleared.</param>
    /// <param name="visitor">Whose event it is, by address and user agent.</param>
    /// <param name="source">The door that the event is said to have come through.</param>
    public Refusal? Read(JsonElement item, in SegmentRequest request, in SegmentBody body, Draft draft, out Caller visitor, out Source source)
    {
        var (key, context) = (request.Key, new SegmentContext(item.Member("context"), body.Context));
        source = SourceOf(request, context);
        visitor = context.Visitor(key, request.Caller, isOfBrowser: source is Source.Beacon or Source.Pixel);
        if ((item.Member("site_id").Word() ?? body.Site) is { } site && site != key.Site) return Refusal.KeyOfAnotherSite;
        draft.Take(s_site, key.Site);
        ReadTimes(item, body.SentAt, draft);

        if ((request.Call ?? SegmentCalls.Named(item.Member("type").Word() ?? item.Member("action").Word())) is not { } kind) return Refusal.UnknownType;
        return ReadName(item, kind, draft) ?? ReadProperties(item.Member("properties"), kind, draft) ?? ReadOthers(item, body.Integrations, draft)
            ?? context.Write(draft) ?? ReadPeople(item, kind, key, source, context, draft, ref visitor);
    }

    // A write key is in everybody's hands: what comes with it is never a backend's word.
    private static Source SourceOf(in SegmentRequest request, in SegmentContext context) =>
        request.IsImage ? Source.Pixel
        : request.Caller.Origin is not null || context.IsOfBrowser ? Source.Beacon
        : request.Key.Kind == KeyKind.Secret && !context.IsOfApp ? Source.Server
        : Source.App;

    private static Refusal? ReadName(JsonElement item, SegmentCall kind, Draft draft) =>
        (SegmentCalls.EventName(kind) ?? item.Member("event").Word()) is { } name ? AppEvents.Name(draft, name) : Refusal.NoEventName;

    private static Refusal? ReadProperties(JsonElement properties, SegmentCall kind, Draft draft)
    {
        if (properties.ValueKind != JsonValueKind.Object) return null;
        var isPage = kind is SegmentCall.Page or SegmentCall.Screen;
        var columns = draft.Take(s_eventId, properties.Member("event_id").Word() ?? properties.Member("eventId").Word());
        if (isPage)
            columns ??= draft.Take(s_url, properties.Member("url").Word()) ?? draft.Take(s_title, properties.Member("title").Word())
                ?? draft.Take(s_referrer, properties.Member("referrer").Word());
        if (columns is not null) return columns;

        var amount = Array.Find(s_amounts, name => properties.Member(name).Word() is { } text && draft.TryTake(s_value, text, out _));
        var hasCurrency = properties.Member("currency").Word() is { } currency && draft.TryTake(s_currency, currency, out _);
        foreach (var member in properties.EnumerateObject())
        {
            var name = member.Name;
            // A value that is a column already is not kept twice; one that could not be read as what it should be is.
            if (name == amount || (hasCurrency && name == "currency") || (name is "event_id" or "eventId" && member.Value.Word() is not null)
                || (isPage && s_ofPage.Contains(name)) || IsReserved(name)) continue;
            if (draft.Properties.Add(name, member.Value) is { } refusal) return refusal;
        }

        return null;
    }

    private static Refusal? ReadOthers(JsonElement item, JsonElement sharedIntegrations, Draft draft)
    {
        var properties = draft.Properties;
        foreach (var (name, kept) in s_kept)
            if (item.Member(name).Word() is { } text && properties.Add(kept, text, keepFirst: true) is { } refusal) return refusal;

        if (WriteIntegrations(item.Member("integrations"), sharedIntegrations, properties) is { } tooMuch) return tooMuch;
        foreach (var member in item.EnumerateObject())
        {
            var name = member.Name;
            if (s_known.Contains(name) || IsReserved(name) || IdentityNames.IsIdentity(name) || member.Value.ValueKind == JsonValueKind.Null) continue;
            if (SaidConsent.Take(member, draft.Consent, out var unkept)) continue;
            if ((unkept ?? properties.Add(name, member.Value, keepFirst: true)) is { } refusal) return refusal;
        }

        return null;
    }

    // The event's own members go before those of its batch, one by one.
    private static Refusal? WriteIntegrations(JsonElement own, JsonElement shared, PropertyWriter properties)
    {
        var writer = t_integrations ??= new PropertyWriter();
        writer.Clear();
        foreach (var element in (ReadOnlySpan<JsonElement>)[shared, own])
        {
            if (element.ValueKind != JsonValueKind.Object) continue;
            foreach (var member in element.EnumerateObject())
                if (writer.Add(member.Name, member.Value) is { } refusal) return refusal;
        }

        return writer.IsEmpty ? null : properties.AddObject("integrations"u8, writer);
    }

    private Refusal? ReadPeople(JsonElement item, SegmentCall kind, ApiKey key, Source source, in SegmentContext context, Draft draft, ref Caller visitor)
    {
        var (user, anonymous, message) = (item.Member("userId").Word(), item.Member("anonymousId").Word(), item.Member("messageId").Word());
        if (user is null && anonymous is null) return Refusal.NoUserAnonId;
        if (message?.Length > Limits.MessageIdChars) return Refusal.MessageIdTooLong;
        if (draft.Take(s_user, user) is { } refusal) return refusal;

        // An alias without an anonymous id of its own is about the one that it joins to the user.
        anonymous ??= kind == SegmentCall.Alias ? item.Member("previousId").Word() : null;
        if (anonymous?.Length > Limits.AnonymousIdChars) return Refusal.AnonymousIdTooLong;
        if (anonymous is not null && !Guid.TryParseExact(anonymous, "D", out _)
            && draft.Properties.AddOwn("anonymous_id"u8, Encoding.UTF8.GetBytes(anonymous)) is { } tooLarge) return tooLarge;

        var options = identities.Of(key.Site);
        var email = (string?)null;
        var unkept = key.Kind == KeyKind.Secret
            ? SegmentTraits.WriteTold(item.Member("traits"), context["traits"], kind, options, draft, out email)
            : SegmentTraits.Write(item.Member("traits"), context["traits"], kind, options, draft);
        if (unkept is not null) return unkept;
        if (context.WriteDevice(draft, source == Source.App, out var claims) is { } tooMuch) return tooMuch;
        visitor = visitor with
        {
            UserAgent = Allowed(visitor.UserAgent, claims),
            Referer = Allowed(visitor.Referer, claims),
            HintBrands = Allowed(visitor.HintBrands, claims),
            HintPlatform = Allowed(visitor.HintPlatform, claims),
        };
        if (claims.Withholds(anonymous))
        {
            draft.Properties.Drop(["anonymous_id"]);
            anonymous = null;
        }

        draft.Claim = new Claim
        {
            Visitor = anonymous is null ? null : VisitorIds.Of(key.Site, anonymous),
            EmailSha256 = email,
            IsSecret = key.Kind == KeyKind.Secret,
            OnceKey = message is null ? null : OnceKeys.Of(key.Kind == KeyKind.Secret ? OnceKeys.Secret : OnceKeys.Public, key.Site, message),
            BackHours = key.Kind == KeyKind.Secret ? events.BackDays * 24 : source == Source.App ? Limits.AppBackHours : Limits.BackHours,
            NoAds = claims.NoAds,
        };
        return null;
    }

    // A batch says when it left as a whole; a sentAt of one of its events may be that of an attempt before.
    private static void ReadTimes(JsonElement item, DateTimeOffset? sentAt, Draft draft)
    {
        draft.Complete(site: null, sentAt);
        draft.Take(s_sentAt, item.Member("sentAt").Word());

        // originalTimestamp is the client's own; a timestamp beside it was corrected on the way, by another clock than sentAt is of.
        draft.Take(s_timestamp, item.Member("originalTimestamp").Word());
        draft.Take(s_timestamp, item.Member("timestamp").Word());
    }

    // An id that may not be kept stands in strange places too.
    private static string? Allowed(string? text, in DeviceClaims claims) => claims.Withholds(text) ? null : text;

    private static bool IsReserved(string name) => name.StartsWith('$') && Parameters.IsReserved(Encoding.UTF8.GetBytes(name));
}

/// <summary>What all events of one request have in common.</summary>
internal readonly struct SegmentRequest
{
    public required ApiKey Key { get; init; }
    public required Caller Caller { get; init; }

    /// <summary>What the address says that its events are; null where each says it itself.</summary>
    public required SegmentCall? Call { get; init; }

    /// <summary>It was made by an image.</summary>
    public required bool IsImage { get; init; }
}

using System.Net;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// What an event says about its surroundings: its own <c>context</c>, and behind it that of its batch. Says who the visitor is by address and user
/// agent, fills the columns of page and campaign, and keeps the rest as the property <c>context</c>.
/// </summary>
internal readonly struct SegmentContext(JsonElement own, JsonElement shared)
{
    // What has a column, goes to a place of its own, or tells more of a person than anybody asked for. docs/segment.md has the table.
    private static readonly HashSet<string> s_elsewhere = new(StringComparer.Ordinal)
    {
        "ip", "direct", "userAgent", "userAgentData", "page", "referrer", "campaign", "traits", "externalIds", "groupId", "consent", "consentManagement",
        "device", "location", "gpc", "timestamp", "sentAt", "receivedAt", "site_id",
    };

    // Not the id, the token and the advertising id: those follow the rules for devices. Not the name either, which is "Jane's phone".
    private static readonly string[] s_ofDevice = ["manufacturer", "model", "type", "version", "brand"];

    private static readonly string[] s_ofLocation = ["city", "region", "country"];

    private static readonly Parameter s_url = Parameters.Find("url")!, s_title = Parameters.Find("title")!, s_referrer = Parameters.Find("referrer")!;

    [ThreadStatic] private static PropertyWriter? t_writer, t_inner;

    public JsonElement this[string name] => own.Member(name) is { ValueKind: not JsonValueKind.Undefined } member ? member : shared.Member(name);

    /// <summary>A browser's own library: what it says is what a page says.</summary>
    public bool IsOfBrowser => this["library"].Member("name").Word() is { } name
        && (name.Equals("analytics.js", StringComparison.OrdinalIgnoreCase) || name.Contains("javascript", StringComparison.OrdinalIgnoreCase)
            || name.Contains("browser", StringComparison.OrdinalIgnoreCase));

    /// <summary>It happened in an app on somebody's device.</summary>
    public bool IsOfApp => IsAppSystem(this["os"].Member("name").Word()) || IsAppSystem(this["device"].Member("type").Word());

    /// <summary>Global Privacy Control, as a backend hands it on; there is no name for it in the specification. An event does not take back its batch's.</summary>
    public bool Gpc => IsYes(own.Member("gpc")) || IsYes(shared.Member("gpc"));

    /// <summary>The visitor as whom the event is kept.</summary>
    /// <param name="key">With a write key it is whoever sends it; with a secret key it is whom the event names.</param>
    /// <param name="caller">The request's own.</param>
    /// <param name="isOfBrowser">The request was made by the visitor's browser.</param>
    public Caller Visitor(ApiKey key, in Caller caller, bool isOfBrowser)
    {
        var userAgent = this["userAgent"].Word() is { } said ? Cut(said, Limits.HeaderChars) : null;
        if (key.Kind == KeyKind.Secret)
        {
            // Segment's word for "this connection is the visitor's own".
            var address = Address() ?? (this["direct"].IsTrue() ? caller.Address : null);
            return WithHints(Caller.Told(caller.ReceivedAt, address, userAgent, Gpc));
        }

        // A browser's header is what it says to everybody; the header of an app's library says nothing of the device.
        return WithHints(caller with { UserAgent = isOfBrowser ? caller.UserAgent ?? userAgent : userAgent ?? caller.UserAgent, Gpc = caller.Gpc || Gpc });
    }

    /// <summary>Columns of page and campaign, and everything else as properties.</summary>
    public Refusal? Write(Draft draft)
    {
        var page = this["page"];
        var refusal = draft.Take(s_url, page.Member("url").Word()) ?? draft.Take(s_title, page.Member("title").Word())
            ?? draft.Take(s_referrer, page.Member("referrer").Word()) ?? WriteCampaign(draft) ?? WriteConsent(draft);
        if (refusal is not null) return refusal;
        if (this["groupId"].Word() is { } group && draft.Properties.Add("group_id", group, keepFirst: true) is { } tooLong) return tooLong;
        return WriteRest(draft);
    }

    /// <summary>What is said of the device goes to a place of its own; what of it may not be kept leaves the draft. Comes last.</summary>
    /// <param name="draft">Holds the rest of the event.</param>
    /// <param name="isApp">The event is an app's: if it names Apple's system, it needs Apple's permission.</param>
    /// <param name="claims">What was said, judged.</param>
    public Refusal? WriteDevice(Draft draft, bool isApp, out DeviceClaims claims)
    {
        var said = new DeviceReading { IsApp = isApp };
        foreach (var context in (ReadOnlySpan<JsonElement>)[own, shared])
        {
            said.Take(context);
            said.Search(context);
        }

        return Devices.Take(said, draft, out claims);
    }

    // The columns are read from the page's own address first, and from these properties where it names no campaign.
    private Refusal? WriteCampaign(Draft draft)
    {
        var campaign = this["campaign"];
        if (campaign.ValueKind != JsonValueKind.Object || IsInQuery(draft.Url)) return null;
        foreach (var member in campaign.EnumerateObject())
        {
            var name = member.NameEquals("name"u8) ? "utm_campaign" : "utm_" + member.Name;
            if (member.Value.Word() is { } text && draft.Properties.Add(name, text, keepFirst: true) is { } refusal) return refusal;
        }

        return null;
    }

    private static bool IsInQuery(string? url) => url?.IndexOf('?') is >= 0 and var at && url.AsSpan(at).Contains("utm_", StringComparison.Ordinal);

    // The event's own words are kept, and its batch's count beside them: the more restrictive holds.
    private Refusal? WriteConsent(Draft draft) =>
        SaidConsent.TakeAll(own.Member("consent"), draft.Consent) ?? SaidConsent.TakeAll(shared.Member("consent"), draft.Consent)
        ?? (this["consentManagement"] is { ValueKind: JsonValueKind.Object } managed ? draft.Consent.Add("consentManagement", managed) : null);

    private static bool IsYes(JsonElement said) => said.Word() is "true" or "1";

    private Refusal? WriteRest(Draft draft)
    {
        var writer = t_writer ??= new PropertyWriter();
        writer.Clear();
        foreach (var member in Members(shared, own))
            if (!s_elsewhere.Contains(member.Name) && !IdentityNames.IsIdentity(member.Name) && DeviceWords.Find(member.Name)?.Word != DeviceWord.NeverKept && !IsEmpty(member.Value) && writer.Add(member.Name, member.Value) is { } refusal) return refusal;
        var tooMuch = WriteSome(writer, "device", s_ofDevice) ?? WriteSome(writer, "location", s_ofLocation);
        return tooMuch ?? (writer.IsEmpty ? null : draft.Properties.AddObject("context"u8, writer));
    }

    private Refusal? WriteSome(PropertyWriter writer, string name, string[] members)
    {
        var inner = t_inner ??= new PropertyWriter();
        inner.Clear();
        var said = this[name];
        foreach (var member in members)
            if (said.Member(member).Word() is { } text && inner.Add(member, text) is { } refusal) return refusal; // whatever else stands there is none of this
        return inner.IsEmpty ? null : writer.AddObject(Encoding.UTF8.GetBytes(name), inner);
    }

    // Chromium sends the hints as headers too, but only over HTTPS and on this machine; what a page hands on is the same in another shape.
    private Caller WithHints(Caller visitor)
    {
        var hints = this["userAgentData"];
        if (visitor.HintBrands is not null || visitor.HintPlatform is not null || hints.ValueKind != JsonValueKind.Object) return visitor;
        return visitor with
        {
            HintBrands = Brands(hints.Member("brands")),
            HintMobile = hints.Member("mobile").ValueKind switch { JsonValueKind.True => "?1", JsonValueKind.False => "?0", _ => null },
            HintPlatform = hints.Member("platform").Word() is { } platform ? Cut($"\"{platform}\"", Limits.HintChars) : null,
        };
    }

    private static string? Brands(JsonElement brands)
    {
        if (brands.ValueKind != JsonValueKind.Array) return null;
        var text = new StringBuilder();
        foreach (var brand in brands.EnumerateArray())
        {
            if (brand.Member("brand").Word() is not { } name || text.Length > Limits.HintChars) continue;
            if (text.Length > 0) text.Append(", ");
            text.Append('"').Append(name).Append("\";v=\"").Append(brand.Member("version").Word()).Append('"');
        }

        return text.Length == 0 ? null : Cut(text.ToString(), Limits.HintChars);
    }

    private IPAddress? Address() => ClientAddress.TryRead(this["ip"].Word().AsSpan().Trim(), out var address) ? address : null;

    private static bool IsAppSystem(string? name) => DeviceWords.PlatformOf(name) is "ios" or "tvos" or "watchos" or "visionos" or "android";

    private static bool IsEmpty(JsonElement value) =>
        value.ValueKind is JsonValueKind.Null || (value.ValueKind == JsonValueKind.Object && value.GetPropertyCount() == 0);

    // The later one of two members of a name is the event's own, and the writer keeps the later one.
    private static IEnumerable<JsonProperty> Members(JsonElement shared, JsonElement own) =>
        (shared.ValueKind == JsonValueKind.Object ? shared.EnumerateObject() : Enumerable.Empty<JsonProperty>())
        .Concat(own.ValueKind == JsonValueKind.Object ? own.EnumerateObject() : Enumerable.Empty<JsonProperty>());

    private static string Cut(string text, int longest) => text.Length <= longest ? text : text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)];
}

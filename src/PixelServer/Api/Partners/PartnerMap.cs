using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// One of the formats in which partners speak of an event: a table, and how to read by it. A pure function from their JSON (a form is made
/// JSON of texts) to the draft. What the table does not name is kept as a property, under its own name.
/// </summary>
internal sealed class PartnerMap
{
    private static readonly JsonDocumentOptions s_anyDepth = new() { MaxDepth = 64 };

    private FrozenSet<string>? _known;

    /// <summary><c>appsflyer</c>, <c>adjust</c> or <c>branch</c>: kept as the property <c>partner</c>.</summary>
    public required string Partner { get; init; }

    /// <summary>The address that takes it.</summary>
    public required string Path { get; init; }

    /// <summary>One line for the API page.</summary>
    public required string Summary { get; init; }

    public required IReadOnlyList<PartnerField> Fields { get; init; }

    /// <summary>Their names of events and ours. Case counts as it does with them; every other name goes through <see cref="AppEvents"/>.</summary>
    public required FrozenDictionary<string, string> Names { get; init; }

    /// <summary>Members whose own members are fields: objects, or text that holds one.</summary>
    public IReadOnlyList<string> Objects { get; init; } = [];

    /// <summary>The name of every event, where the address says it; null where a field does.</summary>
    public string? FixedName { get; init; }

    /// <summary>The body is a form, or the query is; otherwise JSON.</summary>
    public bool IsForm { get; init; }

    /// <summary>It was a visit of a web page and no app; null where there is no such thing.</summary>
    public Func<JsonElement, bool>? IsWeb { get; init; }

    /// <summary>An example that works, for the API page.</summary>
    public required string Example { get; init; }

    /// <summary>Fills the draft, or says why there is no event.</summary>
    /// <param name="body">A JSON object without broken text.</param>
    /// <param name="renamed">The operator's own names of events, by what the partner sends.</param>
    /// <param name="draft">Empty.</param>
    /// <param name="told">What has no place in the draft.</param>
    public Refusal? Read(JsonElement body, IReadOnlyDictionary<string, string> renamed, Draft draft, PartnerTold told)
    {
        var opened = new List<JsonDocument>();
        try
        {
            return ReadFields(new Opened(body, Open(body, opened)), renamed, draft, told);
        }
        finally
        {
            foreach (var one in opened) one.Dispose();
        }
    }

    private Refusal? ReadFields(Opened said, IReadOnlyDictionary<string, string> renamed, Draft draft, PartnerTold told)
    {
        told.IsWeb = IsWeb?.Invoke(said.Body) is true;
        if (draft.Properties.AddOwn("partner"u8, Encoding.ASCII.GetBytes(Partner)) is { } first) return first;
        var sent = FixedName;
        foreach (var field in Fields)
        {
            if (said.Find(field.Path) is not { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value) continue;
            if (field.Target == PartnerTarget.Name) sent ??= value.Word();
            else if (Take(field, value, draft, told) is { } refusal) return refusal;
        }

        if (sent is null) return Refusal.NoEventName;
        var stored = renamed.GetValueOrDefault(sent) ?? Names.GetValueOrDefault(sent) ?? AppEvents.Canonical(sent);
        return AppEvents.Name(draft, sent, stored) ?? ReadOthers(said, draft);
    }

    private static Refusal? Take(PartnerField field, JsonElement value, Draft draft, PartnerTold told)
    {
        var text = value.Word();
        switch (field.Target)
        {
            case PartnerTarget.Parameter:
                var parameter = Parameters.Find(field.Ours)!;
                // An id that is no text names nobody, and kept as a property it would stay where a site may keep none.
                if (text is null)
                    return value.ValueKind == JsonValueKind.String || parameter.Kind is ParameterKind.User or ParameterKind.EventId ? null
                        : draft.Properties.Add(field.Path[^1], value, keepFirst: true);
                if (parameter.Kind == ParameterKind.Timestamp) text = PartnerClock.Mended(text);
                return draft.TryTake(parameter, text, out var refusal) ? refusal : draft.Properties.Add(field.Path[^1], value, keepFirst: true);
            case PartnerTarget.MessageId:
                told.MessageId ??= text;
                return told.MessageId?.Length > Limits.MessageIdChars ? Refusal.MessageIdTooLong : null;
            case PartnerTarget.Address:
                if (told.Address is null && ClientAddress.TryRead(text.AsSpan().Trim(), out var address)) told.Address = address;
                return null;
            case PartnerTarget.UserAgent:
                told.UserAgent ??= text is null ? null : Text.Header(text, Limits.HeaderChars);
                return null;
            case PartnerTarget.Device:
                told.Device.TakeFlat(field.Ours, value);
                return null;
            case PartnerTarget.Consent:
                return text is null ? null : draft.Consent.Add(field.Ours, text, keepFirst: true);
            case PartnerTarget.AdsAllowed:
                told.NoAds |= DeviceWords.Truth(value) is false;
                return draft.Properties.Add(field.Path[^1], value, keepFirst: true);
            case PartnerTarget.AdsForbidden:
                told.NoAds |= IsSaid(value) && DeviceWords.Truth(value) is not false;
                return IsSaid(value) ? draft.Properties.Add(field.Path[^1], value, keepFirst: true) : null;
            case PartnerTarget.Identity:
                if (text is not null) told.Person.TryAdd(field.Ours, text);
                return null;
            case PartnerTarget.Property:
                return IsSaid(value) ? draft.Properties.Add(field.Ours, value, keepFirst: true) : null;
            default:
                return null;
        }
    }

    // What stands outside the objects comes first, and what the table named before everything.
    private Refusal? ReadOthers(Opened said, Draft draft)
    {
        _known ??= Fields.Select(field => field.Theirs).ToFrozenSet(StringComparer.Ordinal);
        if (Others(said.Body, "", draft) is { } refusal) return refusal;
        foreach (var (name, element) in said.Objects)
            if (Others(element, name + ".", draft) is { } refused) return refused;
        return null;
    }

    private Refusal? Others(JsonElement element, string prefix, Draft draft)
    {
        foreach (var member in element.EnumerateObject())
        {
            if (_known!.Contains(prefix + member.Name) || !IsSaid(member.Value) || IsOpened(prefix, member)) continue;
            if (IdentityNames.IsIdentity(member.Name) || IsReserved(member.Name)) continue;
            if (SaidConsent.Take(member, draft.Consent, out var unkept)) continue;
            if ((unkept ?? draft.Properties.Add(member.Name, Impersonal.Of(member.Value), keepFirst: true)) is { } refusal) return refusal;
        }

        return null;
    }

    private bool IsOpened(string prefix, JsonProperty member) =>
        prefix.Length == 0 && Objects.Contains(member.Name) && (member.Value.ValueKind == JsonValueKind.Object || IsJsonText(member.Value));

    private List<(string Name, JsonElement Element)> Open(JsonElement body, List<JsonDocument> opened)
    {
        var objects = new List<(string, JsonElement)>();
        foreach (var name in Objects)
        {
            var value = body.Member(name);
            if (IsJsonText(value, out var document)) opened.Add(document!);
            if (document is not null) objects.Add((name, document.RootElement));
            else if (value.ValueKind == JsonValueKind.Object) objects.Add((name, value));
        }

        return objects;
    }

    private static bool IsJsonText(JsonElement value)
    {
        var isOne = IsJsonText(value, out var document);
        document?.Dispose();
        return isOne;
    }

    // AppsFlyer's eventValue, Adjust's parameters: an object, written as text.
    private static bool IsJsonText(JsonElement value, out JsonDocument? document)
    {
        document = null;
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: > 1 } text || !text.AsSpan().TrimStart().StartsWith('{')) return false;
        try
        {
            // The outer text is mended; its escapes are read only now, so what they hold is not.
            document = JsonDocument.Parse(JsonText.Mend(Encoding.UTF8.GetBytes(text)).ToArray(), s_anyDepth);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsSaid(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => false,
        JsonValueKind.String => !value.ValueEquals(""u8),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.GetPropertyCount() > 0,
        _ => true,
    };

    private static bool IsReserved(string name) => name.StartsWith('$') && Parameters.IsReserved(Encoding.UTF8.GetBytes(name));

    /// <summary>The body and those of its members that are objects of fields, also where they came as text.</summary>
    private readonly record struct Opened(JsonElement Body, List<(string Name, JsonElement Element)> Objects)
    {
        public JsonElement Find(IReadOnlyList<string> path)
        {
            var element = path.Count == 1 ? Body : Objects.Find(one => one.Name == path[0]).Element;
            if (path.Count > 1 && element.ValueKind == JsonValueKind.Undefined) element = Body.Member(path[0]);
            for (var i = path.Count == 1 ? 0 : 1; i < path.Count; i++) element = element.Member(path[i]);
            return element;
        }
    }
}

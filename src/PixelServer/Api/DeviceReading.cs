using System.Buffers;
using System.Globalization;
using System.Text.Json;
using PixelServer.Collect;
using static PixelServer.DeviceWords;

namespace PixelServer.Api;

/// <summary>What was said about a device, found under its many spellings, not yet judged. Of two texts for one thing the first counts, of two permissions the narrower.</summary>
internal sealed class DeviceReading
{
    private static readonly SearchValues<char> s_id = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/|");

    private readonly List<(AdvertisingKind Kind, string Id)> _advertisingIds = [];
    private readonly Dictionary<string, string> _traits = new(StringComparer.Ordinal);
    private bool _isSaid, _hasSystem;

    /// <summary>Every advertising id that was found, also hashed ones, with what its key says whose it is.</summary>
    public IReadOnlyList<(AdvertisingKind Kind, string Id)> AdvertisingIds => _advertisingIds;

    public string? Platform { get; set; }

    /// <summary>Of a field that is Apple's or Google's by the platform.</summary>
    public string? AdvertisingId { get; set; }

    public string? Idfa { get; set; }
    public string? Idfv { get; set; }
    public string? Gaid { get; set; }
    public string? Oaid { get; set; }
    public string? FireAdid { get; set; }
    public string? AppSetId { get; set; }
    public string? AndroidId { get; set; }
    public string? DeviceId { get; set; }
    public string? AppsFlyerId { get; set; }
    public string? AdjustId { get; set; }
    public string? BranchId { get; set; }
    public int? AttStatus { get; set; }
    public bool? LimitAdTracking { get; set; }
    public bool? AdTrackingEnabled { get; set; }

    /// <summary>A partner was told to share nothing.</summary>
    public bool NoAds { get; set; }

    /// <summary>What describes the device and its app, by the names of <see cref="Devices.Traits"/>.</summary>
    public IReadOnlyDictionary<string, string> Traits => _traits;

    /// <summary>Something was said that only an app says: about its device, itself or its permission.</summary>
    public bool IsApp
    {
        get => _isSaid || AttStatus is not null || Idfa is not null || Idfv is not null || Gaid is not null || Oaid is not null || FireAdid is not null
        || AppSetId is not null || AndroidId is not null || AppsFlyerId is not null || AdjustId is not null || BranchId is not null;
        set => _isSaid = value;
    }

    /// <summary>Takes a context in the shape of Segment's, with flat spellings beside or in its objects.</summary>
    public void Take(JsonElement context)
    {
        if (context.ValueKind != JsonValueKind.Object) return;
        Span<char> buffer = stackalloc char[LongestKey];
        foreach (var member in context.EnumerateObject())
        {
            var name = Plain(member.Name, buffer);
            var value = member.Value;
            if (value.ValueKind != JsonValueKind.Object)
            {
                TakeFlat(name, value);
                continue;
            }

            switch (name)
            {
                case "device": TakeDevice(value); break;
                case "os": TakeOs(value); break;
                case "app": TakeApp(value); break;
                case "network": Describe("carrier", Find(value, "carrier")); break;
                case "screen": TakeScreen(value); break;
            }
        }
    }

    /// <summary>One member under a flat spelling.</summary>
    public void TakeFlat(string key, JsonElement value)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        TakeFlat(Plain(key, buffer), value);
    }

    /// <summary>Takes ids and permissions that stand among the properties of an event.</summary>
    public void TakeProperties(JsonElement properties)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        foreach (var member in properties.EnumerateObject())
            if (Plain(member.Name, buffer) is var name && FindPlain(name) is { IsUnmistakable: true }) TakeId(name, member.Value);
    }

    /// <summary>Looks for advertising ids under any spelling, as deep as properties may be.</summary>
    public void Search(JsonElement element, int depth = 0)
    {
        if (depth > Limits.PropertyDepth) return;
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray()) Search(item, depth + 1);
            return;
        }

        if (element.ValueKind != JsonValueKind.Object) return;
        Span<char> buffer = stackalloc char[LongestKey];
        foreach (var member in element.EnumerateObject())
        {
            if (FindPlain(Plain(member.Name, buffer))?.Kind is { } kind) NoteAll(kind, member.Value, depth + 1);
            else Search(member.Value, depth + 1);
        }
    }

    /// <param name="trait">One of <see cref="Devices.Traits"/>.</param>
    /// <param name="text">Null where nothing was said.</param>
    public void Describe(string trait, string? text)
    {
        if (text is not null) _traits.TryAdd(trait, text);
    }

    public void NarrowAtt(int? status) => AttStatus = status is { } one ? Math.Min(AttStatus ?? 3, one) : AttStatus;

    private void TakeFlat(ReadOnlySpan<char> name, JsonElement value)
    {
        if (TakeId(name, value)) return;
        switch (name)
        {
            case "lat": TakeLimit(value); break; // in a context; among properties it is a latitude
            case "devicemodel" or "model": Describe("model", Word(value)); break;
            case "devicemanufacturer" or "manufacturer": Describe("manufacturer", Word(value)); break;
            case "devicetype": Describe("type", Word(value)); break;
            case "platform" or "os" or "osname": Platform ??= PlatformOf(Word(value)); break;
            case "osversion": Describe("os_version", Word(value)); break;
            case "appid" or "bundleid" or "bundleidentifier" or "appnamespace" or "packagename": Say("app_id", Word(value)); break;
            case "appname": Say("app_name", Word(value)); break;
            case "appversion" or "appversionname": Say("app_version", Word(value)); break;
            case "appbuild": Say("app_build", Word(value)); break;
            case "carrier": Describe("carrier", Word(value)); break;
            case "locale": Describe("locale", Word(value)); break;
            case "timezone": Describe("timezone", Word(value)); break;
            case "screenwidth": Describe("screen_width", Word(value)); break;
            case "screenheight": Describe("screen_height", Word(value)); break;
        }
    }

    private void TakeDevice(JsonElement device)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        foreach (var member in device.EnumerateObject())
        {
            _isSaid = true;
            var name = Plain(member.Name, buffer);
            var value = member.Value;
            switch (name)
            {
                case "id": DeviceId ??= Opaque(value); break;
                case "type": Describe("type", Word(value)); Platform ??= PlatformOf(_traits.GetValueOrDefault("type")); break;
                default: TakeFlat(name, value); break;
            }
        }
    }

    private void TakeOs(JsonElement os)
    {
        // The system's own name is better than the kind of device: a Mac can say "ios" there.
        if (!_hasSystem && PlatformOf(Find(os, "name")) is { } platform) (Platform, _hasSystem) = (platform, true);
        Describe("os_version", Find(os, "version"));
    }

    private void TakeApp(JsonElement app)
    {
        Say("app_id", Find(app, "namespace") ?? Find(app, "id"));
        Say("app_name", Find(app, "name"));
        Say("app_version", Find(app, "version"));
        Describe("app_build", Find(app, "build"));
    }

    private void TakeScreen(JsonElement screen)
    {
        Describe("screen_width", Find(screen, "width"));
        Describe("screen_height", Find(screen, "height"));
        Describe("screen_density", Find(screen, "density"));
    }

    private bool TakeId(ReadOnlySpan<char> name, JsonElement value)
    {
        if (FindPlain(name) is not { } key) return false;
        if (key.Kind is { } kind) Note(kind, value);
        switch (key.Word)
        {
            case DeviceWord.AdvertisingId: AdvertisingId ??= Opaque(value); break;
            case DeviceWord.Idfa: Idfa ??= Opaque(value); break;
            case DeviceWord.Gaid: Gaid ??= Opaque(value); break;
            case DeviceWord.Oaid: Oaid ??= Opaque(value); break;
            case DeviceWord.FireAdid: FireAdid ??= Opaque(value); break;
            case DeviceWord.Idfv: Idfv ??= Opaque(value); break;
            case DeviceWord.AppSetId: AppSetId ??= Opaque(value); break;
            case DeviceWord.AndroidId: AndroidId ??= Opaque(value); break;
            case DeviceWord.DeviceId: DeviceId ??= Opaque(value); break;
            case DeviceWord.AppsFlyerId: AppsFlyerId ??= Opaque(value); break;
            case DeviceWord.AdjustId: AdjustId ??= Opaque(value); break;
            case DeviceWord.BranchId: BranchId ??= Opaque(value); break;
            case DeviceWord.Att: NarrowAtt(Att(value)); break;
            case DeviceWord.Limit: TakeLimit(value); break;
            case DeviceWord.Enabled when Truth(value) is { } enabled: AdTrackingEnabled = enabled && AdTrackingEnabled is not false; break;
        }

        return true;
    }

    private void TakeLimit(JsonElement value)
    {
        if (Truth(value) is { } limited) LimitAdTracking = limited || LimitAdTracking is true;
    }

    // Whatever shape it has: an id that is hidden in an object or among other words is still one.
    private void NoteAll(AdvertisingKind kind, JsonElement value, int depth)
    {
        if (depth > Limits.PropertyDepth + 2) return;
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray()) NoteAll(kind, item, depth + 1);
                break;
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject()) NoteAll(kind, member.Value, depth + 1);
                break;
            case JsonValueKind.String or JsonValueKind.Number:
                Note(kind, value);
                break;
        }
    }

    private void Note(AdvertisingKind kind, JsonElement value)
    {
        if (value.ValueKind is not (JsonValueKind.String or JsonValueKind.Number)) return;
        var text = (value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()).AsSpan();
        while (!text.IsEmpty)
        {
            var start = text.IndexOfAny(s_id);
            if (start < 0) return;
            text = text[start..];
            var length = text.IndexOfAnyExcept(s_id) is var end && end < 0 ? text.Length : end;
            Note(kind, text[..length]);
            text = text[length..];
        }
    }

    private void Note(AdvertisingKind kind, ReadOnlySpan<char> id)
    {
        while (id.Length > 0 && !char.IsAsciiLetterOrDigit(id[0])) id = id[1..];
        while (id.Length > 0 && !char.IsAsciiLetterOrDigit(id[^1])) id = id[..^1];
        if (id.Length == 0 || _advertisingIds.Count > Devices.MostIds) return;
        if ((kind, id.ToString()) is var found && !_advertisingIds.Contains(found)) _advertisingIds.Add(found);
    }

    // It speaks of an app.
    private void Say(string trait, string? text)
    {
        Describe(trait, text);
        _isSaid |= text is not null;
    }

    private static string? Find(JsonElement inner, string key) => inner.TryGetProperty(key, out var value) ? Word(value) : null;

    private static string? Opaque(JsonElement value) =>
        Word(value)?.Trim() is { Length: > 0 and <= Devices.IdChars } id && System.Text.Ascii.IsValid(id) ? id : null;

    private static string? Word(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String when value.GetString() is { Length: > 0 and <= Devices.TextChars } text => text,
        JsonValueKind.Number when value.TryGetDecimal(out var number) => number.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };
}

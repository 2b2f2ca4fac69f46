using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// Reads what SDKs and backends say about a device, in all their spellings, decides what of it may be kept, and writes that under
/// <c>$device</c>. docs/apps.md has the table.
/// </summary>
/// <remarks>
/// Apple allows its advertising id to be read only where the person agreed (App Tracking Transparency); Google asks to leave its own alone where
/// ad tracking is limited. What arrives against that is not kept, nowhere in the event.
/// </remarks>
internal static class Devices
{
    /// <summary>Shorter text is no advertising id, and is not searched for: it could be part of anything.</summary>
    public const int ShortestId = 16;

    /// <summary>An event with more advertising ids is refused: each is searched for in all of it.</summary>
    public const int MostIds = 16;

    /// <summary>Longer text is no id.</summary>
    public const int IdChars = 128;

    /// <summary>Models, versions, names: what is longer is left out.</summary>
    public const int TextChars = 200;

    /// <summary>What is only carried: it names nobody.</summary>
    public static IReadOnlyList<string> Traits { get; } =
        ["manufacturer", "model", "type", "os_version", "app_id", "app_name", "app_version", "app_build",
            "carrier", "locale", "timezone", "screen_width", "screen_height", "screen_density"];

    private static readonly string[] s_objects = ["device", "os", "app"];

    private const int Restricted = 1, Denied = 2, Authorized = 3;

    /// <summary>What the context alone says; <see cref="Take(JsonElement, Draft, out DeviceClaims)"/> also looks at the rest of the event.</summary>
    /// <param name="context">Segment's <c>context</c>, or an object with the flat spellings in it or in its <c>device</c>; anything else says nothing.</param>
    public static DeviceClaims Read(JsonElement context) => Judge(Reading(context));

    /// <summary>
    /// Reads the context and what the draft's properties say of the device, and writes <c>$device</c> and the ATT status. What may not be kept
    /// is taken out of everything in the draft. Comes after the properties were written, and before the draft is judged.
    /// </summary>
    /// <param name="context">As for <see cref="Read"/>.</param>
    /// <param name="draft">Holds the rest of the event.</param>
    /// <param name="claims">What was said, judged: for <see cref="Claim.NoAds"/> and the source. A visitor whose id it withholds is nobody.</param>
    public static Refusal? Take(JsonElement context, Draft draft, out DeviceClaims claims) => Take(Reading(context), draft, out claims);

    /// <summary>The same for an event without a context, which most often speaks of no device.</summary>
    public static Refusal? Take(Draft draft, out DeviceClaims claims)
    {
        claims = default;
        return DeviceWords.MayNameAdvertisingId(draft.Properties.Written) ? Take(new DeviceReading(), draft, out claims) : null;
    }

    /// <summary>The same for an event that is an app's by its door's word: it has no context, and speaks of the device among its properties.</summary>
    public static Refusal? TakeApp(Draft draft, out DeviceClaims claims)
    {
        var said = new DeviceReading { IsApp = true };
        if (!draft.Properties.IsEmpty)
        {
            using var properties = Properties(draft);
            said.Take(properties.RootElement);
            draft.Properties.Drop([.. s_objects.Where(name => properties.RootElement.Member(name).ValueKind == JsonValueKind.Object)]);
            draft.Properties.Drop([.. properties.RootElement.EnumerateObject().Select(one => one.Name).Where(name => DeviceWords.Find(name) is not null)]);
        }

        return Take(said, draft, out claims);
    }

    /// <inheritdoc cref="Take(JsonElement, Draft, out DeviceClaims)"/>
    public static Refusal? Take(DeviceReading said, Draft draft, out DeviceClaims claims)
    {
        if (!draft.Properties.IsEmpty)
        {
            using var properties = Properties(draft);
            said.Search(properties.RootElement);
            // Of an event that speaks of no device "att" may be anything.
            if (said.IsApp || said.AdvertisingIds.Count > 0)
            {
                said.TakeProperties(properties.RootElement);
                draft.Properties.Drop([.. properties.RootElement.EnumerateObject().Select(one => one.Name)
                    .Where(name => DeviceWords.Find(name) is { IsUnmistakable: true })]);
            }
        }

        claims = default;
        if (said.AdvertisingIds.Count > MostIds) return Refusal.TooManyIds;
        claims = Judge(said);
        return Write(claims, draft);
    }

    /// <summary>What was said, as far as it may be kept.</summary>
    public static DeviceClaims Judge(DeviceReading said)
    {
        var platform = said.Platform ?? Guess(said);
        var isApple = platform is "ios" or "tvos" or "watchos" or "visionos";
        var isApp = (isApple || platform is "android") && said.IsApp;

        // The status decides; the truth value only where there is none, as RudderStack sends false beside 3 until an id is set.
        var (att, lat) = (said.AttStatus, said.LimitAdTracking);
        if (platform is "android") att = null;
        else if (isApple) att ??= said.AdTrackingEnabled is true ? Authorized : isApp ? 0 : null;
        if ((att is null || said.AttStatus is null) && said.AdTrackingEnabled is { } enabled) lat = lat is true || !enabled;
        var isRefused = lat is true || att is not (null or Authorized) || (platform is "android" && said.AttStatus is Restricted or Denied);
        var mayApple = att == Authorized && !isRefused;

        var withheld = Withheld(said, platform, mayApple, mayGoogle: !isRefused);
        return new DeviceClaims
        {
            Platform = platform,
            Idfa = mayApple ? Uuid(said.Idfa ?? (isApple || platform is "macos" ? said.AdvertisingId : null)) : null,
            Idfv = platform is "android" ? null : Uuid(said.Idfv ?? (isApple ? said.DeviceId : null)),
            Gaid = isRefused ? null : Uuid(said.Gaid ?? (platform is "android" ? said.AdvertisingId : null)),
            Oaid = isRefused ? null : Opaque(said.Oaid),
            FireAdid = isRefused ? null : Uuid(said.FireAdid),
            AppSetId = Uuid(said.AppSetId),
            AndroidId = Opaque(said.AndroidId),
            DeviceId = Same(said.DeviceId, said.Idfv) || (isApple && said.Idfv is null && IsUuid(said.DeviceId)) ? null : Opaque(said.DeviceId),
            AppsFlyerId = Opaque(said.AppsFlyerId),
            AdjustId = Opaque(said.AdjustId),
            BranchId = Opaque(said.BranchId),
            AttStatus = att,
            LimitAdTracking = lat,
            Traits = said.Traits,
            NoAds = isRefused || said.NoAds,
            IsApp = isApp,
            Withheld = withheld,
        };

        string? Uuid(string? text) => IsUuid(text) ? Opaque(Guid.Parse(text!).ToString("D")) : null;

        string? Opaque(string? text) => text is null || IsZero(text) || withheld?.Exists(id => text.Contains(id, StringComparison.OrdinalIgnoreCase)) is true
            ? null : text.ToLowerInvariant();
    }

    // Segment's IDFA plugin for Swift fills advertisingId with the vendor id where it may not have the other: that one may stay.
    private static List<string>? Withheld(DeviceReading said, string? platform, bool mayApple, bool mayGoogle)
    {
        List<string>? withheld = null;
        foreach (var (kind, id) in said.AdvertisingIds)
        {
            var may = kind switch
            {
                AdvertisingKind.Apple => mayApple,
                AdvertisingKind.Google => mayGoogle,
                _ => platform switch
                {
                    "android" => mayGoogle,
                    null => false, // nobody can say by which rule it might be kept
                    _ => mayApple || Same(id, said.Idfv ?? said.DeviceId),
                },
            };
            if (may || id.Length < ShortestId || IsZero(id)) continue;
            (withheld ??= []).Add(id);
            if (Guid.TryParse(id, out var uuid)) withheld.AddRange(uuid.ToString("D"), uuid.ToString("N"));
        }

        return withheld;
    }

    private static JsonDocument Properties(Draft draft) => JsonDocument.Parse(draft.Properties.ToJson(), new JsonDocumentOptions { MaxDepth = Limits.PropertyDepth + 4 });

    private static DeviceReading Reading(JsonElement context)
    {
        var said = new DeviceReading();
        said.Take(context);
        said.Search(context);
        return said;
    }

    /// <summary>Writes <c>$device</c> and the ATT status, and takes what the claims withhold out of everything else in the draft. For who has read the context alone.</summary>
    public static Refusal? Write(in DeviceClaims claims, Draft draft)
    {
        if (claims.Withheld is { } withheld && draft.Withhold(withheld) is { } refusal) return refusal;
        if (!IsSaid(claims)) return null;
        var device = new PropertyWriter();
        foreach (var (name, value) in Fields(claims))
            if (value is not null && !claims.Withholds(value) && device.AddOwn(Encoding.ASCII.GetBytes(name), Encoding.UTF8.GetBytes(value)) is { } refused) return refused;
        if (claims.AttStatus is { } att)
        {
            if (AddLiteral(device, "att"u8, att.ToString(System.Globalization.CultureInfo.InvariantCulture)) is { } refused) return refused;
            if (draft.Consent.AddOwn("att"u8, [(byte)('0' + att)]) is { } unkept) return unkept;
        }

        if (claims.LimitAdTracking is { } lat && AddLiteral(device, "lat"u8, lat ? "true" : "false") is { } wrong) return wrong;
        return device.IsEmpty ? null : draft.Properties.AddObject(Parameters.KeptDevice, device);
    }

    /// <summary>Names in <c>$device</c> whose value is text, in the order of docs/apps.md; <c>att</c> (0 to 3) and <c>lat</c> (true or false) stand beside them.</summary>
    public static IEnumerable<(string Name, string? Value)> Fields(DeviceClaims claims) =>
    [
        ("platform", claims.Platform),
        ("idfa", claims.Idfa),
        ("idfv", claims.Idfv),
        ("gaid", claims.Gaid),
        ("oaid", claims.Oaid),
        ("fire_adid", claims.FireAdid),
        ("app_set_id", claims.AppSetId),
        ("android_id", claims.AndroidId),
        ("device_id", claims.DeviceId),
        ("appsflyer_id", claims.AppsFlyerId),
        ("adjust_id", claims.AdjustId),
        ("branch_id", claims.BranchId),
        .. Traits.Select(name => (name, claims.Traits?.GetValueOrDefault(name))),
    ];

    // A page's SDK has a locale and a screen too: without an app, an id or a permission there is no device to speak of.
    private static bool IsSaid(in DeviceClaims claims) => claims.IsApp || claims.AttStatus is not null || claims.LimitAdTracking is not null
        || (claims.Idfa ?? claims.Idfv ?? claims.Gaid ?? claims.Oaid ?? claims.FireAdid ?? claims.AppSetId ?? claims.AndroidId ?? claims.DeviceId
            ?? claims.AppsFlyerId ?? claims.AdjustId ?? claims.BranchId) is not null;

    private static Refusal? AddLiteral(PropertyWriter writer, ReadOnlySpan<byte> key, string literal)
    {
        var reader = new Utf8JsonReader(Encoding.ASCII.GetBytes(literal));
        reader.Read();
        return writer.AddJson(key, ref reader);
    }

    private static string? Guess(DeviceReading said)
    {
        if (said.Idfa is not null || said.Idfv is not null) return "ios";
        if (said.Gaid is not null || said.Oaid is not null || said.FireAdid is not null || said.AppSetId is not null || said.AndroidId is not null) return "android";
        if (said.Traits.GetValueOrDefault("manufacturer")?.Equals("Apple", StringComparison.OrdinalIgnoreCase) is true || said.AttStatus is not null) return "ios";
        return null;
    }

    private static bool Same(string? one, string? other) => one is not null && other is not null
        && (one.Equals(other, StringComparison.OrdinalIgnoreCase) || (Guid.TryParse(one, out var a) && Guid.TryParse(other, out var b) && a == b));

    private static bool IsUuid(string? text) => Guid.TryParseExact(text, "D", out _) || Guid.TryParseExact(text, "N", out _);

    // "00000000-0000-0000-0000-000000000000", with and without hyphens, braces or URN, and what else says nothing in many zeros.
    private static bool IsZero(ReadOnlySpan<char> text) => text.Trim("0-{}() ").IsEmpty;
}

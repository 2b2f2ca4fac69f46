using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using System.Text.Json;

namespace PixelServer;

/// <summary>The words in which SDKs and backends speak of devices: under which keys, and with which values.</summary>
/// <remarks>Keys are compared without case, hyphens and underscores: <c>advertisingId</c>, <c>advertising_id</c> and <c>ADVERTISING-ID</c> are one.</remarks>
internal static class DeviceWords
{
    /// <summary>Characters of the longest key that means something.</summary>
    public const int LongestKey = 40;

    // Ids and permissions, each with its spellings, plain; the second list are words that may be of a parcel, a shop or an advertiser as well.
    private static readonly FrozenDictionary<string, DeviceKey>.AlternateLookup<ReadOnlySpan<char>> s_keys =
        new (DeviceWord Word, AdvertisingKind? Kind, string Unmistakable, string Mistakable)[]
        {
            (DeviceWord.AdvertisingId, AdvertisingKind.Either, "advertisingid ifa", "advertiserid"),
            (DeviceWord.Idfa, AdvertisingKind.Apple, "idfa iosidfa", ""),
            (DeviceWord.Hash, AdvertisingKind.Apple, "idfamd5 idfasha1 idfasha256 md5idfa sha1idfa", ""),
            (DeviceWord.Gaid, AdvertisingKind.Google, "gaid aaid gpsadid googleadid googleadvertisingid androidadvertisingid", ""),
            (DeviceWord.Hash, AdvertisingKind.Google, "gpsadidmd5 gpsadidsha1 gaidmd5 gaidsha1", ""),
            (DeviceWord.Oaid, AdvertisingKind.Google, "oaid", ""),
            (DeviceWord.FireAdid, AdvertisingKind.Google, "fireadid amazonaid amazonadid", ""),
            (DeviceWord.Idfv, null, "idfv iosidfv identifierforvendor", "vendorid"),
            (DeviceWord.AppSetId, null, "appsetid googleappsetid", ""),
            (DeviceWord.AndroidId, null, "androidid", ""),
            (DeviceWord.DeviceId, null, "", "deviceid"),
            (DeviceWord.AppsFlyerId, null, "appsflyerid", ""),
            (DeviceWord.AdjustId, null, "adjustid", ""),
            (DeviceWord.BranchId, null, "", "branchid"),
            (DeviceWord.Att, null, "attstatus atttrackingstatus trackingauthorizationstatus", "att trackingstatus"),
            (DeviceWord.Limit, null, "limitadtracking limitedadtracking limitadtrackingenabled islimitadtrackingenabled", ""),
            (DeviceWord.Enabled, null, "adtrackingenabled advertisertrackingenabled", "trackingenabled"),
            (DeviceWord.NeverKept, null, "imei meid mac macaddress devicename devicetoken pushtoken serialnumber", ""),
        }
        .SelectMany(row => Split(row.Unmistakable).Select(key => (Key: key, Means: new DeviceKey(row.Word, row.Kind, IsUnmistakable: true)))
            .Concat(Split(row.Mistakable).Select(key => (Key: key, Means: new DeviceKey(row.Word, row.Kind, IsUnmistakable: false)))))
        .ToFrozenDictionary(row => row.Key, row => row.Means, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>All of them, plain.</summary>
    public static IEnumerable<(string Key, DeviceKey Means)> Keys => s_keys.Dictionary.Select(row => (row.Key, row.Value));

    /// <summary>What stands under this key; null where it is no id and no permission, but may be a property of the event.</summary>
    public static DeviceKey? Find(ReadOnlySpan<char> key)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return FindPlain(Plain(key, buffer));
    }

    /// <inheritdoc cref="Find"/>
    public static DeviceKey? FindPlain(ReadOnlySpan<char> plainKey) => s_keys.TryGetValue(plainKey, out var found) ? found : null;

    /// <summary>False where no key of the JSON can be one of an advertising id: said without reading it, and never wrongly.</summary>
    public static bool MayNameAdvertisingId(ReadOnlySpan<byte> json)
    {
        // Each of these keys holds one of five pieces, whatever its case and whatever stands between its letters; a test asks all of them.
        var last = 0;
        foreach (var c in json)
        {
            if (c is (byte)'_' or (byte)'-' or (byte)' ') continue;
            last = ((last << 8) | c | 0x20) & 0xff_ff_ff;
            if (last is 0x646661 or 0x696661 or 0x616964 or 0x616469 or 0x616476) return true; // dfa, ifa, aid, adi, adv
        }

        return false;
    }

    /// <summary>Whether the key is a spelling of an advertising id and can mean nothing else. Cheap for nearly every key.</summary>
    public static bool IsAdvertisingId(ReadOnlySpan<byte> key)
    {
        key = key.TrimEnd("_- "u8);
        if (key.IsEmpty || key.Length > LongestKey || key[^1] is not ((byte)'d' or (byte)'D' or (byte)'a' or (byte)'A' or (byte)'1' or (byte)'5' or (byte)'6')) return false;
        Span<char> text = stackalloc char[LongestKey];
        return Ascii.ToUtf16(key, text, out var length) == OperationStatus.Done && Find(text[..length]) is { Kind: not null, IsUnmistakable: true };
    }

    private static string[] Split(string keys) => keys.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The status in every spelling: 0 to 3 as number or text, Apple's words in any case with or without spaces, hyphens and underscores, and the truth values of some SDKs.</summary>
    /// <returns>Null where nothing was said; 0 for what cannot be read, because it is no permission.</returns>
    public static int? Att(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 3,
        JsonValueKind.False => 2,
        JsonValueKind.Number => value.TryGetInt32(out var number) && number is >= 0 and <= 3 ? number : 0,
        JsonValueKind.String => Att(value.GetString()),
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        _ => 0,
    };

    /// <inheritdoc cref="Att(JsonElement)"/>
    public static int? Att(string? word)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return Plain((word ?? "").Trim(), buffer) switch
        {
            "" when string.IsNullOrWhiteSpace(word) => null,
            "3" or "authorized" or "authorised" or "true" => 3,
            "2" or "denied" or "false" => 2,
            "1" or "restricted" => 1,
            _ => 0,
        };
    }

    /// <summary>true, 1, "true", "1", "yes"; null for what is no truth value.</summary>
    public static bool? Truth(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt32(out var number) ? number switch { 1 => true, 0 => false, _ => null } : null,
        JsonValueKind.String => Truth(value.GetString()),
        _ => null,
    };

    /// <inheritdoc cref="Truth(JsonElement)"/>
    public static bool? Truth(string? word) => word?.Trim().ToLowerInvariant() switch
    {
        "1" or "true" or "yes" => true,
        "0" or "false" or "no" => false,
        _ => null,
    };

    /// <summary>The name of <see cref="Api.DeviceClaims.Platform"/> for what systems call themselves.</summary>
    public static string? PlatformOf(string? name)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return Plain((name ?? "").Replace(" ", "", StringComparison.Ordinal), buffer) switch
        {
            "ios" or "ipados" or "iphoneos" or "iphone" or "ipad" => "ios",
            "tvos" or "appletvos" or "appletv" => "tvos",
            "watchos" => "watchos",
            "visionos" or "xros" => "visionos",
            "macos" or "macosx" or "osx" or "darwin" => "macos",
            "android" or "fireos" or "harmonyos" => "android",
            "windows" => "windows",
            "linux" => "linux",
            _ => null,
        };
    }

    /// <summary>The name without case, hyphens, underscores and blanks; empty where it is longer than the buffer or not ASCII, and so none of ours.</summary>
    public static ReadOnlySpan<char> Plain(ReadOnlySpan<char> name, Span<char> buffer)
    {
        var length = 0;
        foreach (var c in name)
        {
            if (c is '_' or '-' or ' ') continue;
            if (length == buffer.Length || c > 0x7f) return [];
            buffer[length++] = char.ToLowerInvariant(c);
        }

        return buffer[..length];
    }
}

/// <summary>Whose rule an advertising id falls under, by the key it stood under.</summary>
internal enum AdvertisingKind : byte { Apple, Google, Either }

/// <summary>What an id or a permission of a device is.</summary>
internal enum DeviceWord : byte
{
    /// <summary>An id for ads, Apple's or Google's by the platform.</summary>
    AdvertisingId,

    Idfa, Gaid, Oaid, FireAdid, Idfv, AppSetId, AndroidId, DeviceId, AppsFlyerId, AdjustId, BranchId,

    /// <summary>An advertising id that somebody hashed: known as one, and kept nowhere.</summary>
    Hash,

    Att, Limit, Enabled,

    /// <summary>It tells more of a device or its owner than anybody asked for.</summary>
    NeverKept,
}

/// <summary>What stands under a key of a device.</summary>
/// <param name="Word">The id or the permission.</param>
/// <param name="Kind">Of an advertising id; null for everything else.</param>
/// <param name="IsUnmistakable">It is one also among the properties of events, where the specification has no place for devices.</param>
internal readonly record struct DeviceKey(DeviceWord Word, AdvertisingKind? Kind, bool IsUnmistakable);

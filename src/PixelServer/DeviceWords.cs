using System.Buffers;
using System.Text;
using System.Text.Json;

namespace PixelServer;

/// <summary>The words in which SDKs and backends speak of devices: under which keys, and with which values.</summary>
/// <remarks>Keys are compared without case, hyphens and underscores: <c>advertisingId</c>, <c>advertising_id</c> and <c>ADVERTISING-ID</c> are one.</remarks>
internal static class DeviceWords
{
    /// <summary>Characters of the longest key that means something.</summary>
    public const int LongestKey = 40;

    /// <summary>What an advertising id under this key is; null where the key is none of an advertising id.</summary>
    public static AdvertisingKind? KindOf(ReadOnlySpan<char> plainKey) => plainKey switch
    {
        "advertisingid" or "advertiserid" or "ifa" => AdvertisingKind.Either,
        "idfa" or "iosidfa" or "idfamd5" or "idfasha1" or "idfasha256" or "md5idfa" or "sha1idfa" => AdvertisingKind.Apple,
        "gaid" or "aaid" or "gpsadid" or "googleadid" or "googleadvertisingid" or "androidadvertisingid" or "oaid" or "fireadid" or "amazonaid" or "amazonadid"
            or "gpsadidmd5" or "gpsadidsha1" or "gaidmd5" or "gaidsha1" => AdvertisingKind.Google,
        _ => null,
    };

    /// <summary>Whether the key is a spelling of an id or a permission, and no property of the event.</summary>
    public static bool IsIdOrPermission(ReadOnlySpan<char> key)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        var plain = Plain(key, buffer);
        return KindOf(plain) is not null || plain is "idfv" or "iosidfv" or "vendorid" or "identifierforvendor" or "appsetid" or "googleappsetid" or "androidid" or "imei" or "meid"
            or "att" or "attstatus" or "atttrackingstatus" or "trackingstatus" or "trackingauthorizationstatus"
            or "limitadtracking" or "limitedadtracking" or "limitadtrackingenabled" or "islimitadtrackingenabled"
            or "adtrackingenabled" or "trackingenabled" or "advertisertrackingenabled";
    }

    /// <summary>The same, without words that may be of a parcel, a shop or an advertiser: for the properties of events, where the specification has no place for devices.</summary>
    public static bool IsUnmistakable(ReadOnlySpan<char> key)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return IsIdOrPermission(key) && Plain(key, buffer) is not ("att" or "trackingstatus" or "trackingenabled" or "vendorid" or "advertiserid");
    }

    /// <summary>Whether the key is a spelling of an advertising id and can mean nothing else. Cheap for nearly every key.</summary>
    public static bool IsAdvertisingId(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty || key.Length > LongestKey || key[^1] is not ((byte)'d' or (byte)'D' or (byte)'a' or (byte)'A' or (byte)'1' or (byte)'5' or (byte)'6')) return false;
        Span<char> text = stackalloc char[LongestKey], buffer = stackalloc char[LongestKey];
        if (Ascii.ToUtf16(key, text, out var length) != OperationStatus.Done) return false;
        var plain = Plain(text[..length], buffer);
        return plain is not "advertiserid" && KindOf(plain) is not null;
    }

    /// <summary>What tells more of a device or its owner than anybody asked for, under whatever spelling.</summary>
    public static bool IsNeverKept(ReadOnlySpan<char> key)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return Plain(key, buffer) is "imei" or "meid" or "mac" or "macaddress" or "devicename" or "devicetoken" or "pushtoken" or "serialnumber";
    }

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

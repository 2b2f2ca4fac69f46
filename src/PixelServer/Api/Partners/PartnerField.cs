namespace PixelServer.Api;

/// <summary>What becomes of a field of a partner's.</summary>
internal enum PartnerTarget
{
    /// <summary>The event's name.</summary>
    Name,

    /// <summary>A parameter of ours: <see cref="PartnerField.Ours"/> is its name in JSON.</summary>
    Parameter,

    /// <summary>The partner's own id of the message, by which a second copy is known.</summary>
    MessageId,

    /// <summary>The visitor's address.</summary>
    Address,

    /// <summary>The visitor's User-Agent.</summary>
    UserAgent,

    /// <summary>A property, named <see cref="PartnerField.Ours"/>.</summary>
    Property,

    /// <summary>A field of <c>$device</c>, in a spelling of <see cref="DeviceReading"/>.</summary>
    Device,

    /// <summary>A consent string, named <see cref="PartnerField.Ours"/>.</summary>
    Consent,

    /// <summary>Where it says no (0, false), the event is not for advertising. Kept as a property.</summary>
    AdsAllowed,

    /// <summary>Where it says anything but no, the event is not for advertising. Kept as a property.</summary>
    AdsForbidden,

    /// <summary>A hash of who it is: <see cref="PartnerField.Ours"/> is its name in <c>identity</c>.</summary>
    Identity,

    /// <summary>Not kept.</summary>
    Left,
}

/// <summary>One row of a partner's table. Of two rows for one target the first that has a value counts.</summary>
/// <param name="Theirs">As they call it; a dot leads into an object.</param>
/// <param name="Target">What it is here.</param>
/// <param name="Ours">As we call it; empty where the target says it all.</param>
internal sealed record PartnerField(string Theirs, PartnerTarget Target, string Ours = "")
{
    /// <summary>The way into the objects.</summary>
    public IReadOnlyList<string> Path { get; } = Theirs.Split('.');

    /// <summary>As docs/apps.md says it.</summary>
    public string Where => Target switch
    {
        PartnerTarget.Name => "`name`",
        PartnerTarget.Parameter => Ours switch
        {
            "event_id" => "`client_event_id`",
            "timestamp" => "`occurred_at`",
            _ => $"`{Ours}`",
        },
        PartnerTarget.MessageId => "stored once",
        PartnerTarget.Address => "`ip`",
        PartnerTarget.UserAgent => "`user_agent`",
        PartnerTarget.Property => Ours.StartsWith("utm_", StringComparison.Ordinal) ? $"`{Ours}`" : $"property `{Ours}`",
        PartnerTarget.Device => Ours switch
        {
            "advertising_id" => "`$device`: gaid on Android, idfa on Apple's systems",
            "gps_adid" or "aaid" => "`$device`: gaid",
            "att_status" => "`$device`: att",
            "limit_ad_tracking" => "`$device`: lat",
            "tracking_enabled" => "`$device`: lat, the other way round",
            "device_type" => "`$device`: type",
            "os_name" => "`$device`: platform",
            _ => $"`$device`: {Ours}",
        },
        PartnerTarget.Consent => $"`$consent`: {Ours}",
        PartnerTarget.AdsAllowed => "0 or false: `consent_ads` is false; kept as property",
        PartnerTarget.AdsForbidden => "anything but 0 or false: `consent_ads` is false; kept as property",
        PartnerTarget.Identity => $"`$identities`: {Ours}",
        _ => "not kept",
    };
}

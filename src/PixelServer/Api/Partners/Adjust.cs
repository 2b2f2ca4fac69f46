using System.Collections.Frozen;

namespace PixelServer.Api;

/// <summary>Adjust: what backends send to its server-to-server endpoints, and its callbacks, whose parameters the operator writes. <c>docs/apps.md</c> has the tables.</summary>
/// <remarks>By dev.adjust.com ("S2S API") and Adjust's list of placeholders. An Adjust event is a token: its name is what <c>Pixel:Partners:AdjustEvents</c> says, or the token.</remarks>
internal static class Adjust
{
    public const string Partner = "adjust";

    /// <summary>Kinds of activity in callbacks.</summary>
    public static FrozenDictionary<string, string> Names { get; } = new Dictionary<string, string>
    {
        ["install"] = AppEvents.Install,
        ["reinstall"] = "app_reinstall",
        ["uninstall"] = "app_uninstall",
        ["session"] = AppEvents.SessionStart,
        ["reattribution"] = "app_reattribution",
        ["click"] = "ad_click",
        ["impression"] = "ad_view",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private const string ExampleEvent = "app_token=4w565xzmb54d&event_token=f0ob4r&s2s=1&gps_adid=660e1d86-6796-463a-be86-897993136018&created_at_unix=1795600800&revenue=59.90&currency=EUR";

    private static readonly PartnerField[] s_common =
    [
        new("deduplication_id", PartnerTarget.MessageId),
        new("created_at_unix", PartnerTarget.Parameter, "timestamp"),
        new("created_at", PartnerTarget.Parameter, "timestamp"),
        new("user_id", PartnerTarget.Parameter, "user_id"),
        new("callback_params.user_id", PartnerTarget.Parameter, "user_id"),
        new("partner_params.user_id", PartnerTarget.Parameter, "user_id"),
        new("transaction_id", PartnerTarget.Parameter, "event_id"),
        new("callback_params.transaction_id", PartnerTarget.Parameter, "event_id"),
        new("partner_params.transaction_id", PartnerTarget.Parameter, "event_id"),
        new("currency", PartnerTarget.Parameter, "currency"),
        new("ip_address", PartnerTarget.Address),
        new("user_agent", PartnerTarget.UserAgent),
        new("idfa", PartnerTarget.Device, "idfa"),
        new("idfv", PartnerTarget.Device, "idfv"),
        new("gps_adid", PartnerTarget.Device, "gps_adid"),
        new("fire_adid", PartnerTarget.Device, "fire_adid"),
        new("oaid", PartnerTarget.Device, "oaid"),
        new("google_app_set_id", PartnerTarget.Device, "app_set_id"),
        new("android_id", PartnerTarget.Device, "android_id"),
        new("adid", PartnerTarget.Device, "adjust_id"),
        new("web_uuid", PartnerTarget.Device, "device_id"),
        new("att_status", PartnerTarget.Device, "att_status"),
        new("tracking_enabled", PartnerTarget.Device, "tracking_enabled"),
        new("limit_ad_tracking", PartnerTarget.Device, "limit_ad_tracking"),
        new("os_name", PartnerTarget.Device, "os_name"),
        new("os_version", PartnerTarget.Device, "os_version"),
        new("device_type", PartnerTarget.Device, "device_type"),
        new("device_name", PartnerTarget.Device, "model"),
        new("device_manufacturer", PartnerTarget.Device, "manufacturer"),
        new("bundle_id", PartnerTarget.Device, "app_id"),
        new("app_id", PartnerTarget.Device, "app_id"),
        new("app_name", PartnerTarget.Device, "app_name"),
        new("app_version", PartnerTarget.Device, "app_version"),
        new("language", PartnerTarget.Device, "locale"),
        new("country", PartnerTarget.Property, "country"),
        new("region", PartnerTarget.Property, "region"),
        new("city", PartnerTarget.Property, "city"),
        new("sharing", PartnerTarget.AdsAllowed),
        new("third_party_sharing", PartnerTarget.AdsAllowed),
        new("ad_user_data", PartnerTarget.AdsAllowed),
        new("ad_personalization", PartnerTarget.AdsAllowed),
        new("s2s", PartnerTarget.Left),
        new("imei", PartnerTarget.Left),
        new("meid", PartnerTarget.Left),
        new("mac_sha1", PartnerTarget.Left),
        new("mac_md5", PartnerTarget.Left),
    ];

    public static PartnerMap Event { get; } = Make("/v1/partners/adjust/event", "One event as Adjust's server-to-server API takes it", null, ExampleEvent,
        new("event_name", PartnerTarget.Name),
        new("event_token", PartnerTarget.Name),
        new("event_token", PartnerTarget.Property, "event_token"),
        new("revenue", PartnerTarget.Parameter, "value"));

    public static PartnerMap Session { get; } = Make("/v1/partners/adjust/session", "One session as Adjust's server-to-server API takes it", AppEvents.SessionStart,
        "app_token=4w565xzmb54d&s2s=1&idfv=1b2c3d4e-0000-4000-8000-0123456789ab&os_name=ios&created_at_unix=1795600800");

    public static PartnerMap AdRevenue { get; } = Make("/v1/partners/adjust/ad_revenue", "Revenue of an ad that the app showed, as Adjust's server-to-server API takes it", "ad_revenue",
        "app_token=4w565xzmb54d&s2s=1&gps_adid=660e1d86-6796-463a-be86-897993136018&source=applovin_max_sdk&revenue=0.0123&currency=EUR&created_at_unix=1795600800",
        new PartnerField("revenue", PartnerTarget.Parameter, "value"));

    public static PartnerMap Callback { get; } = Make("/v1/partners/adjust/callback", "One callback of Adjust's, with the parameters of docs/apps.md", null,
        "activity_kind=install&created_at=1795600800&adid=18546f6171f67e29d1cb983322ad1329&idfv=1b2c3d4e-0000-4000-8000-0123456789ab&os_name=ios&att_status=2&network_name=Organic",
        new("event_name", PartnerTarget.Name),
        new("event", PartnerTarget.Name),
        new("activity_kind", PartnerTarget.Name),
        new("event", PartnerTarget.Property, "event_token"),
        new("activity_kind", PartnerTarget.Property, "activity_kind"),
        new("revenue_float", PartnerTarget.Parameter, "value"),
        new("network_name", PartnerTarget.Property, "utm_source"),
        new("campaign_name", PartnerTarget.Property, "utm_campaign"),
        new("adgroup_name", PartnerTarget.Property, "utm_term"),
        new("creative_name", PartnerTarget.Property, "utm_content"));

    private static PartnerMap Make(string path, string summary, string? fixedName, string example, params PartnerField[] own) => new()
    {
        Partner = Partner,
        Path = path,
        Summary = summary,
        Names = Names,
        FixedName = fixedName,
        Objects = ["callback_params", "partner_params"],
        IsForm = true,
        Fields = [.. own, .. s_common],
        Example = example,
    };
}

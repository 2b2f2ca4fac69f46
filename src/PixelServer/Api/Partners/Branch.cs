using System.Collections.Frozen;
using System.Text.Json;

namespace PixelServer.Api;

/// <summary>Branch: what backends send to its events API, and its webhooks, which say the same and by which link it came about. <c>docs/apps.md</c> has the table.</summary>
/// <remarks>By Branch's documents on its events API (version 2) and on the macros of webhooks.</remarks>
internal static class Branch
{
    public const string Partner = "branch", Key = "branch_key";

    /// <summary>Branch's standard events that mean one of ours, and the kinds of its webhooks in both cases.</summary>
    public static FrozenDictionary<string, string> Names { get; } = new Dictionary<string, string>
    {
        ["ADD_TO_CART"] = "add_to_cart",
        ["ADD_TO_WISHLIST"] = "add_to_wishlist",
        ["VIEW_CART"] = "view_cart",
        ["INITIATE_PURCHASE"] = "initiate_checkout",
        ["ADD_PAYMENT_INFO"] = "add_payment_info",
        ["PURCHASE"] = "purchase",
        ["SEARCH"] = "search",
        ["VIEW_ITEM"] = "view_content",
        ["VIEW_ITEMS"] = "view_category",
        ["SHARE"] = "share",
        ["COMPLETE_REGISTRATION"] = "complete_registration",
        ["LOGIN"] = "login",
        ["START_TRIAL"] = "start_trial",
        ["SUBSCRIBE"] = "subscribe",
        ["INSTALL"] = AppEvents.Install,
        ["install"] = AppEvents.Install,
        ["REINSTALL"] = "app_reinstall",
        ["reinstall"] = "app_reinstall",
        ["OPEN"] = AppEvents.Open,
        ["open"] = AppEvents.Open,
        ["CLICK"] = "deep_link_click",
        ["click"] = "deep_link_click",
        ["WEB_SESSION_START"] = AppEvents.SessionStart,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly PartnerField[] s_fields =
    [
        new("name", PartnerTarget.Name),
        new(Key, PartnerTarget.Left),
        new("timestamp", PartnerTarget.Parameter, "timestamp"),
        new("event_timestamp", PartnerTarget.Parameter, "timestamp"),
        new("user_data.developer_identity", PartnerTarget.Parameter, "user_id"),
        new("event_data.transaction_id", PartnerTarget.Parameter, "event_id"),
        new("event_data.revenue", PartnerTarget.Parameter, "value"),
        new("event_data.currency", PartnerTarget.Parameter, "currency"),
        new("user_data.ip", PartnerTarget.Address),
        new("user_data.user_agent", PartnerTarget.UserAgent),
        new("user_data.os", PartnerTarget.Device, "platform"),
        new("user_data.os_version", PartnerTarget.Device, "os_version"),
        new("user_data.idfa", PartnerTarget.Device, "idfa"),
        new("user_data.idfv", PartnerTarget.Device, "idfv"),
        new("user_data.aaid", PartnerTarget.Device, "aaid"),
        new("user_data.android_id", PartnerTarget.Device, "android_id"),
        new("user_data.randomized_device_token", PartnerTarget.Device, "branch_id"),
        new("user_data.device_fingerprint_id", PartnerTarget.Device, "branch_id"),
        new("user_data.browser_fingerprint_id", PartnerTarget.Device, "branch_id"),
        new("user_data.limit_ad_tracking", PartnerTarget.Device, "limit_ad_tracking"),
        new("user_data.opted_in_status", PartnerTarget.Device, "att"),
        new("user_data.brand", PartnerTarget.Device, "manufacturer"),
        new("user_data.model", PartnerTarget.Device, "model"),
        new("user_data.device_type", PartnerTarget.Device, "device_type"),
        new("user_data.app_version", PartnerTarget.Device, "app_version"),
        new("user_data.carrier_name", PartnerTarget.Device, "carrier"),
        new("user_data.language", PartnerTarget.Device, "locale"),
        new("user_data.screen_width", PartnerTarget.Device, "screen_width"),
        new("user_data.screen_height", PartnerTarget.Device, "screen_height"),
        new("user_data.country", PartnerTarget.Property, "country"),
        new("user_data.local_ip", PartnerTarget.Left),
        new("user_data.geo_postal_code", PartnerTarget.Left),
        new("user_data.geo_lat", PartnerTarget.Left),
        new("user_data.geo_lon", PartnerTarget.Left),
        new("user_data.disable_ad_network_callouts", PartnerTarget.AdsForbidden),
        new("user_data.dma_ad_user_data", PartnerTarget.AdsAllowed),
        new("user_data.dma_ad_personalization", PartnerTarget.AdsAllowed),
    ];

    private static readonly string[] s_objects = ["user_data", "event_data", "custom_data", "last_attributed_touch_data"];

    public static PartnerMap Event { get; } = new()
    {
        Partner = Partner,
        Path = "/v1/partners/branch/v2/event/{kind}",
        Summary = "One event as Branch's events API takes it; standard and custom ones are taken alike",
        Names = Names,
        Objects = s_objects,
        Fields = s_fields,
        IsWeb = IsOfWeb,
        Example = """{"name":"PURCHASE","branch_key":"pxs_…","user_data":{"os":"Android","aaid":"9c9a82fb-d5de-4cd1-90c3-527441c11828","developer_identity":"user123","limit_ad_tracking":false},"event_data":{"transaction_id":"4711","revenue":59.90,"currency":"EUR"},"content_items":[{"$sku":"A-1","$price":59.90,"$quantity":1}]}""",
    };

    public static PartnerMap Webhook { get; } = new()
    {
        Partner = Partner,
        Path = "/v1/partners/branch/webhook",
        Summary = "One webhook of Branch's, sent as POST",
        Names = Names,
        Objects = s_objects,
        Fields =
        [
            new("id", PartnerTarget.MessageId),
            .. s_fields,
            new("last_attributed_touch_data.~advertising_partner_name", PartnerTarget.Property, "utm_source"),
            new("last_attributed_touch_data.~channel", PartnerTarget.Property, "utm_source"),
            new("last_attributed_touch_data.~feature", PartnerTarget.Property, "utm_medium"),
            new("last_attributed_touch_data.~campaign", PartnerTarget.Property, "utm_campaign"),
            new("last_attributed_touch_data.~keyword", PartnerTarget.Property, "utm_term"),
            new("last_attributed_touch_data.~creative_name", PartnerTarget.Property, "utm_content"),
            new("last_attributed_touch_data.~ad_name", PartnerTarget.Property, "utm_content"),
        ],
        IsWeb = IsOfWeb,
        Example = """{"id":"4711","name":"INSTALL","timestamp":1795600800000,"user_data":{"os":"IOS","idfv":"1b2c3d4e-0000-4000-8000-0123456789ab","ip":"203.0.113.7"},"last_attributed_touch_data":{"~channel":"newsletter","~campaign":"autumn","~feature":"email"}}""",
    };

    private static bool IsOfWeb(JsonElement body) =>
        body.Member("user_data").Member("environment").Word()?.Contains("WEB", StringComparison.OrdinalIgnoreCase) is true;
}

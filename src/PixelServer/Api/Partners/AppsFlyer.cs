using System.Collections.Frozen;

namespace PixelServer.Api;

/// <summary>AppsFlyer: what backends send to its server-to-server endpoint, and what its Push API sends out. <c>docs/apps.md</c> has both tables.</summary>
/// <remarks>Fields of the first by dev.appsflyer.com ("Server-to-server events API for mobile"), of the second by AppsFlyer's help on raw data fields.</remarks>
internal static class AppsFlyer
{
    public const string Partner = "appsflyer", AppId = "app_id";

    /// <summary>The rich in-app events of AppsFlyer's list that mean one of ours, and the kinds of its raw data.</summary>
    public static FrozenDictionary<string, string> Names { get; } = new Dictionary<string, string>
    {
        ["af_content_view"] = "view_content",
        ["af_list_view"] = "view_category",
        ["af_search"] = "search",
        ["af_add_to_wishlist"] = "add_to_wishlist",
        ["af_add_to_cart"] = "add_to_cart",
        ["af_initiated_checkout"] = "initiate_checkout",
        ["af_add_payment_info"] = "add_payment_info",
        ["af_purchase"] = "purchase",
        ["af_complete_registration"] = "complete_registration",
        ["af_start_trial"] = "start_trial",
        ["af_subscribe"] = "subscribe",
        ["af_login"] = "login",
        ["af_share"] = "share",
        ["af_app_opened"] = AppEvents.Open,
        ["install"] = AppEvents.Install,
        ["reinstall"] = "app_reinstall",
        ["uninstall"] = "app_uninstall",
        ["re-engagement"] = "app_reengagement",
        ["re-attribution"] = "app_reattribution",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly PartnerField[] s_value =
    [
        new("af_order_id", PartnerTarget.Parameter, "event_id"),
        new("af_revenue", PartnerTarget.Parameter, "value"),
        new("af_currency", PartnerTarget.Parameter, "currency"),
    ];

    private static readonly PartnerField[] s_device =
    [
        new("appsflyer_id", PartnerTarget.Device, "appsflyer_id"),
        new("idfa", PartnerTarget.Device, "idfa"),
        new("idfv", PartnerTarget.Device, "idfv"),
        new("advertising_id", PartnerTarget.Device, "advertising_id"),
        new("oaid", PartnerTarget.Device, "oaid"),
        new("amazon_aid", PartnerTarget.Device, "fire_adid"),
        new("android_id", PartnerTarget.Device, "android_id"),
        new("att", PartnerTarget.Device, "att"),
        new("imei", PartnerTarget.Left),
    ];

    public static PartnerMap InAppEvent { get; } = new()
    {
        Partner = Partner,
        Path = "/v1/partners/appsflyer/inappevent/{app_id}",
        Summary = "One event as AppsFlyer's server-to-server API takes it",
        Names = Names,
        Objects = ["eventValue"],
        Fields =
        [
            new("eventName", PartnerTarget.Name),
            new("eventTime", PartnerTarget.Parameter, "timestamp"),
            new("customer_user_id", PartnerTarget.Parameter, "user_id"),
            .. s_value.Select(field => new PartnerField($"eventValue.{field.Theirs}", field.Target, field.Ours)).Take(2),
            new("eventCurrency", PartnerTarget.Parameter, "currency"),
            new("eventValue.af_currency", PartnerTarget.Parameter, "currency"),
            new("ip", PartnerTarget.Address),
            new("ua", PartnerTarget.UserAgent),
            .. s_device,
            new("app_set_id.id", PartnerTarget.Device, "app_set_id"),
            new("app_set_id", PartnerTarget.Left),
            new("aie", PartnerTarget.Device, "tracking_enabled"),
            new("os", PartnerTarget.Device, "os_version"),
            new("bundleIdentifier", PartnerTarget.Device, AppId),
            new(AppId, PartnerTarget.Device, AppId),
            new("app_version_name", PartnerTarget.Device, "app_version"),
            new("email_hashed", PartnerTarget.Identity, "email_sha256"),
            new("phone_number_e164_hashed", PartnerTarget.Identity, "phone_sha256"),
            new("phone_number_hashed", PartnerTarget.Left),
            new("first_name_hashed", PartnerTarget.Left),
            new("last_name_hashed", PartnerTarget.Left),
            new("fb_login_id", PartnerTarget.Left),
            new("sharing_filter", PartnerTarget.AdsForbidden),
            new("consent_data.tcf.gdpr_applies", PartnerTarget.Consent, "gdpr"),
            new("consent_data.tcf.tcstring", PartnerTarget.Consent, "gdpr_consent"),
            new("consent_data.manual.gdpr_applies", PartnerTarget.Consent, "gdpr"),
            new("consent_data.manual.ad_user_data_enabled", PartnerTarget.AdsAllowed),
            new("consent_data.manual.ad_personalization_enabled", PartnerTarget.AdsAllowed),
            new("consent_data", PartnerTarget.Left),
            new("af_events_api", PartnerTarget.Left),
        ],
        Example = """{"appsflyer_id":"1696414245643-9124125","eventName":"af_purchase","eventValue":"{\"af_revenue\":\"59.90\",\"af_order_id\":\"4711\",\"af_content_id\":\"A-1\"}","eventCurrency":"EUR","eventTime":"2026-11-24 10:00:00.000","customer_user_id":"user123","ip":"203.0.113.7","idfv":"1b2c3d4e-0000-4000-8000-0123456789ab","att":2}""",
    };

    public static PartnerMap Push { get; } = new()
    {
        Partner = Partner,
        Path = "/v1/partners/appsflyer/webhook",
        Summary = "One message of AppsFlyer's Push API",
        Names = Names,
        Objects = ["event_value"],
        Fields =
        [
            new("event_name", PartnerTarget.Name),
            new("event_time", PartnerTarget.Parameter, "timestamp"),
            new("customer_user_id", PartnerTarget.Parameter, "user_id"),
            new("event_value.af_order_id", PartnerTarget.Parameter, "event_id"),
            new("event_revenue", PartnerTarget.Parameter, "value"),
            new("event_value.af_revenue", PartnerTarget.Parameter, "value"),
            new("event_revenue_currency", PartnerTarget.Parameter, "currency"),
            new("event_value.af_currency", PartnerTarget.Parameter, "currency"),
            new("media_source", PartnerTarget.Property, "utm_source"),
            new("af_channel", PartnerTarget.Property, "utm_medium"),
            new("campaign", PartnerTarget.Property, "utm_campaign"),
            new("af_keywords", PartnerTarget.Property, "utm_term"),
            new("af_ad", PartnerTarget.Property, "utm_content"),
            new("ip", PartnerTarget.Address),
            new("user_agent", PartnerTarget.UserAgent),
            .. s_device,
            new("is_lat", PartnerTarget.Device, "lat"),
            new("platform", PartnerTarget.Device, "platform"),
            new("os_version", PartnerTarget.Device, "os_version"),
            new("device_model", PartnerTarget.Device, "model"),
            new("device_type", PartnerTarget.Device, "device_type"),
            new("bundle_id", PartnerTarget.Device, AppId),
            new(AppId, PartnerTarget.Device, AppId),
            new("app_name", PartnerTarget.Device, "app_name"),
            new("app_version", PartnerTarget.Device, "app_version"),
            new("carrier", PartnerTarget.Device, "carrier"),
            new("language", PartnerTarget.Device, "locale"),
            new("country_code", PartnerTarget.Property, "country_code"),
            new("region", PartnerTarget.Property, "region"),
            new("state", PartnerTarget.Property, "state"),
            new("city", PartnerTarget.Property, "city"),
            new("postal_code", PartnerTarget.Left),
        ],
        Example = """{"event_name":"install","event_time":"2026-11-24 10:00:00.000","appsflyer_id":"1696414245643-9124125","media_source":"googleadwords_int","campaign":"autumn","platform":"android","advertising_id":"9c9a82fb-d5de-4cd1-90c3-527441c11828","app_id":"example.shop"}""",
    };

    /// <summary>What an app id says of the platform: Apple's are numbers, with or without <c>id</c> before them (AppsFlyer itself takes only those with it), Android's are package names.</summary>
    public static string? PlatformOf(string appId)
    {
        var number = appId.StartsWith("id", StringComparison.OrdinalIgnoreCase) ? appId.AsSpan(2) : appId;
        if (number.Length > 0 && !number.ContainsAnyExceptInRange('0', '9')) return "ios";
        return appId.Contains('.') ? "android" : null;
    }
}

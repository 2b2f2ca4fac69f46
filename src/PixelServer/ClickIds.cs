namespace PixelServer;

/// <summary>The parameters by which ad platforms mark a click: what a link carries, what is read from it, and what counting without identifiers drops.</summary>
internal static class ClickIds
{
    /// <summary>
    /// In the order of precedence: first the ids that only a paid click carries, then those that their platform also adds to unpaid
    /// links, because a visit by an ad must not be booked to the post that the ad was shared in. Platforms spell them in this case.
    /// </summary>
    public static ReadOnlySpan<string> Names => s_names;

    private static readonly string[] s_names =
    [
        "gclid",     // Google Ads
        "wbraid",    // Google Ads, from an iOS app to the web
        "gbraid",    // Google Ads, from the web to an iOS app
        "dclid",     // Google Campaign Manager
        "msclkid",   // Microsoft
        "ttclid",    // TikTok
        "twclid",    // X
        "li_fat_id", // LinkedIn
        "rdt_cid",   // Reddit
        "ScCid",     // Snapchat
        "yclid",     // Yandex Direct
        "irclickid", // Impact
        "epik",      // Pinterest
        "fbclid",    // Meta: every link that leaves it
        "ysclid",    // Yandex search results
        "srsltid",   // Google free listings
    ];
}

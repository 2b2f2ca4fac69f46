namespace PixelServer;

/// <summary>
/// The parameters by which mail programs' senders and linkers mark who follows a link: each value stands for one person or browser, and nothing else.
/// What names only the campaign or the mail (<c>mc_cid</c>, <c>_hsmi</c>) is not here.
/// </summary>
internal static class MailIds
{
    public static ReadOnlySpan<string> Names => s_names;

    private static readonly string[] s_names =
    [
        "mc_eid",             // Mailchimp
        "mkt_tok",            // Marketo
        "_kx",                // Klaviyo
        "_hsenc",             // HubSpot
        "__hstc",             // HubSpot: the visitor, from one domain to another
        "__hssc",             // HubSpot: the session
        "__hsfp",             // HubSpot: the browser's fingerprint
        "vero_id",            // Vero
        "vero_conv",          // Vero
        "ml_subscriber",      // MailerLite
        "ml_subscriber_hash", // MailerLite
        "oly_enc_id",         // Omeda
        "oly_anon_id",        // Omeda
        "_gl",                // Google's linker: the browser, from one domain to another
    ];
}

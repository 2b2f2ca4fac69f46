namespace PixelServer.Enrich;

/// <summary>The id that an ad platform put on the link, and the name of the parameter that carried it.</summary>
/// <remarks>
/// From the query of the page's address, else from the parameters given to the pixel itself. Names are case-sensitive
/// (<c>ScCid</c>) and ids keep their case. Of several platforms the one earlier in <see cref="Rank"/> wins; of several values of
/// one name the first. What may be kept without consent is decided at the door, not here.
/// </remarks>
internal readonly record struct ClickId(string? Kind, string? Id)
{
    /// <summary>Longest id, in UTF-16 units; a longer one is no id of any of these platforms, and half of an id is none at all.</summary>
    public const int MaxLength = 512;

    public static ClickId Read(PageAddress page, ReadOnlySpan<byte> properties)
    {
        var best = default(ClickId);
        var bestRank = int.MaxValue;

        var parameters = new Parameters(page.Query);
        while (parameters.MoveNext())
        {
            var (kind, rank) = Rank(parameters.Name);
            if (rank < bestRank && Whole(parameters.Value(MaxLength + 2)) is { } id) (best, bestRank) = (new(kind, id), rank);
        }
        if (best.Id is not null || !MayName(properties)) return best;

        var members = new Members(properties, stackalloc char[32]);
        while (members.MoveNext())
        {
            var (kind, rank) = Rank(members.Name);
            if (rank < bestRank && Whole(members.Value(MaxLength + 2)) is { } id) (best, bestRank) = (new(kind, id), rank);
        }
        return best;
    }

    // Values are read a little beyond the limit (a character may take two units), so that a cut one shows.
    private static string? Whole(string? id) => id is { Length: <= MaxLength } ? id : null;

    // Every name below contains one of these; nearly no event's properties do.
    private static bool MayName(ReadOnlySpan<byte> json) =>
        json.Length > 2 && (json.IndexOf("cl"u8) >= 0 || json.IndexOf("_id"u8) >= 0 || json.IndexOf("_cid"u8) >= 0 || json.IndexOf("braid"u8) >= 0
            || json.IndexOf("epik"u8) >= 0 || json.IndexOf("ScCid"u8) >= 0 || json.IndexOf("srsltid"u8) >= 0);

    /// <summary>
    /// First the ids that only a paid click carries, then those that their platform also adds to unpaid links: a visit by an ad must
    /// not be booked to the post that the ad was shared in.
    /// </summary>
    private static (string? Kind, int Rank) Rank(ReadOnlySpan<char> name) => name switch
    {
        "gclid" => ("gclid", 1),            // Google Ads
        "wbraid" => ("wbraid", 2),          // Google Ads, from an iOS app to the web
        "gbraid" => ("gbraid", 3),          // Google Ads, from the web to an iOS app
        "dclid" => ("dclid", 4),            // Google Campaign Manager
        "msclkid" => ("msclkid", 5),        // Microsoft
        "ttclid" => ("ttclid", 6),          // TikTok
        "twclid" => ("twclid", 7),          // X
        "li_fat_id" => ("li_fat_id", 8),    // LinkedIn
        "rdt_cid" => ("rdt_cid", 9),        // Reddit
        "ScCid" => ("ScCid", 10),           // Snapchat
        "yclid" => ("yclid", 11),           // Yandex Direct
        "irclickid" => ("irclickid", 12),   // Impact
        "epik" => ("epik", 13),             // Pinterest
        "fbclid" => ("fbclid", 14),         // Meta: every link that leaves it
        "ysclid" => ("ysclid", 15),         // Yandex search results
        "srsltid" => ("srsltid", 16),       // Google free listings
        _ => (null, int.MaxValue),
    };
}

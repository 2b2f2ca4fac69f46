namespace PixelServer.Enrich;

/// <summary>The id that an ad platform put on the link, and the name of the parameter that carried it.</summary>
/// <remarks>
/// From the query of the page's address, else from the parameters given to the pixel itself. Names are case-sensitive
/// (<c>ScCid</c>) and ids keep their case. Of several platforms the one earlier in <see cref="ClickIds.Names"/> wins; of several
/// values of one name the first. The door takes click ids away only where a site counts without identifiers; of every other
/// event they are read here whatever it says about ads.
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

    // Every name of a click id contains one of these; nearly no event's properties do.
    private static bool MayName(ReadOnlySpan<byte> json) =>
        json.Length > 2 && (json.IndexOf("cl"u8) >= 0 || json.IndexOf("_id"u8) >= 0 || json.IndexOf("_cid"u8) >= 0 || json.IndexOf("braid"u8) >= 0
            || json.IndexOf("epik"u8) >= 0 || json.IndexOf("ScCid"u8) >= 0 || json.IndexOf("srsltid"u8) >= 0);

    private static (string? Kind, int Rank) Rank(ReadOnlySpan<char> name)
    {
        var names = ClickIds.Names;
        for (var rank = 0; rank < names.Length; rank++)
            if (name.SequenceEqual(names[rank])) return (names[rank], rank);
        return (null, int.MaxValue);
    }
}

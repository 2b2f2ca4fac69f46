using System.Text;

namespace PixelServer;

/// <summary>
/// Ids that programs send when there is nobody. Tied to such an id, all strangers of a site would be one person. The same list stands in the
/// migrations, for the events that carry one (<c>identity_is_nobody</c>); a test compares them.
/// </summary>
/// <remarks>The words are those that PostHog and Segment refuse (docs/identity.md).</remarks>
internal static class BlockedIds
{
    private static readonly string[] s_anyCase =
        ["anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined", "true", "false"];

    private static readonly string[] s_exactly = ["[object Object]", "NaN", "None", "none", "null", "-1"];

    private const string Blank = " \t\n\v\f\r"; // in ASCII alone, so that all three lists read it the same

    /// <summary>Them as they are mostly written.</summary>
    public static IEnumerable<string> All => [.. s_anyCase, .. s_exactly];

    public static bool IsNobody(ReadOnlySpan<char> id)
    {
        id = id.Trim(Blank);
        if (id.Trim(Blank + "0-").IsEmpty) return true; // blank, 0, 000, 00000000-0000-0000-0000-000000000000
        foreach (var word in s_anyCase)
            if (Ascii.EqualsIgnoreCase(id, word)) return true;
        foreach (var word in s_exactly)
            if (id.SequenceEqual(word)) return true;
        return false;
    }
}

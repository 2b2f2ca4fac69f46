namespace PixelServer.Enrich;

/// <summary>Who fetched: every rule about what one hit says of itself, with its reason. docs/traffic.md says the same in words.</summary>
internal static class TrafficRules
{
    /// <summary>What Gmail sends when it fetches ahead; seen since 2022, whole and exact.</summary>
    private const string GmailAhead =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";

    /// <summary>
    /// On the server and app doors the program is the site's own, and says nothing of the person behind the event: what speaks against a
    /// browser speaks for nothing there.
    /// </summary>
    /// <param name="source">The door.</param>
    /// <param name="ofUserAgent">What <see cref="OfUserAgent"/> found, kept in the cache.</param>
    public static Verdict? AtDoor(Source source, Verdict? ofUserAgent) =>
        source is (Source.Server or Source.App) && (ofUserAgent == Verdict.HttpLibrary || ofUserAgent == Verdict.NotABrowser) ? Verdict.Sender : ofUserAgent;

    /// <summary>What the other headers say; the stronger of two.</summary>
    public static Verdict? OfHeaders(Hit hit) => OfPurpose(hit.Purpose) ?? OfFetchMetadata(hit);

    /// <summary>What the user agent says by itself; null for an ordinary one.</summary>
    /// <param name="whole">As sent: two mail services are known by the whole text only.</param>
    /// <param name="bounded">The beginning of it, enough to find a name in.</param>
    public static Verdict? OfUserAgent(string? whole, ReadOnlySpan<char> bounded)
    {
        var trimmed = whole.AsSpan().Trim();
        if (trimmed.IsEmpty) return Verdict.NoUserAgent;
        if (trimmed.SequenceEqual("Mozilla/5.0")) return Verdict.AppleMailPrivacy;
        if (trimmed.SequenceEqual(GmailAhead)) return Verdict.GmailPrefetch;

        // Before the bots: every public bot list calls these two bots, and behind each fetch is a person with an open mail.
        if (bounded.Contains("GoogleImageProxy", StringComparison.Ordinal)) return Verdict.GmailImageProxy;
        if (bounded.Contains("YahooMailProxy", StringComparison.Ordinal)) return Verdict.YahooMailProxy;
        return Bots.Judge(bounded);
    }

    /// <summary><c>prefetch</c> or <c>preview</c>, alone or with parameters such as <c>prefetch;prerender</c>.</summary>
    private static Verdict? OfPurpose(string? purpose)
    {
        if (string.IsNullOrEmpty(purpose)) return null;
        var word = purpose.AsSpan();
        var end = word.IndexOfAny(";, ");
        if (end >= 0) word = word[..end];
        return word.Equals("prefetch", StringComparison.OrdinalIgnoreCase) || word.Equals("preview", StringComparison.OrdinalIgnoreCase)
            ? Verdict.PrefetchHeader
            : null;
    }

    /// <summary>By the Fetch Metadata draft a navigation fills a document or a frame, and nothing else fills a document.</summary>
    private static Verdict? OfFetchMetadata(Hit hit)
    {
        if (string.IsNullOrEmpty(hit.FetchDest) || string.IsNullOrEmpty(hit.FetchMode)) return null;
        var navigates = hit.FetchMode == "navigate";
        var opensPage = hit.FetchDest == "document";
        if (opensPage && !navigates) return Verdict.FetchMetadata;
        if (navigates && hit.FetchDest is ("image" or "empty" or "script" or "style" or "font" or "audio" or "video" or "track" or "manifest"))
            return Verdict.FetchMetadata;
        return opensPage && hit.Source is (Source.Pixel or Source.Email) ? Verdict.OpenedAsPage : null;
    }
}

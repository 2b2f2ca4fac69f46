namespace PixelServer.Enrich;

/// <summary>Who fetched: every rule that can be told from one hit alone, with its reason. docs/traffic.md says the same in words.</summary>
internal static class TrafficRules
{
    /// <summary>What Gmail sends when it fetches ahead; seen since 2022, whole and exact.</summary>
    private const string GmailAhead =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";

    /// <summary>The label, and the reasons with the strongest first.</summary>
    /// <param name="hit">Whose headers are judged.</param>
    /// <param name="ofUserAgent">What <see cref="OfUserAgent"/> found, kept in the cache.</param>
    public static (Traffic Label, IReadOnlyList<string> Reasons) Judge(Hit hit, Verdict? ofUserAgent)
    {
        var bySite = hit.Source is (Source.Server or Source.App);
        if (bySite && (ofUserAgent == Verdict.HttpLibrary || ofUserAgent == Verdict.NotABrowser)) ofUserAgent = Verdict.Sender;
        var ofHeaders = OfPurpose(hit.Purpose) ?? OfFetchMetadata(hit);
        return (ofHeaders, ofUserAgent) switch
        {
            (null, null) => (Traffic.Human, []),
            ({ } only, null) => (only.Traffic, only.Alone),
            (null, { } only) => (only.Traffic, only.Alone),
            ({ } one, { } other) => one.Strength < other.Strength
                ? (one.Traffic, [one.Reason, other.Reason])
                : (other.Traffic, [other.Reason, one.Reason]),
        };
    }

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

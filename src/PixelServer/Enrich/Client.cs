namespace PixelServer.Enrich;

/// <summary>What a user agent and its client hints say about the program, the system and the device.</summary>
/// <remarks>
/// What cannot be told: an iPad asks for desktop pages since 2019 and then calls itself a Macintosh (it counts as macOS, desktop);
/// Brave, and Vivaldi by default, send Chrome's user agent and are seen only by their hints; Windows 10 and 11 look alike.
/// </remarks>
internal sealed record Client(string? Browser, string? Os, string? Device, Verdict? Verdict)
{
    private const int MaxHint = 256;

    /// <summary>The name of Apple's mail program, as it stands in <see cref="Browser"/>; one rule asks for it.</summary>
    public const string AppleMail = "Apple Mail";

    public static Client Read(in ClientKey key)
    {
        var text = Head(key.UserAgent, UserAgents.MaxParsed);
        var verdict = TrafficRules.OfUserAgent(key.UserAgent, text);
        var brands = Head(key.Brands, MaxHint);
        if (verdict is null or { Traffic: Traffic.Unknown } && brands.Contains("\"HeadlessChrome\"", StringComparison.Ordinal))
            verdict = Verdict.Automation;

        // The machine of a mail service tells nothing about the reader, least of all the old browser that its user agent plays.
        if (verdict is { Traffic: Traffic.ProxyOpen or Traffic.MachineOpen }) return new(null, null, null, verdict);

        // Only Chromium sends hints: beside another browser's user agent they are made up, and the user agent is believed.
        var hinted = text.IsEmpty || text.Contains("Chrome/", StringComparison.Ordinal);
        if (!hinted) brands = [];
        var os = OsOf(text, hinted ? Head(key.Platform, MaxHint) : []);
        var browser = BrowserOf(text, brands, key.InMail);

        // Apple's network library names no system either, but it is apps in people's hands that use it.
        if (browser is null && os is null && !text.Contains("CFNetwork/", StringComparison.Ordinal)) verdict ??= Verdict.NotABrowser;
        return new(browser, os, DeviceOf(text, hinted ? key.Mobile : null, os), verdict);
    }

    private static string? BrowserOf(ReadOnlySpan<char> text, ReadOnlySpan<char> brands, bool inMail)
    {
        if (Families.Apps.First(text) is { } app) return app;
        if (Families.NamedBrands.First(brands) is { } named) return named;
        var byText = Families.Browsers.First(text);
        if (byText is null or "Chrome") return Families.CommonBrands.First(brands) ?? byText ?? WebKitOf(text, inMail);
        return byText;
    }

    /// <summary>Safari and its relatives differ in what they leave out.</summary>
    private static string? WebKitOf(ReadOnlySpan<char> text, bool inMail)
    {
        if (!text.Contains("AppleWebKit/", StringComparison.Ordinal)) return null;
        if (text.Contains("Tizen", StringComparison.Ordinal)) return "Samsung Internet";
        if (text.Contains("Android", StringComparison.Ordinal)) return "Android Browser";
        if (text.Contains("Safari/", StringComparison.Ordinal)) return text.Contains("Version/", StringComparison.Ordinal) ? "Safari" : null;
        if (text.Contains("Macintosh", StringComparison.Ordinal)) return AppleMail; // seldom another app's web view: on a Mac those are rare
        if (!text.Contains("like Mac OS X", StringComparison.Ordinal)) return null;
        return inMail ? AppleMail : "iOS WebView"; // the same text for both, so the door decides
    }

    private static string? OsOf(ReadOnlySpan<char> text, ReadOnlySpan<char> platform)
    {
        var byText = Families.Systems.First(text);
        var byHint = Families.Platforms.First(platform);
        if (byHint is null) return byText;

        // A television's or console's browser hints at the system underneath; the user agent knows better.
        return byText is null or "Windows" or "macOS" or "Android" or "Linux" or "ChromeOS" or "iOS" ? byHint : byText;
    }

    private static string? DeviceOf(ReadOnlySpan<char> text, string? mobile, string? os)
    {
        if (Families.Televisions.First(text) is { } television) return television;
        if (mobile == "?1") return "mobile";
        if (os is not "Windows" && Families.Tablets.First(text) is { } tablet) return tablet; // old Internet Explorers say "Tablet PC"
        if (mobile == "?0") return os is "Android" ? "tablet" : "desktop";
        if (Families.Phones.First(text) is { } phone) return phone;
        return os switch
        {
            "Windows" or "macOS" or "Linux" or "ChromeOS" or "FreeBSD" or "OpenBSD" => "desktop",

            // Google asks tablets to leave out "Mobile"; programs that are no browsers leave it out everywhere.
            "Android" or "HarmonyOS" when text.StartsWith("Mozilla/5.0") => "tablet",
            "Tizen" or "tvOS" => "tv",
            _ => null,
        };
    }

    private static ReadOnlySpan<char> Head(string? text, int length) => text is null ? [] : text.AsSpan(0, Math.Min(text.Length, length));
}

/// <summary>Everything that <see cref="Client.Read"/> looks at.</summary>
internal readonly record struct ClientKey(string? UserAgent, string? Brands, string? Mobile, string? Platform, bool InMail)
{
    public static ClientKey Of(Hit hit) => new(hit.UserAgent, hit.HintBrands, hit.HintMobile, hit.HintPlatform, hit.Source == Source.Email);

    public int Length => (UserAgent?.Length ?? 0) + (Brands?.Length ?? 0) + (Mobile?.Length ?? 0) + (Platform?.Length ?? 0);
}

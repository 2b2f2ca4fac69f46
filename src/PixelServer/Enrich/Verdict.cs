namespace PixelServer.Enrich;

/// <summary>One reason to take a fetch for something else than a person looking, and the label it asks for.</summary>
/// <param name="strength">Of several reasons the one with the lowest number gives the label and stands first.</param>
/// <param name="traffic">The label.</param>
/// <param name="reason">The code in <c>traffic_reasons</c>: stable, never reused; docs/traffic.md explains each.</param>
internal sealed class Verdict(int strength, Traffic traffic, string reason)
{
    public int Strength { get; } = strength;
    public Traffic Traffic { get; } = traffic;
    public string Reason { get; } = reason;

    /// <summary>Just this reason, made once: most labelled events have exactly one.</summary>
    public IReadOnlyList<string> Alone { get; } = [reason];

    /// <summary>A header says that the fetch is ahead of need: Sec-Purpose, Purpose, X-Purpose or X-Moz.</summary>
    public static readonly Verdict PrefetchHeader = new(1, Traffic.Prefetch, "prefetch_header");

    /// <summary>Apple Mail Privacy Protection: a relay fetched every image of a delivered mail, read or not.</summary>
    public static readonly Verdict AppleMailPrivacy = new(2, Traffic.MachineOpen, "apple_mail_privacy");

    /// <summary>Gmail fetched ahead of showing a new mail.</summary>
    public static readonly Verdict GmailPrefetch = new(3, Traffic.MachineOpen, "gmail_prefetch");

    /// <summary>Gmail's image proxy, for a person who opened the mail.</summary>
    public static readonly Verdict GmailImageProxy = new(4, Traffic.ProxyOpen, "gmail_image_proxy");

    /// <summary>The image proxy of Yahoo and AOL mail, for a person who opened the mail.</summary>
    public static readonly Verdict YahooMailProxy = new(5, Traffic.ProxyOpen, "yahoo_mail_proxy");

    /// <summary>A mail security gateway or the link preview of a mail or chat service.</summary>
    public static readonly Verdict MailScanner = new(6, Traffic.Bot, "mail_scanner");

    /// <summary>A browser driven by a program.</summary>
    public static readonly Verdict Automation = new(7, Traffic.Bot, "automation");

    /// <summary>A known crawler, monitor or preview service.</summary>
    public static readonly Verdict BotList = new(8, Traffic.Bot, "bot_list");

    /// <summary>The user agent calls itself a bot, crawler, spider or scraper.</summary>
    public static readonly Verdict BotWord = new(9, Traffic.Bot, "bot_word");

    /// <summary>The user agent holds a web or mail address to complain to; browsers have none.</summary>
    public static readonly Verdict BotAddress = new(10, Traffic.Bot, "bot_address");

    /// <summary>The user agent is only "compatible": said by crawlers, and by no browser since Internet Explorer.</summary>
    public static readonly Verdict BotCompatible = new(11, Traffic.Bot, "bot_compatible");

    /// <summary>A program's HTTP library.</summary>
    public static readonly Verdict HttpLibrary = new(12, Traffic.Bot, "http_library");

    /// <summary>The user agent names neither a browser nor a system.</summary>
    public static readonly Verdict NotABrowser = new(13, Traffic.Bot, "not_a_browser");

    /// <summary>Sec-Fetch-Dest and Sec-Fetch-Mode contradict each other: written by a program, not by a browser.</summary>
    public static readonly Verdict FetchMetadata = new(14, Traffic.Bot, "fetch_metadata");

    /// <summary>The program is the site's own backend or app, which says nothing of the person behind the event.</summary>
    public static readonly Verdict Sender = new(15, Traffic.Unknown, "sender");

    /// <summary>The pixel's address was opened as a page of its own.</summary>
    public static readonly Verdict OpenedAsPage = new(16, Traffic.Unknown, "opened_as_page");

    /// <summary>No user agent was sent. Some tools call that a bot, some a person; it tells nothing.</summary>
    public static readonly Verdict NoUserAgent = new(17, Traffic.Unknown, "no_user_agent");
}

using System.Collections.Frozen;

namespace PixelServer.Enrich;

/// <summary>What a reason rests on, and so whether it can be found again in a row that is stored.</summary>
internal enum Basis
{
    /// <summary>The user agent, or what the door said of it where none may be kept.</summary>
    UserAgent,

    /// <summary>Headers that are not stored: the reason is all that is left of them.</summary>
    Headers,

    /// <summary>When and from where: time since sending, address.</summary>
    Arrival,

    /// <summary>Other hits of the same mail; found only after the row is stored.</summary>
    OtherHits,
}

/// <summary>One reason to take a fetch for something else than a person looking, and the label it asks for.</summary>
/// <param name="strength">Of several reasons the one with the lowest number gives the label and stands first.</param>
/// <param name="traffic">The label.</param>
/// <param name="reason">The code in <c>traffic_reasons</c>: stable, never reused; docs/traffic.md explains each.</param>
/// <param name="basis">What it rests on.</param>
internal sealed class Verdict(int strength, Traffic traffic, string reason, Basis basis = Basis.UserAgent)
{
    public int Strength { get; } = strength;
    public Traffic Traffic { get; } = traffic;
    public string Reason { get; } = reason;
    public Basis Basis { get; } = basis;

    /// <summary>A mail service by name. It says what the fetch was, whenever and however often it comes.</summary>
    public bool IsMailService => Traffic is Traffic.ProxyOpen or Traffic.MachineOpen && Basis == Basis.UserAgent;

    /// <summary>Just this reason, made once: most labelled events have exactly one.</summary>
    public IReadOnlyList<string> Alone { get; } = [reason];

    /// <summary>A header says that the fetch is ahead of need: Sec-Purpose, Purpose, X-Purpose or X-Moz.</summary>
    public static readonly Verdict PrefetchHeader = new(1, Traffic.Prefetch, "prefetch_header", Basis.Headers);

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
    public static readonly Verdict FetchMetadata = new(14, Traffic.Bot, "fetch_metadata", Basis.Headers);

    /// <summary>The address is in the operator's list of data centres, where no people sit.</summary>
    public static readonly Verdict DataCentre = new(15, Traffic.Bot, "data_centre", Basis.Arrival);

    /// <summary>A link was followed sooner after the sending than a person can.</summary>
    public static readonly Verdict ClickTooSoon = new(16, Traffic.Bot, "click_too_soon", Basis.Arrival);

    /// <summary>The image was fetched sooner after the sending than a person can open a mail.</summary>
    public static readonly Verdict OpenTooSoon = new(17, Traffic.MachineOpen, "open_too_soon", Basis.Arrival);

    /// <summary>Near in time to a fetch of a link that no person can see.</summary>
    public static readonly Verdict TrapLink = new(18, Traffic.Bot, "trap_link", Basis.OtherHits);

    /// <summary>Five different links within a second.</summary>
    public static readonly Verdict LinkFlood = new(19, Traffic.Bot, "link_flood", Basis.OtherHits);

    /// <summary>Every link of the mail within ten seconds.</summary>
    public static readonly Verdict EveryLink = new(20, Traffic.Bot, "every_link", Basis.OtherHits);

    /// <summary>Two different links within a second, or three within two.</summary>
    public static readonly Verdict LinkBurst = new(21, Traffic.Bot, "link_burst", Basis.OtherHits);

    /// <summary>Five opens of one recipient's mail from one network within ten minutes, quicker than a person or with several programs.</summary>
    public static readonly Verdict OpenBurst = new(22, Traffic.Bot, "open_burst", Basis.OtherHits);

    /// <summary>The open of the scanner whose clicks came in a burst.</summary>
    public static readonly Verdict ScannerOpen = new(23, Traffic.Bot, "scanner_open", Basis.OtherHits);

    /// <summary>The program is the site's own backend or app, which says nothing of the person behind the event.</summary>
    public static readonly Verdict Sender = new(24, Traffic.Unknown, "sender");

    /// <summary>The pixel's address was opened as a page of its own.</summary>
    public static readonly Verdict OpenedAsPage = new(25, Traffic.Unknown, "opened_as_page", Basis.Headers);

    /// <summary>No user agent was sent. Some tools call that a bot, some a person; it tells nothing.</summary>
    public static readonly Verdict NoUserAgent = new(26, Traffic.Unknown, "no_user_agent");

    private static readonly FrozenDictionary<string, Verdict> Codes = new[]
    {
        PrefetchHeader, AppleMailPrivacy, GmailPrefetch, GmailImageProxy, YahooMailProxy, MailScanner, Automation, BotList, BotWord, BotAddress,
        BotCompatible, HttpLibrary, NotABrowser, FetchMetadata, DataCentre, ClickTooSoon, OpenTooSoon, TrapLink, LinkFlood, EveryLink, LinkBurst,
        OpenBurst, ScannerOpen, Sender, OpenedAsPage, NoUserAgent,
    }.ToFrozenDictionary(one => one.Reason, StringComparer.Ordinal);

    /// <summary>All of them, the strongest first.</summary>
    public static IEnumerable<Verdict> All => Codes.Values.OrderBy(one => one.Strength);

    /// <summary>The one with that code; null for a code of a later version.</summary>
    public static Verdict? Named(string reason) => Codes.GetValueOrDefault(reason);
}

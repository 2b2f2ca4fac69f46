using System.Net;

namespace PixelServer.Tests.Mail;

/// <summary>One fetch of an address in a mail, and who it truly was.</summary>
/// <param name="At">When; no two fetches of a simulation share a microsecond.</param>
/// <param name="Letter">The mail.</param>
/// <param name="Recipient">Whose copy.</param>
/// <param name="Link">Which link; null for the open pixel; <see cref="Trap"/> for the trap.</param>
/// <param name="UserAgent">As it is sent.</param>
/// <param name="Address">Where it comes from.</param>
/// <param name="Who">What kind of fetcher, for the tables.</param>
/// <param name="IsPerson">A person looked or clicked just then.</param>
/// <param name="IsHead">Not to be counted at all.</param>
internal sealed record Fetch(
    DateTimeOffset At, Letter Letter, Copy Recipient, int? Link, string? UserAgent, IPAddress Address, string Who, bool IsPerson, bool IsHead = false)
{
    public const int Trap = -1;

    public bool IsOpen => Link is null;
}

/// <summary>A mail as it is sent to everybody.</summary>
internal sealed record Letter(string Id, int Links, bool HasTrap);

/// <summary>A mail as it is sent to one recipient.</summary>
internal sealed record Copy(string Id, DateTimeOffset SentAt);

/// <summary>
/// Recipients of newsletters and everything that fetches their mail, as far as it is published who does it, when, and with which user agent.
/// Written from the sources, not from the rules; what no source gives a number for is a guess and says so.
/// </summary>
/// <remarks>
/// Sources: Mailgun's and SparkPost's documentation for Apple's and Gmail's prefetches; wordtothewise and SocketLabs for when Apple fetches;
/// several open-source classifiers for gateways' user agents; craft-campaign issue 546 for the times of gateways (836 clusters: open at a
/// median of 9 s, all links inside one second at a median of 43 s; 0.5 % within 10 s and 2.6 % within 20 s, which a log-normal with a sigma
/// of 0.48 gives); civicrm 35328 and dub 2309 for HEAD requests; Mautic 16263 for scanners that pass every test.
/// </remarks>
internal sealed class Inboxes(int seed)
{
    private const string
        AppleMail = "Mozilla/5.0",
        GmailAhead = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
        GmailProxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        YahooProxy = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        Thunderbird = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0",
        OutlookPhone = "Outlook-iOS/709.2226530.prod.iphone (3.24.1)";

    private static readonly string[]
        Outlooks =
        [
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; .NET4.0E; Microsoft Outlook 16.0.18526; ms-office; MSOffice 16)",
            "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
        ],
        Phones =
        [
            "Mozilla/5.0 (Linux; Android 15; SM-S928B Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/147.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UP1A.231105.003; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/146.0.0.0 Mobile Safari/537.36",
            OutlookPhone,
        ],
        Safaris =
        [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
        ],
        Browsers =
        [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:148.0) Gecko/20100101 Firefox/148.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
        ],
        NamedGateways =
        [
            "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", "Mimecast-URLProtect/1.0", "proofpoint/URL Defense", "CiscoSecureEmail/14.2", "TMES/1.0",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/145.0.0.0 Safari/537.36",
        ],
        Previews = ["Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", "WhatsApp/2.24.20 A", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"];

    private static readonly Letter[] Letters =
    [
        new("spring", 9, false), new("summer", 10, false), new("trap-test", 9, true), new("short", 3, false), new("two-links", 2, false), new("invoice", 1, false),
    ];

    /// <summary>Of these, how many in a hundred recipients get which letter: newsletters have many links, and most have no trap.</summary>
    private static readonly int[] LetterShares = [30, 25, 20, 12, 7, 6];

    private readonly Random _random = new(seed);
    private readonly List<Fetch> _fetches = [];
    private int _company;

    public static DateTimeOffset Start { get; } = new(2026, 11, 24, 6, 0, 0, TimeSpan.Zero);

    /// <summary>First halves of the addresses at which gateways, detonations and previews stand; nobody else is there.</summary>
    public static IReadOnlyList<string> Clouds { get; } = ["40.94", "52.247", "3.94", "205.139", "18.205", "20.190", "52.114", "54.192"];

    /// <summary>All fetches of some recipients' mails, in the order of time.</summary>
    public IReadOnlyList<Fetch> Simulate(int recipients)
    {
        for (var i = 0; i < recipients;)
        {
            if (_random.NextDouble() < 0.01) i += Company(i); // 40 at once
            else Private(i++);
        }

        // Two fetches at the same moment would be one to whoever compares rows with truths by time.
        var (sorted, last) = (_fetches.OrderBy(one => one.At).ToList(), DateTimeOffset.MinValue);
        for (var i = 0; i < sorted.Count; i++)
        {
            var at = new DateTimeOffset(sorted[i].At.Ticks / 10 * 10, TimeSpan.Zero);
            if (at <= last) at = last.AddMicroseconds(1);
            sorted[i] = sorted[i] with { At = last = at };
        }

        return sorted;
    }

    // Shares of mail programs are a guess: half Apple, as several senders report it since 2021, Gmail next.
    private void Private(int number)
    {
        var copy = new Copy($"r{number}", Start.AddMilliseconds(_random.Next(30 * 60_000))); // half an hour of sending
        var letter = PickLetter();
        var home = Home();
        switch (_random.Next(100))
        {
            case < 45: Apple(letter, copy, home); break;
            case < 75: Gmail(letter, copy, home); break;
            case < 81: Reads(letter, copy, "Yahoo's proxy", YahooProxy, () => Address("98.137"), Pick(Browsers), home, cached: true); break;
            case < 88: Reads(letter, copy, "phone", Pick(Phones), () => home, Pick(Phones.AsSpan(0, 2)), home); break;
            case < 97: Reads(letter, copy, "browser", Pick(Browsers), () => home, null, home); break;
            default: Reads(letter, copy, "Thunderbird", Thunderbird, () => home, Pick(Browsers), home); break;
        }
    }

    // Forty colleagues behind one address, who get one newsletter within a minute, and many of whom open it when the coffee is ready.
    private int Company(int number)
    {
        const int Colleagues = 40;
        var letter = PickLetter();
        var sent = Start.AddMilliseconds(_random.Next(20 * 60_000));
        var nat = IPAddress.Parse($"193.{_random.Next(1, 200)}.{_company++ % 250}.{_random.Next(1, 250)}");
        var gateway = _random.NextDouble() < 0.75 ? Gateway() : null; // most companies have one: a guess
        var detonates = _random.NextDouble() < 0.3;
        var browser = Pick(Browsers.AsSpan(0, 2));
        for (var i = 0; i < Colleagues; i++)
        {
            var copy = new Copy($"r{number + i}", sent.AddSeconds(_random.NextDouble() * 60));
            gateway?.Invoke(letter, copy);
            if (detonates && _random.NextDouble() < 0.15) Detonation(letter, copy);
            var coffee = _random.NextDouble() < 0.5 ? copy.SentAt.AddMinutes(4 + (_random.NextDouble() * 6)) : (DateTimeOffset?)null;
            if (_random.NextDouble() < 0.7) Reads(letter, copy, "Outlook", Pick(Outlooks), () => nat, browser, nat, coffee);
            else Reads(letter, copy, "browser", browser, () => nat, null, nat, coffee);
        }

        return Colleagues;
    }

    // Every image of an inbox mail, read or not, minutes to hours after delivery; a real open later comes from the cache: nothing is fetched.
    private void Apple(Letter letter, Copy copy, IPAddress home)
    {
        if (_random.NextDouble() < 0.9)
            Open(copy.SentAt.AddMinutes(Math.Exp(_random.NextDouble() * Math.Log(600))), letter, copy, AppleMail, Address("104.28", "172.225", "146.75"), "Apple's prefetch", person: false);
        if (PersonOpens(copy) is { } opened && _random.NextDouble() < 0.2) Clicks(opened, letter, copy, Pick(Safaris), home);
    }

    // Ahead of 1 to 6 % of opens, just before the mailbox shows a new mail to somebody who is there.
    private void Gmail(Letter letter, Copy copy, IPAddress home)
    {
        if (_random.NextDouble() < 0.02) Open(copy.SentAt.AddSeconds(5 + (_random.NextDouble() * 3600)), letter, copy, GmailAhead, Address("66.249", "66.102"), "Gmail's prefetch", person: false);
        Reads(letter, copy, "Gmail's proxy", GmailProxy, () => Address("66.249", "66.102"), Pick(_random.NextDouble() < 0.5 ? Browsers : Phones), home);
    }

    /// <summary>Opens, perhaps again, perhaps clicks.</summary>
    private void Reads(Letter letter, Copy copy, string who, string reader, Func<IPAddress> from, string? browser, IPAddress home, DateTimeOffset? at = null, bool cached = false)
    {
        if ((at ?? PersonOpens(copy)) is not { } opened) return;
        Open(opened, letter, copy, reader, from(), who, person: true);
        if (_random.NextDouble() < 0.22) Clicks(opened, letter, copy, browser ?? reader, home);
        if (cached) return;

        // Some come back after hours; a few leaf through their mails and pass this one every half minute. Guesses.
        if (_random.NextDouble() < 0.25)
        {
            for (var i = _random.Next(1, 4); i > 0; i--) Open(opened = opened.AddHours(LogNormal(2, 1)), letter, copy, reader, from(), who, person: true);
        }
        else if (_random.NextDouble() < 0.04)
        {
            for (var i = _random.Next(1, 5); i > 0; i--) Open(opened = opened.AddSeconds(LogNormal(40, 0.6)), letter, copy, reader, from(), who, person: true);
        }
    }

    // Two in five open at all, at a median of forty minutes; one in a hundred sits before the inbox and is there within seconds. Guesses.
    private DateTimeOffset? PersonOpens(Copy copy) =>
        _random.NextDouble() < 0.6 ? null
        : copy.SentAt.AddSeconds(_random.NextDouble() < 0.01 ? 5 + (_random.NextDouble() * 20) : 15 + LogNormal(40 * 60, 1.4));

    // The first link after some reading, others after looking at the page before. Some open the interesting ones in tabs, one after the
    // other, at the pace of a hand; some click twice what wants one click. Guesses.
    private void Clicks(DateTimeOffset opened, Letter letter, Copy copy, string browser, IPAddress from)
    {
        var at = opened.AddSeconds(2 + LogNormal(12, 0.9));
        var inTabs = _random.NextDouble() < 0.04;
        var links = Enumerable.Range(0, letter.Links).OrderBy(_ => _random.Next()).Take(_random.NextDouble() < 0.7 ? 1 : _random.Next(2, 4)).ToList();
        foreach (var link in links)
        {
            Click(at, letter, copy, link, browser, from, "person", person: true);
            if (_random.NextDouble() < 0.05) Click(at.AddMilliseconds(_random.Next(120, 450)), letter, copy, link, browser, from, "person", person: true);
            at = at.AddSeconds(inTabs ? LogNormal(3, 0.5) : 4 + LogNormal(25, 0.9));
        }

        // Who likes it sends it on: the chat program fetches the page for a preview.
        if (_random.NextDouble() < 0.03) Click(at.AddSeconds(LogNormal(60, 1)), letter, copy, links[0], Pick(Previews), Address("52.114", "54.192"), "link preview", person: false);
    }

    /// <summary>One company's gateway: how it calls itself, where it stands, how it goes about it.</summary>
    private Action<Letter, Copy> Gateway()
    {
        // Shares are a guess; that each of these exists is published.
        var (who, userAgent) = _random.Next(100) switch
        {
            < 35 => ("gateway, own name", Pick(NamedGateways)),
            < 90 => ("gateway, as a browser", Pick(Browsers)),
            _ => ("gateway, no user agent", null),
        };
        var cloud = Pick(["40.94", "52.247", "3.94", "205.139", "18.205"]);
        var network = $"{cloud}.{_random.Next(256)}";
        var opens = _random.NextDouble() < 0.7;
        var spreads = _random.NextDouble() < 0.15;   // over the networks of its cloud
        var headFirst = _random.NextDouble() < 0.2;
        var manner = _random.Next(100);              // all at once; at a pace; one link only (Mautic 16263)
        var farm = _random.NextDouble() < 0.05;      // opens the mail in several browsers of one network: a guess from the rule others have for it
        IPAddress From() => spreads ? Address(cloud) : IPAddress.Parse($"{network}.{_random.Next(1, 255)}");
        return (letter, copy) =>
        {
            if (_random.NextDouble() < 0.1) return; // known sender, not looked at
            if (farm)
            {
                for (var i = _random.Next(5, 8); i > 0; i--)
                    Open(copy.SentAt.AddSeconds(20 + (_random.NextDouble() * 40)), letter, copy, Pick(Browsers), IPAddress.Parse($"{network}.{_random.Next(1, 255)}"), "gateway, many browsers", person: false);
            }

            if (opens) Open(copy.SentAt.AddSeconds(LogNormal(9, 0.48)), letter, copy, userAgent, From(), who, person: false);
            var at = copy.SentAt.AddSeconds(LogNormal(43, 0.48));
            List<int> links = [.. Enumerable.Range(0, letter.Links), .. letter.HasTrap ? [Fetch.Trap] : Array.Empty<int>()];
            if (manner >= 97) links = [links[_random.Next(letter.Links)]];
            var paced = manner is >= 93 and < 97;
            foreach (var link in links)
            {
                var moment = paced ? at = at.AddSeconds(3 + LogNormal(4, 0.5)) : at.AddSeconds(_random.NextDouble() * 0.95);
                if (headFirst) Click(moment.AddMilliseconds(-80), letter, copy, link, userAgent, From(), who, person: false, head: true);
                Click(moment, letter, copy, link, userAgent, From(), paced ? who + ", paced" : links.Count == 1 ? who + ", one link" : who, person: false);
            }
        };
    }

    // Hours later, from a cloud, as a browser: one link looked at closely, or the whole mail.
    private void Detonation(Letter letter, Copy copy)
    {
        var (at, browser, from) = (copy.SentAt.AddHours(LogNormal(3, 0.6)), Pick(Browsers), Address("40.94", "20.190"));
        if (_random.NextDouble() < 0.6)
        {
            Click(at, letter, copy, _random.Next(letter.Links), browser, from, "detonation of a link", person: false);
            return;
        }

        Open(at, letter, copy, browser, from, "detonation of a mail", person: false);
        for (var link = 0; link < letter.Links; link++) Click(at.AddSeconds(4 + (_random.NextDouble() * 2)), letter, copy, link, browser, from, "detonation of a mail", person: false);
    }

    private void Open(DateTimeOffset at, Letter letter, Copy copy, string? userAgent, IPAddress from, string who, bool person) =>
        _fetches.Add(new(at, letter, copy, null, userAgent, from, who, person));

    private void Click(DateTimeOffset at, Letter letter, Copy copy, int link, string? userAgent, IPAddress from, string who, bool person, bool head = false) =>
        _fetches.Add(new(at, letter, copy, link, userAgent, from, who, person, head));

    private Letter PickLetter()
    {
        var at = _random.Next(100);
        for (var i = 0; ; i++)
            if ((at -= LetterShares[i]) < 0) return Letters[i];
    }

    private IPAddress Home() => IPAddress.Parse($"{_random.Next(77, 95)}.{_random.Next(256)}.{_random.Next(256)}.{_random.Next(1, 255)}");

    private IPAddress Address(params ReadOnlySpan<string> networks) => IPAddress.Parse($"{networks[_random.Next(networks.Length)]}.{_random.Next(256)}.{_random.Next(1, 255)}");

    private string Pick(ReadOnlySpan<string> of) => of[_random.Next(of.Length)];

    private double LogNormal(double median, double sigma) =>
        median * Math.Exp(sigma * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));
}

using System.Buffers;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Enrich;
using PixelServer.Ops;
using PixelServer.Signals;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Makes of a token and a request the hit that may be kept, or nothing: site, mode, decisions and regime in one place, before anything is written.</summary>
internal sealed class MailHits(
    Sites sites, PerSite<SiteMailOptions> modes, MailDecisions decisions, EventIds ids, Enricher enricher, Callers callers,
    Standings standings, SubjectKeys subjects, UnwrittenOptOuts unwritten, TimeProvider clock)
{
    public const string Open = "email_open", Click = "email_click", Withdrawn = "email_withdrawn", Reachable = "email_reachable";

    /// <summary>A property that only the mail doors write where headers are not kept: why the fetch was no person, or <c>human</c>.</summary>
    public const string Verdict = "$verdict";

    private readonly DaySeen _seen = new();
    private readonly StickyOptOuts _optOuts = new(standings, subjects, unwritten);

    /// <summary>Null where nothing may be recorded: unknown or stopped site or message, recipient who withdrew, expired, a mode that keeps nothing of it.</summary>
    public Hit? Of(MailToken token, Source source, HttpContext http)
    {
        var caller = callers.Of(http);
        if (sites.Find(token.Site, out var site) is not null || token.ExpiresAt <= caller.ReceivedAt || !decisions.MayRecord(token)) return null;
        var decision = decisions.About(token.Site, MailSubject.Recipient, token.Recipient);
        if (decision is { Tracking: false }) return null;

        var known = standings.Of(subjects, token.Site, visitor: null, token.Recipient, email: null);
        if (known.IsErased || known.IsRestricted) return null;

        // Where the law wants an opt-in, the sender's record of it is the opt-in; a mail program cannot carry one. It says more than a browser's general DNT.
        if (decision is not null) known = known.With(new Standing { Storage = Word.Yes(decision.DecidedAt), Measurement = Word.Yes(decision.DecidedAt) });

        // The country is that of whoever fetches, often a proxy of the mail provider's: under which law the reader lives only the site knows.
        var said = new ConsentSignals { Gpc = caller.Gpc, Dnt = caller.Dnt == "1" && decision is null };
        var consent = Consent.Decide(site!, said, country: null, known, caller.ReceivedAt);
        if (!consent.Measurement) return null;

        var mode = modes.Of(token.Site).Mode;
        if (mode == MailMode.Full && !(consent.User && consent.Identifiers)) mode = MailMode.Anonymous;
        var optsOut = mode == MailMode.Full && Consent.OptsOut(site!, said, country: null);
        _optOuts.Learn(new(token.Site, Visitor: null, token.Recipient, Email: null, IsInHit: true) { IsProven = true }, optsOut ? OptOut.Gpc : null, caller.ReceivedAt, known);
        return mode switch
        {
            MailMode.Full => Full(token, source, caller, site!, consent, optsOut),
            MailMode.Anonymous => Anonymous(token, source, caller, site!, consent),
            MailMode.Deliverability when consent.User && source == Source.Email => Day(token, caller, consent),
            _ => null,
        };
    }

    /// <summary>The journal did not take a hit of ours, and its sender was told so: what is kept once a day may come again.</summary>
    public void Lost(Hit hit)
    {
        if (hit.Name == Reachable) _seen.Forget(hit.SiteId, hit.UserId!);
    }

    /// <summary>That somebody withdrew: kept where it was kept that they read, and without a word about the device.</summary>
    public Hit? Withdrawal(MailToken token)
    {
        var now = clock.GetUtcNow();
        if (sites.Find(token.Site, out var site) is not null || modes.Of(token.Site).Mode != MailMode.Full || !Consent.Decide(site!, new ConsentSignals(), country: null, default, now).User) return null;
        var id = ids.Next(now);
        return new()
        {
            EventId = id,
            ReceivedAt = now,
            OccurredAt = now,
            SiteId = token.Site,
            Source = Source.Email,
            Name = Withdrawn,
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            UserId = token.Recipient,
            ConsentStorage = false,
            ConsentMeasurement = false,
            ConsentAds = false,
        };
    }

    private Hit Full(MailToken token, Source source, in Caller caller, Site site, Consent consent, bool optsOut)
    {
        var id = ids.Next(caller.ReceivedAt);
        return new()
        {
            EventId = id,
            ReceivedAt = caller.ReceivedAt,
            OccurredAt = caller.ReceivedAt,
            SiteId = token.Site,
            Source = source,
            Name = NameOf(source),
            VisitorId = id,
            VisitorKind = VisitorKind.None, // a mail is forwarded: who fetches is not who got it
            UserId = token.Recipient,
            Url = source == Source.Click ? token.Target : null,
            Ip = ClientAddress.Kept(caller.Address, site.IpPolicy),
            ProxyCountry = caller.Country,
            UserAgent = caller.UserAgent,
            HintBrands = caller.HintBrands,
            HintMobile = caller.HintMobile,
            HintPlatform = caller.HintPlatform,
            Purpose = caller.Purpose,
            FetchDest = caller.FetchDest,
            FetchMode = caller.FetchMode,
            ConsentStorage = false, // nothing is stored on the device
            ConsentMeasurement = consent.Measurement,
            ConsentAds = consent.Ads,
            Gpc = caller.Gpc,
            OptedOut = optsOut,
            Properties = Properties(token, source, isWhole: true, verdict: null),
        };
    }

    // The hour, the campaign, the page without its query; what the headers say of the fetcher is judged now, because they are not kept.
    private Hit Anonymous(MailToken token, Source source, in Caller caller, Site site, Consent consent)
    {
        var whole = enricher.Enrich(Full(token, source, caller, site, consent, optsOut: false));
        var hour = caller.ReceivedAt.AddTicks(-(caller.ReceivedAt.UtcTicks % TimeSpan.TicksPerHour));
        var id = Guid.CreateVersion7(hour);
        return new()
        {
            EventId = id,
            ReceivedAt = hour,
            OccurredAt = hour,
            SiteId = token.Site,
            Source = source,
            Name = NameOf(source),
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            Url = source == Source.Click ? BareAddress.Of(token.Target) : null,
            ConsentStorage = false,
            ConsentMeasurement = consent.Measurement,
            ConsentAds = false,
            Gpc = caller.Gpc,
            Properties = Properties(token, source, isWhole: false, whole.TrafficReasons.FirstOrDefault(Names.Of(Traffic.Human))),
        };
    }

    // "Somebody reads at this address", to the day: once a day as far as this server remembers. The id tells no more than the day either.
    private Hit? Day(MailToken token, in Caller caller, Consent consent)
    {
        var day = caller.ReceivedAt.AddTicks(-(caller.ReceivedAt.UtcTicks % TimeSpan.TicksPerDay));
        if (!_seen.IsFirst(day, token.Site, token.Recipient)) return null;
        var id = Guid.CreateVersion7(day);
        return new()
        {
            EventId = id,
            ReceivedAt = day,
            OccurredAt = day,
            SiteId = token.Site,
            Source = Source.Email,
            Name = Reachable,
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            UserId = token.Recipient,
            ConsentStorage = false,
            ConsentMeasurement = consent.Measurement,
            ConsentAds = false,
        };
    }

    private static string NameOf(Source source) => source == Source.Click ? Click : Open;

    private static ReadOnlyMemory<byte> Properties(MailToken token, Source source, bool isWhole, string? verdict)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(bytes, new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (isWhole && token.Message is not null) json.WriteString("message_id"u8, token.Message);
            if (token.Campaign is not null)
            {
                json.WriteString("campaign"u8, token.Campaign);
                json.WriteString("utm_campaign"u8, token.Campaign); // fills the column where the target names none
            }

            if (isWhole && token.SentAt is { } sent) json.WriteString("sent_at"u8, sent.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));
            if (source == Source.Click)
            {
                if (token.LinkIndex is { } index) json.WriteNumber("link_index"u8, index);
                if (isWhole && token.LinkCount is { } count) json.WriteNumber("link_count"u8, count);
                if (token.IsTrap) json.WriteBoolean("trap"u8, true);
            }

            if (verdict is not null) json.WriteString(Verdict, verdict);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.Length == 2 ? default : bytes.WrittenMemory;
    }
}

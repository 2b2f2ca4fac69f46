using System.Net;

namespace PixelServer.Enrich;

/// <summary>Says everything about a hit that can be said without asking anybody: pure, so that hits can be replayed with better rules.</summary>
/// <remarks>Takes every hit: text of any content and length gives an event, in time linear in its length. Safe on any number of threads.</remarks>
/// <exception cref="Ops.SettingException">A file that a setting names cannot be used; thrown by the constructor only.</exception>
internal sealed class Enricher(EnrichOptions options)
{
    private readonly UserAgents _userAgents = new();
    private readonly ArrivalRules _arrival = new(options);
    private readonly Countries? _countries = options.CountryDatabase.Length > 0 ? new Countries(options.CountryDatabase) : null;

    public Event Enrich(Hit hit)
    {
        var page = PageAddress.Read(hit.Url);
        var campaign = Campaign.Read(page, hit.Properties.Span);
        var click = ClickId.Read(page, hit.Properties.Span);
        var mail = FactsOf(hit.Source, hit.Properties);
        var client = ClientOf(ClientKey.Of(hit), hit.Source, hit.Ip, mail);
        var (traffic, reasons) = Judge(hit.Source, client.Verdict, TrafficRules.OfHeaders(hit), hit.Ip, hit.ReceivedAt - mail.SentAt);
        return new()
        {
            Hit = hit,
            Host = page.Host,
            Path = page.Path,
            ReferrerHost = PageAddress.HostOf(hit.Referrer),
            UtmSource = campaign.Source,
            UtmMedium = campaign.Medium,
            UtmCampaign = campaign.Name,
            UtmTerm = campaign.Term,
            UtmContent = campaign.Content,
            ClickIdKind = click.Kind,
            ClickId = click.Id,
            Country = CountryOf(hit, client),
            Browser = client.Browser,
            Os = client.Os,
            Device = client.Device,
            Traffic = traffic,
            TrafficReasons = reasons,
        };
    }

    /// <summary>
    /// What today's rules say of a stored row by itself. Reasons whose evidence is not stored stay: those of headers, and a driven browser
    /// that was told by its brand.
    /// </summary>
    public Label Again(LabelledRow row)
    {
        var key = new ClientKey(row.UserAgent, null, null, null, row.Source == Source.Email);
        var ofUserAgent = ClientOf(key, row.Source, row.Ip, row.Facts).Verdict;
        if (ofUserAgent is null or { Traffic: Traffic.Unknown } && row.Label.Reasons.Contains(Verdict.Automation.Reason))
            ofUserAgent = Verdict.Automation;
        var label = Judge(row.Source, ofUserAgent, null, row.Ip, row.ReceivedAt - row.Facts.SentAt);
        return label.With(row.Label.Verdicts.Where(one => one.Basis == Basis.Headers));
    }

    /// <summary>Only the mail doors write their own properties: at any other door a visitor could.</summary>
    public static MailFacts FactsOf(Source source, ReadOnlyMemory<byte> properties) =>
        source is Source.Email or Source.Click ? MailFacts.Read(properties.Span) : default;

    private Client ClientOf(in ClientKey key, Source source, IPAddress? address, in MailFacts mail)
    {
        var client = _userAgents.Read(key);
        if (_arrival.IsAppleMailPrivacy(source, client.Browser, address)) return new(null, null, null, Verdict.AppleMailPrivacy);
        if (mail.Verdict is null || !string.IsNullOrEmpty(key.UserAgent)) return client;
        return client with { Verdict = mail.Verdict == Names.Of(Traffic.Human) ? null : Verdict.Named(mail.Verdict) ?? client.Verdict };
    }

    private Label Judge(Source source, Verdict? ofUserAgent, Verdict? ofHeaders, IPAddress? address, TimeSpan? sinceSent)
    {
        ofUserAgent = TrafficRules.AtDoor(source, ofUserAgent);
        return ofUserAgent is { IsMailService: true } // its machines stand in data centres, and it fetches when it likes
            ? Label.Of(ofHeaders, ofUserAgent)
            : Label.Of(ofHeaders, ofUserAgent, _arrival.OfAddress(source, address), _arrival.OfTime(source, sinceSent));
    }

    /// <summary>
    /// The file's word before the proxy's: the operator chose the file, and it can be renewed and replayed. The address of a mail
    /// service's machine is not where the reader is, so there is no country.
    /// </summary>
    private string? CountryOf(Hit hit, Client client) =>
        client.Verdict is { IsMailService: true } ? null
        : _countries is not null && hit.Ip is not null && _countries.Find(hit.Ip) is { } country ? country
        : CountryCode.From(hit.ProxyCountry);
}

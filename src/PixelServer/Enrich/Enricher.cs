namespace PixelServer.Enrich;

/// <summary>Says everything about a hit that can be said without asking anybody: pure, so that hits can be replayed with better rules.</summary>
/// <remarks>Takes every hit: text of any content and length gives an event, in time linear in its length. Safe on any number of threads.</remarks>
/// <exception cref="Ops.SettingException">The country file cannot be used; thrown by the constructor only.</exception>
internal sealed class Enricher(EnrichOptions options)
{
    private readonly UserAgents _userAgents = new();
    private readonly Countries? _countries = options.CountryDatabase.Length > 0 ? new Countries(options.CountryDatabase) : null;

    public Event Enrich(Hit hit)
    {
        var page = PageAddress.Read(hit.Url);
        var campaign = Campaign.Read(page, hit.Properties.Span);
        var click = ClickId.Read(page, hit.Properties.Span);
        var client = _userAgents.Read(hit);
        var (traffic, reasons) = TrafficRules.Judge(hit, client.Verdict);
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
    /// The file's word before the proxy's: the operator chose the file, and it can be renewed and replayed. The address of a mail
    /// service's machine is not where the reader is, so there is no country.
    /// </summary>
    private string? CountryOf(Hit hit, Client client) =>
        client.Verdict is { Traffic: Traffic.ProxyOpen or Traffic.MachineOpen } ? null
        : _countries is not null && hit.Ip is not null && _countries.Find(hit.Ip) is { } country ? country
        : CountryCode.From(hit.ProxyCountry);
}

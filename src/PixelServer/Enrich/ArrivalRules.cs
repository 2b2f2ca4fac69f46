using System.Net;

namespace PixelServer.Enrich;

/// <summary>What can be told from when a hit came and from where, apart from what it says of itself.</summary>
internal sealed class ArrivalRules(EnrichOptions options)
{
    private readonly Networks? _dataCentres = Networks.Read("Pixel:Enrich:DataCentreFile", options.DataCentreFile);
    private readonly Networks? _appleRelays = Networks.Read("Pixel:Enrich:AppleRelayFile", options.AppleRelayFile);

    /// <summary>
    /// A fetch by Apple's relay with the mail program's own user agent. Safari's does not count: people who browse through the relay
    /// read their mail in it, from the same addresses.
    /// </summary>
    public bool IsAppleMailPrivacy(Source source, string? browser, IPAddress? address) =>
        _appleRelays is not null && source == Source.Email && browser == Client.AppleMail && address is not null && !Networks.IsPrivate(address)
        && _appleRelays.Touches(address);

    /// <summary>Backends stand in data centres; and a private address is a proxy that nobody named, not a sender.</summary>
    public Verdict? OfAddress(Source source, IPAddress? address) =>
        _dataCentres is not null && address is not null && source is not (Source.Server or Source.App) && !Networks.IsPrivate(address)
        && _dataCentres.Holds(address) ? Verdict.DataCentre : null;

    /// <summary>A negative age is a clock that is wrong, and no signal.</summary>
    public Verdict? OfTime(Source source, TimeSpan? sinceSent) => (source, sinceSent) switch
    {
        (_, null) or (_, { Ticks: < 0 }) => null,
        (Source.Email, { } age) when age < options.MachineOpenWithin => Verdict.OpenTooSoon,
        (Source.Click, { } age) when age < options.MachineClickWithin => Verdict.ClickTooSoon,
        _ => null,
    };
}

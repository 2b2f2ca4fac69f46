namespace PixelServer.Enrich;

/// <summary>Says everything about a hit that can be said without asking anybody: pure, so that hits can be replayed with better rules.</summary>
internal sealed class Enricher(EnrichOptions options)
{
    public Event Enrich(Hit hit) => new()
    {
        Hit = hit,
        Country = options.CountryDatabase.Length == 0 ? hit.ProxyCountry : null,
        Traffic = Traffic.Unknown,
        TrafficReasons = [],
    };
}

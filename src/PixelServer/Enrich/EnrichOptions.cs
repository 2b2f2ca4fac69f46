namespace PixelServer.Enrich;

/// <summary>What enrichment may look into; section <c>Pixel:Enrich</c>.</summary>
internal sealed class EnrichOptions
{
    /// <summary>Path of a MaxMind country or city file (.mmdb). Empty, the default: no look-up.</summary>
    public string CountryDatabase { get; init; } = "";
}

using System.ComponentModel.DataAnnotations;

namespace PixelServer.Enrich;

/// <summary>What enrichment may look into, and how soon is too soon for a person; section <c>Pixel:Enrich</c>.</summary>
internal sealed class EnrichOptions
{
    /// <summary>Path of a MaxMind country or city file (.mmdb). Empty, the default: no look-up.</summary>
    public string CountryDatabase { get; init; } = "";

    /// <summary>Path of a text file with one network of a data centre a line, <c>#</c> for comments. Empty, the default: no address is one.</summary>
    public string DataCentreFile { get; init; } = "";

    /// <summary>Path of Apple's list of relay addresses (CSV, the network in the first column). Empty, the default: Apple is known by its user agent only.</summary>
    public string AppleRelayFile { get; init; } = "";

    /// <summary>A mail opened sooner after its sending was opened by a machine. 0 to 1 hour, default 2 seconds; 0 turns the rule off.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan MachineOpenWithin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A link followed sooner after the sending was followed by a machine. 0 to 1 hour, default 10 seconds; 0 turns the rule off.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan MachineClickWithin { get; init; } = TimeSpan.FromSeconds(10);
}

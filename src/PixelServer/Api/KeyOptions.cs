using System.ComponentModel.DataAnnotations;

namespace PixelServer.Api;

/// <summary>The keys of apps and backends; section <c>Pixel:Keys</c>.</summary>
internal sealed class KeyOptions
{
    /// <summary>File of the keys, for several collectors that share one. Empty, the default: <c>keys/api</c> in the data directory.</summary>
    public string File { get; init; } = "";

    /// <summary>How many requests one key may make in a second, on this collector, unless the key has its own number; a second's worth may come at once. Default 1000.</summary>
    [Range(1, MaxRequestsPerSecond)]
    public int RequestsPerSecond { get; init; } = 1_000;

    public const int MaxRequestsPerSecond = 100_000;
}

using System.ComponentModel.DataAnnotations;

namespace PixelServer.Privacy;

/// <summary>What persons may ask of the server; section <c>Pixel:Privacy</c>.</summary>
internal sealed class PrivacyOptions
{
    /// <summary>How often collectors hear through the store of each other's erasures, restrictions and opt-outs. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")]
    public TimeSpan SyncEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The data directory is destroyed with the process, as in a container without a volume: after a clean stop no erasure waits for it. Default false.</summary>
    public bool TemporaryDisk { get; init; }
}

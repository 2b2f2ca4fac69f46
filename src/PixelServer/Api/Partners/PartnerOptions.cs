namespace PixelServer.Api;

/// <summary>What partners' events are called; section <c>Pixel:Partners</c>.</summary>
internal sealed class PartnerOptions
{
    /// <summary>Adjust's event tokens and the names of those events here. Default none: the token is the name.</summary>
    public Dictionary<string, string> AdjustEvents { get; init; } = [];
}

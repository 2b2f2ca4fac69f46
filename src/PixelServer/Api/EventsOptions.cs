using System.ComponentModel.DataAnnotations;

namespace PixelServer.Api;

/// <summary>What a backend may say; section <c>Pixel:Events</c>.</summary>
internal sealed class EventsOptions
{
    /// <summary>How many days back the holder of a secret key may date an event. Default 365.</summary>
    [Range(1, 3650)]
    public int BackDays { get; init; } = 365;
}

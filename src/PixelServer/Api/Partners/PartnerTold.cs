using System.Net;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>What a partner says of an event beside what the draft holds.</summary>
internal sealed class PartnerTold
{
    public DeviceReading Device { get; } = new();
    public string? MessageId { get; set; }
    public IPAddress? Address { get; set; }
    public string? UserAgent { get; set; }
    public bool NoAds { get; set; }
    public bool IsWeb { get; set; }

    /// <summary>Hashes of who it is, by the names that <see cref="Identities"/> reads.</summary>
    public Dictionary<string, string> Person { get; } = new(StringComparer.Ordinal);
}

/// <summary>Times as partners write them, where <see cref="ClientClock"/> reads them otherwise.</summary>
internal static class PartnerClock
{
    /// <summary>Adjust writes a Z and an offset behind it.</summary>
    public static string Mended(string text) => text.Replace("Z+", "+", StringComparison.Ordinal).Replace("Z-", "-", StringComparison.Ordinal);
}

using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>The six things that the Segment HTTP API can be told.</summary>
internal enum SegmentCall : byte { Track, Page, Screen, Identify, Group, Alias }

/// <summary>How the calls are spelt: in an address, in <c>type</c>, and as names of our events.</summary>
internal static class SegmentCalls
{
    public static IReadOnlyList<SegmentCall> All { get; } = Enum.GetValues<SegmentCall>();

    /// <summary>As it stands in <c>type</c> and in the long address.</summary>
    public static string Word(SegmentCall call) => call switch
    {
        SegmentCall.Track => "track",
        SegmentCall.Page => "page",
        SegmentCall.Screen => "screen",
        SegmentCall.Identify => "identify",
        SegmentCall.Group => "group",
        SegmentCall.Alias => "alias",
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, null),
    };

    /// <summary>Null for every other word.</summary>
    public static SegmentCall? Named(string? word) => word switch
    {
        "track" => SegmentCall.Track,
        "page" => SegmentCall.Page,
        "screen" => SegmentCall.Screen,
        "identify" => SegmentCall.Identify,
        "group" => SegmentCall.Group,
        "alias" => SegmentCall.Alias,
        _ => null,
    };

    /// <summary>The name of the event; null for <see cref="SegmentCall.Track"/>, which names its own. A page is what the pixel and the tag call one.</summary>
    public static string? EventName(SegmentCall call) => call switch
    {
        SegmentCall.Track => null,
        SegmentCall.Page => Parameters.DefaultName,
        SegmentCall.Screen => "screen_view",
        _ => Word(call),
    };
}

namespace PixelServer.Demo;

/// <summary>Whether the demo shop is served; section <c>Pixel:Demo</c>.</summary>
internal sealed class DemoOptions
{
    /// <summary>Serves the shop under <c>/demo/</c>, and with it the newest events of the site <c>demo</c> to whoever asks. Default false; <c>pixel demo</c> sets it.</summary>
    public bool On { get; init; }
}

namespace PixelServer.Tag;

/// <summary>What the tag of one site does by itself; section <c>Pixel:Sites:{id}:Tag</c>, and <c>Pixel:DefaultSite:Tag</c> for all others.</summary>
internal sealed class TagOptions
{
}

namespace PixelServer.Journal;

/// <summary>The durable log between the doors and the store.</summary>
internal abstract class Journal
{
    /// <summary>Completes when the hit is as durable as <c>Pixel:Acknowledge</c> asks for, or cannot be made so. Never throws.</summary>
    public abstract ValueTask<AppendOutcome> AppendAsync(Hit hit);
}

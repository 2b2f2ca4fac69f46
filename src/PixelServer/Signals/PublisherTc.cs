namespace PixelServer.Signals;

/// <summary>The segment in which a publisher keeps what a visitor told the publisher itself; vendors may not use it.</summary>
internal sealed record PublisherTc(Purposes Consent, Purposes Interest, Purposes CustomConsent, Purposes CustomInterest)
{
    internal static PublisherTc Read(ReadOnlySpan<byte> segment, ref Fault fault)
    {
        var bits = new BitReader(segment, at: 3);
        var (consent, interest) = (Purposes.Read(ref bits, 24), Purposes.Read(ref bits, 24));
        var custom = bits.Int(6);
        var publisher = new PublisherTc(consent, interest, Purposes.Read(ref bits, custom), Purposes.Read(ref bits, custom));
        if (bits.IsShort) fault = Fault.Truncated;
        return publisher;
    }
}

namespace PixelServer.Signals;

/// <summary>Purposes, special features or custom purposes that were agreed to, numbered from 1.</summary>
/// <param name="Bits">The last of <paramref name="Count"/> is the least significant bit.</param>
/// <param name="Count">At most 63.</param>
internal readonly record struct Purposes(ulong Bits, int Count)
{
    public bool this[int purpose] => purpose > 0 && purpose <= Count && ((Bits >> (Count - purpose)) & 1) == 1;

    public bool Any(int one, int other) => this[one] || this[other];

    internal static Purposes Read(ref BitReader bits, int count)
    {
        var first = Math.Min(count, 32);
        var high = (ulong)bits.Long(first);
        return new((high << (count - first)) | (ulong)bits.Long(count - first), count);
    }
}

namespace PixelServer.Signals;

/// <summary>Vendors by their ids, as they stand in the text: a bit for each, or ranges. Nothing is unfolded, so that a short string stays small in memory.</summary>
internal readonly struct VendorSet
{
    private readonly ReadOnlyMemory<byte> _segment;
    private readonly int _at, _entries;
    private readonly bool _isRange;

    private VendorSet(ReadOnlyMemory<byte> segment, int at, int max, bool isRange, int entries) =>
        (_segment, _at, Max, _isRange, _entries) = (segment, at, max, isRange, entries);

    /// <summary>What the text calls its highest id; 65535 for a list that has no such number.</summary>
    public int Max { get; }

    public bool Contains(int vendor)
    {
        if (vendor < 1 || vendor > Max) return false;
        var bits = new BitReader(_segment.Span, _at);
        if (!_isRange)
        {
            bits.Skip(vendor - 1);
            return bits.Bit();
        }

        for (var i = 0; i < _entries; i++)
        {
            var (first, last) = Entry(ref bits);
            if (vendor >= first && vendor <= last) return true;
        }

        return false;
    }

    /// <summary>A number of bits or ranges, with its highest id and its kind in front.</summary>
    internal static VendorSet Read(ReadOnlyMemory<byte> segment, ref BitReader bits, ref Fault fault)
    {
        var max = bits.Int(16);
        if (bits.Bit()) return ReadRanges(segment, ref bits, max, ref fault);
        var at = bits.At;
        bits.Skip(max);
        if (bits.IsShort) fault = Fault.Truncated;
        return new(segment, at, max, isRange: false, 0);
    }

    /// <summary>Ranges alone, with their number in front, as in a restriction.</summary>
    internal static VendorSet ReadRanges(ReadOnlyMemory<byte> segment, ref BitReader bits, int max, ref Fault fault)
    {
        var entries = bits.Int(12);
        var at = bits.At;
        for (var i = 0; i < entries && !bits.IsShort; i++)
        {
            var (first, last) = Entry(ref bits);
            if (first > last && !bits.IsShort) fault = Fault.BackwardRange;
        }

        if (bits.IsShort) fault = Fault.Truncated;
        return new(segment, at, max, isRange: true, entries);
    }

    private static (int First, int Last) Entry(ref BitReader bits)
    {
        var isRange = bits.Bit();
        var first = bits.Int(16);
        return (first, isRange ? bits.Int(16) : first);
    }
}

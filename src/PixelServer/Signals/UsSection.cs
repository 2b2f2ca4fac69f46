namespace PixelServer.Signals;

/// <summary>An American section of a GPP string.</summary>
internal sealed class UsSection
{
    private readonly byte[] _values; // of two bits each, in the order of the fields

    private UsSection(UsLayout layout, byte[] values, bool? gpc) => (Layout, _values, Gpc) = (layout, values, gpc);

    public UsLayout Layout { get; }

    /// <summary>Global Privacy Control as the section repeats it; null where it does not.</summary>
    public bool? Gpc { get; }

    /// <summary>
    /// Opted out of sale, of sharing or of targeted advertising; told Global Privacy Control; known as a child without consent; or not told of something
    /// that has to be told.
    /// </summary>
    public bool IsOptOut
    {
        get
        {
            if (Gpc is true) return true;
            foreach (var one in Layout.Fields)
            {
                var values = Values(one);
                if (one.Name is "SaleOptOut" or "SharingOptOut" or "TargetedAdvertisingOptOut" or UsLayouts.Child ? values.Contains((byte)1)
                    : one.Name.EndsWith("Notice", StringComparison.Ordinal) && values.Contains((byte)2)) return true;
            }

            return false;
        }
    }

    /// <summary>The values of one field.</summary>
    public ReadOnlySpan<byte> Values(UsField field) => _values.AsSpan((field.Offset - 6) / 2, field.Count);

    public static UsSection? Read(int section, ReadOnlySpan<byte> text, out Fault fault)
    {
        if (UsLayouts.MayHaveHeader(section) && new BitReader(text).Int(6) == section)
        {
            var end = text.IndexOf((byte)'.');
            text = end < 0 ? [] : text[(end + 1)..];
        }

        var dot = text.IndexOf((byte)'.');
        var bits = new BitReader(dot < 0 ? text : text[..dot]);
        var layout = UsLayouts.Find(section, bits.Int(6));
        fault = bits.IsShort ? Fault.Truncated : layout is null ? Fault.UnknownVersion : Fault.None;
        if (fault != Fault.None) return null;

        var values = new byte[(layout!.Bits - 6) / 2];
        foreach (ref var value in values.AsSpan())
        {
            value = (byte)bits.Int(2);
            if (value == 3) fault = Fault.BadValue;
        }

        if (bits.IsShort) fault = Fault.Truncated;
        var gpc = (bool?)null;
        if (fault == Fault.None && dot >= 0 && layout.HasGpc) gpc = ReadGpc(text[(dot + 1)..], ref fault);
        return fault == Fault.None ? new(layout, values, gpc) : null;
    }

    private static bool? ReadGpc(ReadOnlySpan<byte> segment, ref Fault fault)
    {
        var bits = new BitReader(segment);
        if (bits.Int(2) != 1) fault = Fault.UnknownVersion; // another kind of segment than the one there is
        var gpc = bits.Bit();
        if (bits.IsShort) fault = Fault.Truncated;
        return gpc;
    }
}

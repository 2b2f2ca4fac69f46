namespace PixelServer.Signals;

/// <summary>A string of the IAB's Global Privacy Platform 1: a header with the ids of its sections, and the sections.</summary>
internal sealed class GppString
{
    private const int Type = 3, KnownVersion = 1;
    private const int MostSections = 64; // the highest that is known is 27

    private readonly byte[] _text;
    private readonly List<(int Id, Range At)> _sections = [];

    private GppString(byte[] text) => _text = text;

    /// <summary>Anything but <see cref="Signals.Fault.None"/>: the string as a whole cannot be used. Each section may have a fault of its own.</summary>
    public Fault Fault { get; private set; }

    public IEnumerable<int> Sections => _sections.Select(section => section.Id);

    public bool IsOf(ReadOnlySpan<byte> text) => text.SequenceEqual(_text);

    public bool Has(int section) => _sections.Exists(one => one.Id == section);

    /// <summary>Empty where there is none.</summary>
    public ReadOnlySpan<byte> Section(int id)
    {
        foreach (var (found, at) in _sections)
            if (found == id) return _text.AsSpan(at);
        return [];
    }

    public static GppString Read(ReadOnlySpan<byte> text)
    {
        if (text.Length > TcString.LongestText) return new([]) { Fault = Fault.TooLong };
        var read = new GppString(text.ToArray());
        read.Fault = read.ReadHeader();
        return read;
    }

    private Fault ReadHeader()
    {
        var text = _text.AsSpan();
        var end = text.IndexOf((byte)'~');
        var header = end < 0 ? text : text[..end];
        if (!BitReader.IsText(header, alsoPlain: true)) return Fault.BadCharacter;

        var bits = new BitReader(header);
        var isGpp = bits.Int(6) == Type && bits.Int(6) == KnownVersion;
        if (bits.IsShort) return Fault.Truncated;
        if (!isGpp) return Fault.UnknownVersion;
        var ids = ReadIds(ref bits);
        if (ids is null) return Fault.Truncated;

        // Sections stand in the order of their ids.
        var at = end < 0 ? _text.Length : end + 1;
        foreach (var id in ids)
        {
            if (at > _text.Length || (at == _text.Length && end < 0)) return Fault.SectionsMissing;
            var length = text[at..].IndexOf((byte)'~');
            var stop = length < 0 ? _text.Length : at + length;
            if (id != 6 && !IsSection(text[at..stop])) return Fault.BadCharacter;
            _sections.Add((id, at..stop));
            at = stop + 1;
        }

        return at <= _text.Length && end >= 0 ? Fault.SectionsMissing : Fault.None;
    }

    // Null where the list does not end, or is longer than there are sections.
    private static List<int>? ReadIds(ref BitReader bits)
    {
        var ids = new List<int>();
        var last = 0;
        for (var count = bits.Int(12); count > 0; count--)
        {
            var isGroup = bits.Bit();
            var first = last + bits.Fibonacci();
            last = isGroup ? first + bits.Fibonacci() : first;
            if (bits.IsShort || last - first > MostSections) return null;
            for (var id = first; id <= last; id++) ids.Add(id);
            if (ids.Count > MostSections) return null;
        }

        return bits.IsShort ? null : ids;
    }

    private static bool IsSection(ReadOnlySpan<byte> text)
    {
        foreach (var segment in text.Split((byte)'.'))
            if (!BitReader.IsText(text[segment], alsoPlain: true)) return false;
        return true;
    }
}

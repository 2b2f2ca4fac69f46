namespace PixelServer.Enrich;

/// <summary>Walks over the parameters of a query, in order, without allocating before a value is asked for.</summary>
internal ref struct Parameters(ReadOnlySpan<char> query)
{
    private ReadOnlySpan<char> _rest = query;
    private ReadOnlySpan<char> _value;

    /// <summary>As sent; the names we look for are ASCII and nobody encodes them.</summary>
    public ReadOnlySpan<char> Name { get; private set; }

    /// <summary>The decoded value; null where it is empty.</summary>
    public readonly string? Value(int maxLength) => Text.Decode(_value, maxLength);

    public bool MoveNext()
    {
        if (_rest.IsEmpty) return false;
        var end = _rest.IndexOf('&');
        var pair = end < 0 ? _rest : _rest[..end];
        _rest = end < 0 ? [] : _rest[(end + 1)..];

        // A link pasted into HTML twice escaped arrives as "a=1&amp;utm_medium=2".
        if (pair.StartsWith("amp;")) pair = pair[4..];
        var equals = pair.IndexOf('=');
        Name = equals < 0 ? pair : pair[..equals];
        _value = equals < 0 ? [] : pair[(equals + 1)..];
        return true;
    }
}

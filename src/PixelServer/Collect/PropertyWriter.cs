using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace PixelServer.Collect;

/// <summary>
/// Collects the properties of one event as one JSON object: valid UTF-8, no key twice at any level, within the limits.
/// The same bytes whether they came by query, form or JSON.
/// </summary>
/// <remarks>
/// Used again and again by one thread, so that nothing but the result is allocated. Every member is written as <c>,"key":value</c>;
/// the first living comma of an object becomes its brace. Text must be mended (<see cref="Text"/>, <see cref="JsonText"/>).
/// </remarks>
/// <param name="remembersRepeats">What came under a name of the object itself that was there already is not written, but can be read: <see cref="TryRead"/>.</param>
internal sealed class PropertyWriter(bool remembersRepeats = false)
{
    private static readonly SearchValues<byte> s_escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(c => (byte)c), (byte)'"', (byte)'\\']);

    private byte[] _bytes = new byte[1024];
    private byte[] _scratch = new byte[512];
    private int _length;
    private int _values;
    private IReadOnlyList<string>? _withheld; // what is blanked out of everything that is read, where something is

    // The members of all objects that are open, innermost last; hashes apart so that a search is one vectorised scan.
    private Member[] _members = new Member[Limits.Properties];
    private int[] _hashes = new int[Limits.Properties];
    private int _count;

    private readonly List<Member> _repeats = [];

    public bool IsEmpty => _count == 0;

    /// <summary>All that was written, also what was replaced or dropped since: to see what cannot be in <see cref="ToJson"/>, without making it.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear()
    {
        _length = _values = _count = 0;
        _repeats.Clear();
    }

    /// <summary>Reads the members one after the other, then those that were repeated. An escape in a key or a text stays as it is written.</summary>
    /// <param name="at">0 at first; moves on.</param>
    /// <param name="key">The name.</param>
    /// <param name="text">Empty for a value that is no text.</param>
    public bool TryRead(ref int at, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> text)
    {
        key = text = [];
        while (at < _count + _repeats.Count)
        {
            var member = at < _count ? _members[at] : _repeats[at - _count];
            at++;
            if (member.Length == 0) continue;
            key = _bytes.AsSpan(member.Start + 2, member.KeyLength - 3); // without the comma and the quotes
            var value = _bytes.AsSpan(member.Start + member.KeyLength + 1, member.Length - member.KeyLength - 1);
            if (value[0] == '"') text = value[1..^1];
            return true;
        }

        return false;
    }

    /// <summary>A key that is there already is replaced, as in jsonb, or with <paramref name="keepFirst"/> stays as it is.</summary>
    public Refusal? AddText(ReadOnlySpan<byte> key, ReadOnlySpan<byte> text, bool keepFirst = false)
    {
        if (_count + _repeats.Count >= Limits.Properties) return Refusal.TooManyProperties;
        if (text.Length > Limits.PropertyBytes) return Refusal.PropertyTooLong;
        if (OpenMember(key, out var member) is { } refusal) return refusal;
        WriteString(text);
        return CloseMember(member, 0, keepFirst);
    }

    /// <summary>Takes the value that the reader stands on, and leaves the reader on its last token.</summary>
    public Refusal? AddJson(scoped ReadOnlySpan<byte> key, ref Utf8JsonReader reader, bool keepFirst = false)
    {
        if (_count + _repeats.Count >= Limits.Properties) return Refusal.TooManyProperties;
        if (OpenMember(key, out var member) is { } refusal) return refusal;
        return WriteValue(ref reader, 1) ?? CloseMember(member, 0, keepFirst);
    }

    /// <summary>Adds what the server itself has to say: it does not count as one of the client's properties.</summary>
    public Refusal? AddOwn(ReadOnlySpan<byte> key, ReadOnlySpan<byte> text)
    {
        if (OpenMember(key, out var member) is { } refusal) return refusal;
        WriteString(text);
        return CloseMember(member, 0, keepFirst: false);
    }

    /// <summary>Takes out every member of one of these names, which are ASCII, in whatever case it is written.</summary>
    public void Drop(string[] names) => Drop(names, IsOneOf);

    /// <summary>Takes out every member whose name is one of those. An escape in a name stays as it is written.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Drop(Predicate<ReadOnlySpan<byte>> which) => Drop(which, static (key, which) => which(key));

    private bool Drop<T>(T of, Func<ReadOnlySpan<byte>, T, bool> which)
    {
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            var member = _members[i];
            if (which(_bytes.AsSpan(member.Start + 2, member.KeyLength - 3), of)) continue; // without the comma and the quotes
            (_members[kept], _hashes[kept]) = (member, _hashes[i]);
            kept++;
        }

        var isFound = kept < _count;
        _count = kept;
        return isFound;
    }

    /// <summary>
    /// Takes these texts, which are ASCII, out of every key and value in whatever case they stand: '0' for each letter and digit. A number that
    /// holds one becomes text.
    /// </summary>
    /// <remarks>What stands there is read once more, because two keys can have become one. It was within the limits, and is not counted again.</remarks>
    public Refusal? Withhold(IReadOnlyList<string> texts)
    {
        var json = ToJson();
        ReadOnlyMemory<byte> repeats = _repeats.Count == 0 ? default : Json(CollectionsMarshal.AsSpan(_repeats));
        var isFound = false;
        foreach (var text in texts) isFound |= Text.Holds(json.Span, text) || Text.Holds(repeats.Span, text);
        if (!isFound) return null;

        var values = _values;
        Clear();
        (_values, _withheld) = (int.MinValue, texts);
        try
        {
            return WithholdMembers(json.Span, keepFirst: false) ?? WithholdMembers(repeats.Span, keepFirst: true);
        }
        finally
        {
            (_values, _withheld) = (values, null);
        }
    }

    private Refusal? WithholdMembers(ReadOnlySpan<byte> json, bool keepFirst)
    {
        if (json.IsEmpty) return null;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.PropertyDepth + 4 });
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (OpenMember(Unescaped(ref reader), out var member) is { } refusal) return refusal;
            reader.Read();
            // The server's own objects stand one or two levels around what a client may nest.
            if ((WriteValue(ref reader, -1) ?? CloseMember(member, 0, keepFirst)) is { } refused) return refused;
        }

        return null;
    }

    /// <summary>Adds a whole object under a key that no client can use.</summary>
    public Refusal? AddObject(ReadOnlySpan<byte> key, PropertyWriter inner)
    {
        if (OpenMember(key, out var member) is { } refusal) return refusal;
        var members = inner._members.AsSpan(0, inner._count);
        var size = SizeOf(members);
        inner.CopyTo(members, Room(size));
        _length += size;
        return CloseMember(member, 0, keepFirst: false);
    }

    /// <summary>Empty where there is no property.</summary>
    public ReadOnlyMemory<byte> ToJson() => IsEmpty ? default : Json(_members.AsSpan(0, _count));

    private byte[] Json(ReadOnlySpan<Member> members)
    {
        var json = new byte[SizeOf(members)];
        CopyTo(members, json);
        return json;
    }

    private static int SizeOf(ReadOnlySpan<Member> members)
    {
        var size = 1;
        foreach (var member in members) size += member.Length;
        return Math.Max(size, 2);
    }

    private void CopyTo(ReadOnlySpan<Member> members, Span<byte> json)
    {
        var at = 0;
        foreach (var member in members)
        {
            _bytes.AsSpan(member.Start, member.Length).CopyTo(json[at..]);
            at += member.Length;
        }

        json[0] = (byte)'{';
        json[Math.Max(at, 1)] = (byte)'}';
    }

    private static bool IsOneOf(ReadOnlySpan<byte> key, string[] names)
    {
        foreach (var name in names)
            if (Ascii.EqualsIgnoreCase(key, name)) return true;
        return false;
    }

    private Refusal? WriteValue(ref Utf8JsonReader reader, int depth)
    {
        if (++_values > Limits.PropertyValues) return Refusal.TooManyProperties;
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return depth > Limits.PropertyDepth ? Refusal.TooDeep : WriteObject(ref reader, depth);
            case JsonTokenType.StartArray:
                return depth > Limits.PropertyDepth ? Refusal.TooDeep : WriteArray(ref reader, depth);
            case JsonTokenType.String:
                var text = Unescaped(ref reader);
                if (text.Length > Limits.PropertyBytes) return Refusal.PropertyTooLong;
                WriteString(text);
                break;
            case JsonTokenType.Number when _withheld is not null && Holds(reader.ValueSpan):
                WriteString(Unescaped(ref reader));
                break;
            case JsonTokenType.Number when !JsonText.IsKeptAsNumber(reader.ValueSpan):
                if (reader.ValueSpan.Length > Limits.PropertyBytes) return Refusal.PropertyTooLong;
                WriteString(reader.ValueSpan);
                break;
            default:
                Write(reader.ValueSpan); // true, false, null and numbers stand as they came
                break;
        }

        return _length > Limits.PropertiesBytes ? Refusal.PropertiesTooLarge : null;
    }

    private Refusal? WriteArray(ref Utf8JsonReader reader, int depth)
    {
        var open = _length;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Write(","u8);
            if (WriteValue(ref reader, depth + 1) is { } refusal) return refusal;
        }

        if (_length == open) Write("["u8);
        _bytes[open] = (byte)'[';
        Write("]"u8);
        return null;
    }

    private Refusal? WriteObject(ref Utf8JsonReader reader, int depth)
    {
        var first = _count;
        var open = _length;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (OpenMember(Unescaped(ref reader), out var member) is { } refusal) return refusal;
            reader.Read();
            if ((WriteValue(ref reader, depth + 1) ?? CloseMember(member, first, keepFirst: false, isNested: true)) is { } inner) return inner;
        }

        // Members that a later one replaced are taken out: what stands behind moves up.
        var at = open;
        foreach (var member in _members.AsSpan(first, _count - first))
        {
            _bytes.AsSpan(member.Start, member.Length).CopyTo(_bytes.AsSpan(at));
            at += member.Length;
        }

        _length = at;
        _count = first;
        if (_length == open) Write("{"u8);
        _bytes[open] = (byte)'{';
        Write("}"u8);
        return null;
    }

    private Refusal? OpenMember(scoped ReadOnlySpan<byte> key, out Member member)
    {
        member = default;
        if (key.Length > Limits.PropertyKeyBytes) return Refusal.KeyTooLong;
        var start = _length;
        Write(","u8);
        WriteString(key);
        member = new Member(start, _length - start, 0);
        Write(":"u8);
        return null;
    }

    private Refusal? CloseMember(Member member, int first, bool keepFirst, bool isNested = false)
    {
        if (_length > Limits.PropertiesBytes) return Refusal.PropertiesTooLarge;
        var key = _bytes.AsSpan(member.Start, member.KeyLength);
        var hash = new HashCode(); // seeded per process: keys cannot be chosen to collide
        hash.AddBytes(key);
        var code = hash.ToHashCode();

        for (int from = first, found; (found = _hashes.AsSpan(from, _count - from).IndexOf(code)) >= 0; from += found + 1)
        {
            ref var other = ref _members[from + found];
            if (other.Length == 0 || !_bytes.AsSpan(other.Start, other.KeyLength).SequenceEqual(key)) continue;
            var repeat = keepFirst ? member with { Length = _length - member.Start } : other;
            // Only at the top, where bytes stay where they are: what is nested moves up when its object closes, and is no signal.
            if (remembersRepeats && !isNested && !IsSame(member, other)) _repeats.Add(repeat);
            else if (keepFirst) _length = member.Start;
            if (keepFirst) return null;
            other = other with { Length = 0 };
        }

        if (_count == _members.Length)
        {
            Array.Resize(ref _members, _count * 2);
            Array.Resize(ref _hashes, _count * 2);
        }

        _hashes[_count] = code;
        _members[_count++] = member with { Length = _length - member.Start };
        return null;
    }

    // The one is the last that was written.
    private bool IsSame(Member one, Member other) => _bytes.AsSpan(one.Start, _length - one.Start).SequenceEqual(_bytes.AsSpan(other.Start, other.Length));

    private ReadOnlySpan<byte> Unescaped(scoped ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped && _withheld is null) return reader.ValueSpan;
        if (_scratch.Length < reader.ValueSpan.Length) _scratch = new byte[reader.ValueSpan.Length];
        Span<byte> text = _scratch;
        if (reader.ValueIsEscaped) text = text[..reader.CopyString(_scratch)];
        else reader.ValueSpan.CopyTo(text = text[..reader.ValueSpan.Length]);
        foreach (var withheld in _withheld ?? []) Text.Blank(text, withheld);
        return text;
    }

    private bool Holds(ReadOnlySpan<byte> bytes)
    {
        foreach (var text in _withheld!)
            if (Text.Holds(bytes, text)) return true;
        return false;
    }

    private void WriteString(ReadOnlySpan<byte> text)
    {
        Write("\""u8);
        for (int run; (run = text.IndexOfAny(s_escaped)) >= 0; text = text[(run + 1)..])
        {
            Write(text[..run]);
            WriteEscape(text[run]);
        }

        Write(text);
        Write("\""u8);
    }

    private void WriteEscape(byte c)
    {
        switch (c)
        {
            case (byte)'"': Write("\\\""u8); break;
            case (byte)'\\': Write("\\\\"u8); break;
            case (byte)'\n': Write("\\n"u8); break;
            case (byte)'\r': Write("\\r"u8); break;
            case (byte)'\t': Write("\\t"u8); break;
            default:
                Write("\\u00"u8);
                Write([(byte)('0' + (c >> 4)), "0123456789abcdef"u8[c & 15]]);
                break;
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    private Span<byte> Room(int bytes)
    {
        if (_bytes.Length - _length < bytes) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        return _bytes.AsSpan(_length);
    }

    /// <summary>Where a member stands in the bytes; a length of zero where a later one replaced it.</summary>
    private readonly record struct Member(int Start, int KeyLength, int Length);
}

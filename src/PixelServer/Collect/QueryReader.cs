using System.Text;

namespace PixelServer.Collect;

/// <summary>Reads an event from a query string or a form body, over spans: no dictionary, no string but those that are kept.</summary>
internal static class QueryReader
{
    // The most that one character can take when percent-encoded: three bytes of %XX for one UTF-16 unit.
    private const int RawPerChar = 9;

    [ThreadStatic] private static byte[]? t_key, t_value;
    [ThreadStatic] private static char[]? t_chars;

    /// <summary>
    /// Adds a query, not yet decoded, to the draft. A named parameter that the draft has already stays; a property is replaced
    /// by a later one, or with <paramref name="keepFirst"/> stays too. Returns why the event is refused, or null.
    /// </summary>
    public static Refusal? Read(ReadOnlySpan<char> query, Draft draft, bool keepFirst = false)
    {
        if (query.StartsWith('?')) query = query[1..];
        while (query.Length > 0)
        {
            var end = query.IndexOf('&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? [] : query[(end + 1)..];
            if (pair.Length > 0 && ReadPair(pair, draft, keepFirst) is { } refusal) return refusal;
        }

        return null;
    }

    private static Refusal? ReadPair(ReadOnlySpan<char> pair, Draft draft, bool keepFirst)
    {
        var equals = pair.IndexOf('=');
        var rawKey = equals < 0 ? pair : pair[..equals];
        var rawValue = equals < 0 ? [] : pair[(equals + 1)..];

        // Checked before decoding, so that the scratch buffers stay small however large a form is.
        if (rawKey.Length > Limits.PropertyKeyBytes * RawPerChar) return Refusal.KeyTooLong;

        if (Find(rawKey) is not { } parameter) return AddProperty(draft, rawKey, rawValue, keepFirst);
        if (parameter.Kind == ParameterKind.Consent)
        {
            if (rawValue.IsEmpty) return null;
            if (rawValue.Length > Limits.PropertyBytes * RawPerChar) return Refusal.PropertyTooLong;
            var key = Text.Decode(parameter.Json, ref Scratch(ref t_key));
            return draft.Consent.AddText(key, Text.Decode(rawValue, ref Scratch(ref t_value)), keepFirst: true);
        }

        if (parameter.MaxChars > 0 && rawValue.Length > parameter.MaxChars * RawPerChar) return parameter.TooLong;
        return draft.TryTake(parameter, Chars(rawValue), out var refusal) ? refusal : AddProperty(draft, rawKey, rawValue, keepFirst);
    }

    private static Parameter? Find(ReadOnlySpan<char> rawKey)
    {
        if (Text.IsPlain(rawKey)) return Parameters.Find(rawKey);
        Span<char> key = stackalloc char[Limits.PropertyKeyBytes];
        var bytes = Text.Decode(rawKey, ref Scratch(ref t_key));
        return bytes.Length <= key.Length ? Parameters.Find(key[..Encoding.UTF8.GetChars(bytes, key)]) : null;
    }

    private static Refusal? AddProperty(Draft draft, ReadOnlySpan<char> rawKey, ReadOnlySpan<char> rawValue, bool keepFirst)
    {
        if (rawValue.Length > Limits.PropertyBytes * RawPerChar) return Refusal.PropertyTooLong;
        var key = Text.Decode(rawKey, ref Scratch(ref t_key));
        if (Parameters.IsReserved(key)) return null;
        var text = Text.Decode(rawValue, ref Scratch(ref t_value));
        return ConsentReader.IsOwnWord(key, text) ? draft.Consent.AddText(key, text, keepFirst: true) : draft.Properties.AddText(key, text, keepFirst);
    }

    private static ReadOnlySpan<char> Chars(ReadOnlySpan<char> raw)
    {
        if (Text.IsPlain(raw)) return raw;
        var bytes = Text.Decode(raw, ref Scratch(ref t_value));
        if (t_chars is null || t_chars.Length < bytes.Length) t_chars = new char[Math.Max(bytes.Length, 512)];
        return t_chars.AsSpan(0, Encoding.UTF8.GetChars(bytes, t_chars));
    }

    private static ref byte[] Scratch(ref byte[]? buffer)
    {
        buffer ??= new byte[512];
        return ref buffer!;
    }
}

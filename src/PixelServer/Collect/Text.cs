using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>Makes text of strangers well-formed: no U+0000, no lone surrogate, no broken UTF-8. What cannot be read becomes U+FFFD.</summary>
internal static class Text
{
    private static readonly SearchValues<char> s_plain = SearchValues.Create(
        [.. Enumerable.Range(1, 0x7f).Select(c => (char)c).Where(c => c is not ('%' or '+'))]);

    /// <summary>Whether decoding would change nothing.</summary>
    public static bool IsPlain(ReadOnlySpan<char> raw) => !raw.ContainsAnyExcept(s_plain);

    /// <summary>
    /// Percent-decoding as in HTML forms (WHATWG URL 5.1): '+' is a space, a '%' without two hex digits stands for itself.
    /// One pass: what comes out is never decoded again. The result lies in <paramref name="scratch"/> until its next use.
    /// </summary>
    public static ReadOnlySpan<byte> Decode(ReadOnlySpan<char> raw, ref byte[] scratch)
    {
        // Three bytes for one character is the most that both UTF-8 and a mended byte can need.
        if (scratch.Length < raw.Length * 3) scratch = new byte[Math.Max(raw.Length * 3, 512)];
        var bytes = scratch.AsSpan();
        var length = 0;
        for (var i = 0; i < raw.Length; i++)
        {
            var c = raw[i];
            if (c == '+')
            {
                bytes[length++] = (byte)' ';
            }
            else if (c == '%' && i + 2 < raw.Length && char.IsAsciiHexDigit(raw[i + 1]) && char.IsAsciiHexDigit(raw[i + 2]))
            {
                bytes[length++] = (byte)((HexDigit(raw[i + 1]) << 4) | HexDigit(raw[i + 2]));
                i += 2;
            }
            else if (c < 0x80)
            {
                bytes[length++] = (byte)c;
            }
            else
            {
                // The whole run at once, so that a pair of surrogates stays together.
                var run = raw[i..].IndexOfAnyInRange('\0', '\x7f');
                if (run < 0) run = raw.Length - i;
                length += Encoding.UTF8.GetBytes(raw.Slice(i, run), bytes[length..]);
                i += run - 1;
            }
        }

        return Mended(scratch, length);
    }

    /// <summary>The text itself where it is well-formed.</summary>
    public static string Mended(string text)
    {
        var span = text.AsSpan();
        if (!span.Contains('\0') && !span.ContainsAnyInRange('\ud800', '\udfff')) return text;
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\0', '\ufffd');
    }

    /// <summary>Writes '0' over the letters and digits of a text, which is ASCII and not empty, wherever it stands in whatever case.</summary>
    public static void Blank(Span<byte> within, string text)
    {
        for (int at; (at = Find(within, text)) >= 0; within = within[text.Length..])
        {
            within = within[at..];
            foreach (ref var one in within[..text.Length])
                if (char.IsAsciiLetterOrDigit((char)one)) one = (byte)'0';
        }
    }

    /// <summary>Whether the text, which is ASCII and not empty, stands there in whatever case.</summary>
    public static bool Holds(ReadOnlySpan<byte> within, string text) => Find(within, text) >= 0;

    private static int Find(ReadOnlySpan<byte> within, string text)
    {
        ReadOnlySpan<byte> starts = [(byte)char.ToLowerInvariant(text[0]), (byte)char.ToUpperInvariant(text[0])];
        for (var from = 0; within[from..].IndexOfAny(starts) is var at && at >= 0 && within.Length - from - at >= text.Length; from += at + 1)
            if (Ascii.EqualsIgnoreCase(within.Slice(from + at, text.Length), text)) return from + at;
        return -1;
    }

    /// <summary>A header as text of at most so many characters; null where it is absent or empty.</summary>
    public static string? Header(StringValues values, int longest)
    {
        if (values.Count == 0) return null;
        var text = values.Count == 1 ? values[0] : values.ToString();
        if (string.IsNullOrEmpty(text)) return null;
        text = Mended(text);
        if (text.Length <= longest) return text;
        return char.IsHighSurrogate(text[longest - 1]) ? text[..(longest - 1)] : text[..longest];
    }

    private static ReadOnlySpan<byte> Mended(byte[] buffer, int length)
    {
        var bytes = buffer.AsSpan(0, length);
        if (Utf8.IsValid(bytes) && !bytes.Contains((byte)0)) return bytes;
        var text = Encoding.UTF8.GetString(bytes).Replace('\0', '\ufffd');
        return buffer.AsSpan(0, Encoding.UTF8.GetBytes(text, buffer));
    }

    private static int HexDigit(char c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

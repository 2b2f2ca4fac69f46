using System.Buffers;
using System.Text;

namespace PixelServer.Enrich;

/// <summary>
/// Makes column text out of what a visitor sent: bounded, well-formed Unicode without control characters. PostgreSQL refuses
/// U+0000 and no database takes lone surrogates; one such character must not cost a whole batch.
/// </summary>
internal static class Text
{
    /// <summary>The text without white space around it; null where nothing is left. What is longer is cut between characters.</summary>
    public static string? Clean(ReadOnlySpan<char> raw, int maxLength) => Read(raw, maxLength, encoded: false);

    /// <summary>
    /// The value of a query parameter by the WHATWG rules for <c>application/x-www-form-urlencoded</c>: plus is a space, bytes that
    /// are no UTF-8 become U+FFFD, a percent sign without two hex digits stands for itself. Bounded and cleaned like <see cref="Clean"/>.
    /// </summary>
    public static string? Decode(ReadOnlySpan<char> raw, int maxLength) => Read(raw, maxLength, encoded: true);

    private static string? Read(ReadOnlySpan<char> raw, int maxLength, bool encoded)
    {
        raw = raw.Trim();
        if (raw.IsEmpty) return null;
        if (raw.Length <= maxLength && IsPlain(raw) && !(encoded && raw.ContainsAny('%', '+'))) return raw.ToString();

        // At most twelve characters of input make one of output (four encoded bytes), so the work is bounded by the column.
        var buffer = ArrayPool<char>.Shared.Rent(maxLength);
        var length = Fill(buffer.AsSpan(0, maxLength), raw, encoded);
        var text = buffer.AsSpan(0, length).Trim();
        var result = text.IsEmpty ? null : text.ToString();
        ArrayPool<char>.Shared.Return(buffer);
        return result;
    }

    private static bool IsPlain(ReadOnlySpan<char> text) =>
        !text.ContainsAnyInRange('\0', '\u001F') && !text.ContainsAnyInRange('\u007F', '\u009F') && !text.ContainsAnyInRange('\uD800', '\uDFFF');

    private static int Fill(Span<char> into, ReadOnlySpan<char> raw, bool encoded)
    {
        var length = 0;
        while (!raw.IsEmpty)
        {
            var used = NextRune(raw, encoded, out var rune);
            if (Rune.IsControl(rune)) rune = Rune.ReplacementChar;
            if (length + rune.Utf16SequenceLength > into.Length) break;
            length += rune.EncodeToUtf16(into[length..]);
            raw = raw[used..];
        }
        return length;
    }

    private static int NextRune(ReadOnlySpan<char> raw, bool encoded, out Rune rune)
    {
        if (encoded && raw[0] == '+')
        {
            rune = new Rune(' ');
            return 1;
        }

        if (encoded && raw[0] == '%')
        {
            Span<byte> bytes = stackalloc byte[4];
            var count = 0;
            while (count < bytes.Length && TryByte(raw[(3 * count)..], out bytes[count])) count++;
            if (count > 0)
            {
                Rune.DecodeFromUtf8(bytes[..count], out rune, out var bytesUsed);
                return 3 * bytesUsed;
            }
        }

        Rune.DecodeFromUtf16(raw, out rune, out var used);
        return used;
    }

    private static bool TryByte(ReadOnlySpan<char> text, out byte value)
    {
        value = 0;
        if (text.Length < 3 || text[0] != '%' || !char.IsAsciiHexDigit(text[1]) || !char.IsAsciiHexDigit(text[2])) return false;
        value = (byte)(HexValue(text[1]) << 4 | HexValue(text[2]));
        return true;
    }

    private static int HexValue(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

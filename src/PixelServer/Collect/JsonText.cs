using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace PixelServer.Collect;

/// <summary>Makes a JSON body safe to read: afterwards no string in it can hold U+0000, a lone surrogate or broken UTF-8.</summary>
internal static class JsonText
{
    /// <summary>Mends in place where that is possible; every escape keeps its length, so that JSON stays JSON and no other text comes to be.</summary>
    public static Span<byte> Mend(Span<byte> json)
    {
        if (json.StartsWith("\uFEFF"u8)) json = json[3..];
        if (!Utf8.IsValid(json)) json = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(json));
        MendEscapes(json);
        return json;
    }

    /// <summary>
    /// Whether PostgreSQL's jsonb and a double can both hold the number. PostgreSQL refuses more than 131,072 digits before
    /// or 16,383 after the point (manual 8.1.2), also for zero with a large exponent.
    /// </summary>
    public static bool IsKeptAsNumber(ReadOnlySpan<byte> literal)
    {
        if (literal.Length > Limits.NumberChars) return false;
        var exponent = literal.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = exponent < 0 ? literal : literal[..exponent];
        if (exponent >= 0 && literal[(exponent + 1)..].TrimStart("+-"u8).Length > 3) return false;
        return Utf8Parser.TryParse(literal, out double number, out var read) && read == literal.Length && double.IsFinite(number)
            && (number != 0 || !mantissa.ContainsAnyInRange((byte)'1', (byte)'9'));
    }

    private static void MendEscapes(Span<byte> json)
    {
        for (var rest = json; ;)
        {
            var at = rest.IndexOf((byte)'\\');
            if (at < 0 || at + 1 >= rest.Length) return;
            rest = rest[at..];
            if (rest[1] != 'u' || !TryUnit(rest, out var unit))
            {
                rest = rest[2..];
                continue;
            }

            if (char.IsHighSurrogate(unit) && TryUnit(rest[6..], out var low) && char.IsLowSurrogate(low))
            {
                rest = rest[12..];
                continue;
            }

            if (unit == 0 || char.IsSurrogate(unit)) "\\ufffd"u8.CopyTo(rest);
            rest = rest[6..];
        }
    }

    private static bool TryUnit(ReadOnlySpan<byte> text, out char unit)
    {
        unit = '\0';
        if (text.Length < 6 || text[0] != '\\' || text[1] != 'u') return false;
        if (!ushort.TryParse(text[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)) return false;
        unit = (char)number;
        return true;
    }
}

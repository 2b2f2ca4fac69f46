using System.Globalization;
using System.Text;

namespace PixelServer.Ops;

/// <summary>Text of unknown origin made fit for a terminal or a log line: nothing in it can move the cursor, end the line or turn its direction.</summary>
internal static class Visible
{
    /// <summary>The same text with every control, format and separator character, and every half surrogate pair, as <c>\uXXXX</c>.</summary>
    public static string Of(string text)
    {
        var first = FirstUnsafe(text);
        if (first < 0) return text;

        var safe = new StringBuilder(text, 0, first, text.Length + 16);
        for (var i = first; i < text.Length; i++)
        {
            if (IsPair(text, i)) safe.Append(text[i++]).Append(text[i]);
            else if (IsSafe(text[i])) safe.Append(text[i]);
            else safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}");
        }

        return safe.ToString();
    }

    private static int FirstUnsafe(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (IsPair(text, i)) i++;
            else if (!IsSafe(text[i])) return i;
        }

        return -1;
    }

    private static bool IsPair(string text, int i) => i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);

    private static bool IsSafe(char c) => c is >= ' ' and < '\u007f' || char.GetUnicodeCategory(c) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}

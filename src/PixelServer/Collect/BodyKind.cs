namespace PixelServer.Collect;

/// <summary>How a beacon's body is to be read.</summary>
internal enum BodyKind { Json, Form }

/// <summary>Tells the kind of a body from its Content-Type.</summary>
internal static class BodyKinds
{
    /// <summary>
    /// JSON, text that is JSON (sendBeacon of a string), or a form; always in UTF-8. Where the header is absent the body's
    /// first character decides.
    /// </summary>
    public static Refusal? Of(string contentType, ReadOnlySpan<byte> body, out BodyKind kind)
    {
        kind = BodyKind.Json;
        var text = contentType.AsSpan().Trim();
        if (text.IsEmpty) return LooksLikeJson(body) ? null : Refusal.UnsupportedType;

        var semicolon = text.IndexOf(';');
        var type = (semicolon < 0 ? text : text[..semicolon]).Trim();
        if (Is(type, "application/x-www-form-urlencoded")) kind = BodyKind.Form;
        else if (!Is(type, "application/json") && !Is(type, "text/plain")) return Refusal.UnsupportedType;
        return semicolon < 0 || IsUtf8(text[(semicolon + 1)..]) ? null : Refusal.UnsupportedCharset;
    }

    private static bool IsUtf8(ReadOnlySpan<char> parameters)
    {
        foreach (var range in parameters.Split(';'))
        {
            var parameter = parameters[range].Trim();
            if (!parameter.StartsWith("charset", StringComparison.OrdinalIgnoreCase)) continue;
            var value = parameter[7..].Trim();
            if (!value.StartsWith('=')) continue;
            value = value[1..].Trim().Trim('"');
            return Is(value, "utf-8") || Is(value, "utf8");
        }

        return true;
    }

    private static bool LooksLikeJson(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith("\uFEFF"u8)) body = body[3..];
        body = body.TrimStart(" \t\r\n"u8);
        return body.IsEmpty || body[0] is (byte)'{' or (byte)'[';
    }

    private static bool Is(ReadOnlySpan<char> text, string expected) => text.Equals(expected, StringComparison.OrdinalIgnoreCase);
}

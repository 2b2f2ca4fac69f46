using System.Text.Json;

namespace PixelServer.Mail;

/// <summary>The members of a token's payload: <c>s</c> site, <c>m</c> message, <c>r</c> recipient, <c>c</c> campaign, <c>t</c> sent and
/// <c>e</c> expires (Unix seconds), and of a click <c>u</c> target, <c>i</c> index, <c>n</c> count, <c>x</c> 1 for a trap.</summary>
internal static class MailPayload
{
    // The year 9999.
    private const long LastSecond = 253_402_300_799;

    public static void Write(Utf8JsonWriter json, MailToken token)
    {
        json.WriteStartObject();
        json.WriteString("s"u8, token.Site);
        if (token.Message is not null) json.WriteString("m"u8, token.Message);
        json.WriteString("r"u8, token.Recipient);
        if (token.Campaign is not null) json.WriteString("c"u8, token.Campaign);
        if (token.SentAt is { } sent) json.WriteNumber("t"u8, sent.ToUnixTimeSeconds());
        if (token.ExpiresAt is { } expires) json.WriteNumber("e"u8, expires.ToUnixTimeSeconds());
        if (token.Target is not null) json.WriteString("u"u8, token.Target);
        if (token.LinkIndex is { } index) json.WriteNumber("i"u8, index);
        if (token.LinkCount is { } count) json.WriteNumber("n"u8, count);
        if (token.IsTrap) json.WriteNumber("x"u8, 1);
        json.WriteEndObject();
    }

    /// <summary>Null for everything that is not exactly such an object. Members that a later version adds are passed over.</summary>
    public static MailToken? Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return ReadObject(bytes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null; // signed, but no JSON, a number as text, or no Unicode: a sender's slip
        }
    }

    private static MailToken? ReadObject(ReadOnlySpan<byte> bytes)
    {
        var json = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 2 });
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return null;
        string? site = null, message = null, recipient = null, campaign = null, target = null;
        long? sent = null, expires = null;
        int? index = null, count = null;
        var trap = false;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.ValueSpan.Length == 1 ? json.ValueSpan[0] : (byte)0;
            if (!json.Read()) return null;
            switch (name)
            {
                case (byte)'s': site = json.GetString(); break;
                case (byte)'m': message = json.GetString(); break;
                case (byte)'r': recipient = json.GetString(); break;
                case (byte)'c': campaign = json.GetString(); break;
                case (byte)'t': sent = json.GetInt64(); break;
                case (byte)'e': expires = json.GetInt64(); break;
                case (byte)'u': target = json.GetString(); break;
                case (byte)'i': index = json.GetInt32(); break;
                case (byte)'n': count = json.GetInt32(); break;
                case (byte)'x': trap = json.GetInt32() == 1; break;
                default: json.Skip(); break;
            }
        }

        if (json.TokenType != JsonTokenType.EndObject || json.Read() || site is null || recipient is null) return null;
        if (sent is < 0 or > LastSecond || expires is < 0 or > LastSecond) return null;
        return new MailToken(site, recipient)
        {
            Message = message,
            Campaign = campaign,
            SentAt = sent is { } s ? DateTimeOffset.FromUnixTimeSeconds(s) : null,
            ExpiresAt = expires is { } e ? DateTimeOffset.FromUnixTimeSeconds(e) : null,
            Target = target,
            LinkIndex = index,
            LinkCount = count,
            IsTrap = trap,
        };
    }
}

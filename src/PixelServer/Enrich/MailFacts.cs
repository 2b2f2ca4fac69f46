using System.Globalization;
using System.Text.Json;

namespace PixelServer.Enrich;

/// <summary>What the mail doors write into <c>properties</c> and the rules look at.</summary>
/// <param name="Message"><c>message_id</c>: the mail, the same for all its recipients.</param>
/// <param name="SentAt"><c>sent_at</c>: when it was sent, by the sender's clock.</param>
/// <param name="Link"><c>link_index</c>: which link of the mail.</param>
/// <param name="LinkCount"><c>link_count</c>: how many links the mail has; 0 where it is not said.</param>
/// <param name="IsTrap"><c>trap</c>: a link that no person can see.</param>
/// <param name="Verdict"><c>$verdict</c>: what the door saw where headers may not be kept: a code of <see cref="Enrich.Verdict"/>, or <c>human</c>.</param>
internal readonly record struct MailFacts(string? Message, DateTimeOffset? SentAt, int? Link, int LinkCount, bool IsTrap, string? Verdict)
{
    /// <summary>Reads a JSON object in UTF-8; of equal names the last counts, as in <c>jsonb</c>. What is not JSON or of another type says nothing.</summary>
    public static MailFacts Read(ReadOnlySpan<byte> json)
    {
        var facts = default(MailFacts);
        var reader = new Utf8JsonReader(json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader;
                reader.Read();
                if (name.ValueTextEquals("message_id"u8)) facts = facts with { Message = Text(reader) };
                else if (name.ValueTextEquals("sent_at"u8)) facts = facts with { SentAt = Time(Text(reader)) };
                else if (name.ValueTextEquals("link_index"u8)) facts = facts with { Link = Number(reader) };
                else if (name.ValueTextEquals("link_count"u8)) facts = facts with { LinkCount = Number(reader) ?? 0 };
                else if (name.ValueTextEquals("trap"u8)) facts = facts with { IsTrap = reader.TokenType == JsonTokenType.True };
                else if (name.ValueTextEquals("$verdict"u8)) facts = facts with { Verdict = Text(reader) };
                reader.Skip();
            }

            return facts;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return default; // a damaged record: no JSON, or an escaped lone surrogate
        }
    }

    private static string? Text(in Utf8JsonReader value) => value.TokenType == JsonTokenType.String ? value.GetString() : null;

    private static int? Number(in Utf8JsonReader value) =>
        value.TokenType == JsonTokenType.Number && value.TryGetInt32(out var number) ? number : null;

    private static DateTimeOffset? Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}

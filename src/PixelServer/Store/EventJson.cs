using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace PixelServer.Store;

/// <summary>
/// Writes the texts of an event (<see cref="EventText"/>) as one JSON object with the contract's names. Both stores answer through
/// it, so that their answers are the same, byte by byte.
/// </summary>
internal static class EventJson
{
    // Letters of every language stay readable; what HTML could mistake for markup is escaped.
    private static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.Create(UnicodeRanges.All);

    public static readonly JsonSerializerOptions Plain = new() { Encoder = Encoder };

    /// <summary>
    /// <c>properties</c> comes out as jsonb gives it (shorter keys first, then by bytes; the last of equal keys wins); without any
    /// it is <c>{}</c>. Text that cannot be read as what its column holds is written as a JSON string: never throws.
    /// </summary>
    public static byte[] Of(ReadOnlySpan<string?> texts)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = Encoder, SkipValidation = true }))
        {
            json.WriteStartObject();
            for (var i = 0; i < texts.Length; i++)
            {
                var (name, kind) = EventColumns.All[i];
                json.WritePropertyName(name);
                Write(json, kind, texts[i]);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, ColumnKind kind, string? text)
    {
        switch (kind)
        {
            case ColumnKind.Json when text is null:
                json.WriteStartObject();
                json.WriteEndObject();
                break;
            case ColumnKind.Number when decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number):
                json.WriteRawValue(WithoutTrailingZeros(number));
                break;
            case ColumnKind.Flag when text is not null:
                json.WriteBooleanValue(text == "1");
                break;
            case ColumnKind.Address when IPAddress.TryParse(text, out var address):
                json.WriteStringValue(address.ToString());
                break;
            case ColumnKind.Json or ColumnKind.List when text is not null && Canonical(text) is { } canonical:
                json.WriteRawValue(canonical, skipInputValidation: true);
                break;
            default:
                json.WriteStringValue(text);
                break;
        }
    }

    // 12.50 and 12.5 are one amount; SQLite keeps it as a number and cannot tell them apart.
    private static string WithoutTrailingZeros(decimal number)
    {
        var text = number.ToString(CultureInfo.InvariantCulture);
        if (text.Contains('.')) text = text.TrimEnd('0').TrimEnd('.');
        return text is "-0" ? "0" : text;
    }

    private static byte[]? Canonical(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 1024 });
            var buffer = new ArrayBufferWriter<byte>(text.Length + 16);
            using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = Encoder, MaxDepth = 1024 }))
                Copy(document.RootElement, json);
            return buffer.WrittenSpan.ToArray();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // not JSON, too deep, or an escaped lone surrogate: shown as the text that it is
        }
    }

    private static void Copy(JsonElement element, Utf8JsonWriter json)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var member in element.EnumerateObject()) members[member.Name] = member.Value;
                json.WriteStartObject();
                foreach (var (name, value) in members.OrderBy(m => Encoding.UTF8.GetByteCount(m.Key)).ThenBy(m => m.Key, Utf8Order))
                {
                    json.WritePropertyName(name);
                    Copy(value, json);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in element.EnumerateArray()) Copy(item, json);
                json.WriteEndArray();
                break;
            case JsonValueKind.String:
                json.WriteStringValue(element.GetString());
                break;
            case JsonValueKind.Number when decimal.TryParse(element.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                                           && number != 0:
                json.WriteRawValue(WithoutTrailingZeros(number));
                break;
            default:
                element.WriteTo(json);
                break;
        }
    }

    private static readonly Comparer<string> Utf8Order = Comparer<string>.Create((left, right) =>
        Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right)));
}

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace PixelServer.Api;

/// <summary>A copy of what a client sent without the members that tell who somebody is, however deep.</summary>
internal static class Impersonal
{
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="value">Any JSON, no deeper than the parser that made it allows.</param>
    public static JsonElement Of(JsonElement value)
    {
        if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)) return value;
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, s_plain)) Write(value, json);
        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    private static void Write(JsonElement value, Utf8JsonWriter json)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    // The name of what belongs to somebody, of a product or a company, is nobody's name.
                    if (!member.NameEquals("name"u8) && IdentityNames.IsIdentity(member.Name)) continue;
                    json.WritePropertyName(member.Name);
                    Write(member.Value, json);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(item, json);
                json.WriteEndArray();
                break;
            default:
                value.WriteTo(json);
                break;
        }
    }
}

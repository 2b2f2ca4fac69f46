using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>Looks into JSON of strangers without ever throwing: what is not there, or of another kind, is nothing.</summary>
internal static class JsonMembers
{
    private static readonly JsonReaderOptions s_anyDepth = new() { MaxDepth = int.MaxValue };

    /// <summary>The member of this name; undefined where there is none, where it is null, and where this is no object.</summary>
    public static JsonElement Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? member : default;

    /// <summary>Whether it is an object that has members.</summary>
    public static bool HasMembers(this JsonElement element) => element.ValueKind == JsonValueKind.Object && element.GetPropertyCount() > 0;

    /// <summary>A string, or a number or truth value as it is written; null for everything else and for an empty string.</summary>
    public static string? Word(this JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString() is { Length: > 0 } text ? text : null,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => element.GetRawText(),
        _ => null,
    };

    public static bool IsTrue(this JsonElement element) => element.ValueKind == JsonValueKind.True;

    /// <summary>Writes the value under the key, within the limits of properties.</summary>
    public static Refusal? Add(this PropertyWriter writer, string key, JsonElement value, bool keepFirst = false)
    {
        // The raw text, so that the writer's own rules about depth, number and length of values hold here too.
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(value), s_anyDepth);
        reader.Read();
        return writer.AddJson(Encoding.UTF8.GetBytes(key), ref reader, keepFirst);
    }

    public static Refusal? Add(this PropertyWriter writer, string key, string text, bool keepFirst = false) =>
        writer.AddText(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(text), keepFirst);

    /// <summary>Takes what was said as the parameter; null is nothing said, and what cannot be read is left out.</summary>
    public static Refusal? Take(this Draft draft, Parameter parameter, string? text)
    {
        Refusal? refusal = null;
        if (text is not null) draft.TryTake(parameter, text, out refusal);
        return refusal;
    }
}

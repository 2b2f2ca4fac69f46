using System.Buffers;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// What is kept of <c>traits</c>. Who somebody is never stays there in the clear, unless the site keeps it: with a secret key it becomes an identity of the
/// event, with a write key, which anybody can use to name anybody, only a hash among the traits.
/// </summary>
internal static class SegmentTraits
{
    /// <summary>From the holder of a secret key.</summary>
    /// <param name="traits">Of the call: of a person, or of the group in a group call.</param>
    /// <param name="contextTraits">Of the person, as <c>context.traits</c> has them.</param>
    /// <param name="kind">The call.</param>
    /// <param name="options">Of the site.</param>
    /// <param name="draft">Gets the identities and the property <c>traits</c>.</param>
    /// <param name="emailSha256">For the column; null where no address was said.</param>
    public static Refusal? WriteTold(JsonElement traits, JsonElement contextTraits, SegmentCall kind, IdentityOptions options, Draft draft, out string? emailSha256)
    {
        emailSha256 = null;
        var person = kind != SegmentCall.Group && traits.HasMembers() ? traits : contextTraits;
        var refusal = person.HasMembers() ? Identities.Take(person, draft, options, warnings: null, out emailSha256) : null;
        return refusal ?? Write(traits, contextTraits, kind, draft, (member, json) => { });
    }

    /// <summary>From anybody.</summary>
    /// <inheritdoc cref="WriteTold"/>
    public static Refusal? Write(JsonElement traits, JsonElement contextTraits, SegmentCall kind, IdentityOptions options, Draft draft) =>
        Write(traits, contextTraits, kind, draft, options.KeepRaw ? WriteRaw : (member, json) => WriteHash(member, options, json));

    private static Refusal? Write(JsonElement traits, JsonElement contextTraits, SegmentCall kind, Draft draft, Action<JsonProperty, Utf8JsonWriter> writeIdentity)
    {
        var said = traits.HasMembers() ? traits : contextTraits;
        if (!said.HasMembers()) return null;
        var buffer = new ArrayBufferWriter<byte>(512);
        var isTooDeep = false;
        using (var json = new Utf8JsonWriter(buffer)) WriteObject(said, depth: 1, json);
        if (isTooDeep) return Refusal.TooDeep;
        using var kept = JsonDocument.Parse(buffer.WrittenMemory);
        return kept.RootElement.HasMembers() ? draft.Properties.Add("traits", kept.RootElement) : null;

        void WriteObject(JsonElement element, int depth, Utf8JsonWriter json)
        {
            json.WriteStartObject();
            foreach (var member in element.EnumerateObject())
            {
                // The name of a group, and of what belongs to somebody (company.name), is nobody's name.
                var isNameOfThing = member.NameEquals("name"u8) && (depth > 1 || kind == SegmentCall.Group);
                if (!isNameOfThing && IdentityNames.IsIdentity(member.Name))
                {
                    writeIdentity(member, json);
                    if (writeIdentity != WriteRaw) continue;
                }

                json.WritePropertyName(member.Name);
                WriteValue(member.Value, depth, json);
            }

            json.WriteEndObject();
        }

        void WriteValue(JsonElement value, int depth, Utf8JsonWriter json)
        {
            if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)) value.WriteTo(json);
            else if (isTooDeep |= depth > Limits.PropertyDepth) json.WriteNullValue(); // deeper than the property writer takes, and than our stack should go
            else if (value.ValueKind == JsonValueKind.Object) WriteObject(value, depth + 1, json);
            else WriteArray(value, depth + 1, json);
        }

        void WriteArray(JsonElement value, int depth, Utf8JsonWriter json)
        {
            json.WriteStartArray();
            foreach (var one in value.EnumerateArray()) WriteValue(one, depth, json);
            json.WriteEndArray();
        }
    }

    // Kept in the clear: with a hash of the address beside it, by which the person's rights find it (NamedBeside).
    private static void WriteRaw(JsonProperty member, Utf8JsonWriter json)
    {
        if (!IdentityField.TryFind(member.Name, out var field, out var isHashed) || field != IdentityField.Email || isHashed) return;
        var hashes = new IdentityHashes(field);
        foreach (var one in member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray() : (IEnumerable<JsonElement>)[member.Value])
            if (one.Word() is { } text) hashes.Add(text, isHashed: false, phoneCountry: null);
        if (hashes.Canonical.Count == 0) return;
        json.WriteStartArray(field.Hashed);
        foreach (var hash in hashes.Canonical) json.WriteStringValue(hash);
        json.WriteEndArray();
    }

    // The hash of the canonical form under its documented name, email_sha256; of what is no match key anywhere, nothing.
    private static void WriteHash(JsonProperty member, IdentityOptions options, Utf8JsonWriter json)
    {
        if (!IdentityField.TryFind(member.Name, out var field, out var isHashed)) return;
        if (field is null)
        {
            if (member.Value.ValueKind != JsonValueKind.Object) return;
            foreach (var inner in member.Value.EnumerateObject())
                if (IdentityField.TryFind(inner.Name, out var part, out _) && part is not null) WriteHash(inner, options, json);
            return;
        }

        var value = member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray().FirstOrDefault() : member.Value;
        if (value.Word() is not { } text) return;
        var hashes = new IdentityHashes(field);
        hashes.Add(text, isHashed, options.PhoneCountry.Length == 0 ? null : options.PhoneCountry);
        if (hashes.Canonical.Count > 0) json.WriteString(field.Hashed, hashes.Canonical[0]);
    }
}

using System.Buffers;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// Takes what tells who somebody is out of a JSON object, and leaves hashes of it in the draft, as <c>$identities</c>. Nothing that
/// was said in the clear goes any further, unless the site keeps it.
/// </summary>
internal static class Identities
{
    [ThreadStatic] private static PropertyWriter? t_writer;

    /// <summary>
    /// Reads one person: every field that is known, in every spelling, in the clear or hashed, a value or a list of them. Members of other
    /// names are passed over and told. What cannot be read is told and left out: it is no reason to lose the event.
    /// </summary>
    /// <param name="person">A JSON object without broken text (<see cref="JsonText.Mend"/>); undefined where there are only members <paramref name="beside"/> it.</param>
    /// <param name="draft">Gets <c>$identities</c>; a second call for the same draft replaces what the first one left.</param>
    /// <param name="options">Of the event's site.</param>
    /// <param name="warnings">Gets one for each thing that was not taken; null where nobody is to be told.</param>
    /// <param name="emailSha256">Of the first address; null where there is none.</param>
    /// <param name="beside">Members that count as if they stood behind those of the person.</param>
    /// <returns>Why the event cannot be kept: with its identities it would be larger than an event may be.</returns>
    public static Refusal? Take(
        JsonElement person, Draft draft, IdentityOptions options, ICollection<Warning>? warnings, out string? emailSha256,
        params IReadOnlyList<(string Name, JsonElement Value)> beside)
    {
        emailSha256 = null;
        if (person.ValueKind is not (JsonValueKind.Object or JsonValueKind.Undefined)) warnings?.Add(Warning.IdentityNotRead);
        if (person.ValueKind != JsonValueKind.Object && beside.Count == 0) return null;

        var said = Said(person, beside, warnings);
        var country = PhoneCountry(said) ?? (options.PhoneCountry.Length == 0 ? null : options.PhoneCountry);
        var fields = new Dictionary<IdentityField, IdentityHashes>();

        // First what came in the clear: its canonical form is ours for certain.
        foreach (var (field, text, isHashed) in said.OrderBy(one => one.IsHashed))
        {
            if (!fields.TryGetValue(field, out var hashes)) fields.Add(field, hashes = new IdentityHashes(field));
            if (hashes.Add(text, isHashed, country) is { } unread) warnings?.Add(unread);
        }

        if (fields.TryGetValue(IdentityField.Email, out var emails) && emails.Canonical.Count > 0) emailSha256 = emails.Canonical[0];
        return Write(fields, options.KeepRaw, draft);
    }

    private static List<(IdentityField Field, string Text, bool IsHashed)> Said(
        JsonElement person, IReadOnlyList<(string Name, JsonElement Value)> beside, ICollection<Warning>? warnings)
    {
        var said = new List<(IdentityField Field, string Text, bool IsHashed)>();
        if (person.ValueKind == JsonValueKind.Object) ReadAll(person, isAddress: false);
        foreach (var (name, value) in beside) Read(name, value, isAddress: false);
        return said;

        void ReadAll(JsonElement element, bool isAddress)
        {
            foreach (var member in element.EnumerateObject()) Read(member.Name, member.Value, isAddress);
        }

        void Read(string name, JsonElement value, bool isAddress)
        {
            var isKnown = IdentityField.TryFind(name, out var field, out var isHashed);
            if (field is not null) Take(field, isHashed, value);
            else if (isKnown && !isAddress && value.ValueKind == JsonValueKind.Object) ReadAll(value, isAddress: true);
            else warnings?.Add(Warning.IdentityUnknown);
        }

        void Take(IdentityField field, bool isHashed, JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Array)
            {
                if (value.GetArrayLength() > IdentityHashes.Most) warnings?.Add(Warning.IdentityTooMany);
                foreach (var one in value.EnumerateArray().Take(IdentityHashes.Most)) Add(one);
            }
            else
            {
                Add(value);
            }

            void Add(JsonElement one)
            {
                if (one.ValueKind == JsonValueKind.String) said.Add((field, one.GetString()!, isHashed));
                else if (one.ValueKind == JsonValueKind.Number) said.Add((field, one.GetRawText(), isHashed)); // a phone number, a day, an id
                else if (one.ValueKind != JsonValueKind.Null) warnings?.Add(Warning.IdentityNotRead);
            }
        }
    }

    private static string? PhoneCountry(List<(IdentityField Field, string Text, bool IsHashed)> said)
    {
        foreach (var (field, text, isHashed) in said)
            if (field == IdentityField.Country && !isHashed && text.Length <= field.MaxChars && PersonText.Country(text) is { } country) return country;
        return null;
    }

    private static Refusal? Write(Dictionary<IdentityField, IdentityHashes> fields, bool keepRaw, Draft draft)
    {
        var writer = t_writer ??= new PropertyWriter();
        writer.Clear();
        foreach (var field in IdentityField.All)
        {
            if (!fields.TryGetValue(field, out var hashes)) continue;
            foreach (var (name, list) in hashes.Kept)
                if (Write(writer, name, json => WriteList(json, list)) is { } refusal) return refusal;
        }

        if (keepRaw && fields.Any(one => one.Value.Raw.Count > 0) && Write(writer, "raw", json => WriteRaw(json, fields)) is { } tooLarge) return tooLarge;
        return writer.IsEmpty ? null : draft.Properties.AddObject(Parameters.KeptIdentities, writer);
    }

    private static void WriteRaw(Utf8JsonWriter json, Dictionary<IdentityField, IdentityHashes> fields)
    {
        json.WriteStartObject();
        foreach (var field in IdentityField.All)
        {
            if (!fields.TryGetValue(field, out var hashes) || hashes.Raw.Count == 0) continue;
            json.WritePropertyName(field.Name);
            WriteList(json, hashes.Raw);
        }

        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, IReadOnlyList<string> list)
    {
        json.WriteStartArray();
        foreach (var text in list) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private static Refusal? Write(PropertyWriter writer, string name, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        reader.Read();
        return writer.AddJson(Encoding.UTF8.GetBytes(name), ref reader);
    }
}

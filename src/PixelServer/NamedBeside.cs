using System.Text.Json;

namespace PixelServer;

/// <summary>
/// Whom an event names beside its columns: the further addresses of one person, numbers and other systems' ids, at any depth and as hashes; the ids of the
/// device; and the previous id of an alias. Doors, journal and the way into the store look here; for the rows that are there <see cref="Store.PersonTables"/> has the same in SQL.
/// </summary>
internal static class NamedBeside
{
    public const string Alias = "alias";

    private static readonly (string Member, SubjectKind Kind)[] s_hashes =
        [("email_sha256", SubjectKind.Email), ("phone_sha256", SubjectKind.Phone), ("external_id_sha256", SubjectKind.ExternalId)];

    /// <summary>The members of <c>$device</c> that are ids.</summary>
    public static IReadOnlyList<string> DeviceIds { get; } =
        ["idfa", "idfv", "gaid", "oaid", "fire_adid", "app_set_id", "android_id", "device_id", "appsflyer_id", "adjust_id", "branch_id"];

    /// <summary>False where nothing can be in there: nearly always, at the price of one search.</summary>
    /// <param name="name">The event's.</param>
    /// <param name="properties">JSON, or pieces of it.</param>
    public static bool IsLikely(string? name, ReadOnlySpan<byte> properties) => properties.IndexOf("_sha256\""u8) >= 0 || properties.IndexOf("\"$device\""u8) >= 0
        || (name == Alias && (properties.IndexOf("\"previous_id\""u8) >= 0 || properties.IndexOf("\"previousId\""u8) >= 0));

    /// <summary>Each as subject and identifier; what is nobody's is left out.</summary>
    /// <param name="site">Site id.</param>
    /// <param name="name">The event's.</param>
    /// <param name="properties">A JSON object, or nothing.</param>
    public static IReadOnlyList<(SubjectKind Kind, string Id)> Of(string site, string? name, ReadOnlySpan<byte> properties)
    {
        if (!IsLikely(name, properties)) return [];
        var found = new List<(SubjectKind, string)>();
        try
        {
            var json = new Utf8JsonReader(properties);
            var all = JsonElement.ParseValue(ref json);
            AddHashes(all);
            if (all.ValueKind is JsonValueKind.Object)
            {
                foreach (var member in all.EnumerateObject())
                {
                    if (member.NameEquals("$device"u8)) AddDevice(member.Value);
                    else if (name == Alias && (member.NameEquals("previous_id"u8) || member.NameEquals("previousId"u8))) AddPrevious(member.Value);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON: the store refuses the row, or has.
        }

        return found;

        void AddHashes(JsonElement element)
        {
            if (element.ValueKind is JsonValueKind.Array)
                foreach (var one in element.EnumerateArray()) AddHashes(one);
            if (element.ValueKind is not JsonValueKind.Object) return;
            foreach (var member in element.EnumerateObject())
            {
                foreach (var (of, kind) in s_hashes)
                {
                    if (!member.NameEquals(of)) continue;
                    foreach (var one in member.Value.ValueKind is JsonValueKind.Array ? member.Value.EnumerateArray() : (IEnumerable<JsonElement>)[member.Value])
                        if (one.ValueKind is JsonValueKind.String) found.Add((kind, one.GetString()!));
                }

                AddHashes(member.Value);
            }
        }

        void AddDevice(JsonElement device)
        {
            if (device.ValueKind is not JsonValueKind.Object) return;
            foreach (var member in device.EnumerateObject())
                if (member.Value.ValueKind is JsonValueKind.String && DeviceIds.Contains(member.Name)) found.Add((SubjectKind.Device, member.Value.GetString()!));
        }

        void AddPrevious(JsonElement value)
        {
            var previous = value.ValueKind switch { JsonValueKind.String => value.GetString()!, JsonValueKind.Number => value.GetRawText(), _ => "" };
            if (BlockedIds.IsNobody(previous)) return;
            found.Add((SubjectKind.User, previous));
            found.Add((SubjectKind.Visitor, VisitorIds.Of(site, previous).ToString("D")));
        }
    }
}

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Everything of a person as one JSON document, written row by row: however much it is, the server holds one row of it.</summary>
internal static class PersonExport
{
    private const int FlushBytes = 64 << 10;

    private static readonly JsonWriterOptions s_options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="to">Gets UTF-8.</param>
    /// <param name="person">Who.</param>
    /// <param name="rows">Rows of the store, those of a table together.</param>
    /// <param name="waiting">Hits that are on their way into the store, asked for before the rows: what is stored meanwhile is in both, and written once. Null where the process has no journal.</param>
    /// <param name="now">When it is made.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task WriteAsync(
        Stream to, PersonFound person, IAsyncEnumerable<(string Table, string Json)> rows, IAsyncEnumerable<Hit>? waiting, DateTimeOffset now, CancellationToken ct)
    {
        await using var json = new Utf8JsonWriter(to, s_options);
        json.WriteStartObject();
        json.WriteString("site_id", person.Ids.Site);
        json.WriteString("person_id", person.Person);
        json.WriteString("exported_at", now);
        Write(json, "visitor_ids", person.Ids.Visitors.Select(id => id.ToString("D")));
        Write(json, "user_ids", person.Ids.Users);
        Write(json, "email_sha256s", person.Ids.Emails);
        Write(json, "phone_sha256s", person.Ids.Phones);
        Write(json, "external_id_sha256s", person.Ids.ExternalIds);
        Write(json, "device_ids", person.Ids.Devices);
        Write(json, "not_included_because_shared", PersonAnswers.Shared(person.Shared));

        var passed = new HashSet<Guid>();
        if (waiting is not null)
        {
            json.WriteStartArray("not_yet_stored");
            await foreach (var hit in waiting.WithCancellation(ct))
            {
                passed.Add(hit.EventId);
                Write(json, hit);
                if (json.BytesPending > FlushBytes) await json.FlushAsync(ct);
            }

            json.WriteEndArray();
        }

        string? open = null;
        await foreach (var (table, row) in rows.WithCancellation(ct))
        {
            if (table != open)
            {
                if (open is not null) json.WriteEndArray();
                json.WriteStartArray(open = table);
            }

            if (table == PersonTables.Events && passed.Count > 0 && passed.Contains(EventId(row))) continue;
            json.WriteRawValue(row);
            if (json.BytesPending > FlushBytes) await json.FlushAsync(ct);
        }

        if (open is not null) json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(ct);
        await to.WriteAsync("\n"u8.ToArray(), ct);
    }

    private static Guid EventId(string row)
    {
        using var read = JsonDocument.Parse(row);
        return read.RootElement.GetProperty("event_id").GetGuid();
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    // As it was taken in; what is made of it on the way into the store is not there yet.
    private static void Write(Utf8JsonWriter json, Hit hit)
    {
        json.WriteStartObject();
        json.WriteString("event_id", hit.EventId);
        json.WriteString("received_at", hit.ReceivedAt);
        json.WriteString("occurred_at", hit.OccurredAt);
        json.WriteString("source", Names.Of(hit.Source));
        json.WriteString("name", hit.Name);
        json.WriteString("visitor_id", hit.VisitorId);
        json.WriteString("visitor_kind", Names.Of(hit.VisitorKind));
        Text("client_event_id", hit.ClientEventId);
        Text("user_id", hit.UserId);
        Text("email_sha256", hit.EmailSha256);
        Text("url", hit.Url);
        Text("title", hit.Title);
        Text("referrer", hit.Referrer);
        if (hit.Value is { } value) json.WriteNumber("value", value);
        Text("currency", hit.Currency);
        Text("ip", hit.Ip?.ToString());
        Text("country", hit.ProxyCountry);
        Text("user_agent", hit.UserAgent);
        if (!hit.Properties.IsEmpty)
        {
            json.WritePropertyName("properties");
            json.WriteRawValue(Encoding.UTF8.GetString(hit.Properties.Span));
        }

        json.WriteEndObject();

        void Text(string name, string? text)
        {
            if (text is not null) json.WriteString(name, text);
        }
    }
}

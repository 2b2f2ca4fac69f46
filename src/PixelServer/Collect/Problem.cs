using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>One event of a body that was turned away, by its place in it.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Refusal">Why.</param>
/// <param name="Site">The site that it named, for the count; null where it named none that could be one.</param>
internal readonly record struct RefusedEvent(int Index, Refusal Refusal, string? Site = null);

/// <summary>Answers with a body: problem documents (RFC 9457) and the receipt of a body that was taken in part. Never a word of the client's in them.</summary>
internal static class Problem
{
    private static readonly StringValues s_problem = "application/problem+json";
    private static readonly StringValues s_json = "application/json";
    private static readonly StringValues s_noStore = "no-store";
    private static readonly StringValues s_encodings = "gzip, br";

    public static Task WriteAsync(HttpResponse response, Refusal refusal, StringValues allow)
    {
        response.Headers.Allow = allow;
        return WriteAsync(response, refusal, 0, []);
    }

    /// <summary>Some events may be durable all the same; every event that is not is named, unless none could be told apart.</summary>
    public static Task WriteAsync(HttpResponse response, Refusal refusal, int accepted, IReadOnlyList<RefusedEvent> refused) =>
        WriteAsync(response, refusal, json =>
        {
            if (refused.Count > 0) WriteReceipt(json, accepted, refused);
        });

    /// <summary>With members of the door's own behind those of every problem.</summary>
    public static Task WriteAsync(HttpResponse response, Refusal refusal, Action<Utf8JsonWriter> others)
    {
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("type", "urn:pixelserver:" + refusal.Code);
            json.WriteString("title", refusal.Title);
            json.WriteNumber("status", refusal.Status);
            json.WriteString("code", refusal.Code);
            others(json);
            json.WriteEndObject();
        }

        if (refusal.MayBeRetried) response.Headers.RetryAfter = refusal.RetryAfter;
        if (refusal == Refusal.UnsupportedEncoding) response.Headers.AcceptEncoding = s_encodings; // RFC 9110 15.5.16
        return WriteAsync(response, refusal.Status, s_problem, body.WrittenMemory);
    }

    public static Task WriteReceiptAsync(HttpResponse response, int accepted, IReadOnlyList<RefusedEvent> refused)
    {
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            WriteReceipt(json, accepted, refused);
            json.WriteEndObject();
        }

        return WriteAsync(response, StatusCodes.Status200OK, s_json, body.WrittenMemory);
    }

    /// <summary>The members <c>accepted</c> and <c>refused</c> of an answer.</summary>
    public static void WriteReceipt(Utf8JsonWriter json, int accepted, IReadOnlyList<RefusedEvent> refused)
    {
        json.WriteNumber("accepted", accepted);
        json.WriteStartArray("refused");
        foreach (var (index, refusal, _) in refused)
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            json.WriteString("code", refusal.Code);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>A body that no one keeps and no browser takes for something else.</summary>
    public static Task WriteAsync(HttpResponse response, int status, StringValues type, ReadOnlyMemory<byte> body)
    {
        response.StatusCode = status;
        response.Headers.ContentType = type;
        response.Headers.CacheControl = s_noStore;
        response.Headers.XContentTypeOptions = "nosniff";
        response.ContentLength = body.Length;
        response.BodyWriter.Write(body.Span); // the server flushes at the end; a client that has gone is not our error
        return Task.CompletedTask;
    }
}

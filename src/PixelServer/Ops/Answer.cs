using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Ops;

/// <summary>Answers that no one keeps and no browser takes for something else than they are.</summary>
internal static class Answer
{
    /// <summary>What <see cref="WriteAsync(HttpResponse, Action{Utf8JsonWriter})"/> answers as.</summary>
    public const string JsonType = "application/json";

    /// <summary>200 with a JSON object of these members.</summary>
    public static Task WriteAsync(HttpResponse response, Action<Utf8JsonWriter> members) => WriteAsync(response, StatusCodes.Status200OK, JsonType, Json(members));

    public static Task WriteAsync(HttpResponse response, int status, StringValues type, ReadOnlyMemory<byte> body)
    {
        response.StatusCode = status;
        WriteHeaders(response.Headers, type);
        response.ContentLength = body.Length;
        response.BodyWriter.Write(body.Span); // the server flushes at the end; a client that has gone is not our error
        return Task.CompletedTask;
    }

    /// <summary>For an answer that is written piece by piece.</summary>
    public static void WriteHeaders(IHeaderDictionary headers, StringValues type)
    {
        headers.ContentType = type;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>A JSON object of these members.</summary>
    public static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> members)
    {
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return body.WrittenMemory;
    }
}

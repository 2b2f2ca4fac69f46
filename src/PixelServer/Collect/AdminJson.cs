using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>The JSON of the routes for the holder of the admin token: strict in what it takes, snake_case in what it says.</summary>
internal static class AdminJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.Strict,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, // a misspelt "lift" must not restrict
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The body's object; null where it is none, and that has been answered.</summary>
    public static Task<T?> ReadAsync<T>(HttpContext http) where T : class =>
        ReadAsync(http, BodyReader.Public, body => JsonSerializer.Deserialize<T>(body, Options), "The body must be a JSON object.");

    /// <param name="http">The request, and where it is answered if its body is not what it should be.</param>
    /// <param name="limits">Of the body.</param>
    /// <param name="read">Null for JSON of another shape.</param>
    /// <param name="shape">What the body must be, in a sentence.</param>
    public static async Task<T?> ReadAsync<T>(HttpContext http, BodyLimits limits, Func<byte[], T?> read, string shape) where T : class
    {
        var (body, refusal) = await BodyReader.ReadAsync(http.Request, limits);
        if (body is null) return null;
        if (refusal is not null)
        {
            await refusal.WriteAsync(http.Response);
            return null;
        }

        try
        {
            if (read(body) is { } value) return value;
            await Problem.InvalidParameter.WriteAsync(http, shape);
        }
        catch (JsonException e)
        {
            // Where it is wrong, by our own names and places; not what stands there.
            await Problem.InvalidParameter.WriteAsync(http, $"The body is not the JSON that this address takes{(e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine})" : "")}.");
        }

        return null;
    }

    /// <summary>Answers 200 with a line of JSON.</summary>
    public static Task WriteAsync(HttpContext http, object answer, JsonSerializerOptions? options = null) =>
        Answer.WriteAsync(http.Response, StatusCodes.Status200OK, Answer.JsonType, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(answer, options ?? Options) + "\n"));
}

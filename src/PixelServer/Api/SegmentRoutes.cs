using System.Buffers;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>Every address that SDKs of the Segment kind really call, where they are mapped and how the API page shows them.</summary>
internal static class SegmentRoutes
{
    private const string Metrics = "/v1/m";

    private const string Group = "Segment";

    private static readonly SearchValues<char> s_keyChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-");

    /// <summary>The documented address of each call, and the browser's own: the first letter of its name.</summary>
    private static IEnumerable<(string Path, SegmentCall? Call)> Calls =>
        SegmentCalls.All.SelectMany(call => new (string, SegmentCall?)[] { ($"/v1/{SegmentCalls.Word(call)}", call), ($"/v1/{SegmentCalls.Word(call)[0]}", call) });

    /// <summary>With calls of all kinds: the documented address, its old one, that of apps and of the browser's batching, and what comes of joining hosts wrongly.</summary>
    private static readonly string[] s_batches = ["/v1/batch", "/v1/import", "/v1/b", "/v1/batch/b"];

    /// <summary>By the browser, by apps whose host has no <c>/v1</c>, and what comes of joining hosts wrongly.</summary>
    private static readonly string[] s_settings = ["/v1/projects/{writeKey}/settings", "/projects/{writeKey}/settings", "/v1/projects/projects/{writeKey}/settings"];

    /// <summary>Segment's, and RudderStack's.</summary>
    private static readonly string[] s_pixels = ["/v1/pixel/{call}", "/pixel/v1/{call}"];

    public static void MapSegment(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        var (door, pixel) = (services.GetRequiredService<SegmentDoor>(), services.GetRequiredService<SegmentPixel>());
        var settings = services.GetRequiredService<SegmentSettings>();
        foreach (var (path, call) in Calls) routes.Map(path, http => door.AnswerAsync(http, call)).ExcludeFromDescription();
        foreach (var path in s_batches) routes.Map(path, http => door.AnswerAsync(http, call: null)).ExcludeFromDescription();
        routes.Map(Metrics, SegmentDoor.DropAsync).ExcludeFromDescription();
        foreach (var path in s_pixels) routes.Map(path, http => AnswerPixelAsync(http, pixel)).ExcludeFromDescription();
        foreach (var path in s_settings) routes.MapGet(path, http => AnswerSettingsAsync(http, settings)).ExcludeFromDescription();
    }

    public static IEnumerable<ApiRoute> All() =>
    [
        .. Calls.Select(one => new ApiRoute("POST", one.Path, Group, $"One {SegmentCalls.Word(one.Call!.Value)} call")
        {
            Description = $"As the Segment HTTP API has it; what becomes of each field is in docs/segment.md. {Sending}",
            Parameters = s_headers,
            Bodies = [new("application/json", "one", Example(one.Call.Value)), new("text/plain", "browser", Example(one.Call.Value))],
            Answers = s_answers,
        }),
        .. s_batches.Select(path => new ApiRoute("POST", path, Group, "Calls of all kinds")
        {
            Description = $"Up to {Limits.KeyedBatchEvents} calls of at most {Limits.KeyedEventBytes} bytes. `context`, `integrations` and `sentAt` beside `batch` hold for all of them. {Sending}",
            Parameters = s_headers,
            Bodies = [new("application/json", "batch", Batch), new("text/plain", "app", Batch)],
            Answers = s_answers,
        }),
        new("POST", Metrics, Group, "What SDKs tell their maker about themselves: taken and thrown away") { Answers = [new(200, "Thrown away.", "application/json", Success)] },
        .. s_pixels.Select(path => new ApiRoute("GET", path, Group, "One call in an address; always answers the same 43-byte GIF")
        {
            Description = "The call is base64 of its JSON in `data`, or stands in parameters with dots (`properties.subject=hello`). Here, and nowhere else, the write key stands in the "
                + "address; a secret key is refused.",
            Parameters =
            [
                new("call", "path", "`track`, `page`, `screen`, `identify`, `group` or `alias`.", "track"),
                new("data", "query", "Base64 of the call as JSON, with its `writeKey`."),
                new("writeKey", "query", "The key, where `data` does not hold it."),
            ],
            Answers = [new(200, "The GIF. Without the header `X-Pixel-Refused` the event is kept; with it the header holds the code of a refusal.", "image/gif"), new(404, "Another call.")],
        }),
        .. s_settings.Select(path => new ApiRoute("GET", path, Group, "What an SDK asks before it sends anything: where to send it")
        {
            Description = "The same for every key, known or not. `apiHost` is the host that was asked, or `Pixel:Segment:ApiHost`.",
            Parameters = [new("writeKey", "path", "The write key, which SDKs put here.", "pxw_…")],
            Answers = [new(200, "The settings.", "application/json", Settings), .. ApiAnswer.Of([Refusal.KeyInQuery]), new(404, "That is no key.")],
        }),
    ];

    private static Task AnswerPixelAsync(HttpContext http, SegmentPixel pixel)
    {
        if (SegmentCalls.Named(http.Request.RouteValues["call"] as string) is { } call) return pixel.AnswerAsync(http, call);
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static Task AnswerSettingsAsync(HttpContext http, SegmentSettings settings)
    {
        var key = http.Request.RouteValues["writeKey"] as string ?? "";
        // A write key is public anyway; a secret one stands in logs by now, and is not repeated.
        if (key.StartsWith(KeyText.SecretPrefix, StringComparison.OrdinalIgnoreCase)) return Refusal.KeyInQuery.WriteAsync(http.Response);
        if (key.Length <= KeyHeader.MaxChars && !key.AsSpan().ContainsAnyExcept(s_keyChars)) return settings.AnswerAsync(http, key);
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private const string Sending = "The key is the user of Basic authorization, a Bearer token, or `writeKey` in the body. Pages of every origin may ask (CORS, without credentials): "
        + "the key and its site decide whose events are kept.";

    private const string Success = """{"success":true}""";

    private const string Batch =
        """{"writeKey":"pxw_…","sentAt":"2026-11-24T10:00:02Z","batch":[{"type":"track","messageId":"m-1","anonymousId":"a-1","event":"Order Completed","properties":{"revenue":59.90,"currency":"EUR"},"timestamp":"2026-11-24T10:00:00Z"},{"type":"identify","messageId":"m-2","anonymousId":"a-1","userId":"user123","traits":{"plan":"pro"}}]}""";

    private const string Settings =
        """{"integrations":{"Segment.io":{"apiKey":"pxw_…","apiHost":"t.example.com/v1","protocol":"https"}},"plan":{},"edgeFunction":{},"metrics":{"sampleRate":0}}""";

    private static readonly ApiParameter[] s_headers =
    [
        new("Authorization", "header", "Basic with the key as user and nothing behind the colon, or Bearer.", "Basic …"),
        new("Content-Encoding", "header", "`gzip` or `br`.", "gzip"),
    ];

    private static readonly ApiAnswer[] s_answers =
    [
        new(200, "Every event is kept; those that are not are named by their index under `refused` and must not be sent again.", "application/json",
            """{"success":true,"accepted":1,"refused":[{"index":1,"code":"no_user_anon_id"}]}"""),
        .. ApiAnswer.Of(Refusal.All.Where(one => one.Status is not (403 or 414) || one == Refusal.OriginNotAllowed || one == Refusal.SecretKeyInBrowser)),
    ];

    private static string Example(SegmentCall call) => call switch
    {
        SegmentCall.Track => """{"messageId":"m-1","anonymousId":"a-1","event":"Order Completed","properties":{"order_id":"4711","revenue":59.90,"currency":"EUR"}}""",
        SegmentCall.Page => """{"messageId":"m-1","anonymousId":"a-1","name":"Shoes","properties":{"url":"https://shop.example/shoes","title":"Shoes"}}""",
        SegmentCall.Screen => """{"messageId":"m-1","anonymousId":"a-1","name":"Shoes","properties":{"colour":"red"}}""",
        SegmentCall.Identify => """{"messageId":"m-1","anonymousId":"a-1","userId":"user123","traits":{"plan":"pro"}}""",
        SegmentCall.Group => """{"messageId":"m-1","anonymousId":"a-1","userId":"user123","groupId":"acme","traits":{"name":"Acme","employees":12}}""",
        _ => """{"messageId":"m-1","userId":"user123","previousId":"a-1"}""",
    };
}

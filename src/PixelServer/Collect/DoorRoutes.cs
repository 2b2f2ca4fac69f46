using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>The doors as the API page shows them, made from the tables that the doors themselves work by.</summary>
internal static class DoorRoutes
{
    private const string Group = "Collect";

    private static readonly ApiParameter[] s_headers =
    [
        new("Cookie", "header", "`px_id`: the visitor's id that this server gave; a forged one is replaced. `px_no`: what the device's person said no to."),
        new("Sec-GPC", "header", "`1` is recorded with the event.", "1"),
    ];

    public static IEnumerable<ApiRoute> Of(PathOptions paths) =>
    [
        new("GET", paths.Pixel, Group, "Record one event; always answers the same 43-byte GIF")
        {
            Description = "Every other parameter is kept in `properties`. Both the short and the long names of the parameters are understood.",
            Parameters = [.. QueryParameters(), .. s_headers],
            Answers =
            [
                new(200, "The GIF. Without the header `X-Pixel-Refused` the event is kept; with it the event was refused and the header holds the code:\n\n"
                    + Codes(Refusal.All.Where(one => one.Status is 400 or 403 && !one.NeedsKey)), "image/gif"),
                .. ApiAnswer.Of(Refusal.All.Where(one => one.Status == 405)),
                new(503, "The same GIF: the event could not be kept and may be sent again after `Retry-After`; `X-Pixel-Refused` holds the code:\n\n"
                    + Codes(Refusal.All.Where(one => one.MayBeRetried && !one.NeedsKey)), "image/gif"),
            ],
        },
        new("HEAD", paths.Pixel, Group, "The headers of the GIF; not counted as an event") { Answers = [new(200, "The headers.")] },
        new("POST", paths.Beacon, Group, "Record one event or many")
        {
            Description = $"One object, an array, or `{{\"{Parameters.Batch}\":[…]}}` of at most {Limits.BatchEvents} events; {Limits.BodyBytes} bytes, "
                + $"{Limits.UnpackedBytes} when unpacked (gzip or br). Consent strings stand in `{Parameters.Consent}{{}}`, everything else in "
                + $"`{Parameters.Properties}{{}}`. What the query says holds for every event that does not say it itself. Both the short and the long names are understood:\n\n"
                + string.Join("\n", Parameters.All.Select(one => $"- `{one.Json}`{(one.Query == one.Json ? "" : $" (`{one.Query}`)")}: {Meaning(one)}")),
            Parameters = [.. QueryParameters(), new("Content-Encoding", "header", "`gzip` or `br`.", "gzip"), .. s_headers],
            Bodies =
            [
                new("application/json", "single", """{"event":"purchase","user_id":"user123","value":59.90,"currency":"EUR","url":"https://shop.example/thanks","properties":{"plan":"pro"}}"""),
                new("application/json", "array", """[{"event":"page_view","url":"https://shop.example/"},{"event":"add_to_cart","properties":{"sku":"A-1"}}]"""),
                new("application/json", "batch", """{"batch":[{"event":"page_view","timestamp":"2026-11-23T10:00:00Z","sent_at":"2026-11-23T10:00:02Z"}]}"""),
                new("text/plain", "sendBeacon", """{"event":"page_view","url":"https://shop.example/"}"""),
                new("application/x-www-form-urlencoded", "form", "e=page_view&u=user123"),
            ],
            Answers =
            [
                new(200, "Some events are kept; those that are not are named by their index and must not be sent again.", "application/json",
                    """{"accepted":1,"refused":[{"index":1,"code":"name_too_long"}]}"""),
                new(204, "Every event is kept."),
                .. ApiAnswer.Of(Refusal.All.Where(one => !one.NeedsKey)),
            ],
        },
        new("OPTIONS", paths.Beacon, Group, "Preflight of a request from a page of another origin (CORS)")
        {
            Parameters = [new("Origin", "header", "Echoed where the site allows it.", "https://shop.example")],
            Answers = [new(204, "With the `Access-Control-…` headers where the origin is allowed, without them where it is not.")],
        },
        new("GET", paths.Signal, Group, "What became of the visitor's signals, for the page to show it")
        {
            Description = "Makes no event, and knows nobody but the device. `opted_out`: nothing of this visitor is sold or shared, by a signal of this request or of an earlier one. `measured`: this visitor is counted. `stored`: that stays with this device "
                + "when the signal is gone. With a parameter that denies storage, such as `analytics_storage=denied`, the visitor's cookie is expired, and `px_no` keeps what was said. Pages of the site's origins may read it.",
            Parameters = [.. Signals(), .. s_headers],
            Answers =
            [
                new(200, "What holds now; never cached.", "application/json", Honoured),
                .. ApiAnswer.Of(Refusal.All.Where(one => one.Status is 400 or 403 or 405 or 414 && !one.NeedsKey)),
            ],
        },
        new("POST", paths.Signal, Group, "The visitor objects to being counted, or takes that back")
        {
            Description = "`measurement` is `denied` or `granted`. The device keeps a no in `px_no` for 395 days; then its events are refused with `consent_required`, and its id is expired. A yes takes it out again, "
                + "unless something else says no. `measured` in the answer says what holds then. Name the site by `?id=`: the preflight of a page of another origin knows no other.",
            Parameters = [.. Signals(), .. s_headers],
            Bodies =
            [
                new("application/json", "denied", """{"measurement":"denied"}"""),
                new("application/x-www-form-urlencoded", "form", "measurement=granted"),
            ],
            Answers =
            [
                new(200, "What holds now; never cached.", "application/json", Honoured),
                .. ApiAnswer.Of(Refusal.All.Where(one => one.Status is not 503 && !one.NeedsKey)),
            ],
        },
        new("OPTIONS", paths.Signal, Group, "Preflight of that, from a page of another origin (CORS)")
        {
            Parameters = [new("Origin", "header", "Echoed where the site allows it.", "https://shop.example")],
            Answers = [new(204, "With the `Access-Control-…` headers where the origin is allowed, without them where it is not.")],
        },
    ];

    private const string Honoured = """{"gpc":true,"dnt":false,"opted_out":true,"stored":true,"regime":"us","measured":true}""";

    private static IEnumerable<ApiParameter> Signals() => QueryParameters().Where(one => Parameters.Find(one.Name)!.Kind is ParameterKind.Site or ParameterKind.Consent);

    private static IEnumerable<ApiParameter> QueryParameters() =>
        Parameters.All.Select(one => new ApiParameter(one.Query, "query", Meaning(one), one.Example));

    private static string Meaning(Parameter one) => one.Meaning + (one.MaxChars > 0 ? $"; at most {one.MaxChars} characters" : "") + ".";

    private static string Codes(IEnumerable<Refusal> refusals) => string.Join("\n", refusals.Select(one => $"- `{one.Code}`: {one.Title}"));
}

using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Tag;

/// <summary><c>GET /api/tag</c>: what to paste into the pages of a site, and what it weighs.</summary>
internal static class TagEndpoint
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // markup to be copied; the answer is no page
    };

    public static IResult Answer(HttpContext http, TagScripts scripts, CollectOptions collect, string? site, string? url)
    {
        var id = string.IsNullOrEmpty(site) ? null : site;
        if (scripts.Find(id, out var script) is { } refusal) return new Refused($"site: {refusal.Title}");
        if (TagSnippet.Collector(string.IsNullOrEmpty(url) ? $"{http.Request.Scheme}://{http.Request.Host}" : url) is not { } collector)
            return new Refused("url: scheme and host of the collector as browsers see it, such as https://t.example.com.");

        http.Response.Headers.CacheControl = "no-store";
        var address = TagSnippet.Address(collector, collect.Paths.Tag, id, script!.Version);
        return TypedResults.Json(
            new Description(
                address, script.Integrity, TagSnippet.Of(TagSnippet.Address(collector, collect.Paths.Tag, id, null)), TagSnippet.Of(address, script.Integrity),
                script.Bytes.Length, script.Gzip.Length, script.Modules),
            s_json);
    }

    public static ApiRoute DoorRoute(PathOptions paths) => new("GET", paths.Tag, "Collect", "The JavaScript tag of a site")
    {
        Description = "Put together from what the site switched on (docs/tag.md). The source map is at the same path with `.map` behind it.",
        Parameters =
        [
            new("id", "query", "The site; default if absent.", "shop"),
            new("v", "query", "A version. The current one may be kept for a year; with any other the current tag is served, to be kept for five minutes."),
            new("If-None-Match", "header", "The ETag of a tag that the browser has."),
            new("Accept-Encoding", "header", "`br` and `gzip` are understood.", "gzip"),
        ],
        Answers =
        [
            new(200, "The tag.", "text/javascript"),
            new(304, "The browser has it."),
            .. ApiAnswer.Of(Problem.NotFound, Problem.MethodNotAllowed),
        ],
    };

    public static ApiRoute WithdrawRoute(PathOptions paths) => new("POST", paths.Tag, "Collect", "Storage was withdrawn: expires the visitor's cookie")
    {
        Description = "What the tag sends when the visitor takes storage or measurement back, because a page cannot delete the cookie. Makes no event; no body is read.",
        Parameters = [new("id", "query", "The site; default if absent.", "shop"), new("Cookie", "header", "`px_id`: is expired if it came.")],
        Answers = [new(204, "There is no cookie any more."), .. ApiAnswer.Of(Problem.NotFound)],
    };

    public static ApiRoute MapRoute(PathOptions paths) => new("GET", paths.Tag + ".map", "Collect", "The tag's source map, with the sources as a person reads them")
    {
        Parameters =
        [
            new("id", "query", "The site; default if absent.", "shop"),
            new("v", "query", "Only of this version; of the current one if absent."),
        ],
        Answers = [new(200, "Source map, version 3.", "application/json"), .. ApiAnswer.Of(Problem.NotFound, Problem.MethodNotAllowed)],
    };

    public static ApiRoute Route { get; } = new("GET", "/api/tag", "Reports", "What to paste into the pages of a site")
    {
        Admin = true,
        Parameters =
        [
            new("site", "query", "The site; default if absent.", "shop"),
            new("url", "query", "Scheme and host of the collector as browsers see it; those of this request if absent.", "https://t.example.com"),
        ],
        Answers =
        [
            new(200, "Address of this version, its integrity, the snippet that follows every update, the one that is pinned to this version, bytes as they are and "
                + "packed with gzip, and the modules in it.", "application/json",
                """
                {"url":"https://t.example.com/t.js?id=shop&v=0123456789","integrity":"sha384-…","snippet":"<script>…</script>\n<script async src=\"https://t.example.com/t.js?id=shop\"></script>",
                "snippet_pinned":"<script>…</script>\n<script async src=\"https://t.example.com/t.js?id=shop&amp;v=0123456789\" integrity=\"sha384-…\" crossorigin=\"anonymous\"></script>",
                "bytes":8000,"gzip_bytes":3900,"modules":["core.js","start.js"]}
                """),
            .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized),
        ],
    };

    private sealed class Refused(string detail) : IResult
    {
        public Task ExecuteAsync(HttpContext http) => Problem.InvalidParameter.WriteAsync(http, detail);
    }

    private sealed record Description(
        string Url, string Integrity, string Snippet, string SnippetPinned, int Bytes, int GzipBytes, IReadOnlyList<string> Modules);
}

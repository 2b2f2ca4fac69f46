using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Tag;

/// <summary><c>GET, HEAD /t.js</c>: the tag of a site; <c>/t.js.map</c>: its source map. <c>POST /t.js</c>: the tag's storage was withdrawn.</summary>
internal sealed class TagDoor(TagScripts scripts, CollectOptions collect, Sites sites, Admission admission, Callers callers)
{
    private static readonly StringValues s_allow = "GET, HEAD, POST", s_allowMap = "GET, HEAD";
    private static readonly StringValues s_cacheShort = "public, max-age=300";
    private static readonly StringValues s_cacheLong = "public, max-age=31536000, immutable";

    private readonly string _script = collect.Paths.Tag, _map = collect.Paths.Tag + ".map";

    public bool AnswersAt(string? path) => string.Equals(path, _script, StringComparison.Ordinal) || string.Equals(path, _map, StringComparison.Ordinal);

    public Task AnswerAsync(HttpContext http)
    {
        var (request, response) = (http.Request, http.Response);
        var isMap = string.Equals(request.Path.Value, _map, StringComparison.Ordinal);
        if (HttpMethods.IsPost(request.Method) && !isMap) return WithdrawAsync(http);
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            response.Headers.Allow = isMap ? s_allowMap : s_allow;
            return Problem.MethodNotAllowed.WriteAsync(http);
        }

        if (scripts.Find(request.Query["id"].FirstOrDefault() is { Length: > 0 } id ? id : null, out var script) is { } refusal)
            return Problem.NotFound.WriteAsync(http, refusal.Title);

        var asked = request.Query["v"].FirstOrDefault();
        var isCurrent = asked == script!.Version;
        if (isMap && asked is { Length: > 0 } && !isCurrent) return Problem.NotFound.WriteAsync(http, "The map of another version.");

        var headers = response.Headers;
        headers.CacheControl = isCurrent ? s_cacheLong : s_cacheShort;
        headers.AccessControlAllowOrigin = "*"; // a browser checks the integrity only of what it may read
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        headers.XContentTypeOptions = "nosniff";
        return isMap ? WriteAsync(http, script.Map, "application/json; charset=utf-8") : WriteScriptAsync(http, script);
    }

    // A page cannot delete the cookie, which is out of its scripts' reach. Whatever stands in the body is not read.
    private Task WithdrawAsync(HttpContext http)
    {
        var id = http.Request.Query["id"].FirstOrDefault() is { Length: > 0 } given ? given : Parameters.DefaultSite;
        if (sites.Find(id, out var site) is { } refusal) return Problem.NotFound.WriteAsync(http, refusal.Title);
        if (admission.Withdraw(id, site!, callers.Of(http)) is { Count: > 0 } cookies) http.Response.Headers.SetCookie = cookies;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task WriteScriptAsync(HttpContext http, TagScript script)
    {
        var headers = http.Response.Headers;
        var (encoding, bytes) = Encoding(http.Request.Headers.AcceptEncoding.ToString(), script);
        headers.Vary = "Accept-Encoding";
        // A strong validator names one sequence of bytes: each packing has its own (RFC 9110 8.8.3.3).
        headers.ETag = $"\"{script.Version}{(encoding is null ? "" : "-" + encoding)}\"";
        if (encoding is not null) headers.ContentEncoding = encoding;
        headers["SourceMap"] = $"{script.MapName}?v={script.Version}{(http.Request.Query["id"].FirstOrDefault() is { Length: > 0 } id ? "&id=" + id : "")}";
        if (!Matches(http.Request.Headers.IfNoneMatch, headers.ETag!)) return WriteAsync(http, bytes, "text/javascript; charset=utf-8");
        headers.ContentEncoding = default;
        http.Response.StatusCode = StatusCodes.Status304NotModified;
        return Task.CompletedTask;
    }

    private static (string? Name, byte[] Bytes) Encoding(string accepted, TagScript script) =>
        StringWithQualityHeaderValue.TryParseList([accepted], out var list)
            && list.Where(one => one.Quality is not 0).Select(one => one.Value.ToString()).ToFrozenSet(StringComparer.OrdinalIgnoreCase) is { } names
            ? names.Contains("br") ? ("br", script.Brotli) : names.Contains("gzip") ? ("gzip", script.Gzip) : (null, script.Bytes)
            : (null, script.Bytes);

    private static bool Matches(StringValues sent, string etag) =>
        EntityTagHeaderValue.TryParseList(sent, out var tags)
        && tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(EntityTagHeaderValue.Parse(etag), useStrongComparison: false));

    private static Task WriteAsync(HttpContext http, byte[] bytes, string type)
    {
        http.Response.ContentType = type;
        http.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }
}

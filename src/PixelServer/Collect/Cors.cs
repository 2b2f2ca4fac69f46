using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>What browsers want to see before a page of another origin may read our answers (Fetch, CORS protocol), with credentials.</summary>
internal static class Cors
{
    private static readonly StringValues s_true = "true";
    private static readonly StringValues s_origin = "Origin";
    private static readonly StringValues s_exposed = "X-Pixel-Refused, Retry-After";
    private static readonly StringValues s_methods = "POST, OPTIONS";
    private static readonly StringValues s_requestHeaders = "content-type, content-encoding";
    private static readonly StringValues s_maxAge = "7200"; // the most that Chromium keeps

    /// <summary>Writes nothing for an origin that is not shaped like one: only an echo of a checked value ever reaches a header.</summary>
    public static void WriteHeaders(IHeaderDictionary headers, string origin, bool isAllowed)
    {
        headers.Vary = s_origin;
        if (!isAllowed || !Origins.IsWellFormed(origin)) return;
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlAllowCredentials = s_true;
        headers.AccessControlExposeHeaders = s_exposed;
    }

    /// <summary>Answers what a browser asks before it sends a request that is not simple.</summary>
    public static void AnswerPreflight(HttpResponse response, StringValues allow, string origin, bool isAllowed)
    {
        var headers = response.Headers;
        response.StatusCode = StatusCodes.Status204NoContent;
        headers.Allow = allow;
        WriteHeaders(headers, origin, isAllowed);
        if (!isAllowed) return;
        headers.AccessControlAllowMethods = s_methods;
        headers.AccessControlAllowHeaders = s_requestHeaders;
        headers.AccessControlMaxAge = s_maxAge;
    }
}

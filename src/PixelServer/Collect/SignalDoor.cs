using System.Text.Json;
using Microsoft.Extensions.Primitives;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>
/// <c>GET /privacy.json</c>: what became of the visitor's signals, for the page to show it (11 CCR 7025(c)(6)). Makes no event, and
/// sets no cookie for strangers; an id whose storage the request denies is expired, and what is known of it left to the device.
/// </summary>
internal sealed class SignalDoor(Admission admission, VisitorCookie cookies, Callers callers)
{
    private static readonly StringValues s_allow = "GET";

    public async Task AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (!HttpMethods.IsGet(method)) await Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
        else if (http.Request.QueryString.Value?.Length > Limits.BeaconQueryChars) await Refusal.QueryTooLong.WriteAsync(http.Response);
        else await TellAsync(http);
    }

    private Task TellAsync(HttpContext http)
    {
        var caller = callers.Of(http);
        var visit = new Visit();
        var draft = Draft.Fresh();
        var honoured = default(Honoured);
        var refusal = QueryReader.Read(http.Request.QueryString.Value, draft) ?? admission.Look(draft, caller, ref visit, out honoured);

        var headers = http.Response.Headers;
        if (caller.Origin is not null) Cors.WriteHeaders(headers, caller.Origin, visit.IsOriginAllowed);
        if (refusal is not null) return refusal.WriteAsync(http.Response);
        if (visit.CookieHeader(cookies, caller) is { Count: > 0 } cookie) headers.SetCookie = cookie;
        return Answer.WriteAsync(http.Response, StatusCodes.Status200OK, "application/json", JsonSerializer.SerializeToUtf8Bytes(honoured, s_json));
    }

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>What a page may show.</summary>
/// <param name="Gpc">This request carries Global Privacy Control.</param>
/// <param name="Dnt">This request carries Do Not Track.</param>
/// <param name="OptedOut">Nothing of this visitor is sold or shared: by a signal of this request, or of an earlier one.</param>
/// <param name="Stored">The opt-out stays with this device when the signal is gone.</param>
/// <param name="Regime">The site's, for this visitor.</param>
internal readonly record struct Honoured(bool Gpc, bool Dnt, bool OptedOut, bool Stored, string Regime);

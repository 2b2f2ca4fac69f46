using Microsoft.Extensions.Primitives;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary><c>GET, HEAD /p.gif</c>: one event in a query, and the same image whatever becomes of it.</summary>
internal sealed class PixelDoor(Admission admission, VisitorCookie cookies, Journal.Journal journal, Ledger ledger, Callers callers)
{
    private static readonly StringValues s_allow = "GET, HEAD";

    public Task AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (HttpMethods.IsGet(method)) return TrackAsync(http);
        if (!HttpMethods.IsHead(method)) return Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
        Gif.WriteHeaders(http.Response.Headers); // scanners and link checkers look before they fetch: not an event
        return Task.CompletedTask;
    }

    private Task TrackAsync(HttpContext http)
    {
        var response = http.Response;
        var headers = response.Headers;
        Gif.WriteHeaders(headers);

        var caller = callers.Of(http);
        var visit = new Visit();
        var draft = Draft.Fresh();
        Hit? hit = null;
        var refusal = QueryReader.Read(http.Request.QueryString.Value, draft) ?? admission.Admit(draft, caller, Source.Pixel, ref visit, out hit);

        if (caller.Origin is not null) Cors.WriteHeaders(headers, caller.Origin, visit.IsOriginAllowed);
        if (visit.CookieHeader(cookies, caller) is { Count: > 0 } cookie) headers.SetCookie = cookie;
        if (refusal is null) return FinishAsync(response, hit!, journal.AppendAsync(hit!));

        Refuse(response, refusal, refusal == Refusal.UnknownSite ? null : draft.CountedSite);
        Gif.WriteBody(response);
        return Task.CompletedTask;
    }

    private async Task FinishAsync(HttpResponse response, Hit hit, ValueTask<AppendOutcome> append)
    {
        if (Refusal.Of(await append) is { } refusal)
        {
            response.StatusCode = refusal.Status;
            response.Headers.RetryAfter = refusal.RetryAfter;
            Refuse(response, refusal, hit.SiteId);
        }

        Gif.WriteBody(response);
    }

    private void Refuse(HttpResponse response, Refusal refusal, string? site)
    {
        ledger.Refused(refusal.Code, site: site);
        response.Headers["X-Pixel-Refused"] = refusal.Header;
    }
}

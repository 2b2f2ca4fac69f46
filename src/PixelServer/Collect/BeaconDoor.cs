using System.Text;
using Microsoft.Extensions.Primitives;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary><c>POST /b</c>: one event or many in a body.</summary>
internal sealed class BeaconDoor(Admission admission, VisitorCookie cookies, Journal.Journal journal, Ledger ledger, Callers callers)
{
    private static readonly StringValues s_allow = "POST, OPTIONS";

    public Task AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (HttpMethods.IsPost(method)) return TakeAsync(http);
        if (!HttpMethods.IsOptions(method)) return Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
        AnswerPreflight(http);
        return Task.CompletedTask;
    }

    private void AnswerPreflight(HttpContext http)
    {
        var origin = http.Request.Headers.Origin.ToString();
        Cors.AnswerPreflight(http.Response, s_allow, origin, AllowsOrigin(http.Request.QueryString.Value, origin));
    }

    private async Task TakeAsync(HttpContext http)
    {
        var (body, refusal) = await BodyReader.ReadAsync(http.Request);
        if (body is null) return;
        var batch = refusal is null ? Read(http, body) : Refused(http, refusal);
        await batch.OfferAsync(journal, ledger);
        await AnswerAsync(http.Response, batch);
    }

    // Nothing is awaited in here: the draft is the thread's own.
    private HitBatch Read(HttpContext http, byte[] body)
    {
        var query = http.Request.QueryString.Value;
        if (query?.Length > Limits.BeaconQueryChars) return Refused(http, Refusal.QueryTooLong);
        if (BodyKinds.Of(http.Request.Headers.ContentType.ToString(), body, out var kind) is { } unreadable) return Refused(http, unreadable);
        if (body.Length == 0) return Refused(http, Refusal.EmptyBody);

        var caller = callers.Of(http);
        var visit = new Visit();
        var batch = new HitBatch();
        var draft = Draft.Fresh();
        if (kind == BodyKind.Form)
        {
            Admit(draft, QueryReader.Read(Encoding.UTF8.GetString(body), draft));
        }
        else
        {
            var events = BeaconReader.Open(JsonText.Mend(body), out var refusal);
            if (refusal is not null) return Refused(http, refusal);
            if (events.Count * (caller.RepeatedBytes() + (query?.Length ?? 0)) > Limits.BatchRepeatedBytes) return Refused(http, Refusal.BatchTooLarge);
            while (events.Next(draft, out var unusable)) Admit(draft, unusable);
        }

        var headers = http.Response.Headers;
        if (caller.Origin is not null) Cors.WriteHeaders(headers, caller.Origin, visit.IsOriginAllowed);
        if (visit.CookieHeader(cookies, caller) is { Count: > 0 } cookie) headers.SetCookie = cookie;
        return batch;

        void Admit(Draft draft, Refusal? unusable)
        {
            Hit? hit = null;
            unusable ??= QueryReader.Read(query, draft, keepFirst: true);
            unusable ??= admission.Admit(draft, caller, Source.Beacon, ref visit, out hit);
            if (unusable is null) batch.Take(hit!);
            else batch.Refuse(unusable, unusable == Refusal.UnknownSite ? null : draft.CountedSite);
        }
    }

    // The body as a whole: it counts as one event.
    private HitBatch Refused(HttpContext http, Refusal refusal)
    {
        var origin = http.Request.Headers.Origin.ToString();
        if (origin.Length > 0) Cors.WriteHeaders(http.Response.Headers, origin, AllowsOrigin(http.Request.QueryString.Value, origin));
        return new HitBatch { Whole = refusal };
    }

    private static Task AnswerAsync(HttpResponse response, HitBatch batch)
    {
        if ((batch.Whole ?? batch.Retry) is { } refusal) return refusal.WriteAsync(response, batch);
        if (batch.Refused.Count > 0)
        {
            return batch.Accepted > 0
                ? Answer.WriteAsync(response, batch.WriteReceipt)
                : batch.Refused[0].Refusal.WriteAsync(response, batch);
        }

        response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private bool AllowsOrigin(string? query, string origin)
    {
        var draft = Draft.Fresh();
        if (query?.Length > Limits.BeaconQueryChars || QueryReader.Read(query, draft) is not null) return false;
        return admission.AllowsOrigin(draft.Site, origin);
    }
}

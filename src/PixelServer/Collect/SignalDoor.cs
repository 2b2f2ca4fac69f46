using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Primitives;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>
/// <c>GET /privacy.json</c>: what became of the visitor's signals, for the page to show it (11 CCR 7025(c)(6)). Makes no event, and
/// sets no cookie for strangers; an id whose storage the request denies is expired, and what is known of it left to the device.
/// <c>POST</c> with <c>measurement=denied</c> is the visitor's objection to being counted: their device keeps it, until <c>granted</c> takes it back.
/// </summary>
internal sealed class SignalDoor(Admission admission, VisitorCookie cookies, Callers callers)
{
    private static readonly StringValues s_allow = "GET, POST, OPTIONS";

    public async Task AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (HttpMethods.IsGet(method)) await TellAsync(http, body: null, refusal: null);
        else if (HttpMethods.IsPost(method)) await DecideAsync(http);
        else if (HttpMethods.IsOptions(method)) AnswerPreflight(http);
        else await Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
    }

    private void AnswerPreflight(HttpContext http)
    {
        var (draft, origin) = (Draft.Fresh(), http.Request.Headers.Origin.ToString());
        var isAllowed = ReadQuery(http.Request, draft) is null && admission.AllowsOrigin(draft.Site, origin);
        Cors.AnswerPreflight(http.Response, s_allow, origin, isAllowed);
    }

    private async Task DecideAsync(HttpContext http)
    {
        var (body, refusal) = await BodyReader.ReadAsync(http.Request);
        if (body is null) return;
        await TellAsync(http, body, refusal);
    }

    private Task TellAsync(HttpContext http, byte[]? body, Refusal? refusal)
    {
        var caller = callers.Of(http);
        var visit = new Visit();
        var draft = Draft.Fresh();
        var honoured = default(Honoured);
        if (body is not null) refusal ??= IsSentFromElsewhere(http.Request) ? Refusal.OriginNotAllowed : ReadBody(http.Request, body, draft);
        var unread = ReadQuery(http.Request, draft); // also where the body is refused: its site says who may read why
        refusal ??= unread ?? admission.Look(draft, caller, decides: body is not null, ref visit, out honoured);

        var headers = http.Response.Headers;
        if (caller.Origin is not null) Cors.WriteHeaders(headers, caller.Origin, admission.AllowsOrigin(draft.Site, caller.Origin));
        if (refusal is not null) return refusal.WriteAsync(http.Response);
        if (visit.CookieHeader(cookies, caller) is { Count: > 0 } cookie) headers.SetCookie = cookie;
        return Answer.WriteAsync(http.Response, StatusCodes.Status200OK, Answer.JsonType, JsonSerializer.SerializeToUtf8Bytes(honoured, s_json));
    }

    private static Refusal? ReadQuery(HttpRequest request, Draft draft) =>
        request.QueryString.Value?.Length > Limits.BeaconQueryChars ? Refusal.QueryTooLong : QueryReader.Read(request.QueryString.Value, draft, keepFirst: true);

    // A form by which a page of another site takes the visitor here: it comes without cookies, and what it sets would take the place of theirs.
    private static bool IsSentFromElsewhere(HttpRequest request) =>
        request.Headers["Sec-Fetch-Mode"] == "navigate" && request.Headers["Sec-Fetch-Site"] == "cross-site";

    // As a beacon's of one event: what it says of the site and of consent counts.
    private static Refusal? ReadBody(HttpRequest request, byte[] body, Draft draft)
    {
        if (BodyKinds.Of(request.Headers.ContentType.ToString(), body, out var kind) is { } unreadable) return unreadable;
        if (body.Length == 0) return Refusal.EmptyBody;
        if (kind == BodyKind.Form) return QueryReader.Read(Encoding.UTF8.GetString(body), draft);
        var events = BeaconReader.Open(JsonText.Mend(body), out var refusal);
        if (refusal is not null) return refusal;
        return events.Count == 1 && events.Next(draft, out refusal) ? refusal : Refusal.NotAnEvent;
    }

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>What a page may show.</summary>
/// <param name="Gpc">This request carries Global Privacy Control.</param>
/// <param name="Dnt">This request carries Do Not Track.</param>
/// <param name="OptedOut">Nothing of this visitor is sold or shared: by a signal of this request, or of an earlier one.</param>
/// <param name="Stored">The opt-out stays with this device when the signal is gone.</param>
/// <param name="Regime">The site's, for this visitor.</param>
/// <param name="Measured">This visitor is counted.</param>
internal readonly record struct Honoured(bool Gpc, bool Dnt, bool OptedOut, bool Stored, string Regime, bool Measured);

using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>The addresses of the Segment HTTP API that take events: SDKs of pages, apps and backends send to them what they would send to Segment.</summary>
internal sealed class SegmentDoor(
    KeyGate gate, SegmentReader reader, Admission admission, Callers callers, Journal.Journal journal, Ledger ledger)
{
    private static readonly StringValues s_allow = "POST, OPTIONS", s_anyOrigin = "*", s_exposed = "Retry-After, X-RateLimit-Reset";

    // The star stands for every header of an SDK's own, such as RudderStack's AnonymousId, but never for Authorization (Fetch, CORS protocol).
    private static readonly StringValues s_requestHeaders = "authorization, content-type, content-encoding, x-retry-count, *", s_maxAge = "7200";
    private static readonly ReadOnlyMemory<byte> s_success = """{"success":true}"""u8.ToArray();

    /// <param name="http">The request.</param>
    /// <param name="call">What the address says its events are; null where each says it itself.</param>
    public Task AnswerAsync(HttpContext http, SegmentCall? call)
    {
        AllowEveryPage(http.Response.Headers);
        if (HttpMethods.IsPost(http.Request.Method)) return TakeAsync(http, call);
        if (!HttpMethods.IsOptions(http.Request.Method)) return Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
        AnswerPreflight(http.Response);
        return Task.CompletedTask;
    }

    /// <summary>For addresses whose content nobody here has a use for; clients that get no answer would send it again.</summary>
    public static Task DropAsync(HttpContext http)
    {
        AllowEveryPage(http.Response.Headers);
        if (HttpMethods.IsOptions(http.Request.Method))
        {
            AnswerPreflight(http.Response);
            return Task.CompletedTask;
        }

        return HttpMethods.IsPost(http.Request.Method)
            ? Answer.WriteAsync(http.Response, StatusCodes.Status200OK, Answer.JsonType, s_success)
            : Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
    }

    /// <summary>
    /// Which pages may send is decided with the key, by its origins and the site's; that the answer can be read by every page lets an SDK see that it was
    /// refused, where it would otherwise take it for a broken line and try again. Without credentials: nothing in an answer depends on who asks.
    /// </summary>
    public static void AllowEveryPage(IHeaderDictionary headers)
    {
        headers.AccessControlAllowOrigin = s_anyOrigin;
        headers.AccessControlExposeHeaders = s_exposed;
    }

    /// <summary>One event of an image's address, and what became of it.</summary>
    /// <param name="http">The request.</param>
    /// <param name="call">What the address says it is.</param>
    /// <param name="body">The event as JSON, good or not.</param>
    /// <param name="writeKey">The key that stood beside it; counts where the event has none.</param>
    public async Task<HitBatch> KeepAsync(HttpContext http, SegmentCall call, byte[] body, string? writeKey)
    {
        var batch = Read(http, call, body, admitted: null, isImage: true, writeKey);
        await batch.OfferAsync(journal, ledger);
        return batch;
    }

    private static void AnswerPreflight(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status204NoContent;
        response.Headers.Allow = s_allow;
        response.Headers.AccessControlAllowMethods = s_allow;
        response.Headers.AccessControlAllowHeaders = s_requestHeaders;
        response.Headers.AccessControlMaxAge = s_maxAge;
    }

    private async Task TakeAsync(HttpContext http, SegmentCall? call)
    {
        byte[]? body = [];
        ApiKey? key = null;
        // A key in the header is judged before anything is read on its behalf.
        var refusal = http.Request.Headers.Authorization.Count > 0 ? gate.Admit(http, [], out key) : null;
        if (refusal is null) (body, refusal) = await BodyReader.ReadAsync(http.Request, BodyReader.Keyed);
        if (body is null) return;

        // A form's type is what the HTTP library of RudderStack's SDK for Node.js calls a packed body: it is JSON all the same.
        refusal ??= BodyKinds.Of(http.Request.Headers.ContentType.ToString(), body, out _);
        var batch = refusal is null ? Read(http, call, body, key, isImage: false) : new HitBatch { Whole = refusal };
        await batch.OfferAsync(journal, ledger);
        await AnswerAsync(http.Response, batch);
    }

    // Nothing is awaited in here: the draft is the thread's own.
    private HitBatch Read(HttpContext http, SegmentCall? call, byte[] json, ApiKey? admitted, bool isImage, string? writeKey = null)
    {
        var body = SegmentBody.Open(JsonText.Mend(json), out var refusal);
        var key = admitted;
        if (key is null && gate.Admit(http, body.WriteKey ?? writeKey, out key) is { } turnedAway) return new HitBatch { Whole = turnedAway };
        if (isImage && key!.Kind == KeyKind.Secret) refusal = Refusal.KeyInQuery;
        if (refusal is not null) return new HitBatch { Whole = refusal };

        var caller = callers.Of(http);
        if (body.Count * (caller.RepeatedBytes() + body.RepeatedBytes) > Limits.BatchRepeatedBytes) return new HitBatch { Whole = Refusal.BatchTooLarge };
        var request = new SegmentRequest { Key = key!, Caller = caller, Call = call, IsImage = isImage };
        var batch = new HitBatch();
        var draft = Draft.Fresh();
        while (body.Next(out var item, out var unusable))
        {
            using (item)
            {
                Hit? hit = null;
                draft.Clear();
                unusable ??= reader.Read(item!.RootElement, request, body, draft, out var visitor, out var source)
                    ?? admission.AdmitClaimed(draft, visitor, source, out hit);
                if (unusable is null) batch.Take(hit!);
                else batch.Refuse(unusable, key?.Site);
            }
        }

        return batch;
    }

    private static Task AnswerAsync(HttpResponse response, HitBatch batch)
    {
        if ((batch.Whole ?? batch.Retry) is { } refusal) return refusal.WriteAsync(response, batch);
        if (batch.Accepted == 0)
        {
            // SDKs of Apple's systems throw away what got a 400, and send everything else again for ever.
            var first = batch.Refused[0].Refusal;
            return (first.Status == StatusCodes.Status400BadRequest ? first : Refusal.NothingKept).WriteAsync(response, batch);
        }

        return batch.Refused.Count == 0 ? Answer.WriteAsync(response, StatusCodes.Status200OK, Answer.JsonType, s_success) : Answer.WriteAsync(response, json =>
        {
            json.WriteBoolean("success", true);
            batch.WriteReceipt(json);
        });
    }
}

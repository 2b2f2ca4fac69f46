using System.Text;
using Microsoft.Extensions.Primitives;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary><c>POST /b</c>: one event or many in a body.</summary>
internal sealed class BeaconDoor(
    Admission admission, VisitorCookie cookies, Journal.Journal journal, Ledger ledger, TimeProvider clock, TrustedProxies trusted, string countryHeader)
{
    private static readonly StringValues s_allow = "POST, OPTIONS";

    public Task AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (HttpMethods.IsPost(method)) return TakeAsync(http);
        if (!HttpMethods.IsOptions(method)) return Problem.WriteAsync(http.Response, Refusal.MethodNotAllowed, s_allow);
        AnswerPreflight(http);
        return Task.CompletedTask;
    }

    private void AnswerPreflight(HttpContext http)
    {
        var headers = http.Response.Headers;
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        headers.Allow = s_allow;
        var origin = http.Request.Headers.Origin.ToString();
        var isAllowed = AllowsOrigin(http.Request.QueryString.Value, origin);
        Cors.WriteHeaders(headers, origin, isAllowed);
        if (isAllowed) Cors.WritePreflight(headers);
    }

    private async Task TakeAsync(HttpContext http)
    {
        byte[] body;
        Refusal? refusal;
        try
        {
            (body, refusal) = await BodyReader.ReadAsync(http.Request);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            http.Abort(); // the client hung up in the middle of its body: nobody to answer, nothing taken
            return;
        }

        var batch = refusal is null ? Read(http, body) : Refused(http, refusal);
        var appends = Offer(batch);
        var accepted = 0;
        for (var i = 0; i < appends.Count; i++)
        {
            if (Refusal.Of(await appends[i]) is { } lost) batch.Refused.Add(new(batch.Taken[i].Index, lost));
            else accepted++;
        }

        for (var i = appends.Count; i < batch.Taken.Count; i++) batch.Refused.Add(new(batch.Taken[i].Index, batch.Refused[^1].Refusal));
        await AnswerAsync(http.Response, batch, accepted);
    }

    // All at once, so that one flush of the journal serves the whole body; but once it says no, nothing more is pressed on it.
    private List<ValueTask<AppendOutcome>> Offer(Batch batch)
    {
        var appends = new List<ValueTask<AppendOutcome>>(batch.Taken.Count);
        foreach (var (_, hit) in batch.Taken)
        {
            var append = journal.AppendAsync(hit);
            if (append.IsCompletedSuccessfully)
            {
                var outcome = append.Result;
                appends.Add(new(outcome));
                if (outcome != AppendOutcome.Accepted) break;
            }
            else
            {
                appends.Add(append);
            }
        }

        return appends;
    }

    // Nothing is awaited in here: the draft is the thread's own.
    private Batch Read(HttpContext http, byte[] body)
    {
        var query = http.Request.QueryString.Value;
        if (query?.Length > Limits.BeaconQueryChars) return Refused(http, Refusal.QueryTooLong);
        if (BodyKinds.Of(http.Request.Headers.ContentType.ToString(), body, out var kind) is { } unreadable) return Refused(http, unreadable);
        if (body.Length == 0) return Refused(http, Refusal.EmptyBody);

        var caller = Caller.Of(http, clock.GetUtcNow(), trusted, countryHeader);
        var visit = new Visit();
        var batch = new Batch();
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
        if (visit.CookieHeader(cookies, caller) is { } cookie) headers.SetCookie = cookie;
        return batch;

        void Admit(Draft draft, Refusal? unusable)
        {
            Hit? hit = null;
            var index = batch.Count;
            unusable ??= QueryReader.Read(query, draft, keepFirst: true);
            unusable ??= admission.Admit(draft, caller, Source.Beacon, ref visit, out hit);
            if (unusable is null) batch.Taken.Add((index, hit!));
            else batch.Refused.Add(new(index, unusable));
        }
    }

    // The body as a whole: it counts as one event.
    private Batch Refused(HttpContext http, Refusal refusal)
    {
        var origin = http.Request.Headers.Origin.ToString();
        if (origin.Length > 0) Cors.WriteHeaders(http.Response.Headers, origin, AllowsOrigin(http.Request.QueryString.Value, origin));
        return new Batch { Whole = refusal };
    }

    private async Task AnswerAsync(HttpResponse response, Batch batch, int accepted)
    {
        if (batch.Whole is { } whole)
        {
            ledger.Refused(whole.Code);
            await Problem.WriteAsync(response, whole, 0, []);
            return;
        }

        if (batch.Refused.Count == 0)
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        batch.Refused.Sort((a, b) => a.Index.CompareTo(b.Index));
        Refusal? retry = null;
        foreach (var (_, refusal) in batch.Refused)
        {
            ledger.Refused(refusal.Code);
            if (refusal.MayBeRetried) retry ??= refusal;
        }

        // What can be sent again decides: a 2xx would make the client forget it.
        if (retry is not null) await Problem.WriteAsync(response, retry, accepted, batch.Refused);
        else if (accepted > 0) await Problem.WriteReceiptAsync(response, accepted, batch.Refused);
        else await Problem.WriteAsync(response, batch.Refused[0].Refusal, 0, batch.Refused);
    }

    private bool AllowsOrigin(string? query, string origin)
    {
        var draft = Draft.Fresh();
        if (query?.Length > Limits.BeaconQueryChars || QueryReader.Read(query, draft) is not null) return false;
        return admission.AllowsOrigin(draft.Site, origin);
    }

    /// <summary>What became of the events of one body, by their place in it.</summary>
    private sealed class Batch
    {
        public List<(int Index, Hit Hit)> Taken { get; } = [];
        public List<RefusedEvent> Refused { get; } = [];
        public Refusal? Whole { get; init; }
        public int Count => Taken.Count + Refused.Count;
    }
}

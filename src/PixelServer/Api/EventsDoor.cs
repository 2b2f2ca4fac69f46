using System.Net;
using System.Text;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary><c>POST /v1/events</c>: the beacon's JSON from a backend, which may say whose events they are, who that is, and when they happened.</summary>
internal sealed class EventsDoor(
    KeyGate gate, Admission admission, VisitorCookie cookies, PerSite<IdentityOptions> identities, EventsOptions options,
    Journal.Journal journal, Ledger ledger, TimeProvider clock)
{
    public const string Path = "/v1/events";

    private static readonly StringValues s_allow = "POST";

    [ThreadStatic] private static Told? t_told;

    public async Task AnswerAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            await Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
            return;
        }

        byte[]? body = [];
        string? idempotency = null;
        var refusal = gate.Admit(http, bodyKey: [], out var key);
        if (refusal is null && key!.Kind != KeyKind.Secret) refusal = Refusal.SecretKeyNeeded;
        refusal ??= IdempotencyKey.Read(http.Request.Headers[IdempotencyKey.Header], out idempotency);
        if (refusal is null) (body, refusal) = await BodyReader.ReadAsync(http.Request, BodyReader.Keyed);
        if (body is null) return;

        var answer = refusal is null ? Read(http.Request, key!, IdempotencyKey.Of(key!.Id, idempotency, body), body) : Refused(refusal);
        await answer.Batch.OfferAsync(journal, ledger);
        await answer.WriteAsync(http.Response);
    }

    private static EventsAnswer Refused(Refusal refusal) => new() { Batch = new HitBatch { Whole = refusal } };

    // Nothing is awaited in here: draft and what is told are the thread's own.
    private EventsAnswer Read(HttpRequest request, ApiKey key, IdempotencyKey idempotency, byte[] body)
    {
        if (BodyKinds.Of(request.Headers.ContentType.ToString(), body, out var kind) is { } unreadable) return Refused(unreadable);
        if (body.Length == 0) return Refused(Refusal.EmptyBody);
        if (kind != BodyKind.Json) return Refused(Refusal.UnsupportedType);

        var told = t_told ??= new Told();
        var events = BeaconReader.Open(JsonText.Mend(body), told, out var refusal);
        if (refusal is not null) return Refused(refusal);

        var (batch, draft, now) = (new HitBatch(), Draft.Fresh(), clock.GetUtcNow());
        var answer = new EventsAnswer { Batch = batch, WithIds = AsksForIds(request.Headers["Prefer"]) };
        var warnings = new HashSet<Warning>();
        while (events.Next(draft, out var unusable))
        {
            warnings.Clear();
            Hit? hit = null;
            var index = batch.Count;
            unusable ??= Admit(draft, told, key, idempotency.Once(key.Site, index), now, warnings, out hit);
            if (unusable is not null)
            {
                batch.Refuse(unusable, key.Site);
                continue;
            }

            batch.Take(hit!);
            foreach (var member in told.Unread) answer.Warn(index, Warning.MemberNotRead, member.Json);
            foreach (var warning in warnings) answer.Warn(index, warning);
        }

        told.Clear(); // what was told of people does not stay with the thread
        return answer;
    }

    private Refusal? Admit(Draft draft, Told told, ApiKey key, Guid? onceKey, DateTimeOffset now, HashSet<Warning> warnings, out Hit? hit)
    {
        hit = null;
        if (draft.Site is { } site && site != key.Site) return Refusal.KeyOfAnotherSite;
        draft.Complete(key.Site, sentAt: null);

        string? email = null;
        if (told.Beside.Count > 0) warnings.Add(Warning.IdentityBeside);
        if ((told.Person is not null || told.Beside.Count > 0)
            && Identities.Take(told.Person ?? default, draft, identities.Of(key.Site), warnings, out email, told.Beside) is { } tooLarge) return tooLarge;
        if (Whose(draft, told, key.Site, now, warnings, out var visitor, out var visitorKind) is { } tooMuch) return tooMuch;
        var source = SourceOf(told);
        var unkept = source == Source.App ? Devices.TakeApp(draft, out var device) ?? AppEvents.Rename(draft) : Devices.Take(draft, out device);
        if (unkept is not null) return unkept;
        if (device.Withholds(told.Visitor))
        {
            visitor = null;
            draft.Properties.Drop(["anonymous_id"]);
        }

        var backHours = options.BackDays * 24;
        if (draft.Timestamp is { } timestamp && !ClientClock.IsBelieved(now, timestamp, draft.SentAt, backHours)) warnings.Add(Warning.TimestampNotBelieved);

        draft.Claim = new Claim
        {
            IsSecret = true,
            Visitor = visitor,
            VisitorKind = visitorKind,
            EmailSha256 = email,
            OnceKey = told.MessageId is { } message ? OnceKeys.Of(OnceKeys.Secret, key.Site, message) : onceKey,
            BackHours = backHours,
            NoAds = device.NoAds,
        };
        return admission.AdmitClaimed(draft, Caller.Told(now, Address(told), device.Withholds(told.UserAgent) ? null : told.UserAgent, told.Gpc), source, out hit);
    }

    private Refusal? Whose(Draft draft, Told told, string site, DateTimeOffset now, HashSet<Warning> warnings, out Guid? visitor, out VisitorKind kind)
    {
        (visitor, kind) = (null, VisitorKind.Client);
        if (told.Visitor is not { } id) return null;
        if (VisitorCookie.LooksLikeOne(id))
        {
            (visitor, kind) = (cookies.VisitorOf(id, now), VisitorKind.Cookie);
            if (visitor is null) warnings.Add(Warning.VisitorNotVerified);
            return null;
        }

        visitor = VisitorIds.Of(site, id);
        return Guid.TryParseExact(id, "D", out _) ? null : draft.Properties.AddOwn("anonymous_id"u8, Encoding.UTF8.GetBytes(id));
    }

    private static IPAddress? Address(Told told)
    {
        if (told.Address is not { } text) return null;
        if (ClientAddress.TryRead(text.AsSpan().Trim(), out var address)) return address;
        told.Misread(ParameterKind.Address);
        return null;
    }

    private static Source SourceOf(Told told)
    {
        if (told.Source is null or "server") return Source.Server;
        if (told.Source == "app") return Source.App;
        told.Misread(ParameterKind.Source);
        return Source.Server;
    }

    private static bool AsksForIds(StringValues prefer)
    {
        foreach (var line in prefer)
            foreach (var member in line.AsSpan().Split(','))
                if (line.AsSpan()[member].Trim().Equals("return=representation", StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }
}

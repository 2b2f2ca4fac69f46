using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>
/// Takes one event in a partner's format: from the partner, or from a backend that used to send it there. Only with a secret key, which never
/// stands in an address: in <c>Authorization</c>, for AppsFlyer in <c>authentication</c>, for Branch in the body as <c>branch_key</c>.
/// </summary>
internal sealed class PartnerDoor(
    KeyGate gate, Admission admission, PerSite<IdentityOptions> identities, PartnerOptions options, EventsOptions events, Journal.Journal journal, Ledger ledger, TimeProvider clock)
{
    private static readonly Dictionary<string, string> s_none = [];
    private static readonly StringValues s_post = "POST", s_getOrPost = "GET, POST";

    public async Task AnswerAsync(HttpContext http, PartnerMap map)
    {
        var isGet = HttpMethods.IsGet(http.Request.Method);
        if (!HttpMethods.IsPost(http.Request.Method) && !(isGet && map.IsForm))
        {
            await Refusal.MethodNotAllowed.WriteAsync(http.Response, map.IsForm ? s_getOrPost : s_post);
            return;
        }

        byte[]? body = [];
        // A key in a header is judged before anything is read on its behalf; Branch's stands in the body.
        ApiKey? key = null;
        var isKeyInBody = map.Partner == Branch.Partner && http.Request.Headers.Authorization.Count == 0;
        var refusal = isKeyInBody ? null : Judge(http, HeaderKey(http.Request, map), out key);
        if (refusal is null && !isGet) (body, refusal) = await BodyReader.ReadAsync(http.Request, BodyReader.Keyed);
        if (body is null) return;

        var batch = refusal is null ? Read(http, map, key, body) : new HitBatch { Whole = refusal };
        await batch.OfferAsync(journal, ledger);
        await PartnerAnswer.WriteAsync(http.Response, map.Partner, batch.Whole ?? batch.Retry ?? (batch.Refused.Count > 0 ? batch.Refused[0].Refusal : null));
    }

    // Nothing is awaited in here: the draft is the thread's own.
    private HitBatch Read(HttpContext http, PartnerMap map, ApiKey? key, byte[] body)
    {
        // With a key the body may be larger, so that one can send batches elsewhere; here it is one event.
        if (body.Length > Limits.KeyedEventBytes) return new HitBatch { Whole = Refusal.EventTooLarge };
        using var json = Parse(http.Request, map, body, out var refusal);
        if (refusal is null && key is null) refusal = Judge(http, json!.RootElement.Member(Branch.Key).Word(), out key);
        if (refusal is not null) return new HitBatch { Whole = refusal };

        var batch = new HitBatch();
        var told = new PartnerTold();
        var draft = Draft.Fresh();
        if (http.Request.RouteValues[AppsFlyer.AppId] is string appId) ReadAppId(appId, told.Device);
        Hit? hit = null;
        refusal = map.Read(json!.RootElement, map.Partner == Adjust.Partner ? options.AdjustEvents : s_none, draft, told)
            ?? Admit(draft, told, map, key!, Once(http.Request, body), out hit);
        if (refusal is null) batch.Take(hit!);
        else batch.Refuse(refusal, key?.Site);
        return batch;
    }

    private Refusal? Admit(Draft draft, PartnerTold told, PartnerMap map, ApiKey key, string once, out Hit? hit)
    {
        hit = null;
        draft.Complete(key.Site, sentAt: null);
        string? email = null;
        if (told.Person.Count > 0 && Identities.Take(Json(told.Person), draft, identities.Of(key.Site), warnings: null, out email) is { } tooLarge) return tooLarge;
        if (!told.IsWeb) told.Device.IsApp = true;
        if (Devices.Take(told.Device, draft, out var claims) is { } tooMuch) return tooMuch;
        var visitor = PartnerVisitor.Of(claims);
        if (visitor is not null && !Guid.TryParseExact(visitor, "D", out _) && draft.Properties.AddOwn("anonymous_id"u8, Encoding.UTF8.GetBytes(visitor)) is { } unkept) return unkept;

        // Without an id of the message it is known by all of its bytes, if its time is among them: two events may be alike, but not at the same instant.
        var message = told.MessageId ?? (draft.Timestamp is null ? null : once);
        draft.Claim = new Claim
        {
            IsSecret = true,
            Visitor = visitor is null ? null : VisitorIds.Of(key.Site, visitor),
            EmailSha256 = email,
            OnceKey = message is null ? null : OnceKeys.Of(map.Partner, key.Site, message),
            BackHours = events.BackDays * 24,
            NoAds = claims.NoAds || told.NoAds,
        };
        var caller = Caller.Told(clock.GetUtcNow(), told.Address, claims.Withholds(told.UserAgent) ? null : told.UserAgent, gpc: false);
        return admission.AdmitClaimed(draft, caller, told.IsWeb ? Source.Server : Source.App, out hit);
    }

    private Refusal? Judge(HttpContext http, string? text, out ApiKey? key)
    {
        var refusal = gate.Admit(http, text, out key);
        return refusal ?? (key!.Kind == KeyKind.Secret ? null : Refusal.SecretKeyNeeded);
    }

    // AppsFlyer's own name for the header comes from its server-to-server API.
    private static string? HeaderKey(HttpRequest request, PartnerMap map) =>
        map.Partner == AppsFlyer.Partner && request.Headers["authentication"] is { Count: 1 } header ? header.ToString().Trim() : null;

    private static void ReadAppId(string appId, DeviceReading device)
    {
        device.Platform = AppsFlyer.PlatformOf(appId);
        if (appId.Length <= Devices.TextChars) device.Describe("app_id", Text.Mended(appId));
    }

    private static string Once(HttpRequest request, byte[] body) =>
        Convert.ToHexString(SHA256.HashData([.. Encoding.UTF8.GetBytes(request.Path.Value + "\n" + request.QueryString.Value + "\n"), .. body]));

    private static JsonDocument? Parse(HttpRequest request, PartnerMap map, byte[] body, out Refusal? refusal)
    {
        refusal = null;
        var kind = map.IsForm ? BodyKind.Form : BodyKind.Json;
        if (body.Length > 0) refusal = BodyKinds.Of(request.Headers.ContentType.ToString(), body, out kind);
        else if (!map.IsForm) refusal = Refusal.EmptyBody;
        if (refusal is null && kind == BodyKind.Form && !map.IsForm) refusal = Refusal.UnsupportedType;
        if (refusal is not null) return null;
        if (kind == BodyKind.Form) return JsonDocument.Parse(FormJson(request.QueryString.Value, Encoding.UTF8.GetString(body)));
        try
        {
            var json = JsonDocument.Parse(JsonText.Mend(body).ToArray());
            if (json.RootElement.ValueKind == JsonValueKind.Object) return json;
            json.Dispose();
            refusal = Refusal.NotAnEvent;
        }
        catch (JsonException)
        {
            refusal = Refusal.BadJson;
        }

        return null;
    }

    // What the body says counts before what the query says: the first of two members of a name is the one that stays.
    private static ReadOnlyMemory<byte> FormJson(string? query, string body)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        byte[] scratch = [];
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            Write(body);
            Write(query.AsSpan().TrimStart('?'));
            json.WriteEndObject();

            void Write(ReadOnlySpan<char> form)
            {
                foreach (var range in form.Split('&'))
                {
                    var pair = form[range];
                    var equals = pair.IndexOf('=');
                    if (equals <= 0) continue;
                    var name = Encoding.UTF8.GetString(Text.Decode(pair[..equals], ref scratch));
                    if (seen.Add(name)) json.WriteString(name, Text.Decode(pair[(equals + 1)..], ref scratch));
                }
            }
        }

        return buffer.WrittenMemory;
    }

    private static JsonElement Json(Dictionary<string, string> person)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (name, text) in person) json.WriteString(name, text);
            json.WriteEndObject();
        }

        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }
}

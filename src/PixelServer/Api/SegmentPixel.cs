using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// <c>GET /v1/pixel/{call}</c>: one event in an address, for what can show an image and nothing else. The event is base64 of JSON in <c>data</c>, or stands in
/// parameters with dots: <c>?userId=42&amp;properties.subject=hello</c>. The answer is always 200 and the image.
/// </summary>
/// <remarks>
/// This is the one door where a key stands in an address, because here that is the protocol. A write key is public anyway; a secret one is refused by its looks
/// before it is looked for, so that the answer says nothing about it.
/// </remarks>
internal sealed class SegmentPixel(SegmentDoor door, Ops.Ledger ledger)
{
    private const int MostParts = 4; // context.page.url, and one to spare

    private static readonly StringValues s_allow = "GET, HEAD";

    public async Task AnswerAsync(HttpContext http, SegmentCall call)
    {
        var response = http.Response;
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            await Refusal.MethodNotAllowed.WriteAsync(response, s_allow);
            return;
        }

        Gif.WriteHeaders(response.Headers);
        if (HttpMethods.IsHead(http.Request.Method)) return; // whoever only looks is not counted

        var body = Read(http.Request.QueryString, out var writeKey, out var refusal);
        http.Request.QueryString = QueryString.Empty; // the key has been taken out of it: at the gate it is where it belongs
        if (refusal is null)
        {
            var batch = await door.KeepAsync(http, call, body, writeKey);
            refusal = batch.Whole ?? (batch.Refused.Count > 0 ? batch.Refused[0].Refusal : null);
        }
        else
        {
            ledger.Refused(refusal.Code);
        }

        if (refusal is not null) response.Headers["X-Pixel-Refused"] = refusal.Header;
        Gif.WriteBody(response);
    }

    // Beside base64 only the key counts, which some put outside of it.
    private static byte[] Read(QueryString query, out string? writeKey, out Refusal? refusal)
    {
        var said = new JsonObject();
        byte[]? data = null;
        var count = 0;
        foreach (var pair in new QueryStringEnumerable(query.Value))
        {
            var (name, value) = (pair.DecodeName().ToString(), pair.DecodeValue().ToString());
            if (name == "data") data ??= Decoded(value);
            else if (++count <= Limits.Properties) Put(said, name.Split('.', MostParts), value);
        }

        writeKey = said["writeKey"] is JsonValue key ? key.GetValue<string>() : null;
        var body = data ?? JsonSerializer.SerializeToUtf8Bytes(said);
        refusal = HoldsSecret(query.Value) || HoldsSecret(Encoding.UTF8.GetString(body)) ? Refusal.KeyInQuery : null;
        return body;
    }

    private static bool HoldsSecret(string? text) => text?.Contains(KeyText.SecretPrefix, StringComparison.OrdinalIgnoreCase) == true;

    // The first of two that want one place wins.
    private static void Put(JsonObject into, string[] path, string value)
    {
        foreach (var part in path.AsSpan(..^1))
        {
            if (into[part] is null) into[part] = new JsonObject();
            if (into[part] is not JsonObject next) return;
            into = next;
        }

        into[path[^1]] ??= value;
    }

    // What cannot be decoded is left to the reader, which says that it is no JSON. In the alphabet for addresses or not, padded or not; a '+' arrives as a space.
    private static byte[] Decoded(string base64)
    {
        var text = base64.TrimEnd('=').Replace('+', '-').Replace(' ', '-').Replace('/', '_');
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        return Base64Url.DecodeFromChars(text, bytes, out _, out var length) == OperationStatus.Done ? bytes[..length] : [];
    }
}

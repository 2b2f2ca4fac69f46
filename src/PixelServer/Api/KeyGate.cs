using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>Stands at every door with keys: who may come in, and in whose name.</summary>
internal sealed class KeyGate(ApiKeys keys, KeyRates rates, KeyUse use, TimeProvider clock, ILogger<KeyGate> log)
{
    private static readonly StringValues s_challenge = "Basic realm=\"pixel\"";

    // What clients call a key where they put it into an address.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> s_names =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "writeKey", "write_key", "key", "api_key", "apikey", "token", "secret").GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly ConcurrentDictionary<string, bool> _leaked = new(StringComparer.Ordinal);

    /// <summary>
    /// Null: the request is the key's, whose site and kind now bound what it may say. Otherwise why not, and the answer has the headers that
    /// go with it; status and body are still to be written. What a key's holder may learn about it (that it is expired, revoked, of another
    /// page) is told only to who shows the whole key.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="bodyKey">What the body has as <c>writeKey</c>, or empty; looked at only where there is no <c>Authorization</c>.</param>
    /// <param name="key">Null with every refusal.</param>
    public Refusal? Admit(HttpContext http, ReadOnlySpan<char> bodyKey, out ApiKey? key)
    {
        var refusal = Judge(http, bodyKey, out key);
        if (refusal is null)
        {
            use.Note(key!);
            return null;
        }

        key = null;
        // A browser would ask a page's visitor for a name and a password.
        if (refusal.Status == StatusCodes.Status401Unauthorized && !IsOfBrowser(http.Request.Headers)) http.Response.Headers.WWWAuthenticate = s_challenge;
        return refusal;
    }

    private Refusal? Judge(HttpContext http, ReadOnlySpan<char> bodyKey, out ApiKey? key)
    {
        key = null;
        var request = http.Request;
        // Whether it is good or not: the address stands in logs by now, so the client has to change before it works.
        if (IsKeyIn(request.QueryString)) return Refusal.KeyInQuery;

        Span<char> room = stackalloc char[KeyHeader.MaxChars];
        var shown = KeyHeader.Read(request.Headers.Authorization, bodyKey, room);
        if (shown.IsEmpty) return Refusal.KeyMissing;
        key = keys.Find(shown);
        if (key is null) return Refusal.KeyWrong;
        switch (key.State(clock.GetUtcNow()))
        {
            case KeyState.Revoked: return Refusal.KeyRevoked;
            case KeyState.Expired: return Refusal.KeyExpired;
        }

        var origin = request.Headers.Origin;
        if (key.Kind == KeyKind.Secret && IsOfBrowser(request.Headers))
        {
            if (_leaked.TryAdd(key.Id, true)) // once, for only its holder can cause it, but that may be everybody
                log.LogWarning("The secret key {Key} of the site {Site} came from a browser, so everybody can read it: pixel keys revoke --key {Key}", key.Id, key.Site, key.Id);
            return Refusal.SecretKeyInBrowser;
        }

        if (origin.Count > 0 && !key.Allows(origin.ToString())) return Refusal.OriginNotAllowed;
        if (rates.TryTake(key, out var wait)) return null;
        var reset = (clock.GetUtcNow() + wait).AddTicks(TimeSpan.TicksPerSecond - 1).ToUnixTimeSeconds(); // rounded up
        http.Response.Headers["X-RateLimit-Reset"] = reset.ToString(CultureInfo.InvariantCulture);
        return Refusal.RateLimited;
    }

    /// <summary>
    /// No page can keep its browser from sending these headers, or forge them. <c>Origin</c> comes with every POST and every request to another
    /// host; <c>Sec-Fetch-Site</c> also with a GET to the page's own host, and <c>none</c> is what no page asked for. Not
    /// <c>Sec-Fetch-Mode</c>: the fetch of Node.js, which is a backend's, sends it too.
    /// </summary>
    private static bool IsOfBrowser(IHeaderDictionary headers) =>
        headers.Origin.Count > 0 || headers["Sec-Fetch-Site"] is { Count: > 0 } site && !site.ToString().Equals("none", StringComparison.OrdinalIgnoreCase);

    private static bool IsKeyIn(QueryString query)
    {
        if (!query.HasValue) return false;
        foreach (var pair in new QueryStringEnumerable(query.Value))
        {
            var name = pair.DecodeName().Span;
            if (s_names.Contains(name) || KeyText.LooksLikeOne(name) || KeyText.LooksLikeOne(pair.DecodeValue().Span)) return true;
        }

        return false;
    }
}

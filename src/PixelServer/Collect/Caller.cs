using System.Net;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>Reads who is asking, by the server's settings and clock.</summary>
internal sealed class Callers(TrustedProxies trusted, CollectOptions options, TimeProvider clock)
{
    public Caller Of(HttpContext http) => Caller.Of(http, clock.GetUtcNow(), trusted, options.CountryHeader);

    /// <summary>Whether the client speaks HTTPS, if not with us then with a proxy that is trusted.</summary>
    public bool IsHttps(HttpContext http) => Of(http).IsHttps;
}

/// <summary>What connection and headers say about who is asking, read once per request.</summary>
internal readonly struct Caller
{
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The whole address: a site's policy has not been applied yet.</summary>
    public required IPAddress? Address { get; init; }

    public required bool IsHttps { get; init; }
    public required StringValues Cookies { get; init; }

    /// <summary>The Origin header as sent; null where there is none.</summary>
    public required string? Origin { get; init; }

    /// <summary>Null where it is longer than a page address may be.</summary>
    public required string? Referer { get; init; }

    public required string? UserAgent { get; init; }
    public required string? HintBrands { get; init; }
    public required string? HintMobile { get; init; }
    public required string? HintPlatform { get; init; }
    public required string? Purpose { get; init; }
    public required string? FetchDest { get; init; }
    public required string? FetchMode { get; init; }
    public required string? Country { get; init; }

    /// <summary><c>Sec-GPC</c> is exactly 1 in one of its instances.</summary>
    public required bool Gpc { get; init; }

    /// <summary><c>0</c> or <c>1</c> as the DNT header says it; null for everything else.</summary>
    public required string? Dnt { get; init; }

    /// <summary>How much of this is kept with every event of the request, in UTF-8; what a small body can have multiplied.</summary>
    public int RepeatedBytes() =>
        Size(Referer) + Size(UserAgent) + Size(HintBrands) + Size(HintMobile) + Size(HintPlatform) + Size(Purpose) + Size(FetchDest) + Size(FetchMode);

    public static Caller Of(HttpContext http, DateTimeOffset now, TrustedProxies trusted, string countryHeader)
    {
        var headers = http.Request.Headers;
        var peer = http.Connection.RemoteIpAddress;
        var forwarded = headers["X-Forwarded-For"];
        var scheme = headers["X-Forwarded-Proto"];
        var country = countryHeader.Length == 0 ? default : headers[countryHeader];

        // Whether the peer is trusted is only asked where there is something to believe.
        if ((forwarded.Count | scheme.Count | country.Count) != 0 && !trusted.Contains(peer)) forwarded = scheme = country = default;

        return new Caller
        {
            ReceivedAt = now,
            Address = forwarded.Count == 0 ? peer : ClientAddress.Behind(peer, forwarded, trusted),
            IsHttps = scheme.Count == 0 ? http.Request.IsHttps : LastMember(scheme).Equals("https", StringComparison.OrdinalIgnoreCase),
            Cookies = headers.Cookie,
            Origin = headers.Origin.Count == 0 ? null : headers.Origin.ToString(),
            Referer = RefererOf(headers.Referer),
            UserAgent = Text.Header(headers.UserAgent, Limits.HeaderChars),
            HintBrands = Text.Header(headers["Sec-CH-UA"], Limits.HintChars),
            HintMobile = Text.Header(headers["Sec-CH-UA-Mobile"], Limits.FetchChars),
            HintPlatform = Text.Header(headers["Sec-CH-UA-Platform"], Limits.HintChars),
            Purpose = Text.Header(headers["Sec-Purpose"], Limits.HintChars) ?? Text.Header(headers["Purpose"], Limits.HintChars)
                ?? Text.Header(headers["X-Purpose"], Limits.HintChars) ?? Text.Header(headers["X-Moz"], Limits.HintChars),
            FetchDest = Text.Header(headers["Sec-Fetch-Dest"], Limits.FetchChars),
            FetchMode = Text.Header(headers["Sec-Fetch-Mode"], Limits.FetchChars),
            Country = CountryOf(country),
            Gpc = IsGpc(headers["Sec-GPC"]),
            Dnt = headers["DNT"].ToString() switch { "1" => "1", "0" => "0", _ => null },
        };
    }

    /// <summary>The visitor as a backend describes them: of the backend's own request nothing is the visitor's.</summary>
    public static Caller Told(DateTimeOffset receivedAt, IPAddress? address, string? userAgent, bool gpc) => new()
    {
        ReceivedAt = receivedAt,
        Address = address,
        IsHttps = true,
        Cookies = default,
        Origin = null,
        Referer = null,
        UserAgent = userAgent,
        HintBrands = null,
        HintMobile = null,
        HintPlatform = null,
        Purpose = null,
        FetchDest = null,
        FetchMode = null,
        Country = null,
        Gpc = gpc,
        Dnt = null,
    };

    /// <summary>A proxy may fold two headers into one: every member counts, and one that says yes is enough.</summary>
    public static bool IsGpc(StringValues values)
    {
        foreach (var value in values)
            foreach (var member in value.AsSpan().Split(','))
                if (value.AsSpan()[member].Trim() is "1") return true;
        return false;
    }

    /// <summary>ISO 3166-1 alpha-2 in upper case. Cloudflare's word for unknown is XX, two letters as well; its T1 for Tor is no country by its digit.</summary>
    public static string? CountryOf(StringValues values)
    {
        if (values.Count != 1 || values[0] is not { Length: 2 } country) return null;
        if (!char.IsAsciiLetter(country[0]) || !char.IsAsciiLetter(country[1])) return null;
        country = country.ToUpperInvariant();
        return country == "XX" ? null : country;
    }

    private static string? RefererOf(StringValues values) =>
        values.Count == 1 && values[0] is { Length: > 0 and <= Limits.UrlChars } referer ? Text.Mended(referer) : null;

    private static int Size(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);

    // The nearest proxy wrote the last one.
    private static ReadOnlySpan<char> LastMember(StringValues values)
    {
        var value = values[^1].AsSpan();
        return value[(value.LastIndexOf(',') + 1)..].Trim();
    }
}

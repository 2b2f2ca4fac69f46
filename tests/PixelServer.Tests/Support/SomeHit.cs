using System.Net;
using System.Text;

namespace PixelServer.Tests.Support;

/// <summary>Makes an arbitrary valid hit, so that a test states only what matters to it.</summary>
internal static class SomeHit
{
    public const string ChromeOnWindows =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    public static Hit With(
        string? url = null, string? referrer = null, string? userAgent = ChromeOnWindows, string? brands = null, string? mobile = null,
        string? platform = null, string? purpose = null, string? fetchDest = null, string? fetchMode = null, string properties = "",
        string? ip = null, string? proxyCountry = null, Source source = Source.Pixel) => new()
        {
            EventId = Guid.Parse("0196f000-0000-7000-8000-000000000001"),
            ReceivedAt = new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero),
            OccurredAt = new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero),
            SiteId = "default",
            Source = source,
            Name = "page_view",
            VisitorId = Guid.Parse("a0b1c2d3-0000-4000-8000-000000000002"),
            VisitorKind = VisitorKind.Cookie,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = true,
            Url = url,
            Referrer = referrer,
            UserAgent = userAgent,
            HintBrands = brands,
            HintMobile = mobile,
            HintPlatform = platform,
            Purpose = purpose,
            FetchDest = fetchDest,
            FetchMode = fetchMode,
            Properties = Encoding.UTF8.GetBytes(properties),
            Ip = ip is null ? null : IPAddress.Parse(ip),
            ProxyCountry = proxyCountry,
        };
}

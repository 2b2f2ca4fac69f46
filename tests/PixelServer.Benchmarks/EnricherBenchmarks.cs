using System.Text;
using BenchmarkDotNet.Attributes;
using PixelServer.Enrich;

namespace PixelServer.Benchmarks;

/// <summary>
/// Cost of one event in the drain. Budget: 1.5 µs where the user agent is remembered, so that 50,000 events/s are 7.5 % of a core.
/// Run with <c>-i --job short --filter *Enricher*</c>.
/// </summary>
[MemoryDiagnoser]
public class EnricherBenchmarks
{
    private const int Hits = 1_024;
    private const int Strangers = 65_536; // eight times what is remembered

    private readonly Enricher _enricher = new(new EnrichOptions());
    private readonly Hit[] _returning = [.. Enumerable.Range(0, Hits).Select(i => PageView(i, $"{100 + i % 40}.0.0.0"))];
    private readonly Hit[] _bare =
        [.. Enumerable.Range(0, Hits).Select(i => Open($"Mozilla/5.0 (X11; Linux x86_64; rv:{100 + i % 40}.0) Gecko/20100101 Firefox/140.0"))];
    private readonly Hit[] _strangers = [.. Enumerable.Range(0, Strangers).Select(i => PageView(i, $"{i}.{i * 7}.0.0"))];
    private int _next;

    [Benchmark(Baseline = true, Description = "full hit, remembered user agent")]
    public object Returning() => _enricher.Enrich(_returning[_next++ & (Hits - 1)]);

    [Benchmark(Description = "bare hit, remembered user agent")]
    public object Bare() => _enricher.Enrich(_bare[_next++ & (Hits - 1)]);

    [Benchmark(Description = "full hit, user agent never seen")]
    public object Stranger() => _enricher.Enrich(_strangers[_next++ & (Strangers - 1)]);

    [Benchmark(Description = "page address by own reader")]
    public string? OwnReader() => PageAddress.Read(_returning[_next++ & (Hits - 1)].Url).Host;

    [Benchmark(Description = "page address by System.Uri")]
    public string? SystemUri() =>
        Uri.TryCreate(_returning[_next++ & (Hits - 1)].Url, UriKind.Absolute, out var uri) ? uri.IdnHost + uri.AbsolutePath : null;

    /// <summary>A page view as the tag sends it: one in four by a campaign, client hints, a few properties.</summary>
    private static Hit PageView(int i, string version) => new()
    {
        EventId = default,
        ReceivedAt = default,
        OccurredAt = default,
        SiteId = "default",
        Source = Source.Beacon,
        Name = "page_view",
        VisitorId = default,
        VisitorKind = VisitorKind.Cookie,
        ConsentStorage = true,
        ConsentMeasurement = true,
        ConsentAds = true,
        Url = $"https://www.shop-example.test/en/products/{i}/blue-shoes"
            + (i % 4 == 0 ? "?utm_source=news&utm_medium=email&utm_campaign=spring+sale&gclid=EAIaIQobChMI" + i : "?page=" + i),
        Referrer = "https://www.search-example.test/",
        UserAgent = $"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Safari/537.36",
        HintBrands = "\"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"",
        HintMobile = "?0",
        HintPlatform = "\"Windows\"",
        FetchDest = "empty",
        FetchMode = "cors",
        Properties = Encoding.UTF8.GetBytes("""{"screen":"1920x1080","plan":"basic","order":{"items":3,"currency":"EUR"},"language":"en-GB"}"""),
    };

    /// <summary>What an image in a mail brings: a user agent and nothing else.</summary>
    private static Hit Open(string userAgent) => new()
    {
        EventId = default,
        ReceivedAt = default,
        OccurredAt = default,
        SiteId = "default",
        Source = Source.Pixel,
        Name = "open",
        VisitorId = default,
        VisitorKind = VisitorKind.None,
        ConsentStorage = true,
        ConsentMeasurement = true,
        ConsentAds = true,
        UserAgent = userAgent,
    };
}

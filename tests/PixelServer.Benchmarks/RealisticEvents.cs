using System.Globalization;
using System.Net;
using System.Text;

namespace PixelServer.Benchmarks;

/// <summary>Events as a shop with a few sites and campaigns sends them: mostly page views, one in ten with properties, one in fifty a purchase.</summary>
internal static class RealisticEvents
{
    private static readonly string[] Agents =
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
    ];

    private static readonly string[] Sites = ["shop", "blog", "docs", "default"];
    private static readonly string?[] Sources = ["google", "meta", "newsletter", null, null, null];

    /// <param name="count">How many.</param>
    /// <param name="from">Arrival of the first.</param>
    /// <param name="until">Before it the last arrives; they are spread evenly.</param>
    /// <param name="ids">Each with an id of the client's own, as the tag gives it.</param>
    public static Event[] Make(int count, DateTimeOffset from, DateTimeOffset until, bool ids = false)
    {
        var random = new Random(20261123);
        var step = (until - from) / count;
        return [.. Enumerable.Range(0, count).Select(i => One(random, from + step * i, ids))];
    }

    private static Event One(Random random, DateTimeOffset at, bool ids)
    {
        var site = Sites[Math.Min(random.Next(6), 3)];
        var source = Sources[random.Next(Sources.Length)];
        var purchase = random.Next(50) == 0;
        var agent = random.Next(Agents.Length);
        var path = "/" + (purchase ? "thanks" : "product/" + random.Next(5_000).ToString(CultureInfo.InvariantCulture));
        var visitor = new byte[16];
        BitConverter.TryWriteBytes(visitor, random.Next(60_000) * 2654435761u);
        var query = source is null ? "" : $"?utm_source={source}&utm_medium=cpc&utm_campaign=autumn-{random.Next(20)}";
        return new Event
        {
            Hit = new Hit
            {
                EventId = Guid.CreateVersion7(at),
                ReceivedAt = at,
                OccurredAt = at.AddMilliseconds(-random.Next(2_000)),
                SiteId = site,
                Source = purchase ? Source.Beacon : Source.Pixel,
                Name = purchase ? "purchase" : "page_view",
                ClientEventId = ids ? Guid.NewGuid().ToString() : null,
                VisitorId = new Guid(visitor),
                VisitorKind = VisitorKind.Cookie,
                UserId = random.Next(5) == 0 ? "user" + random.Next(10_000) : null,
                Url = $"https://{site}.example.com{path}{query}",
                Title = "Autumn boots and other things worth having",
                Referrer = source == "google" ? "https://www.google.com/" : null,
                Value = purchase ? random.Next(100, 50_000) / 100m : null,
                Currency = purchase ? "EUR" : null,
                Ip = new IPAddress([203, 0, (byte)random.Next(256), 0]),
                UserAgent = Agents[agent],
                ConsentStorage = true,
                ConsentMeasurement = true,
                ConsentAds = random.Next(2) == 0,
                Properties = random.Next(10) == 0 ? Encoding.UTF8.GetBytes($$"""{"plan":"pro","items":{{random.Next(9)}},"ab":"variant-b"}""") : default,
            },
            Host = $"{site}.example.com",
            Path = path,
            ReferrerHost = source == "google" ? "www.google.com" : null,
            UtmSource = source,
            UtmMedium = source is null ? null : "cpc",
            UtmCampaign = source is null ? null : "autumn-" + random.Next(20),
            Country = "AT",
            Browser = agent == 3 ? "Firefox" : agent == 1 ? "Safari" : "Chrome",
            Os = agent == 0 ? "Windows" : "Linux",
            Device = agent is 1 or 2 ? "mobile" : "desktop",
            Traffic = random.Next(8) == 0 ? Traffic.Bot : Traffic.Human,
            TrafficReasons = [],
        };
    }
}

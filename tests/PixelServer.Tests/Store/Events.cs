using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using PixelServer.Store;

namespace PixelServer.Tests.Store;

/// <summary>Events for the store's tests: one with everything, one with as little as allowed, and any.</summary>
internal static class Events
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    public static Event Full(int number = 1, DateTimeOffset? at = null, Guid? onceKey = null) => new()
    {
        Hit = new Hit
        {
            EventId = new Guid(number, 7, 0x7000, 0x80, 1, 2, 3, 4, 5, 6, 7),
            ReceivedAt = at ?? Noon.AddTicks(1_234_560 + number * 10L),
            OccurredAt = (at ?? Noon).AddSeconds(-3),
            SiteId = "shop",
            Source = Source.Beacon,
            Name = "purchase",
            ClientEventId = "order-" + number,
            VisitorId = new Guid(0x5EED, 0, 0x4000, 0x90, 0, 0, 0, 0, 0, 0, (byte)(number % 7)),
            VisitorKind = VisitorKind.Cookie,
            UserId = "user123",
            EmailSha256 = new string('a', 64),
            OnceKey = onceKey,
            Url = "https://shop.example/cart?utm_source=meta",
            Title = "Cart",
            Referrer = "https://l.facebook.com/",
            Value = 49.90m,
            Currency = "EUR",
            Ip = IPAddress.Parse("203.0.113.0"),
            ProxyCountry = "AT",
            UserAgent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0",
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = false,
            Gpc = true,
            Properties = Encoding.UTF8.GetBytes("""{"size":42,"tags":["new","sale"],"deep":{"b":1,"a":null}}"""),
        },
        Host = "shop.example",
        Path = "/cart",
        ReferrerHost = "l.facebook.com",
        UtmSource = "meta",
        UtmMedium = "cpc",
        UtmCampaign = "autumn",
        UtmTerm = "boots",
        UtmContent = "video",
        ClickIdKind = "fbclid",
        ClickId = "IwAR0AbC",
        Country = "AT",
        Browser = "Chrome",
        Os = "Linux",
        Device = "desktop",
        Traffic = Traffic.Human,
        TrafficReasons = ["datacenter", "says \"hello\""],
    };

    public static Event Minimal(int number = 1, DateTimeOffset? at = null) => new()
    {
        Hit = new Hit
        {
            EventId = new Guid(number, 9, 0x7000, 0x80, 1, 2, 3, 4, 5, 6, 7),
            ReceivedAt = at ?? Noon,
            OccurredAt = at ?? Noon,
            SiteId = "default",
            Source = Source.Pixel,
            Name = "page_view",
            VisitorId = new Guid(number, 9, 0x7000, 0x80, 1, 2, 3, 4, 5, 6, 7),
            VisitorKind = VisitorKind.None,
            ConsentStorage = false,
            ConsentMeasurement = false,
            ConsentAds = false,
        },
        Traffic = Traffic.Unknown,
        TrafficReasons = [],
    };

    /// <summary>A batch over the bytes from <paramref name="from"/>, ten for each event.</summary>
    public static EventBatch Batch(Guid journal, long from, params Event[] events)
    {
        var ends = events.Select((_, i) => from + 10 * (i + 1)).ToArray();
        return new EventBatch(journal, from, events, ends, ends.Length == 0 ? from + 10 : ends[^1]);
    }

    // Whatever the door lets through: well-formed text without U+0000, of any script and length that fits.
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char['\u0001', '\u007F'], 0, 40],
        Gen.String[Gen.Char['\u0001', '\uD7FF'], 0, 300],
        Gen.Const("'; drop table events; -- \\N \\. \t\r\n\"\\"),
        Gen.Int[0x1_0000, 0x10_FFFF].Array[0, 20].Select(points => string.Concat(points.Select(char.ConvertFromUtf32))));

    private static readonly Gen<string?> Maybe = Gen.OneOf(Gen.Const(() => (string?)null), Text.Select(text => (string?)text));

    public static readonly Gen<decimal> Amount = Gen.OneOf(
        Gen.Const(0m), Gen.Const(-0.0m), Gen.Const(decimal.MaxValue), Gen.Const(decimal.MinValue), Gen.Const(0.0000000000000000000000000001m),
        Gen.Const(10_000m), Gen.Const(0.0001m), Gen.Const(1_0000_0000.0000m),
        Gen.Select(Gen.Long[-999_999_999_999_999_999, 999_999_999_999_999_999], Gen.Int[0, 9], (units, scale) => units / Power(scale)),
        Gen.Select(Gen.Int, Gen.Int, Gen.Int, Gen.Bool, Gen.Byte[0, 28], (low, middle, high, negative, scale) => new decimal(low, middle, high, negative, scale)));

    private static readonly Gen<DateTimeOffset> Time =
        Gen.Long[0, TimeSpan.FromDays(1).Ticks - 1].Select(ticks => new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero).AddTicks(ticks));

    private static readonly Gen<IPAddress?> Address = Gen.OneOf(
        Gen.Const(() => (IPAddress?)null),
        Gen.Byte.Array[4].Select(bytes => (IPAddress?)new IPAddress(bytes)),
        Gen.Byte.Array[16].Select(bytes => (IPAddress?)new IPAddress(bytes)),
        Gen.Select(Gen.Byte.Array[16], Gen.Byte.Array[16], (bytes, mask) => (IPAddress?)new IPAddress([.. bytes.Zip(mask, (b, m) => m > 128 ? b : (byte)0)])),
        Gen.Const<IPAddress?>(IPAddress.IPv6Loopback), Gen.Const<IPAddress?>(IPAddress.Parse("fe80::1%2")));

    private static readonly Gen<byte[]> Properties = Gen.Select(Text, Text, Amount, Gen.Bool, (name, text, number, flag) =>
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?> { ["k" + name] = text, ["number"] = number, ["flag"] = flag, ["none"] = null, ["list"] = new[] { text, name } }));

    public static readonly Gen<Event> Any =
        from id in Gen.Guid
        from onceKey in Gen.OneOf(Gen.Const(() => (Guid?)null), Gen.Guid.Select(key => (Guid?)key))
        from times in Gen.Select(Time, Time)
        from texts in Maybe.Array[24]
        from required in Text.Array[2]
        from source in Gen.Enum<Source>()
        from kind in Gen.Enum<VisitorKind>()
        from traffic in Gen.Enum<Traffic>()
        from reasons in Text.Array[0, 3]
        from value in Gen.OneOf(Gen.Const(() => (decimal?)null), Amount.Select(amount => (decimal?)amount))
        from ip in Address
        from flags in Gen.Bool.Array[6]
        from properties in Gen.OneOf(Gen.Const(Array.Empty<byte>()), Gen.Const("{}"u8.ToArray()), Properties)
        select new Event
        {
            Hit = new Hit
            {
                EventId = id,
                ReceivedAt = times.Item1,
                OccurredAt = times.Item2.AddYears(-3).AddTicks(7),
                SiteId = required[0],
                Source = source,
                Name = required[1],
                VisitorId = id,
                VisitorKind = kind,
                ClientEventId = texts[0],
                UserId = texts[1],
                EmailSha256 = texts[2],
                OnceKey = onceKey,
                Url = texts[3],
                Title = texts[4],
                Referrer = texts[5],
                Value = value,
                Currency = texts[6],
                Ip = ip,
                UserAgent = texts[7],
                ConsentStorage = flags[0],
                ConsentMeasurement = flags[1],
                ConsentAds = flags[2],
                Gpc = flags[3],
                OptedOut = flags[4],
                IsVisitorNew = flags[5],
                Properties = properties,
            },
            Host = texts[8],
            Path = texts[9],
            ReferrerHost = texts[10],
            UtmSource = texts[11],
            UtmMedium = texts[12],
            UtmCampaign = texts[13],
            UtmTerm = texts[14],
            UtmContent = texts[15],
            ClickIdKind = texts[16],
            ClickId = texts[17],
            Country = texts[18],
            Browser = texts[19],
            Os = texts[20],
            Device = texts[21],
            Traffic = traffic,
            TrafficReasons = reasons,
        };

    private static decimal Power(int scale) => Enumerable.Repeat(10m, scale).Aggregate(1m, (product, ten) => product * ten);
}

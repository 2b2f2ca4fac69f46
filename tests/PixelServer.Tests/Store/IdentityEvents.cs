using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Tests.Store;

/// <summary>Events that name people, in short words: <c>v1+uA</c> is an event of visitor 1 with user A, <c>v1+eX</c> one with an e-mail, <c>uA&lt;v1</c> an alias.</summary>
internal static class IdentityEvents
{
    public static Guid Visitor(int number) => new(0x5EED, 1, 0x4000, 0x90, 0, 0, 0, 0, 0, (byte)(number / 256), (byte)(number % 256));

    public static string Email(string name) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name + "@example.com")));

    /// <summary>The story in the order of its words, a minute apart from the given time on.</summary>
    public static Event[] Tell(string story, DateTimeOffset? at = null) =>
        [.. story.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((word, i) => Word(word, (at ?? Events.Noon).AddMinutes(i)))];

    public static Event Make(
        DateTimeOffset? at = null, Guid? visitor = null, string? user = null, string? email = null, string site = "shop", VisitorKind? kind = null,
        Source source = Source.Server, bool consent = true, string name = "identify", string properties = "", bool optedOut = false, bool gpc = false)
    {
        var id = Guid.CreateVersion7(at ?? Events.Noon);
        return new()
        {
            Hit = new Hit
            {
                EventId = id,
                ReceivedAt = at ?? Events.Noon,
                OccurredAt = at ?? Events.Noon,
                SiteId = site,
                Source = source,
                Name = name,
                VisitorId = visitor ?? id,
                VisitorKind = kind ?? (visitor is null ? VisitorKind.None : VisitorKind.Client),
                UserId = user,
                EmailSha256 = email,
                ConsentStorage = consent,
                ConsentMeasurement = true,
                ConsentAds = false,
                Gpc = gpc,
                OptedOut = optedOut,
                Properties = Encoding.UTF8.GetBytes(properties),
            },
            Traffic = Traffic.Human,
            TrafficReasons = [],
        };
    }

    /// <summary>Ten thousand calls as a careless site makes them: some devices and mailboxes are shared, some ids are nobody's, some may not be kept.</summary>
    public static Event[] Calls(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var person = random.Next(count / 8);
            var site = random.Next(4) == 0 ? "blog" : "shop";
            var at = Events.Noon.AddSeconds(-random.Next(10 * 3600));
            var visitor = Visitor(random.Next(12) == 0 ? random.Next(count / 4) : person * 2 + random.Next(2));
            var user = random.Next(3) == 0 ? null : random.Next(20) == 0 ? "guest" : $"user {(random.Next(15) == 0 ? random.Next(count / 8) : person)}";
            var email = random.Next(3) > 0 ? null : Email($"{(random.Next(15) == 0 ? random.Next(count / 8) : person)}");
            var kind = random.Next(10) switch { 0 => VisitorKind.Daily, 1 => VisitorKind.None, < 5 => VisitorKind.Cookie, _ => VisitorKind.Client };
            var source = random.Next(2) == 0 ? Source.Server : Source.Beacon;
            return random.Next(20) == 0
                ? Make(at, visitor, $"user {person}", null, site, kind, source, name: "alias",
                    properties: $$"""{"a":[{"previous_id":1}],"previous_id":"{{(random.Next(2) == 0 ? Visitor(random.Next(count / 4)) : $"user {random.Next(count / 8)}")}}"}""")
                : Make(at, visitor, user, email, site, kind, source, consent: random.Next(12) > 0);
        })];
    }

    private static Event Word(string word, DateTimeOffset at)
    {
        if (word.Split('<') is [var alias, var previous])
            return Make(at, Visitor(99), alias[1..], name: "alias", properties: $$"""{"previous_id":"{{(previous[0] == 'v' ? Visitor(int.Parse(previous[1..])) : previous[1..])}}"}""");
        var parts = word.Split('+');
        return Make(at,
            parts.FirstOrDefault(part => part[0] == 'v') is { } visitor ? Visitor(int.Parse(visitor[1..])) : null,
            parts.FirstOrDefault(part => part[0] == 'u')?[1..],
            parts.FirstOrDefault(part => part[0] == 'e') is { } email ? Email(email[1..]) : null);
    }
}

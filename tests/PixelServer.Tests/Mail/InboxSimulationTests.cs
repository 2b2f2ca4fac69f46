using System.Text;
using PixelServer.Collect;
using PixelServer.Enrich;

namespace PixelServer.Tests.Mail;

/// <summary>Simulated inboxes against the rules: how many people are kept, how many machines are found. The tables are printed.</summary>
public sealed class InboxSimulationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void The_rules_keep_people_and_find_machines_in_any_seed(int seed)
    {
        var fetches = new Inboxes(seed).Simulate(24_000).Where(fetch => !fetch.IsHead).ToList();

        var matrix = new Confusion();
        foreach (var (fetch, label) in Label(fetches)) matrix.Add(fetch, label.Traffic);

        output.WriteLine($"seed {seed}, {matrix.Count} fetches\n{matrix}");
        foreach (var g in Label(fetches).Where(x => x.Fetch.IsPerson && x.Label.Traffic == Traffic.Bot).GroupBy(x => (x.Fetch.IsOpen, x.Fetch.Letter.Id, string.Join(',', x.Label.Reasons)))) output.WriteLine($"LOST {g.Key} {g.Count()}");
        Assert.True(matrix.Count >= 20_000, $"only {matrix.Count} fetches");
        AssertGoodEnough(matrix);
    }

    private static void AssertGoodEnough(Confusion matrix)
    {
        Assert.True(matrix.Kept(opens: true) >= 0.99, $"people's opens\n{matrix}");
        Assert.True(matrix.Kept(opens: false) >= 0.99, $"people's clicks\n{matrix}");
        Assert.True(matrix.Found(opens: true) >= 0.95, $"machines' opens\n{matrix}");
    }

    /// <summary>By the pure rules alone: each hit as it is enriched, then all hits of a copy together.</summary>
    private static IEnumerable<(Fetch Fetch, Label Label)> Label(IEnumerable<Fetch> fetches)
    {
        var enricher = new Enricher(new EnrichOptions());
        foreach (var copy in fetches.GroupBy(fetch => fetch.Recipient))
        {
            var rows = copy.Select(fetch => RowOf(fetch, enricher)).ToList();
            var labels = MailBursts.Judge(rows, [.. rows.Select(row => row.Label)]);
            foreach (var pair in copy.Zip(labels)) yield return pair;
        }
    }

    private static LabelledRow RowOf(Fetch fetch, Enricher enricher)
    {
        var trap = fetch.Link == Fetch.Trap;
        var link = fetch.IsOpen ? "" : trap ? ""","trap":true""" : $""","link_index":{fetch.Link},"link_count":{fetch.Letter.Links}""";
        var id = Guid.CreateVersion7(fetch.At);
        var hit = new Hit
        {
            EventId = id,
            ReceivedAt = fetch.At,
            OccurredAt = fetch.At,
            SiteId = "letters",
            Source = fetch.IsOpen ? Source.Email : Source.Click,
            Name = fetch.IsOpen ? "email_open" : "email_click",
            VisitorId = id,
            VisitorKind = VisitorKind.None,
            UserId = fetch.Recipient.Id,
            Url = fetch.IsOpen ? null : $"https://shop.example/{fetch.Link}",
            Ip = ClientAddress.Kept(fetch.Address, IpPolicy.Mask),
            UserAgent = fetch.UserAgent,
            ConsentStorage = false,
            ConsentMeasurement = true,
            ConsentAds = false,
            Properties = Encoding.UTF8.GetBytes($$"""{"message_id":"{{fetch.Letter.Id}}","sent_at":"{{fetch.Recipient.SentAt:yyyy-MM-ddTHH:mm:ssZ}}"{{link}}}"""),
        };
        var e = enricher.Enrich(hit);
        return new(id, hit.ReceivedAt, hit.SiteId, hit.Source, hit.UserId, hit.Url, hit.Ip, hit.UserAgent, MailFacts.Read(hit.Properties.Span), new(e.Traffic, e.TrafficReasons));
    }
}

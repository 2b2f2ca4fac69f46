using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Collect;
using PixelServer.Enrich;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>Simulated inboxes against the rules: how many people are kept, how many machines are found. The tables are printed.</summary>
public sealed class InboxSimulationTests(ITestOutputHelper output, SharedPostgres postgres)
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

        var matrix = Matrix(fetches, new EnrichOptions());

        output.WriteLine($"seed {seed}, {matrix.Count} fetches\n{matrix}");
        Assert.True(matrix.Count >= 20_000, $"only {matrix.Count} fetches");
        AssertGoodEnough(matrix);
    }

    [Fact]
    public void With_a_list_of_data_centres_nearly_every_machine_is_found_and_nobody_else_is_lost()
    {
        using var folder = new TempFolder();
        File.WriteAllLines(folder.File("clouds.txt"), Inboxes.Clouds.Select(network => $"{network}.0.0/16 # where gateways stand"));
        var fetches = new Inboxes(1).Simulate(24_000).Where(fetch => !fetch.IsHead).ToList();

        var without = Matrix(fetches, new EnrichOptions());
        var with = Matrix(fetches, new EnrichOptions { DataCentreFile = folder.File("clouds.txt") });

        output.WriteLine($"seed 1, {with.Count} fetches, with a list of data centres\n{with}");
        Assert.True(with.Found(opens: true) >= 0.999 && with.Found(opens: false) >= 0.999, with.ToString());
        Assert.Equal((without.Kept(opens: true), without.Kept(opens: false)), (with.Kept(opens: true), with.Kept(opens: false)));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task The_real_server_keeps_people_and_finds_machines_over_HTTP(string store)
    {
        var connection = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        var clock = new FakeTimeProvider(Inboxes.Start);
        await using var app = await PixelApp.StartAsync(connection, clock, settings: ["--Pixel:Mail:AnswerAfter=00:00:00"]);
        var fetches = new Inboxes(6).Simulate(500);
        var links = await MintAsync(app, fetches.Select(fetch => (fetch.Letter, fetch.Recipient)).Distinct());

        foreach (var fetch in fetches)
        {
            clock.SetUtcNow(fetch.At);
            using var request = new HttpRequestMessage(fetch.IsHead ? HttpMethod.Head : HttpMethod.Get, links[(fetch.Recipient, fetch.Link)]);
            request.Headers.Add("X-Forwarded-For", fetch.Address.ToString());
            if (fetch.UserAgent is not null) request.Headers.TryAddWithoutValidation("User-Agent", fetch.UserAgent);
            using var answer = await app.Client.SendAsync(request);
            Assert.Equal(fetch.IsOpen ? HttpStatusCode.OK : HttpStatusCode.Found, answer.StatusCode);
        }

        var truths = fetches.Where(fetch => !fetch.IsHead).ToDictionary(fetch => fetch.At);
        await Eventually.TrueAsync(async () =>
        {
            clock.Advance(TimeSpan.FromSeconds(15)); // the drain and the rules wait by it
            return app.Ledger.Read().Stored == truths.Count && !(await app.Client.GetStringAsync("/metrics")).Contains("pixel_mail_relabelled_total 0", StringComparison.Ordinal);
        }, () => $"{truths.Count} events stored and some relabelled; {app.Ledger.Read()}");
        await app.StopAsync(); // takes the last look

        var matrix = new Confusion();
        var tables = connection.Length > 0 ? Tables.Postgres(connection) : Tables.Sqlite(Path.Combine(app.DataDirectory, "pixel.db"));
        var rows = await tables.EventsAsync();
        foreach (var row in rows)
        {
            var fetch = truths[DateTimeOffset.Parse((string)row["received_at"]!, CultureInfo.InvariantCulture)];
            Assert.Equal((fetch.Recipient.Id, fetch.IsOpen ? "email" : "click"), ((string)row["user_id"]!, (string)row["source"]!));
            matrix.Add(fetch, Names.TrafficNamed((string)row["traffic"]!)!.Value, row["traffic_reasons"]!.AsArray().Select(reason => (string)reason!));
        }

        output.WriteLine($"{store}, {matrix.Count} fetches over HTTP\n{matrix}");
        Assert.Equal(truths.Count, rows.Count); // no HEAD among them
        AssertGoodEnough(matrix);
        await AssertAsRuledAsync(tables, fetches);
    }

    /// <summary>The server's labels are those of the pure rules, hit by hit: nothing is lost between them and the rows.</summary>
    private static async Task AssertAsRuledAsync(Tables tables, IEnumerable<Fetch> fetches)
    {
        var expected = Labels(fetches.Where(fetch => !fetch.IsHead), new Enricher(new EnrichOptions()))
            .ToDictionary(one => one.Fetch.At, one => $"{Names.Of(one.Label.Traffic)} {string.Join(' ', one.Label.Reasons)}");
        foreach (var row in await tables.EventsAsync())
            Assert.Equal(expected[DateTimeOffset.Parse((string)row["received_at"]!, CultureInfo.InvariantCulture)],
                $"{row["traffic"]} {string.Join(' ', row["traffic_reasons"]!.AsArray())}");
    }

    private static async Task<Dictionary<(Copy Recipient, int? Link), string>> MintAsync(PixelApp app, IEnumerable<(Letter Letter, Copy Recipient)> copies)
    {
        var links = new Dictionary<(Copy, int?), string>();
        foreach (var (letter, recipient) in copies)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/mail/links")
            {
                Headers = { Authorization = new("Bearer", PixelApp.Token) },
                Content = JsonContent.Create(new
                {
                    site_id = "letters",
                    message_id = letter.Id,
                    recipient_id = recipient.Id,
                    sent_at = recipient.SentAt,
                    links = Enumerable.Range(0, letter.Links).Select(link => $"https://shop.example/{link}"),
                    trap = letter.HasTrap ? "https://shop.example/trap" : null,
                }),
            };
            using var answer = await app.Client.SendAsync(request);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            var made = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
            links[(recipient, null)] = (string)made["open"]!;
            if (letter.HasTrap) links[(recipient, Fetch.Trap)] = (string)made["trap"]!;
            for (var link = 0; link < letter.Links; link++) links[(recipient, link)] = (string)made["links"]![link]!["tracked"]!;
        }

        return links;
    }

    private static void AssertGoodEnough(Confusion matrix)
    {
        Assert.True(matrix.Kept(opens: true) >= 0.99, $"people's opens\n{matrix}");
        Assert.True(matrix.Kept(opens: false) >= 0.99, $"people's clicks\n{matrix}");
        Assert.True(matrix.Found(opens: true) >= 0.95, $"machines' opens\n{matrix}");
    }

    /// <summary>By the pure rules alone: each hit as it is enriched, then all hits of a copy together.</summary>
    private static Confusion Matrix(IEnumerable<Fetch> fetches, EnrichOptions options)
    {
        var matrix = new Confusion();
        foreach (var (fetch, label) in Labels(fetches, new Enricher(options))) matrix.Add(fetch, label.Traffic, label.Reasons);
        return matrix;
    }

    private static IEnumerable<(Fetch Fetch, Label Label)> Labels(IEnumerable<Fetch> fetches, Enricher enricher)
    {
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

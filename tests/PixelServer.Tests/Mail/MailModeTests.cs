using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>How much is kept, by mode and regime, as rows of both stores.</summary>
public sealed class MailModeTests(SharedPostgres postgres)
{
    private const string Gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    private static readonly DateTimeOffset s_now = new(2026, 11, 24, 15, 42, 17, 123, TimeSpan.Zero);

    // Everything that could tell who or when: columns and property names.
    private static readonly string[] s_always =
        ["event_id", "received_at", "occurred_at", "site_id", "source", "name", "visitor_id", "visitor_kind", "traffic", "traffic_reasons", "consent_storage", "consent_measurement", "consent_ads", "gpc", "properties"];

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task The_deliverability_mode_keeps_recipient_and_day_once_and_nothing_else(string store)
    {
        await using var app = await StartAsync(store, "--Pixel:Sites:shop:Mail:Mode=Deliverability", "--Pixel:Sites:shop:IpPolicy=Keep");
        var (first, other) = (await app.LinksAsync(), await app.LinksAsync(recipient: "4712"));

        foreach (var path in (string[])[first.Open, first.Open, first.Clicks[0], first.Clicks[1], other.Open]) (await app.GetAsync(path)).Dispose();

        var events = await app.EventsAsync(2);
        Assert.Equal([("email_reachable", "4711"), ("email_reachable", "4712")], events.Select(row => ((string?)row["name"], (string?)row["user_id"])).Order());
        Assert.All(events, row =>
        {
            Assert.Equal(((string[])[.. s_always, "user_id"]).Order(StringComparer.Ordinal), Said(row).Order(StringComparer.Ordinal));
            Assert.Equal("{}", row["properties"]!.ToJsonString());
            AssertCutTo(row, s_now.Date);
        });
    }

    [Fact]
    public async Task On_the_next_day_a_recipient_is_reachable_again()
    {
        var clock = new FakeTimeProvider(s_now);
        await using var app = await PixelApp.StartAsync(clock: clock, settings: ["--Pixel:Sites:shop:Mail:Mode=Deliverability", "--Pixel:Mail:AnswerAfter=00:00:00"]);
        var path = (await app.LinksAsync()).Open;

        (await app.GetAsync(path)).Dispose();
        (await app.GetAsync(path)).Dispose();
        Assert.Equal(1, app.Ledger.Read().Received);
        clock.Advance(TimeSpan.FromHours(9));
        (await app.GetAsync(path)).Dispose();
        (await app.GetAsync(path)).Dispose();
        Assert.Equal(2, app.Ledger.Read().Received);
    }

    [Fact]
    public async Task What_the_journal_did_not_take_was_not_the_one_of_the_day()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:Mail:Mode=Deliverability", PixelApp.FullJournal]);
        var path = (await app.LinksAsync()).Open;

        (await app.GetAsync(path)).Dispose();
        (await app.GetAsync(path)).Dispose();

        Assert.Equal(2, app.Ledger.Read().Refused["journal_full"]); // offered again, and not passed over as known
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task The_anonymous_mode_keeps_campaign_and_hour_and_nothing_of_the_reader(string store)
    {
        await using var app = await StartAsync(store, "--Pixel:Sites:shop:Mail:Mode=Anonymous", "--Pixel:Sites:shop:IpPolicy=Keep");
        var paths = await app.LinksAsync(more: ""","sent_at":"2026-11-24T10:00:00Z" """);

        (await app.GetAsync(paths.Open)).Dispose();
        (await app.GetAsync(paths.Open, Gmail)).Dispose();
        (await app.GetAsync(paths.Clicks[0])).Dispose();

        var events = await app.EventsAsync(3);
        Assert.All(events, row =>
        {
            Assert.Empty(Said(row).Except([.. s_always, "url", "host", "path", "utm_campaign", "utm_source"]));
            Assert.Empty(row["properties"]!.AsObject().Select(one => one.Key).Except(["campaign", "utm_campaign", "$verdict", "link_index"]));
            Assert.Equal("autumn", (string?)row["utm_campaign"] ?? (string?)row["properties"]!["campaign"]);
            AssertCutTo(row, s_now.Date.AddHours(15));
        });
        var click = Assert.Single(events, row => (string?)row["source"] == "click");
        Assert.Equal("https://shop.example/boots?utm_source=mail", (string?)click["url"]);
        // Also for a person there is a word: without one the row would be that of a fetch without a user agent, which tells nothing.
        Assert.Equal(["gmail_image_proxy proxy_open", "human human"],
            events.Where(row => (string?)row["source"] == "email").Select(row => $"{row["properties"]!["$verdict"]} {row["traffic"]}").Order());
    }

    [Fact]
    public async Task A_mode_that_keeps_nothing_still_answers()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:DefaultSite:Mail:Mode=Off"]);
        var paths = await app.LinksAsync();

        Assert.Equal(200, (int)(await app.GetAsync(paths.Open)).StatusCode);
        Assert.Equal(302, (int)(await app.GetAsync(paths.Clicks[0])).StatusCode);
        Assert.Equal(200, (int)(await app.OneClickAsync(paths.Withdraw)).StatusCode);
        Assert.Equal(0, app.Ledger.Read().Received);
    }

    // What is on record about the reader as the site's user counts as at every door; the sender's own later record of a yes to mails counts for mails.
    [Theory]
    [InlineData("erased", "-", 0)]
    [InlineData("restricted", "+", 0)]
    [InlineData("no to measurement", "-", 0)]
    [InlineData("no to measurement", "+", 1)]
    [InlineData("no to storage", "-", 1)]
    [InlineData("nothing", "-", 1)]
    public async Task What_is_on_record_about_the_reader_counts_too(string record, string decision, int kept)
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:Mail:Mode=Full", "--Pixel:Mail:AnswerAfter=00:00:00"]);
        var no = Word.No(TimeProvider.System.GetUtcNow().AddHours(-1));
        app.Services.GetRequiredService<Standings>().Learn(app.Services.GetRequiredService<SubjectKeys>().Of("shop", SubjectKind.User, "4711"), record switch
        {
            "erased" => new() { Kept = no },
            "restricted" => new() { Processed = no },
            "no to measurement" => new() { Measurement = no },
            "no to storage" => new() { Storage = no },
            _ => default,
        });
        if (decision == "+") await app.DecideAsync("4711", tracking: true);
        var paths = await app.LinksAsync();
        (await app.GetAsync(paths.Open)).Dispose();

        Assert.Equal(kept, app.Ledger.Read().Received);
        if (kept == 0) return;
        Assert.Equal(record == "no to storage" ? null : "4711", (string?)Assert.Single(await app.EventsAsync(1))["user_id"]);
    }

    // Rows: regime and mode of the site, what the recipient decided (- nothing, + agreed, 0 withdrew), and what becomes of an open and a click.
    [Theory]
    [InlineData("Open", "Full", "-", "full full")]
    [InlineData("Open", "Full", "+", "full full")]
    [InlineData("Open", "Full", "0", "nothing nothing")]
    [InlineData("Us", "Full", "-", "full full")]
    [InlineData("Gdpr", "Full", "-", "nothing nothing")]
    [InlineData("Gdpr", "Full", "+", "full full")]
    [InlineData("Gdpr", "Full", "0", "nothing nothing")]
    [InlineData("Gdpr", "Anonymous", "-", "nothing nothing")]
    [InlineData("Gdpr", "Anonymous", "+", "anonymous anonymous")]
    [InlineData("Gdpr", "Deliverability", "-", "nothing nothing")]
    [InlineData("Gdpr", "Deliverability", "+", "day nothing")]
    [InlineData("Exempt", "Full", "-", "anonymous anonymous")]
    [InlineData("Exempt", "Full", "0", "nothing nothing")]
    [InlineData("Exempt", "Deliverability", "-", "nothing nothing")]
    [InlineData("Aggregate", "Full", "-", "anonymous anonymous")]
    [InlineData("Aggregate", "Full", "+", "anonymous anonymous")]
    [InlineData("Aggregate", "Deliverability", "-", "nothing nothing")]
    [InlineData("Open", "Deliverability", "-", "day nothing")]
    [InlineData("Open", "Deliverability", "0", "nothing nothing")]
    [InlineData("Open", "Anonymous", "0", "nothing nothing")]
    [InlineData("Open", "Off", "+", "nothing nothing")]
    public async Task The_regime_comes_first_then_the_recipient_then_the_mode(string regime, string mode, string decision, string kept)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:Sites:shop:Regime={regime}", $"--Pixel:Sites:shop:Mail:Mode={mode}", "--Pixel:Mail:AnswerAfter=00:00:00"]);
        if (decision != "-") await app.DecideAsync("4711", tracking: decision == "+");
        var paths = await app.LinksAsync();

        (await app.GetAsync(paths.Open)).Dispose();
        Assert.Equal(302, (int)(await app.GetAsync(paths.Clicks[0])).StatusCode);

        var events = await app.EventsAsync(kept.Split(' ').Count(one => one != "nothing"));
        Assert.Equal(kept, $"{Kept("email")} {Kept("click")}");
        Assert.All(events, row => Assert.True((bool)row["consent_measurement"]!));

        string Kept(string source) => events.SingleOrDefault(row => (string?)row["source"] == source) switch
        {
            null => "nothing",
            var row when (string?)row["name"] == "email_reachable" => "day",
            var row when row["user_id"] is null && row["properties"]!["message_id"] is null && row["user_agent"] is null => "anonymous",
            _ => "full",
        };
    }

    // Image proxies stand in the country of the mail provider: where the reader lives only the site knows.
    [Theory]
    [InlineData("Gdpr", "Us", "", 0)]
    [InlineData("Us", "Gdpr", "", 1)]
    [InlineData("Us", "Gdpr", "-", 1)]
    public async Task The_country_of_whoever_fetches_is_not_the_readers(string regime, string theirs, string click, int kept)
    {
        await using var app = await PixelApp.StartAsync(settings:
            [$"--Pixel:Sites:shop:Regime={regime}", $"--Pixel:Sites:shop:RegimeByCountry:US={theirs}", "--Pixel:CountryHeader=X-Country", "--Pixel:Mail:AnswerAfter=00:00:00"]);
        var paths = await app.LinksAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, click.Length > 0 ? paths.Clicks[0] : paths.Open);
        request.Headers.Add("X-Country", "US");
        (await app.Client.SendAsync(request)).Dispose();

        Assert.Equal(kept, (await app.EventsAsync(kept)).Count(row => (string?)row["user_id"] == "4711"));
    }

    [Theory]
    [InlineData("Us", "Full", true)]
    [InlineData("Open", "Full", true)]
    [InlineData("Us", "Anonymous", false)] // keeps nothing of the recipient, this neither
    [InlineData("Gdpr", "Full", false)]
    public async Task Global_Privacy_Control_of_whoever_clicks_opts_out_the_recipient_for_good(string regime, string mode, bool sticks)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:Sites:shop:Regime={regime}", $"--Pixel:Sites:shop:Mail:Mode={mode}", "--Pixel:Mail:AnswerAfter=00:00:00"]);
        await app.DecideAsync("4711", tracking: true);
        using var request = new HttpRequestMessage(HttpMethod.Get, (await app.LinksAsync()).Clicks[0]);
        request.Headers.Add("Sec-GPC", "1");
        (await app.Client.SendAsync(request)).Dispose();

        var subject = app.Services.GetRequiredService<SubjectKeys>().Of("shop", SubjectKind.User, "4711");
        Assert.Equal(sticks, app.Services.GetRequiredService<Standings>().Of(subject).IsOptedOut); // the very next event is judged by it
        await app.StoredAsync(1);
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var query = connection.CreateCommand();
        query.CommandText = "select group_concat(kind || ' ' || id || ' ' || source) from opt_outs";
        Assert.Equal(sticks ? "user 4711 gpc" : "", await query.ExecuteScalarAsync() as string ?? "");
    }

    [Fact]
    public async Task A_site_that_is_not_one_of_ours_gets_no_links_and_no_events()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:UnknownSites=Refuse", "--Pixel:Sites:shop:Regime=Open"]);
        var foreign = new PixelServer.Mail.MailToken("other", "4711") { Message = "m", Target = "https://shop.example/" };

        Assert.Equal(400, (int)(await app.PostJsonAsync("/api/mail/links", """{"site_id":"other","message_id":"m","recipient_id":"4711"}""")).StatusCode);
        Assert.Equal(200, (int)(await app.GetAsync($"/o/{app.Sign(PixelServer.Mail.MailDoor.Open, foreign)}.gif")).StatusCode);
        Assert.Equal(302, (int)(await app.GetAsync($"/c/{app.Sign(PixelServer.Mail.MailDoor.Click, foreign)}")).StatusCode); // it was a site once, and mails live long
        Assert.Equal(0, app.Ledger.Read().Received);
    }

    private async Task<PixelApp> StartAsync(string store, params string[] settings) => await PixelApp.StartAsync(
        store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", new StoppedAt(s_now), settings: [.. settings, "--Pixel:Mail:AnswerAfter=00:00:00"]);

    private static IEnumerable<string> Said(JsonNode row) => row.AsObject().Where(column => column.Value is not null).Select(column => column.Key);

    private static void AssertCutTo(JsonNode row, DateTime time)
    {
        Assert.Equal((time, time), (((DateTimeOffset)row["received_at"]!).UtcDateTime, ((DateTimeOffset)row["occurred_at"]!).UtcDateTime));
        var id = Guid.Parse((string)row["event_id"]!);
        Assert.Equal((7, new DateTimeOffset(time, TimeSpan.Zero).ToUnixTimeMilliseconds()), (id.Version, Convert.ToInt64(id.ToString("N")[..12], 16)));
        Assert.Equal(((string?)row["event_id"], "none"), ((string?)row["visitor_id"], (string?)row["visitor_kind"]));
    }

    /// <summary>Tells one moment, but its timers run: background work goes on.</summary>
    private sealed class StoppedAt(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

using System.Net;
using System.Text;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Journal;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>Links in mails: where they lead, and that they lead nowhere else.</summary>
public sealed class ClickDoorTests(PixelApp shared) : IClassFixture<PixelApp>
{
    private static readonly MailToken s_mail = new("shop", "4711") { Message = "autumn-2026", Target = "https://shop.example/boots" };

    [Fact]
    public async Task A_click_leads_where_the_link_leads_and_is_an_event_of_the_recipient()
    {
        await using var app = await PixelApp.StartAsync();
        const string Target = "https://shop.example/boots?size=42&utm_source=mail#top%20of";
        var paths = await app.LinksAsync(links: [Target, "https://shop.example/scarf"], more: ""","trap":"https://shop.example/trap" """);

        using var answer = await app.GetAsync(paths.Clicks[0] + "?fbclid=added-by-somebody&url=https://evil.example/");
        (await app.GetAsync(paths.Trap!)).Dispose();

        Assert.Equal((HttpStatusCode.Redirect, Target), (answer.StatusCode, answer.Headers.Location?.OriginalString));
        Assert.Equal(("no-store", "no-referrer", "noindex", 0), (answer.Headers.CacheControl?.ToString(), Assert.Single(answer.Headers.GetValues("Referrer-Policy")),
            Assert.Single(answer.Headers.GetValues("X-Robots-Tag")), (await answer.Content.ReadAsByteArrayAsync()).Length));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        var events = await app.EventsAsync(2);
        Assert.Equal(("click", "email_click", "4711", Target, "shop.example", "mail", "autumn"), ((string?)events[0]["source"], (string?)events[0]["name"], (string?)events[0]["user_id"],
            (string?)events[0]["url"], (string?)events[0]["host"], (string?)events[0]["utm_source"], (string?)events[0]["properties"]!["campaign"]));
        Assert.Equal((0, 2, null), ((int?)events[0]["properties"]!["link_index"], (int?)events[0]["properties"]!["link_count"], (bool?)events[0]["properties"]!["trap"]));
        Assert.True((bool)events[1]["properties"]!["trap"]!);
        Assert.Equal("none", (string?)events[0]["visitor_kind"]);
    }

    [Fact]
    public async Task A_look_at_the_link_gets_the_same_answer_and_is_no_event()
    {
        await using var app = await PixelApp.StartAsync();
        var path = (await app.LinksAsync()).Clicks[0];

        using var answer = await app.GetAsync(path, method: "HEAD");

        Assert.Equal((HttpStatusCode.Redirect, "https://shop.example/boots?size=42&utm_source=mail"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
        Assert.Equal(0, app.Ledger.Read().Received);
    }

    [Fact]
    public async Task A_token_that_is_not_ours_never_leads_anywhere()
    {
        var path = (await shared.LinksAsync()).Clicks[0];
        string[] others =
        [
            path + "A", path + "/", path + ".", path[..^1], path.Replace("/k1.", "/k2.", StringComparison.Ordinal), path.Replace("/k1.", "/", StringComparison.Ordinal),
            "/c/" + shared.Sign(MailDoor.Open, s_mail), "/c/" + shared.Sign(MailDoor.Withdraw, s_mail), "/c/https://evil.example/", "/c//evil.example/",
            "/c/%68ttps:%2f%2fevil.example%2f", "/c/?url=https://evil.example/", "/c/\\evil.example", "/c/.", "/c/" + new string('A', 6_000),
        ];

        foreach (var other in others) await AssertLeadsNowhereAsync(shared, other, HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task No_change_of_a_single_character_leads_anywhere()
    {
        var path = (await shared.LinksAsync()).Clicks[0];
        await Gen.Select(Gen.Int["/c/".Length, path.Length - 1], Gen.Char["ABYZabyz0189-_."])
            .Where((at, c) => path[at] != c)
            .SampleAsync(async change => await AssertLeadsNowhereAsync(shared, path[..change.Item1] + change.Item2 + path[(change.Item1 + 1)..], HttpStatusCode.NotFound), iter: 300);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("//evil.example/")]
    [InlineData("https://shop.example@evil.example/")]
    [InlineData("https://shop.example/%0d%0a\\r\\nSet-Cookie:a=b")]
    [InlineData("https://shop.example/\\u000d\\u000aSet-Cookie:a=b")]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://[::1]/")]
    [InlineData("http://169.254.169.254/")]
    [InlineData("http://localhost/")]
    public async Task Not_even_a_signed_target_is_trusted(string target)
    {
        var (id, secret) = shared.Services.GetRequiredService<MailKeys>().Current;
        var signed = id + "." + System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"s":"shop","m":"m","r":"4711","u":"{{target}}"}"""));
        var mac = System.Security.Cryptography.HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes("c." + signed));

        await AssertLeadsNowhereAsync(shared, $"/c/{signed}.{System.Buffers.Text.Base64Url.EncodeToString(mac.AsSpan(0, 16))}", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Private_targets_are_led_to_only_where_the_operator_allows_it()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Mail:AllowPrivateTargets=true"]);
        using var answer = await app.GetAsync((await app.LinksAsync(links: "http://127.0.0.1:8081/app")).Clicks[0]);

        Assert.Equal("http://127.0.0.1:8081/app", answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task A_site_can_name_the_only_hosts_that_its_mails_lead_to()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:Mail:Hosts=shop.example, *.shop.example"]);

        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync("/c/" + app.Sign(MailDoor.Click, s_mail))).StatusCode);
        await AssertLeadsNowhereAsync(app, "/c/" + app.Sign(MailDoor.Click, s_mail with { Target = "https://evil.example/" }), HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync("/c/" + app.Sign(MailDoor.Click, s_mail with { Site = "other", Target = "https://evil.example/" }))).StatusCode);
        Assert.Contains("links[0]", await (await app.PostJsonAsync("/api/mail/links",
            """{"site_id":"shop","message_id":"m","recipient_id":"4711","links":["https://evil.example/"]}""")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_link_and_a_stopped_message_are_gone()
    {
        await using var app = await PixelApp.StartAsync();
        await AssertLeadsNowhereAsync(app, "/c/" + app.Sign(MailDoor.Click, s_mail with { ExpiresAt = DateTimeOffset.UnixEpoch }), HttpStatusCode.Gone);
        var (first, second) = ("/c/" + app.Sign(MailDoor.Click, s_mail), "/c/" + app.Sign(MailDoor.Click, s_mail with { Message = "other" }));

        await StopAsync(""","message_id":"autumn-2026","redirects":true""");
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(first)).StatusCode); // leads on, unrecorded
        await StopAsync(""","message_id":"autumn-2026","redirects":false""");
        await AssertLeadsNowhereAsync(app, first, HttpStatusCode.Gone);
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(second)).StatusCode);
        await StopAsync(""","redirects":false""");
        await AssertLeadsNowhereAsync(app, second, HttpStatusCode.Gone);
        await StopAsync(""","tracking":true""");
        await StopAsync(""","message_id":"autumn-2026","tracking":true""");
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(first)).StatusCode);

        Assert.Equal(["other", "autumn-2026"], (await app.EventsAsync(2)).Select(row => (string?)row["properties"]!["message_id"]));

        async Task StopAsync(string what) =>
            Assert.Equal(HttpStatusCode.NoContent, (await app.PostJsonAsync("/api/mail/stop", $$"""{"site_id":"shop"{{what}}}""")).StatusCode);
    }

    [Fact]
    public async Task A_full_journal_keeps_nobody_from_the_page_and_the_ledger_tells_of_the_event()
    {
        await using var app = await PixelApp.StartAsync(settings: [PixelApp.FullJournal]);

        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync((await app.LinksAsync()).Clicks[0])).StatusCode);
        Assert.Equal((1, 1), (app.Ledger.Read().Received, app.Ledger.Read().Refused["journal_full"]));
    }

    [Fact]
    public async Task A_disk_that_hangs_keeps_nobody_from_the_page_for_more_than_a_second()
    {
        using var folder = new TempFolder();
        using var works = new ManualResetEventSlim(initialState: true);
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero));
        await using var app = await PixelApp.StartAsync(clock: clock, replace: services => services.AddSingleton(provider => PixelServer.Journal.Journal.Open(
            folder.Path, new JournalOptions(), Acknowledge.Flushed, clock, provider.GetRequiredService<Ledger>(), NullLogger.Instance,
            disk: new SimulatedDisk { Before = _ => works.Wait() })));
        var path = (await app.LinksAsync()).Clicks[0];

        works.Reset();
        var answer = app.GetAsync(path);
        var waited = TimeSpan.Zero;
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            waited += TimeSpan.FromMilliseconds(100);
            return answer.IsCompleted;
        }, () => "the reader is led on");

        Assert.Equal(HttpStatusCode.Redirect, (await answer).StatusCode);
        Assert.True(waited >= TimeSpan.FromSeconds(1), "not before the disk had its chance");
        Assert.Equal(0, app.Ledger.Read().Received);
        works.Set();
        await Eventually.TrueAsync(() => app.Ledger.Read().Received == 1, () => "the event is there when the disk is"); // late, but not lost
    }

    [Fact]
    public async Task Links_are_made_and_lead_on_while_the_database_is_away()
    {
        await using var app = await PixelApp.StartAsync(postgres: "Host=127.0.0.1;Port=1;Username=nobody;Database=none;Timeout=1");
        var paths = await app.LinksAsync();

        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(paths.Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(paths.Open)).StatusCode);
        Assert.Equal((2, 2), (app.Ledger.Read().Received, app.Ledger.Read().Waiting));
        Assert.Equal("postgresql", app.Services.GetRequiredService<IEventStore>().Name);
    }

    [Fact]
    public async Task Many_clicks_at_once_are_as_many_events()
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => app.GetAsync(i % 2 == 0 ? paths.Clicks[i % 4 / 2] : paths.Open)));

        Assert.All(answers, answer => Assert.Contains(answer.StatusCode, (HttpStatusCode[])[HttpStatusCode.Redirect, HttpStatusCode.OK]));
        Assert.Equal(100, (await app.EventsAsync(200)).Count(row => (string?)row["name"] == "email_click"));
    }

    private static async Task AssertLeadsNowhereAsync(PixelApp app, string path, HttpStatusCode status)
    {
        using var answer = await app.GetAsync(path);
        var page = await answer.Content.ReadAsStringAsync();
        Assert.Equal((path, status), (path, answer.StatusCode));
        Assert.Null(answer.Headers.Location);
        Assert.False(answer.Headers.Contains("Refresh"));
        Assert.DoesNotContain("evil", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http-equiv", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("<h1>", page, StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }
}

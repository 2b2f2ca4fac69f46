using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>The image in a mail: it tells nobody what its token is worth.</summary>
public sealed partial class OpenDoorTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_mail_that_is_shown_is_an_event_of_its_recipient()
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync(more: ""","sent_at":"2026-11-24T10:00:00Z" """);

        using var answer = await app.GetAsync(paths.Open);

        Assert.Equal((HttpStatusCode.OK, 43), (answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync()).Length));
        var row = Assert.Single(await app.EventsAsync(1));
        Assert.Equal(("email", "email_open", "shop", "4711"), ((string?)row["source"], (string?)row["name"], (string?)row["site_id"], (string?)row["user_id"]));
        Assert.Equal("""{"campaign":"autumn","message_id":"autumn-2026","sent_at":"2026-11-24T10:00:00Z","utm_campaign":"autumn"}""", Sorted(row["properties"]!));
        Assert.Equal(("none", "autumn", null), ((string?)row["visitor_kind"], (string?)row["utm_campaign"], (string?)row["url"]));
        Assert.Equal((string?)row["event_id"], (string?)row["visitor_id"]);
        Assert.False((bool)row["consent_storage"]!);
    }

    [Fact]
    public async Task Every_token_gets_the_same_bytes_and_only_the_good_one_is_an_event()
    {
        await using var app = await PixelApp.StartAsync();
        var (good, classes) = await ClassesAsync(app);
        var expected = Undated(await app.RawAsync(Request(good)));

        Assert.Matches("^HTTP/1.1 200 OK\r\n", expected);
        Assert.Contains("Cache-Control: no-cache, no-store, must-revalidate, max-age=0, private\r\n", expected, StringComparison.Ordinal);
        Assert.Contains("Content-Length: 43\r\n", expected, StringComparison.Ordinal);
        foreach (var never in (string[])["Set-Cookie", "Vary", "X-Pixel-Refused", "ETag", "Last-Modified", "Location", "Content-Encoding"])
            Assert.DoesNotContain(never, expected, StringComparison.OrdinalIgnoreCase);
        foreach (var (name, path) in classes) Assert.Equal((name, expected), (name, Undated(await app.RawAsync(Request(path)))));

        await app.EventsAsync(1);
        Assert.Equal((1, 0), (app.Ledger.Read().Received, app.Ledger.Read().Refused.Count));
    }

    [Fact]
    public async Task A_look_at_the_headers_is_the_same_for_every_token_and_no_event()
    {
        await using var app = await PixelApp.StartAsync();
        var (good, classes) = await ClassesAsync(app);
        var expected = Undated(await app.RawAsync(Request(good, "HEAD")));

        Assert.EndsWith("\r\n\r\n", expected, StringComparison.Ordinal);
        Assert.Equal(Undated(await app.RawAsync(Request(classes["forged"]))).Split("\r\n\r\n")[0], expected.Split("\r\n\r\n")[0]);
        foreach (var (name, path) in classes) Assert.Equal((name, expected), (name, Undated(await app.RawAsync(Request(path, "HEAD")))));
        Assert.Equal(0, app.Ledger.Read().Received);
    }

    // With a clock that stands, the only thing that can let an answer go is that clock: no class of token leaves before its time, and
    // all leave when it has come.
    [Fact]
    public async Task No_answer_leaves_before_its_time()
    {
        var clock = new FakeTimeProvider(s_start);
        await using var app = await PixelApp.StartAsync(clock: clock);
        var (good, classes) = await ClassesAsync(app);
        classes.Add("good", good);
        var answers = classes.ToDictionary(one => one.Key, one => app.Client.GetAsync(one.Value));

        // The good one is on disk, so that nothing but the clock is left to wait for.
        await Eventually.TrueAsync(() => app.Ledger.Read().Received == 1, () => $"the open is in the journal; {app.Ledger.Read()}");
        clock.Advance(TimeSpan.FromMilliseconds(24));
        await app.Client.GetAsync("/healthz"); // goes through the same server meanwhile
        Assert.All(answers, one => Assert.False(one.Value.IsCompleted, one.Key));

        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(1)); // requests that arrived late count from their own arrival
            return answers.Values.All(answer => answer.IsCompleted);
        }, () => string.Join(", ", answers.Where(one => !one.Value.IsCompleted).Select(one => one.Key)));
        Assert.All(answers.Values, answer => Assert.Equal(HttpStatusCode.OK, answer.Result.StatusCode));
    }

    [Fact]
    public async Task The_times_of_all_tokens_are_alike()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Mail:AnswerAfter=00:00:00.1"]); // well above a flush, also of a busy disk
        var (good, classes) = await ClassesAsync(app);
        classes.Add("good", good);
        var times = classes.Keys.ToDictionary(name => name, _ => new List<double>());

        for (var round = 0; round < 9; round++)
        {
            foreach (var (name, path) in classes) // one after the other, so that what the machine does meanwhile meets all of them
            {
                var started = Stopwatch.GetTimestamp();
                (await app.Client.GetAsync(path)).Dispose();
                times[name].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        var medians = times.ToDictionary(one => one.Key, one => one.Value.Order().ElementAt(one.Value.Count / 2));
        Assert.All(medians, median => Assert.InRange(median.Value, 99, 1_000));
        Assert.True(medians.Values.Max() - medians.Values.Min() < 50, string.Join(", ", medians.Select(one => $"{one.Key} {one.Value:0.0} ms")));
    }

    [Fact]
    public async Task A_journal_that_takes_nothing_shows_to_every_token_alike()
    {
        await using var app = await PixelApp.StartAsync(settings: [PixelApp.FullJournal]);
        var (good, classes) = await ClassesAsync(app);
        var expected = Undated(await app.RawAsync(Request(good)));

        Assert.Matches("^HTTP/1.1 503 ", expected);
        Assert.Contains("Retry-After: 60\r\n", expected, StringComparison.Ordinal);
        Assert.DoesNotContain("X-Pixel-Refused", expected, StringComparison.Ordinal);
        Assert.Contains("GIF89a", expected, StringComparison.Ordinal);
        foreach (var (name, path) in classes) Assert.Equal((name, expected), (name, Undated(await app.RawAsync(Request(path)))));
        Assert.Equal(1, app.Ledger.Read().Refused["journal_full"]);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task Other_methods_are_told_what_there_is(string method)
    {
        await using var app = await PixelApp.StartAsync();
        using var answer = await app.GetAsync((await app.LinksAsync()).Open, method: method);

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET, HEAD"), (answer.StatusCode, string.Join(", ", answer.Content.Headers.Allow)));
        Assert.Equal(0, app.Ledger.Read().Received);
    }

    [Fact]
    public async Task The_address_can_be_another_one_and_links_follow()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Paths:Open=/img/mail", "--Pixel:Paths:Click=/go", "--Pixel:Paths:Withdraw=/no"]);
        var paths = await app.LinksAsync();

        Assert.StartsWith("/img/mail/", paths.Open, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(paths.Open)).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(paths.Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(paths.Withdraw)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync(paths.Open.Replace("/img/mail/", "/o/", StringComparison.Ordinal))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync("/img/mail")).StatusCode);
        await app.EventsAsync(2);
    }

    [Theory]
    [InlineData("GET /o/%00.gif HTTP/1.1", "400|200")]
    [InlineData("GET /o/..%2f..%2fetc.gif HTTP/1.1", "200|404")]
    [InlineData("GET /o/%ff%fe.gif HTTP/1.1", "200|404")]
    [InlineData("GET /o/.gif HTTP/1.1", "200")]
    [InlineData("GET /o/ HTTP/1.1", "200")]
    [InlineData("GET /o/a/b/c.gif HTTP/1.1", "200")]
    [InlineData("GET /o//.gif HTTP/1.1", "200")]
    [InlineData("GET /o/AAAA.gif?x=%0d%0aSet-Cookie:a HTTP/1.1", "200")]
    [InlineData("GET /O/AAAA.gif HTTP/1.1", "404")]
    [InlineData("GET /o HTTP/1.1", "404")]
    public async Task Strange_addresses_are_answered_and_no_trouble_is_logged(string line, string statuses)
    {
        await using var app = await PixelApp.StartAsync();
        var answer = await app.RawAsync($"{line}\r\nHost: t\r\nConnection: close\r\n\r\n");

        Assert.Contains(answer.Split(' ')[1], statuses.Split('|'));
        Assert.DoesNotContain("Set-Cookie", answer, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch(" (WRN|ERR|FTL) ", app.Output);
    }

    [Fact]
    public async Task No_token_and_no_recipient_gets_into_the_log()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Ops:LogLevel=Debug"]);
        var paths = await app.LinksAsync(recipient: "recipient-17");
        foreach (var path in (string[])[paths.Open, paths.Clicks[0], paths.Withdraw, paths.Open[..^5] + "x.gif", paths.Clicks[0] + "x"]) (await app.GetAsync(path)).Dispose();
        (await app.OneClickAsync(paths.Withdraw)).Dispose();
        (await app.AdminAsync("/api/mail/recipients?site=shop&recipient=recipient-17")).Dispose();
        await app.StopAsync();

        Assert.DoesNotContain("recipient-17", app.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(paths.Open[3..40], app.Output, StringComparison.Ordinal);
    }

    private static string Request(string path, string method = "GET") => $"{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";

    private static string Undated(string answer) => Date().Replace(answer, "");

    private static string Sorted(System.Text.Json.Nodes.JsonNode properties) =>
        "{" + string.Join(',', properties.AsObject().OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"\"{one.Key}\":{one.Value!.ToJsonString()}")) + "}";

    /// <summary>A good token, and one of every kind that is not.</summary>
    private static async Task<(string Good, Dictionary<string, string> Others)> ClassesAsync(PixelApp app)
    {
        var mail = new MailToken("shop", "4711") { Message = "autumn-2026" };
        var good = (await app.LinksAsync()).Open;
        await app.DecideAsync("withdrew", tracking: false);
        (await app.PostJsonAsync("/api/mail/stop", """{"site_id":"shop","message_id":"stopped"}""")).EnsureSuccessStatusCode();
        var secret = app.Services.GetRequiredService<MailKeys>().Current.Secret;
        return (good, new()
        {
            ["forged"] = $"{good[..^15]}{(good[^15] == 'A' ? 'B' : 'A')}{good[^14..]}", // a character in the middle of the signature
            ["altered"] = good.Replace("/o/k1.ey", "/o/k1.ez", StringComparison.Ordinal),
            ["unknown key"] = good.Replace("/k1.", "/k9.", StringComparison.Ordinal),
            ["of another door"] = $"/o/{app.Sign(MailDoor.Click, mail with { Target = "https://shop.example/" })}.gif",
            ["withdrawn"] = $"/o/{app.Sign(MailDoor.Open, mail with { Recipient = "withdrew" })}.gif",
            ["expired"] = $"/o/{app.Sign(MailDoor.Open, mail with { ExpiresAt = DateTimeOffset.UnixEpoch })}.gif",
            ["stopped"] = $"/o/{app.Sign(MailDoor.Open, mail with { Message = "stopped" })}.gif",
            ["an address inside"] = $"/o/{(mail with { Recipient = "reader@mail.example" }).Sign(MailDoor.Open, "k1", secret)}.gif",
            ["no token"] = "/o/x.gif",
            ["nothing"] = "/o/.gif",
            ["too long"] = $"/o/k1.{new string('A', 5_000)}.AAAAAAAAAAAAAAAAAAAAAA.gif",
        });
    }

    [GeneratedRegex("Date: [^\r]*\r\n")]
    private static partial Regex Date();
}

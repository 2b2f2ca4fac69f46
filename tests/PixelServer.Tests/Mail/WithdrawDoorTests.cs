using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Mail;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

public sealed class WithdrawDoorTests
{
    [Fact]
    public async Task Looking_at_the_page_does_nothing_and_the_button_ends_it_also_for_mails_already_sent()
    {
        await using var app = await PixelApp.StartAsync();
        var (old, other) = (await app.LinksAsync(message: "spring"), await app.LinksAsync(recipient: "4712"));
        var paths = await app.LinksAsync();

        using var page = await app.GetAsync(paths.Withdraw);
        (await app.GetAsync(paths.Withdraw, method: "HEAD")).Dispose();
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        (await app.GetAsync(old.Open)).Dispose();

        using var button = new HttpRequestMessage(HttpMethod.Post, paths.Withdraw) { Content = new FormUrlEncodedContent([]) };
        button.Headers.Accept.ParseAdd("text/html,application/xhtml+xml");
        using var done = await app.Client.SendAsync(button);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (done.StatusCode, done.Content.Headers.ContentType?.MediaType));
        Assert.Contains("<h1>Done</h1>", await done.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        foreach (var mail in (MailPaths[])[old, paths])
        {
            Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(mail.Open)).StatusCode);
            Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(mail.Clicks[0])).StatusCode); // leads on, unrecorded
        }

        (await app.GetAsync(other.Open)).Dispose(); // somebody else's
        var events = await app.EventsAsync(3);
        Assert.Equal([("email_open", "4711"), ("email_withdrawn", "4711"), ("email_open", "4712")], events.Select(row => ((string?)row["name"], (string?)row["user_id"])));
        Assert.Equal("""{"ip":null,"user_agent":null,"url":null}""", $$"""{"ip":{{Of("ip")}},"user_agent":{{Of("user_agent")}},"url":{{Of("url")}}}""");

        string Of(string column) => events[1][column]?.ToJsonString() ?? "null";
    }

    [Fact]
    public async Task The_page_is_plain_closed_and_says_nothing_of_the_request()
    {
        await using var app = await PixelApp.StartAsync();
        var withdraw = (await app.LinksAsync(recipient: "recipient-17")).Withdraw;

        using var answer = await app.GetAsync(withdraw + "?name=%3Cscript%3E");
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Matches("<html lang=\"en\">", page);
        Assert.Single(Regex.Matches(page, "<h1>"));
        Assert.Single(Regex.Matches(page, "<title>[^<]+</title>"));
        Assert.Single(Regex.Matches(page, "<form method=\"post\"><button>"));
        Assert.DoesNotMatch("(?i)<script|<img|<link|http:|https:|recipient-17|src=|href=|onclick|style=", page);
        Assert.Equal("DENY", Assert.Single(answer.Headers.GetValues("X-Frame-Options")));
        Assert.Equal("no-referrer", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
        Assert.Equal("noindex", Assert.Single(answer.Headers.GetValues("X-Robots-Tag")));
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        Assert.Matches("^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$",
            Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    public static TheoryData<string, string?> Bodies => new()
    {
        { "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded" },
        { "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n", "multipart/form-data; boundary=b" },
        { "", null },
        { "", "application/x-www-form-urlencoded" },
        { "something else", "text/plain" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_mail_service_withdraws_with_one_click_without_cookie_login_or_redirect(string body, string? type)
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, paths.Withdraw) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        if (type is not null) request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        request.Headers.TryAddWithoutValidation("Origin", "https://mail.example"); // exempt from checks of origin
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "cross-site");

        using var answer = await app.Client.SendAsync(request);

        Assert.Equal((HttpStatusCode.OK, "Done.\n"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Null(answer.Headers.Location);
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(app));
    }

    [Fact]
    public async Task A_token_that_is_not_ours_gets_the_same_answer_and_does_nothing()
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync();
        string[] others =
        [
            paths.Withdraw[..^1], paths.Withdraw + "A", paths.Withdraw.Replace("/k1.", "/k2.", StringComparison.Ordinal), "/u/x",
            paths.Open.Replace("/o/", "/u/", StringComparison.Ordinal)[..^4], paths.Clicks[0].Replace("/c/", "/u/", StringComparison.Ordinal),
        ];
        var bad = new List<string>();
        foreach (var other in others) bad.Add(await HeadOfAsync(other));
        Assert.Equal("""{"tracking":null,"include_pixel":true}""", await RecipientAsync(app));
        Assert.All(bad, one => Assert.Equal(bad[0], one));

        Assert.Equal(bad[0], await HeadOfAsync(paths.Withdraw));
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(app));
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync(others[0])).StatusCode); // a person with half a link is told so

        async Task<string> HeadOfAsync(string path) => Regex.Replace(await app.RawAsync(
            $"POST {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n\r\nList-Unsubscribe=One-Click"), "Date: [^\r]*", "");
    }

    [Fact]
    public async Task Withdrawing_twice_is_one_decision_and_one_event()
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => app.OneClickAsync(paths.Withdraw)));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        await app.EventsAsync(1);
        Assert.Single(await File.ReadAllLinesAsync(Path.Combine(app.DataDirectory, "mail-decisions.jsonl")));
    }

    [Fact]
    public async Task A_withdrawal_outlives_a_restart_with_the_database_away_all_the_time()
    {
        const string Away = "Host=127.0.0.1;Port=1;Username=nobody;Database=none;Timeout=1";
        using var folder = new TempFolder();
        MailPaths paths;
        await using (var app = await PixelApp.StartAsync(postgres: Away, directory: folder.Path))
        {
            paths = await app.LinksAsync();
            Assert.Equal(HttpStatusCode.OK, (await app.OneClickAsync(paths.Withdraw)).StatusCode);
            (await app.GetAsync(paths.Open)).Dispose();
            Assert.Equal(1, app.Ledger.Read().Received); // the withdrawal itself
        }

        await using var again = await PixelApp.StartAsync(postgres: Away, directory: folder.Path);
        (await again.GetAsync(paths.Open)).Dispose();
        (await again.GetAsync(paths.Clicks[0])).Dispose();
        Assert.Equal(0, again.Ledger.Read().Received);
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(again));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.File("mail-decisions.jsonl")));
    }

    [Fact]
    public async Task An_expired_mail_can_still_be_withdrawn_from()
    {
        await using var app = await PixelApp.StartAsync();
        var token = app.Sign(MailDoor.Withdraw, new("shop", "4711") { ExpiresAt = DateTimeOffset.UnixEpoch });

        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/u/" + token)).StatusCode);
        (await app.OneClickAsync("/u/" + token)).Dispose();
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(app));
    }

    [Fact]
    public async Task What_cannot_be_written_is_said_and_does_not_hold()
    {
        await using var app = await PixelApp.StartAsync();
        var paths = await app.LinksAsync();
        Directory.CreateDirectory(Path.Combine(app.DataDirectory, "mail-decisions.jsonl")); // no file can be there now

        using var answer = await app.OneClickAsync(paths.Withdraw);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("""{"tracking":null,"include_pixel":true}""", await RecipientAsync(app));

        Directory.Delete(Path.Combine(app.DataDirectory, "mail-decisions.jsonl"));
        Assert.Equal(HttpStatusCode.OK, (await app.OneClickAsync(paths.Withdraw)).StatusCode);
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(app));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_withdrawal_whose_proof_could_not_be_kept_is_proven_when_it_comes_again(bool restarts)
    {
        using var folder = new TempFolder();
        var app = await PixelApp.StartAsync(directory: folder.Path);
        try
        {
            // Another collector's clock is ahead: what is kept is dated after its yes, and that is what is proven.
            var ahead = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).AddHours(1);
            var decisions = app.Services.GetRequiredService<MailDecisions>();
            await decisions.LearnAsync([new("shop", MailSubject.Recipient, "4711", Tracking: true, Redirects: true, ahead, "operator")]);
            var withdraw = (await app.LinksAsync()).Withdraw;
            Directory.CreateDirectory(folder.File("consents.jsonl")); // no file can be there now
            for (var i = 0; i < 2; i++) Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.OneClickAsync(withdraw)).StatusCode);
            Assert.Equal((false, ahead.AddMilliseconds(1)), (decisions.About("shop", MailSubject.Recipient, "4711")!.Tracking, decisions.About("shop", MailSubject.Recipient, "4711")!.DecidedAt));
            await app.EventsAsync(1);

            Directory.Delete(folder.File("consents.jsonl"));
            if (restarts)
            {
                await app.DisposeAsync();
                app = await PixelApp.StartAsync(directory: folder.Path);
            }

            for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, (await app.OneClickAsync(withdraw)).StatusCode);
            await Privacy.ConsentApiTests.SharedAsync(app);
            Assert.Equal(HttpStatusCode.OK, (await app.OneClickAsync(withdraw)).StatusCode);
            await Privacy.ConsentApiTests.SharedAsync(app);

            var record = Assert.Single(await app.Services.GetRequiredService<IConsents>().AboutAsync("shop", "recipient", "4711", 10, default)).Record;
            Assert.Equal((ConsentDecision.Withdrawn, "one_click", ahead.AddMilliseconds(1)), (record.Decision, record.Method, record.At));
            Assert.Matches("^mail-[0-9a-f]{32}$", record.RecordId); // and nobody's id
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    [Fact]
    public async Task What_an_operator_says_of_a_recipient_is_proven_when_it_is_said_again_too()
    {
        const string No = """{"site_id":"shop","recipient_id":"4711","tracking":false}""";
        await using var app = await PixelApp.StartAsync();
        Directory.CreateDirectory(Path.Combine(app.DataDirectory, "consents.jsonl"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.PostJsonAsync("/api/mail/recipients", No)).StatusCode);
        Directory.Delete(Path.Combine(app.DataDirectory, "consents.jsonl"));
        for (var i = 0; i < 2; i++) Assert.Equal(HttpStatusCode.NoContent, (await app.PostJsonAsync("/api/mail/recipients", No)).StatusCode);
        await Privacy.ConsentApiTests.SharedAsync(app);

        Assert.Single(await app.Services.GetRequiredService<IConsents>().AboutAsync("shop", "recipient", "4711", 10, default));
        await app.DecideAsync("4711", tracking: true);
        await app.DecideAsync("4711", tracking: false); // another decision, and proven as one
        await Privacy.ConsentApiTests.SharedAsync(app);
        Assert.Equal(3, (await app.Services.GetRequiredService<IConsents>().AboutAsync("shop", "recipient", "4711", 10, default)).Count);
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("gzip")]
    public async Task A_body_that_cannot_be_unpacked_withdraws_all_the_same(string encoding)
    {
        await using var app = await PixelApp.StartAsync();
        using var content = new ByteArrayContent("List-Unsubscribe=One-Click"u8.ToArray()) { Headers = { ContentEncoding = { encoding } } };

        using var answer = await app.Client.PostAsync((await app.LinksAsync()).Withdraw, content);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("""{"tracking":false,"include_pixel":false}""", await RecipientAsync(app));
    }

    [Fact]
    public async Task Bodies_are_bounded_and_a_client_that_hangs_up_is_no_trouble()
    {
        await using var app = await PixelApp.StartAsync();
        var withdraw = (await app.LinksAsync()).Withdraw;

        using var answer = await app.Client.PostAsync(withdraw, new ByteArrayContent(new byte[1 << 20]));
        await app.RawAsync($"POST {withdraw} HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nList", hangUp: true);
        await app.RawAsync($"POST {withdraw} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Equal("""{"tracking":null,"include_pixel":true}""", await RecipientAsync(app));
        Assert.DoesNotMatch(" (WRN|ERR|FTL) ", app.Output);
    }

    private static async Task<string> RecipientAsync(PixelApp app)
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(await (await app.AdminAsync("/api/mail/recipients?site=shop&recipient=4711")).Content.ReadAsStringAsync())!;
        return $$"""{"tracking":{{json["tracking"]?.ToJsonString() ?? "null"}},"include_pixel":{{json["include_pixel"]!.ToJsonString()}}}""";
    }
}

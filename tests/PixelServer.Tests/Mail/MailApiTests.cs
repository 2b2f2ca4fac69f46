using System.Net;
using System.Text.Json.Nodes;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

public sealed class MailApiTests(PixelApp app) : IClassFixture<PixelApp>
{
    [Fact]
    public async Task The_answer_is_that_of_the_contract()
    {
        using var answer = await app.PostJsonAsync("/api/mail/links",
            """{"site_id":"shop","message_id":"m-1","recipient_id":"reader-4711","campaign":"autumn","sent_at":"2026-11-24T10:00:00+02:00","links":["https://shop.example/a","https://shop.example/ä"]}""");
        var json = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal(["open", "withdraw", "links"], json.AsObject().Select(one => one.Key));
        Assert.Matches($"^{app.Address}o/[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{{22}}\\.gif$", json["open"]!.ToString());
        Assert.Matches($"^{app.Address}u/[A-Za-z0-9_.-]+$", json["withdraw"]!.ToString());
        Assert.Equal(["https://shop.example/a", "https://shop.example/ä"], json["links"]!.AsArray().Select(link => link!["url"]!.ToString()));
        Assert.All(json["links"]!.AsArray(), link => Assert.Matches($"^{app.Address}c/[A-Za-z0-9_.-]+$", link!["tracked"]!.ToString()));
        Assert.DoesNotContain("reader", json.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("null", "JSON object")]
    [InlineData("[]", "JSON")]
    [InlineData("{", "JSON")]
    [InlineData("{} {}", "JSON")]
    [InlineData("""{"message_id":"m"}""", "recipient_id")]
    [InlineData("""{"recipient_id":"r"}""", "message_id")]
    [InlineData("""{"message_id":"m","recipient_id":4711}""", "JSON")]
    [InlineData("""{"message_id":"m","recipient_id":"reader@mail.example"}""", "recipient_id")]
    [InlineData("""{"message_id":"5f4dcc3b5aa765d61d8327deb882cf99","recipient_id":"r"}""", "message_id")]
    [InlineData("""{"message_id":"m","recipient_id":"r","campain":"autumn"}""", "JSON")]
    [InlineData("""{"message_id":"m","recipient_id":"r","recipient_id":"r2"}""", "JSON")]
    [InlineData("""{"message_id":"m","recipient_id":"r","site_id":"s h o p"}""", "site_id")]
    [InlineData("""{"message_id":"m","recipient_id":"r","sent_at":"yesterday"}""", "JSON")]
    [InlineData("""{"message_id":"m","recipient_id":"r","sent_at":"1969-12-31T00:00:00Z"}""", "sent_at")]
    [InlineData("""{"message_id":"m","recipient_id":"r","links":["https://shop.example/","javascript:alert(1)"]}""", "links[1]")]
    [InlineData("""{"message_id":"m","recipient_id":"r","links":["https://shop.example/",null]}""", "links[1]")]
    [InlineData("""{"message_id":"m","recipient_id":"r","links":["https://10.0.0.1/"]}""", "links[0]")]
    [InlineData("""{"message_id":"m","recipient_id":"r","links":"https://shop.example/"}""", "JSON")]
    [InlineData("""{"message_id":"m","recipient_id":"r","trap":"javascript:alert(1)"}""", "trap")]
    [InlineData("""{"message_id":"m","recipient_id":"r","campaign":"reader@mail.example"}""", "campaign")]
    public async Task What_is_wrong_is_named_and_not_repeated(string body, string named)
    {
        using var answer = await app.PostJsonAsync("/api/mail/links", body);
        var said = await answer.Content.ReadAsStringAsync();

        Assert.Equal((HttpStatusCode.BadRequest, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Contains(named, JsonNode.Parse(said)!.AsObject()["detail"]?.ToString() ?? JsonNode.Parse(said)!["title"]!.ToString(), StringComparison.Ordinal);
        foreach (var given in (string[])["javascript", "campain", "reader@", "5f4dcc3b", "yesterday"]) Assert.DoesNotContain(given, said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_links_and_tokens_have_limits()
    {
        var link = "https://shop.example/" + new string('a', 2_048 - 21);
        Assert.Equal(HttpStatusCode.OK, (await LinksAsync($"\"{link}\"")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await LinksAsync($"\"{link}a\"")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await LinksAsync(string.Join(',', Enumerable.Repeat("\"https://s.example/\"", 500)))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await LinksAsync(string.Join(',', Enumerable.Repeat("\"https://s.example/\"", 501)))).StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await LinksAsync($"\"{new string('a', 70_000)}\"")).StatusCode);

        // The longest of everything, in letters of three bytes: a token that the door would not read is not given out.
        var long128 = new string('中', 128);
        using var tooLong = await app.PostJsonAsync("/api/mail/links", $$"""{"message_id":"{{long128}}","recipient_id":"{{long128}}","campaign":"{{long128}}","links":["{{link}}"]}""");
        Assert.Equal(HttpStatusCode.BadRequest, tooLong.StatusCode);
        Assert.Contains("links[0]: too long", await tooLong.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        Task<HttpResponseMessage> LinksAsync(string links) => app.PostJsonAsync("/api/mail/links", $$"""{"message_id":"m","recipient_id":"r","links":[{{links}}]}""");
    }

    [Theory]
    [InlineData("POST", "/api/mail/links")]
    [InlineData("POST", "/api/mail/recipients")]
    [InlineData("GET", "/api/mail/recipients?recipient=4711")]
    [InlineData("POST", "/api/mail/stop")]
    public async Task Only_the_admin_token_gets_in(string method, string path)
    {
        using var answer = await app.GetAsync(path, method: method);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Links_begin_with_the_name_by_which_the_server_was_asked_behind_a_proxy_too()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/mail/links") { Content = new StringContent("""{"message_id":"m","recipient_id":"r"}""") };
        request.Headers.Authorization = new("Bearer", PixelApp.Token);
        request.Headers.Host = "t.example.com";
        request.Headers.Add("X-Forwarded-Proto", "https");
        using var answer = await app.Client.SendAsync(request);
        Assert.StartsWith("https://t.example.com/o/", JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["open"]!.ToString(), StringComparison.Ordinal);

        await using var told = await PixelApp.StartAsync(settings: ["--Pixel:Mail:BaseUrl=https://mail.example.com/px"]);
        using var other = await told.PostJsonAsync("/api/mail/links", """{"message_id":"m","recipient_id":"r"}""");
        Assert.StartsWith("https://mail.example.com/px/o/", JsonNode.Parse(await other.Content.ReadAsStringAsync())!["open"]!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Open", "Full", true)]
    [InlineData("Gdpr", "Full", false)]
    [InlineData("Gdpr", "Anonymous", false)]
    [InlineData("Exempt", "Full", true)]
    [InlineData("Open", "Off", false)]
    public async Task A_sender_can_ask_whether_the_image_belongs_into_a_mail(string regime, string mode, bool byDefault)
    {
        await using var own = await PixelApp.StartAsync(settings: [$"--Pixel:Sites:shop:Regime={regime}", $"--Pixel:Sites:shop:Mail:Mode={mode}"]);
        Assert.Equal((null, byDefault), await AskAsync());
        await own.DecideAsync("4711", tracking: true);
        Assert.Equal((true, mode != "Off"), await AskAsync());
        await own.DecideAsync("4711", tracking: false);
        Assert.Equal((false, false), await AskAsync());

        async Task<(bool?, bool)> AskAsync()
        {
            var json = JsonNode.Parse(await (await own.AdminAsync("/api/mail/recipients?site=shop&recipient=4711")).Content.ReadAsStringAsync())!;
            Assert.Equal(json["tracking"] is null, json["decided_at"] is null);
            return ((bool?)json["tracking"], (bool)json["include_pixel"]!);
        }
    }

    [Theory]
    [InlineData("/api/mail/recipients", """{"recipient_id":"4711"}""")]
    [InlineData("/api/mail/recipients", """{"recipient_id":"reader@mail.example","tracking":true}""")]
    [InlineData("/api/mail/recipients", """{"recipient_id":"4711","tracking":"yes"}""")]
    [InlineData("/api/mail/recipients", """{"tracking":true}""")]
    [InlineData("/api/mail/stop", """{"message_id":""}""")]
    [InlineData("/api/mail/stop", """{"site_id":"!"}""")]
    [InlineData("/api/mail/stop", """{"tracking":true,"redirects":false}""")]
    [InlineData("/api/mail/stop", """{"redirect":false}""")]
    public async Task Decisions_that_are_not_clear_are_none(string path, string body) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await app.PostJsonAsync(path, body)).StatusCode);

    [Theory]
    [InlineData("/api/mail/recipients?recipient=reader%40mail.example")]
    [InlineData("/api/mail/recipients?site=shop")]
    [InlineData("/api/mail/recipients?site=s%20&recipient=4711")]
    public async Task A_question_must_name_a_recipient_by_the_senders_own_id(string path) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await app.AdminAsync(path)).StatusCode);
}

using System.Net;
using System.Text.Json.Nodes;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>What a page can show, and what a host can state.</summary>
public sealed class HonouredTests
{
    [Theory]
    [InlineData("Us", "", null, """{"gpc":false,"dnt":false,"opted_out":false,"stored":false,"regime":"us","measured":true}""")]
    [InlineData("Us", "", "1", """{"gpc":true,"dnt":false,"opted_out":true,"stored":false,"regime":"us","measured":true}""")]
    [InlineData("Gdpr", "", "1", """{"gpc":true,"dnt":false,"opted_out":true,"stored":false,"regime":"gdpr","measured":false}""")]
    [InlineData("Open", "&us_privacy=1YYN", null, """{"gpc":false,"dnt":false,"opted_out":true,"stored":false,"regime":"open","measured":true}""")]
    [InlineData("Open", "&gpc=1", null, """{"gpc":true,"dnt":false,"opted_out":true,"stored":false,"regime":"open","measured":true}""")]
    public async Task A_page_is_told_what_became_of_the_signals_of_a_stranger(string regime, string query, string? gpc, string told)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:DefaultSite:Regime={regime}"]);
        using var answer = await AskAsync(app, $"/privacy.json?id=shop{query}", gpc: gpc);

        Assert.Equal(told, await answer.Content.ReadAsStringAsync());
        Assert.Equal(("application/json", "no-store"), (answer.Content.Headers.ContentType!.MediaType, answer.Headers.CacheControl!.ToString()));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Equal(0, app.Ledger.Read().Received); // no event
    }

    [Fact]
    public async Task A_device_that_once_opted_out_is_told_so_when_its_signal_is_gone()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:DefaultSite:Regime=Us"]);
        using var visit = await AskAsync(app, "/p.gif?id=shop");
        var cookie = visit.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        Assert.Equal("""{"gpc":false,"dnt":false,"opted_out":false,"stored":false,"regime":"us","measured":true}""", await TextAsync(app, cookie, null));
        Assert.Equal("""{"gpc":true,"dnt":false,"opted_out":true,"stored":true,"regime":"us","measured":true}""", await TextAsync(app, cookie, "1")); // asking is enough
        Assert.Equal("""{"gpc":false,"dnt":false,"opted_out":true,"stored":true,"regime":"us","measured":true}""", await TextAsync(app, cookie, "0"));
    }

    [Fact]
    public async Task Only_a_request_that_denies_storage_loses_its_cookie_and_none_gets_one()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:Regime=Gdpr", "--Pixel:Sites:shop:CookieDomain=shop.example"]);
        using var visit = await AskAsync(app, "/p.gif?id=shop&analytics_storage=granted&measurement=granted");
        var cookie = visit.Headers.GetValues("Set-Cookie").Single().Split(';')[0];

        using var silent = await AskAsync(app, "/privacy.json?id=shop", cookie);
        Assert.False(silent.Headers.Contains("Set-Cookie"));
        using var denied = await AskAsync(app, "/privacy.json?id=shop&analytics_storage=denied", cookie);
        Assert.Equal(["px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Domain=shop.example", "px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"], denied.Headers.GetValues("Set-Cookie"));
        using var tag = await AskAsync(app, "/t.js?id=shop", cookie, method: "POST");
        Assert.Equal(HttpStatusCode.NoContent, tag.StatusCode);
        Assert.Equal(denied.Headers.GetValues("Set-Cookie"), tag.Headers.GetValues("Set-Cookie"));
        using var stranger = await AskAsync(app, "/t.js?id=shop", method: "POST");
        Assert.False(stranger.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Pages_of_the_sites_origins_may_read_it_and_others_not()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:AllowedOrigins:0=https://shop.example", "--Pixel:Paths:Signal=/seen"]);
        using var own = await AskAsync(app, "/seen?id=shop", origin: "https://shop.example");
        using var other = await AskAsync(app, "/seen?id=shop", origin: "https://other.example");
        using var nowhere = await AskAsync(app, "/privacy.json");

        Assert.Equal((HttpStatusCode.OK, "https://shop.example", "true"),
            (own.StatusCode, own.Headers.GetValues("Access-Control-Allow-Origin").Single(), own.Headers.GetValues("Access-Control-Allow-Credentials").Single()));
        Assert.Equal((HttpStatusCode.Forbidden, false), (other.StatusCode, other.Headers.Contains("Access-Control-Allow-Origin")));
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
        using var bad = await AskAsync(app, "/seen?id=a%20b");
        Assert.Equal("bad_site_id", JsonNode.Parse(await bad.Content.ReadAsStringAsync())!["code"]!.ToString());
        using var put = await AskAsync(app, "/seen", method: "PUT");
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET, POST, OPTIONS"), (put.StatusCode, string.Join(", ", put.Content.Headers.Allow)));
        using var longest = await AskAsync(app, "/seen?x=" + new string('a', 3_000));
        Assert.Equal(HttpStatusCode.RequestUriTooLong, longest.StatusCode);
    }

    [Fact]
    public async Task A_page_of_another_origin_may_send_an_objection_where_the_site_allows_it()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:AllowedOrigins:0=https://shop.example"]);
        foreach (var (origin, isAllowed) in new[] { ("https://shop.example", true), ("https://other.example", false) })
        {
            using var preflight = await AskAsync(app, "/privacy.json?id=shop", origin: origin, method: "OPTIONS");
            Assert.Equal((HttpStatusCode.NoContent, isAllowed, isAllowed),
                (preflight.StatusCode, preflight.Headers.Contains("Access-Control-Allow-Origin"), preflight.Headers.Contains("Access-Control-Allow-Methods")));
            using var request = new HttpRequestMessage(HttpMethod.Post, "/privacy.json")
            {
                Content = new StringContent("""{"site_id":"shop","measurement":"denied"}""", System.Text.Encoding.UTF8, "application/json"),
            };
            request.Headers.Add("Origin", origin);
            using var answer = await app.Client.SendAsync(request);
            Assert.Equal((isAllowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, isAllowed, isAllowed),
                (answer.StatusCode, answer.Headers.Contains("Set-Cookie"), answer.Headers.Contains("Access-Control-Allow-Credentials")));
        }
    }

    [Fact]
    public async Task A_page_may_read_why_its_body_is_no_objection_by_the_site_in_the_address()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:DefaultSite:AllowedOrigins:0=https://none.example", "--Pixel:Sites:shop:AllowedOrigins:0=https://shop.example"]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/privacy.json?id=shop") { Content = new StringContent("{", System.Text.Encoding.UTF8, "application/json"), Headers = { { "Origin", "https://shop.example" } } };
        using var answer = await app.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.BadRequest, "https://shop.example"), (answer.StatusCode, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var origin) ? origin.Single() : ""));
    }

    [Theory]
    [InlineData("cross-site", "navigate", false)] // a form that somebody else's page sends off: it comes without cookies, and would take the place of what the device keeps
    [InlineData("same-site", "navigate", true)]
    [InlineData("cross-site", "cors", true)] // browsers keep no cookie of its answer
    public async Task A_page_of_another_site_cannot_object_for_a_visitor_by_going_there(string site, string mode, bool isTaken)
    {
        await using var app = await PixelApp.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/privacy.json?id=shop")
        {
            Content = new FormUrlEncodedContent([new("measurement", "denied")]),
            Headers = { { "Sec-Fetch-Site", site }, { "Sec-Fetch-Mode", mode } },
        };
        using var answer = await app.Client.SendAsync(request);
        Assert.Equal((isTaken ? HttpStatusCode.OK : HttpStatusCode.Forbidden, isTaken), (answer.StatusCode, answer.Headers.Contains("Set-Cookie")));
    }

    [Theory]
    [InlineData("", "application/json", "empty_body")]
    [InlineData("[]", "application/json", "empty_batch")]
    [InlineData("[{},{}]", "application/json", "not_an_event")]
    [InlineData("{", "application/json", "bad_json")]
    [InlineData("x", "image/png", "unsupported_type")]
    public async Task What_is_no_objection_is_refused_as_a_beacon_is(string body, string type, string code)
    {
        await using var app = await PixelApp.StartAsync();
        using var content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var answer = await app.Client.PostAsync("/privacy.json", content);
        Assert.Equal(code, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"]!.ToString());
    }

    [Fact]
    public async Task The_statement_about_GPC_is_there_only_where_somebody_made_it()
    {
        await using var silent = await PixelApp.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await silent.Client.GetAsync("/.well-known/gpc.json")).StatusCode);

        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Gpc:Enabled=true", "--Pixel:Gpc:LastUpdate=2026-11-26"]);
        using var answer = await app.Client.GetAsync("/.well-known/gpc.json");
        Assert.Equal("""{"gpc":true,"lastUpdate":"2026-11-26"}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal(("application/json", "public, max-age=3600"), (answer.Content.Headers.ContentType!.ToString(), answer.Headers.CacheControl!.ToString()));

        await using var undated = await PixelApp.StartAsync(settings: ["--Pixel:Gpc:Enabled=true"]);
        Assert.Equal("""{"gpc":true}""", await undated.Client.GetStringAsync("/.well-known/gpc.json"));
        await Assert.ThrowsAsync<SettingException>(() => PixelApp.StartAsync(settings: ["--Pixel:Gpc:LastUpdate=2026-02-30"]));
        await Assert.ThrowsAsync<SettingException>(() => PixelApp.StartAsync(settings: ["--Pixel:Gpc:LastUpdate=\"}"]));
    }

    private static async Task<string> TextAsync(PixelApp app, string cookie, string? gpc)
    {
        using var answer = await AskAsync(app, "/privacy.json?id=shop", cookie, gpc);
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task<HttpResponseMessage> AskAsync(PixelApp app, string path, string? cookie = null, string? gpc = null, string? origin = null, string method = "GET")
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        if (gpc is not null) request.Headers.Add("Sec-GPC", gpc);
        if (origin is not null) request.Headers.Add("Origin", origin);
        return await app.Client.SendAsync(request);
    }
}

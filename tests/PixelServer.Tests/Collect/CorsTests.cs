using System.Net;

namespace PixelServer.Tests.Collect;

public sealed class CorsTests
{
    private static readonly (string, string)[] s_listed =
    [
        ("Pixel:Sites:shop:AllowedOrigins:0", "https://shop.example"), ("Pixel:Sites:shop:AllowedOrigins:1", "https://*.shop.example"),
    ];

    [Fact]
    public async Task A_preflight_is_answered_with_what_a_beacon_needs()
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.SendAsync(HttpMethod.Options, "/b", null,
            ("Origin", "https://any.example"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type"));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("https://any.example", Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("true", Header(answer, "Access-Control-Allow-Credentials"));
        Assert.Equal("POST, OPTIONS", Header(answer, "Access-Control-Allow-Methods"));
        Assert.Equal("content-type, content-encoding", Header(answer, "Access-Control-Allow-Headers"));
        Assert.Equal("7200", Header(answer, "Access-Control-Max-Age"));
        Assert.Equal("Origin", Header(answer, "Vary"));
        Assert.Equal(0, host.Ledger.Read().Received);
    }

    [Theory]
    [InlineData("/b?id=shop", "https://shop.example", true)]
    [InlineData("/b?site_id=shop", "https://a.shop.example", true)]
    [InlineData("/b?id=shop", "https://evil.example", false)]
    [InlineData("/b", "https://evil.example", true)] // no body yet: the default site answers, the event itself is judged later
    [InlineData("/b?id=a+b", "https://shop.example", false)]
    [InlineData("/b?id=shop", "null", false)]
    [InlineData("/b", "null", false)]
    public async Task A_preflight_asks_the_site_of_its_query(string path, string origin, bool allowed)
    {
        await using var host = await CollectHost.StartAsync(s_listed);
        using var answer = await host.SendAsync(HttpMethod.Options, path, null, ("Origin", origin));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(allowed ? origin : null, Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal(allowed, answer.Headers.Contains("Access-Control-Allow-Methods"));
        Assert.Equal("Origin", Header(answer, "Vary"));
    }

    [Theory]
    [InlineData("https://shop.example", true)]
    [InlineData("https://x.shop.example", true)]
    [InlineData("https://evil.example", false)]
    [InlineData("null", false)]
    public async Task A_site_with_a_list_takes_events_from_its_own_pages_only(string origin, bool allowed)
    {
        await using var host = await CollectHost.StartAsync(s_listed);
        using var pixel = await host.GetAsync("/p.gif?id=shop", ("Origin", origin));
        using var beacon = await host.PostAsync("""{"site_id":"shop"}""", headers: ("Origin", origin));

        Assert.Equal(allowed ? null : "origin_not_allowed", Header(pixel, "X-Pixel-Refused"));
        Assert.Equal(allowed ? HttpStatusCode.NoContent : HttpStatusCode.Forbidden, beacon.StatusCode);
        foreach (var answer in new[] { pixel, beacon })
        {
            Assert.Equal(allowed ? origin : null, Header(answer, "Access-Control-Allow-Origin"));
            Assert.Equal(allowed, answer.Headers.Contains("Set-Cookie"));
        }

        Assert.Equal(allowed ? 2 : 0, host.Hits.Count);
    }

    [Fact]
    public async Task Without_an_origin_a_listed_site_takes_images_and_servers_and_says_nothing_about_origins()
    {
        await using var host = await CollectHost.StartAsync(s_listed);
        using var answer = await host.GetAsync("/p.gif?id=shop");
        Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("Access-Control", StringComparison.Ordinal) || header.Key == "Vary");
        Assert.Single(host.Hits);
    }

    [Fact]
    public async Task A_null_origin_is_taken_where_there_is_no_list_but_never_echoed()
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync("{}", headers: ("Origin", "null"));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Null(Header(answer, "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task A_page_may_read_why_its_beacon_was_refused()
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync("{", headers: ("Origin", "https://page.example"));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("https://page.example", Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("X-Pixel-Refused, Retry-After", Header(answer, "Access-Control-Expose-Headers"));
    }

    [Fact]
    public async Task One_event_from_the_wrong_page_does_not_cost_the_others()
    {
        await using var host = await CollectHost.StartAsync(s_listed);
        using var answer = await host.PostAsync("""[{"id":"shop"},{"id":"blog"}]""", headers: ("Origin", "https://blog.example"));
        Assert.Equal("""{"accepted":1,"refused":[{"index":0,"code":"origin_not_allowed"}]}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal("https://blog.example", Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("blog", host.Hit.SiteId);
    }

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}

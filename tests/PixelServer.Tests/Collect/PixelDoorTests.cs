using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using PixelServer.Collect;
using PixelServer.Journal;

namespace PixelServer.Tests.Collect;

public sealed partial class PixelDoorTests
{
    private const string Heading =
        "Content-Length: 43\r\nContent-Type: image/gif\r\nDate: (now)\r\nCache-Control: no-cache, no-store, must-revalidate, max-age=0, private\r\n"
        + "Expires: 0\r\nPragma: no-cache\r\n";

    private const string Policies = "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: cross-origin\r\nX-Robots-Tag: noindex\r\n";
    private const string Close = "Connection: close\r\n";

    private static readonly string s_gif = Encoding.Latin1.GetString(Gif.Bytes.Span);

    [Fact]
    public async Task The_whole_answer_is_this_and_nothing_else()
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync("GET /p.gif?e=open HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");

        Assert.Equal(43, s_gif.Length);
        Assert.Equal("HTTP/1.1 200 OK\r\n" + Sorted(Heading + Policies + Close + "Set-Cookie: (cookie)\r\n") + "\r\n" + s_gif, Canonical(answer));
        Assert.Empty(host.Complained);
    }

    [Fact]
    public async Task Head_is_answered_with_the_same_headers_and_not_counted()
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync("HEAD /p.gif?e=open HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");

        Assert.Equal("HTTP/1.1 200 OK\r\n" + Sorted(Heading + Policies + Close) + "\r\n", Canonical(answer));
        Assert.Equal(0, host.Ledger.Read().Received);
        Assert.Empty(host.Hits);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    [InlineData("TRACE")]
    [InlineData("X")]
    public async Task Other_methods_are_405(string method)
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync($"{method} /p.gif HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 405 ", answer);
        Assert.Contains("\r\nAllow: GET, HEAD\r\n", answer);
        Assert.Contains("\"code\":\"method_not_allowed\"", answer);
        Assert.Equal(0, host.Ledger.Read().Received);
    }

    [Fact]
    public async Task A_hit_holds_what_was_sent()
    {
        await using var host = await CollectHost.StartAsync(
            ("Pixel:CountryHeader", "CF-IPCountry"), ("Pixel:DefaultSite:IpPolicy", "keep"), ("Pixel:DefaultSite:HonourDnt", "false"));
        using var answer = await host.GetAsync(
            "/p.gif?id=shop&e=purchase&u=user123&eid=o1&url=https%3A%2F%2Fshop.example%2Fa%3Fb%3Dc&ref=https://s.example/&title=Caf%C3%A9+1"
                + "&v=59.90&cur=eur&ts=2026-11-23T09:00:00Z&gdpr=0&plan=pro",
            ("Referer", "https://other.example/"), ("User-Agent", "Browser/1"), ("Sec-CH-UA", "\"B\""), ("Sec-CH-UA-Mobile", "?0"),
            ("Sec-CH-UA-Platform", "\"Linux\""), ("Purpose", "prefetch"), ("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Mode", "no-cors"),
            ("X-Forwarded-For", "203.0.113.7"), ("CF-IPCountry", "de"), ("DNT", "1"), ("Sec-GPC", "1"));

        var hit = host.Hit;
        Assert.Equal(("shop", Source.Pixel, "purchase", "user123", "o1"), (hit.SiteId, hit.Source, hit.Name, hit.UserId, hit.ClientEventId));
        Assert.Equal(("https://shop.example/a?b=c", "https://s.example/", "Café 1"), (hit.Url, hit.Referrer, hit.Title));
        Assert.Equal((59.90m, "EUR"), (hit.Value, hit.Currency));
        Assert.Equal((host.Clock.GetUtcNow(), host.Clock.GetUtcNow().AddHours(-1)), (hit.ReceivedAt, hit.OccurredAt));
        Assert.Equal((IPAddress.Parse("203.0.113.7"), "DE"), (hit.Ip, hit.ProxyCountry));
        Assert.Equal(("Browser/1", "\"B\"", "?0", "\"Linux\""), (hit.UserAgent, hit.HintBrands, hit.HintMobile, hit.HintPlatform));
        Assert.Equal(("prefetch", "image", "no-cors"), (hit.Purpose, hit.FetchDest, hit.FetchMode));
        Assert.Equal((true, true, false, true), (hit.ConsentStorage, hit.ConsentMeasurement, hit.ConsentAds, hit.Gpc));
        Assert.Equal("""{"plan":"pro","$consent":{"gdpr":"0","dnt":"1"}}""", Encoding.UTF8.GetString(hit.Properties.Span));
        Assert.Equal(VisitorKind.Cookie, hit.VisitorKind);
        Assert.Equal(1, host.Ledger.Read().Received);
    }

    [Theory]
    [InlineData("/p.gif?u=user123&e=open", "default", "open", "user123")]
    [InlineData("/p.gif?id=123", "123", "page_view", null)]
    [InlineData("/p.gif", "default", "page_view", null)]
    public async Task The_literal_examples_work(string address, string site, string name, string? user)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.GetAsync(address, ("Referer", "https://page.example/x"));
        var hit = host.Hit;
        Assert.Equal((site, name, user, "https://page.example/x"), (hit.SiteId, hit.Name, hit.UserId, hit.Url));
        Assert.True(hit.Properties.IsEmpty);
    }

    [Fact]
    public async Task A_refusal_is_200_with_the_image_and_the_reason_in_a_header()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:UnknownSites", "refuse"));
        var answer = await host.RawAsync("GET /p.gif?id=nobody HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 OK\r\n" + Sorted(Heading + Policies + Close + "X-Pixel-Refused: unknown_site\r\n") + "\r\n" + s_gif, Canonical(answer));
        Assert.Equal(1, host.Ledger.Read().Refused["unknown_site"]);
        Assert.Empty(host.Hits);
    }

    [Fact]
    public async Task A_full_journal_is_503_with_the_same_image_and_when_to_come_again()
    {
        await using var host = await CollectHost.StartAsync(new JournalOptions { MinFreeBytes = 1L << 60 });
        var answer = await host.RawAsync("GET /p.gif HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        var expected = Heading + Policies + Close + "Set-Cookie: (cookie)\r\nX-Pixel-Refused: journal_full\r\nRetry-After: 60\r\n";
        Assert.Equal("HTTP/1.1 503 Service Unavailable\r\n" + Sorted(expected) + "\r\n" + s_gif, Canonical(answer));
        Assert.Equal((1, 1), (host.Ledger.Read().Received, host.Ledger.Read().Refused["journal_full"]));
    }

    [Fact]
    public async Task A_stopping_journal_is_503()
    {
        await using var host = await CollectHost.StartAsync();
        await host.Journal.StopAsync(default);
        using var answer = await host.GetAsync("/p.gif");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "stopping"), (answer.StatusCode, answer.Headers.GetValues("X-Pixel-Refused").Single()));
        Assert.Equal(43, (await answer.Content.ReadAsByteArrayAsync()).Length);
        Assert.Equal(1, host.Ledger.Read().Refused["stopping"]);
    }

    [Fact]
    public void Every_outcome_but_accepted_is_a_503_that_may_be_sent_again()
    {
        foreach (var outcome in Enum.GetValues<AppendOutcome>())
        {
            var refusal = Refusal.Of(outcome);
            Assert.Equal(outcome == AppendOutcome.Accepted, refusal is null);
            if (refusal is not null) Assert.Equal((503, true), (refusal.Status, refusal.MayBeRetried));
        }
    }

    [Theory]
    [InlineData("/p.gif", true)]
    [InlineData("/p.gif?", true)]
    [InlineData("/%70.gif", true)] // the same path by RFC 3986 6.2.2.2
    [InlineData("/x/../p.gif", true)]
    [InlineData("http://elsewhere/p.gif", true)] // absolute form
    [InlineData("/p.gif/", false)]
    [InlineData("//p.gif", false)]
    [InlineData("/P.GIF", false)]
    [InlineData("/p.gif;x", false)]
    [InlineData("/p.gif%00", false)]
    [InlineData("/p.gif%2f", false)]
    [InlineData("/p%2egif.", false)]
    [InlineData("/ap.gif", false)]
    public async Task Only_the_exact_path_is_a_pixel(string target, bool isPixel)
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync($"GET {target} HTTP/1.1\r\nHost: {(target[0] == 'h' ? "elsewhere" : "t")}\r\nConnection: close\r\n\r\n");
        Assert.Matches(isPixel ? "^HTTP/1.1 200 " : "^HTTP/1.1 40[04] ", answer);
        Assert.Equal(isPixel ? 1 : 0, host.Hits.Count);
    }

    [Fact]
    public async Task The_paths_can_be_renamed()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Paths:Pixel", "/img/dot.gif"), ("Pixel:Paths:Beacon", "/collect"));
        Assert.Equal(HttpStatusCode.OK, (await host.GetAsync("/img/dot.gif")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await host.PostAsync("{}", path: "/collect")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.GetAsync("/p.gif")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.PostAsync("{}")).StatusCode);
        Assert.Equal(2, host.Hits.Count);
    }

    [Fact]
    public async Task Many_hits_on_one_connection_do_not_leak_into_each_other()
    {
        await using var host = await CollectHost.StartAsync();
        var request = new StringBuilder();
        for (var i = 0; i < 100; i++)
            request.Append(i % 2 == 0 ? $"GET /p.gif?e=n{i}&x={i}&gdpr=1 HTTP/1.1\r\nHost: t\r\n\r\n" : "GET /p.gif?id=a+b HTTP/1.1\r\nHost: t\r\n\r\n");
        var answer = await host.RawAsync(request + "GET /p.gif HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");

        Assert.Equal(101, Regex.Count(answer, "HTTP/1.1 200 OK"));
        Assert.Equal(50, Regex.Count(answer, "X-Pixel-Refused: bad_site_id"));
        Assert.Equal(51, host.Hits.Count);
        for (var i = 0; i < 50; i++)
            Assert.Equal($$$"""{"x":"{{{i * 2}}}","$consent":{"gdpr":"1"}}""", Encoding.UTF8.GetString(host.Hits[i].Properties.Span));
        Assert.True(host.Hits[50].Properties.IsEmpty);
        Assert.True(host.Ledger.Read() is { Received: 101 } page && page.Refused["bad_site_id"] == 50);
    }

    // The order of headers is the web server's business: everything else is compared byte by byte.
    private static string Canonical(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var head = answer[..(end + 2)];
        var start = head.IndexOf("\r\n", StringComparison.Ordinal) + 2;
        head = Now().Replace(CookieValue().Replace(head, "Set-Cookie: (cookie)\r\n"), "Date: (now)\r\n");
        return head[..start] + Sorted(head[start..]) + answer[(end + 2)..];
    }

    private static string Sorted(string headers) =>
        string.Concat(headers.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal).Select(line => line + "\r\n"));

    [GeneratedRegex("Date: [^\r]+\r\n")]
    private static partial Regex Now();

    [GeneratedRegex(@"Set-Cookie: px_id=[0-9a-f]{32}\.09d6\.[A-Za-z0-9_-]{11}; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax\r\n")]
    private static partial Regex CookieValue();
}

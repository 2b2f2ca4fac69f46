using System.Text.RegularExpressions;
using CsCheck;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using PixelServer.Collect;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Collect;

/// <summary>Bytes that no browser sends. Every one gets a documented status; none gets into a header, a log or somebody else's answer.</summary>
public sealed class HostileRequestTests
{
    [Theory]
    [InlineData("GET /p.gif?e=%00%ff%ED%A0%80 HTTP/1.1", "", 200)]
    [InlineData("GET /p.gif?v=1e400&ts=300000-01-01 HTTP/1.1", "", 200)]
    [InlineData("GET /p.gif?e=%0d%0aX-Evil:%201 HTTP/1.1", "", 200)]
    [InlineData("GET /p.gif?e=a b HTTP/1.1", "", 400)]
    [InlineData("GET /p.gif?e=\u00e9 HTTP/1.1", "", 400)] // a raw byte in the request line is the web server's to refuse
    [InlineData("GET /p.gif HTTP/1.1", "Referer: https://x.example/caf\u00e9\r\n", 200)]
    [InlineData("GET /p.gif HTTP/1.1", "Cookie: a=\u00ff\u00fe; px_id=\u00e9\r\n", 200)]
    [InlineData("GET /p.gif HTTP/1.1", "User-Agent: \u00c3\u0028\r\n", 200)]
    [InlineData("GET /p.gif HTTP/1.1", "Origin: https://a.example\u00e9\r\n", 200)]
    [InlineData("GET /p.gif HTTP/1.1", "X: a\u0000b\r\n", 400)]
    [InlineData("GET /p.gif HTTP/1.1", "Host: second\r\n", 400)]
    [InlineData("GET /p.gif HTTP/9.9", "", 505)]
    [InlineData("POST /b HTTP/1.1", "Content-Length: -1\r\n", 400)]
    [InlineData("POST /b HTTP/1.1", "Content-Length: 99999999999999999999\r\n", 400)]
    [InlineData("POST /b HTTP/1.1", "Content-Length: 9999999\r\n", 413)]
    [InlineData("POST /b HTTP/1.1", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", 400)] // chunked wins (RFC 9112 6.3): empty
    [InlineData("POST /b HTTP/1.1", "", 400)]
    [InlineData("POST /b HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n", 400)]
    [InlineData("POST /b HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\nSec-GPC: 1\r\n", 204)]
    [InlineData("OPTIONS * HTTP/1.1", "", 404)]
    [InlineData("OPTIONS /b HTTP/1.1", "Origin: https://a.example/x\r\n", 204)]
    public async Task Strange_requests_get_a_status_and_no_complaint(string line, string headers, int status)
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync($"{line}\r\nHost: t\r\nConnection: close\r\n{headers}\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.DoesNotContain("Evil", answer);
        Assert.DoesNotContain("a.example", answer);
        Assert.Empty(host.Complained);
        Assert.All(host.Hits, hit => Assert.True(IsClean(hit)));
    }

    [Fact]
    public async Task The_request_line_and_the_headers_have_limits()
    {
        await using var host = await CollectHost.StartAsync();
        Assert.StartsWith("HTTP/1.1 414 ", await host.RawAsync($"GET /p.gif?{new string('x', Limits.RequestLineBytes)} HTTP/1.1\r\nHost: t\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 431 ", await host.RawAsync($"GET /p.gif HTTP/1.1\r\nHost: t\r\nX: {new string('x', Limits.HeaderBytes)}\r\n\r\n"));
        var many = string.Concat(Enumerable.Range(0, Limits.HeaderCount).Select(i => $"X{i}: 1\r\n"));
        Assert.StartsWith("HTTP/1.1 431 ", await host.RawAsync($"GET /p.gif HTTP/1.1\r\nHost: t\r\n{many}\r\n"));
        Assert.StartsWith("HTTP/1.1 200 ", await host.RawAsync(
            $"GET /p.gif?title={string.Concat(Enumerable.Repeat("%E2%82%AC", Limits.TitleChars))} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_408()
    {
        await using var host = await CollectHost.StartAsync(new MinDataRate(240, TimeSpan.FromSeconds(1.25))); // a quarter of the usual patience
        var answer = await host.RawAsync("POST /b HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        Assert.StartsWith("HTTP/1.1 408 ", answer);
        Assert.Contains("\"code\":\"body_too_slow\"", answer);
        Assert.Equal(1, host.Ledger.Read().Refused["body_too_slow"]);
        Assert.Empty(host.Complained);
    }

    [Fact]
    public async Task A_client_that_hangs_up_in_its_body_leaves_nothing_behind()
    {
        await using var host = await CollectHost.StartAsync();
        string[] bodies = ["Content-Length: 100\r\n\r\n{\"e", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"e", "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f"];
        foreach (var headers in Enumerable.Repeat(bodies, 300).SelectMany(all => all)) // who sees the end first, the door or the web server, is another one each time
        {
            var answer = await host.RawAsync("POST /b HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n" + headers, hangUp: true);
            Assert.Matches("^$|^HTTP/1.1 400 ", answer);
        }

        Assert.Empty(host.Hits);
        Assert.Equal("still here", (await (await host.PostAsync("""{"e":"still here"}""")).Content.ReadAsStringAsync()) + host.Hit.Name);
        Assert.Empty(host.Complained);
    }

    [Fact]
    public async Task A_client_that_hangs_up_before_the_answer_has_still_sent_its_event()
    {
        await using var host = await CollectHost.StartAsync();
        await host.RawAsync("GET /p.gif?e=gone HTTP/1.1\r\nHost: t\r\n\r\n", hangUp: true);
        await Eventually.TrueAsync(() => host.Hits.Count > 0, () => "its event is kept");
        Assert.Equal("gone", host.Hit.Name);
        Assert.Empty(host.Complained);
    }

    [Fact]
    public async Task Whatever_is_sent_no_answer_is_an_error_of_the_server()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:s:AllowedOrigins:0", "https://s.example"), ("Pixel:Sites:g:Regime", "gdpr"));
        var line = Gen.OneOf("GET /p.gif?", "POST /b?", "OPTIONS /b?", "HEAD /p.gif?");
        var query = Gen.OneOf("id=s", "id=g", "e=%", "&", "=", "%00", "v=1e999", "ts=9e99", "x=%ED%A0%80", "$consent=1", "a b", "#", "?").Array[0, 6].Select(string.Concat);
        var header = Gen.OneOf("Origin: null", "Origin: https://s.example", "Cookie: px_id=x", "X-Forwarded-For: ,,1", "X-Forwarded-Proto: ", "Sec-GPC: 1,",
            "Content-Type: application/json", "Content-Type: text/plain; charset", "Content-Type: application/x-www-form-urlencoded", "Content-Type: ;=",
            "Content-Encoding: gzip", "Content-Encoding: br", "Transfer-Encoding: chunked", "Expect: 100-continue", "Referer: \u00ff", "DNT: \u00ff").Array[0, 5];
        var body = Gen.OneOf("{", "}", "[", "]", "\"e\":", "\"batch\":[", "1e999", ",", "\"\\ud800\"", "\u00ff", "5\r\n", "\x1f\x8b\x08").Array[0, 12].Select(string.Concat);

        Gen.Select(line, query, header, body).Sample((line, query, headers, body) =>
        {
            var distinct = headers.DistinctBy(h => h.Split(':')[0]);
            var isChunked = headers.Contains("Transfer-Encoding: chunked");
            var length = isChunked ? "" : $"Content-Length: {body.Length}\r\n";
            if (isChunked) body = (body.Length == 0 ? "" : $"{body.Length:x}\r\n{body}\r\n") + "0\r\n\r\n";
            var request = $"{line}{query} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{string.Concat(distinct.Select(h => h + "\r\n"))}{length}\r\n{body}";
            var answer = host.RawAsync(request).GetAwaiter().GetResult();
            return Regex.IsMatch(answer, "^(HTTP/1.1 100 [^\r]+\r\n\r\n)?HTTP/1.1 (200|204|400|403|405|413|414|415) ");
        }, iter: 400, threads: 1);

        Assert.Empty(host.Complained);
        Assert.All(host.Hits, hit => Assert.True(IsClean(hit)));
    }

    private static bool IsClean(Hit hit) =>
        new[] { hit.SiteId, hit.Name, hit.UserId, hit.ClientEventId, hit.Url, hit.Referrer, hit.Title, hit.UserAgent, hit.HintBrands, hit.Purpose }
            .All(text => text is null || (!text.Contains('\0') && TextTests.Strict(text)))
        && QueryReaderTests.IsCanonical(hit.Properties);
}

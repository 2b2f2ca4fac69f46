using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Bytes that nobody means well with, between good neighbours, down to the tables of both stores.</summary>
[Collection(nameof(Alone))]
public sealed class HostileTrafficTests(SharedPostgres postgres)
{
    private const int Rounds = 150;

    private static readonly string[] s_json =
    [
        "\"\\ud800\"", "\"\\udc00\\u0000\"", "1e400", "-1e-20000", "0.1e5000", "null", "{}", "[]", "\"\u0000\"", "\"\u00ff\u00fe\"", "9223372036854775808",
        new string('9', 5_000), string.Concat(Enumerable.Repeat("[", 40)) + string.Concat(Enumerable.Repeat("]", 40)), "{\"a\":1,\"a\":2}", "\"\\u0000\\u001f\"",
    ];

    private static readonly string[] s_names =
    [
        "event", "e", "user_id", "event_id", "url", "ref", "title", "value", "v", "cur", "ts", "sent_at", "gdpr", "consent", "$consent", "properties", "batch", "x",
        "\\u0000", "\\ud800", "__proto__", "site_id", "plan\\u0000",
    ];

    private static readonly string[] s_query =
    [
        "%00", "%ff", "%ED%A0%80", "%", "%zz", "e=%00", "v=1e400", "v=99999999999999999999999", "ts=300000-01-01", "ts=-1e99", "u=%00%00", "url=%ff%fe",
        "title=%F0%9F", "x=%ED%BF%BF", "&", "=", "id=%2e%2e", "id=..", "%24consent=1", "cur=%00%00%00", "gdpr=%00", "sent_at=0001-01-01", "ref=javascript:%00",
    ];

    private static readonly string[] s_headers =
    [
        "Referer: \u00ff\u00c3\u0028", "User-Agent: \u00ff", "User-Agent: ", "Cookie: px_id=\u00e9", "Origin: null", "Sec-GPC: 1,,", "DNT: \u00ff", "Sec-CH-UA: \"\u0001\"",
        "X-Forwarded-For: ,,::1%x", "X-Forwarded-Proto: \u00ff", "Content-Type: ;=", "Content-Encoding: gzip", "Content-Encoding: br", "Purpose: \u00ff", "Accept: */*;q=1e400",
    ];

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Every_good_neighbour_is_stored_nothing_is_rejected_and_the_ledger_balances(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        var random = new Random(20261123);
        var good = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            var hostile = random.Next(3) switch { 0 => Pixel(random), 1 => Beacon(random), _ => Noise(random, "/p.gif", "/b") };
            var answer = await SendAsync(server.Port, hostile);
            Assert.True(Status(answer) is null or (>= 200 and < 500) or 505, $"round {round}: {Encoding.Latin1.GetString(hostile)}\n{answer}");

            var name = "good-" + round.ToString(CultureInfo.InvariantCulture);
            good.Add(name);
            var neighbour = round % 2 == 0
                ? $"GET /p.gif?id=good&e={name} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                : Post($"{{\"site_id\":\"good\",\"event\":\"{name}\"}}", "");
            Assert.Equal(round % 2 == 0 ? 200 : 204, Status(await SendAsync(server.Port, Encoding.Latin1.GetBytes(neighbour))));
        }

        IReadOnlyDictionary<string, double> at = new Dictionary<string, double>();
        await Eventually.TrueAsync(async () =>
        {
            at = await server.Process.MetricsAsync();
            return at["pixel_events_waiting"] == 0 && at["pixel_events_stored_total"] >= Rounds;
        }, () => $"everything is stored\n{string.Join('\n', at)}\n{server.Process.Said}");

        var stored = await server.Tables.QueryAsync("select name from events where site_id = 'good' order by received_at, event_id", row => row.GetString(0));
        Assert.Equal(good, stored);
        Assert.Equal(0, await server.Tables.CountAsync("events_rejected"));
        Assert.Equal(await server.Tables.CountAsync("events"), at["pixel_events_stored_total"]);
        Assert.Equal(at["pixel_events_received_total"] + at.GetValueOrDefault("pixel_events_recovered_total"),
            at["pixel_events_stored_total"] + at.GetValueOrDefault("pixel_events_rejected_total") + at.GetValueOrDefault("pixel_events_refused_total"));
        Assert.True(at["pixel_events_stored_total"] > Rounds && at["pixel_events_refused_total"] > 0, "hostile events reached the doors, and some were kept");
        Assert.DoesNotContain("Exception", server.Process.Said);
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Random_bytes_at_the_other_addresses_get_a_documented_status(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        var random = new Random(42);
        for (var round = 0; round < Rounds; round++)
        {
            var request = Noise(random, "/api/events", "/readyz", "/metrics", "/swagger", "/nowhere");
            var answer = await SendAsync(server.Port, request);
            Assert.True(Status(answer) is null or 200 or 301 or 302 or 307 or 308 or 400 or 401 or 403 or 404 or 405 or 408 or 411 or 413 or 414 or 415 or 431 or 505,
                $"round {round}: {Encoding.Latin1.GetString(request)}\n{answer}");
        }

        using var http = new HttpClient { BaseAddress = server.Process.Address };
        using var ready = await http.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    private static byte[] Pixel(Random random) => Bytes(
        $"GET /p.gif?{string.Join('&', Some(random, s_query, 6))} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{Headers(random, withBody: false)}\r\n");

    private static byte[] Beacon(Random random)
    {
        var members = Some(random, s_json, 8).Select(value => $"\"{s_names[random.Next(s_names.Length)]}\":{value}");
        var one = "{" + string.Join(',', members) + "}";
        var body = random.Next(4) switch { 0 => one, 1 => $"[{one},{one}]", 2 => $"{{\"batch\":[{one},1,null]}}", _ => one[..random.Next(one.Length)] };
        return Bytes(Post(body, Headers(random, withBody: random.Next(4) == 0)));
    }

    // Random bytes in path, query, header and body. No line break where it would only end the line early.
    private static byte[] Noise(Random random, params string[] paths)
    {
        var method = random.Next(5) switch { 0 => "POST", 1 => "PUT", 2 => "HEAD", _ => "GET" };
        var body = Garbage(random, 200);
        return Bytes($"{method} {paths[random.Next(paths.Length)]}{(random.Next(2) == 0 ? "" : "/" + Escaped(random))}?{(random.Next(3) == 0 ? Garbage(random, 20) : Escaped(random))} HTTP/1.1\r\n"
            + $"Host: t\r\nConnection: close\r\nX-Noise: {(random.Next(3) == 0 ? Garbage(random, 30) : "1")}\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }

    private static string Post(string body, string headers) =>
        $"POST /b HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{(headers.Contains("Content-Type", StringComparison.Ordinal) ? "" : "Content-Type: application/json\r\n")}{headers}Content-Length: {body.Length}\r\n\r\n{body}";

    private static string Headers(Random random, bool withBody) => string.Concat(
        Some(random, s_headers, 4).Where(line => withBody || !line.StartsWith("Content-", StringComparison.Ordinal)).DistinctBy(line => line.Split(':')[0]).Select(line => line + "\r\n"));

    private static string[] Some(Random random, string[] from, int most) => random.GetItems(from, random.Next(1, most));

    private static string Escaped(Random random) => string.Concat(Garbage(random, 20).Select(c => $"%{(int)c:x2}"));

    private static string Garbage(Random random, int most) =>
        string.Concat(Enumerable.Range(0, random.Next(1, most)).Select(_ => (char)random.Next(256))).Replace('\r', '?').Replace('\n', '?');

    private static byte[] Bytes(string latin1) => Encoding.Latin1.GetBytes(latin1);

    private static int? Status(string answer) => answer.Length == 0 ? null : int.Parse(answer.AsSpan("HTTP/1.1 ".Length, 3), CultureInfo.InvariantCulture);

    /// <returns>What came back; empty where the connection was closed without a word.</returns>
    private static async Task<string> SendAsync(int port, byte[] request)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, deadline.Token);
        var stream = client.GetStream();
        var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(request, deadline.Token);
            await stream.CopyToAsync(answer, deadline.Token);
        }
        catch (IOException)
        {
            // A server that refuses early closes while we still send: what it said before counts.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }
}

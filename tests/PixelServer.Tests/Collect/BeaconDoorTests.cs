using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Journal;

namespace PixelServer.Tests.Collect;

public sealed class BeaconDoorTests
{
    [Fact]
    public async Task What_consent_repeats_below_its_own_members_costs_no_event()
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync("""[{"event":"first"},{"consent":{"x":{"a":1,"b":"z","a":2},"y":{"gpc":"1","gpc":"0"},"gpc":"0"}}]""");

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("""{"$consent":{"x":{"b":"z","a":2},"y":{"gpc":"0"},"gpc":"0"}}""", Encoding.UTF8.GetString(host.Hits[1].Properties.Span));
        Assert.False(host.Hits[1].Gpc);
    }

    [Fact]
    public async Task A_small_body_cannot_have_its_headers_and_query_copied_into_megabytes()
    {
        await using var host = await CollectHost.StartAsync();
        var body = "[" + string.Join(',', Enumerable.Repeat("{}", Limits.BatchEvents)) + "]";
        var referer = ("Referer", "https://a.example/" + new string('r', 4_000));
        using var answer = await host.PostAsync(body, path: "/b?x=" + new string('q', 500), headers: referer);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 1), (answer.StatusCode, host.Ledger.Read().Refused["batch_too_large"]));
        Assert.Empty(host.Hits);

        using var usual = await host.PostAsync(body, path: "/b?id=shop", headers: [("Referer", "https://a.example/" + new string('r', 2_000)), ("User-Agent", new string('u', 1_000))]);
        Assert.Equal((HttpStatusCode.NoContent, Limits.BatchEvents), (usual.StatusCode, host.Hits.Count));
    }

    [Fact]
    public async Task Hints_and_fetch_metadata_are_cut_at_what_browsers_need()
    {
        await using var host = await CollectHost.StartAsync();
        await host.PostAsync("{}", headers: [.. new[] { "User-Agent", "Sec-CH-UA", "Sec-CH-UA-Platform", "Purpose", "Sec-CH-UA-Mobile", "Sec-Fetch-Dest", "Sec-Fetch-Mode" }
            .Select(name => (name, new string('a', 2_000)))]);
        Assert.Equal((1_024, 256, 256, 256, 32, 32, 32), (host.Hit.UserAgent!.Length, host.Hit.HintBrands!.Length, host.Hit.HintPlatform!.Length,
            host.Hit.Purpose!.Length, host.Hit.HintMobile!.Length, host.Hit.FetchDest!.Length, host.Hit.FetchMode!.Length));
    }

    [Fact]
    public async Task A_do_not_track_header_costs_no_event_however_full_its_consent_is()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:HonourDnt", "false")); // where it is, only signals are kept
        var members = string.Join(',', Enumerable.Range(0, Limits.Properties).Select(i => $"\"c{i}\":\"1\""));
        using var answer = await host.PostAsync($"{{\"consent\":{{{members}}}}}", headers: ("DNT", "1"));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.EndsWith(""","c99":"1","dnt":"1"}}""", Encoding.UTF8.GetString(host.Hit.Properties.Span));
    }

    [Fact]
    public async Task A_taken_beacon_is_204_and_nothing_more()
    {
        await using var host = await CollectHost.StartAsync();
        var answer = await host.RawAsync("POST /b HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        Assert.Matches(@"^HTTP/1\.1 204 No Content\r\nConnection: close\r\nDate: [^\r]+\r\nSet-Cookie: px_id=[^\r]+\r\n\r\n$", answer);
        Assert.Equal((Source.Beacon, "page_view"), (host.Hit.Source, host.Hit.Name));
    }

    [Theory]
    [InlineData("application/json", """{"event":"e1","user_id":"u 1"}""")]
    [InlineData("application/json; charset=utf-8", """{"event":"e1","user_id":"u 1"}""")]
    [InlineData("APPLICATION/JSON;charset=\"UTF-8\"", """{"event":"e1","user_id":"u 1"}""")]
    [InlineData("text/plain;charset=UTF-8", """{"event":"e1","user_id":"u 1"}""")]
    [InlineData("text/plain", "\ufeff{\"event\":\"e1\",\"user_id\":\"u 1\"}")]
    [InlineData("application/x-www-form-urlencoded;charset=UTF-8", "event=e1&u=u+1")]
    [InlineData("application/x-www-form-urlencoded", "e=e1&user_id=u%201")]
    [InlineData(null, """ {"event":"e1","user_id":"u 1"}""")]
    [InlineData("application/json", """[{"event":"e1","user_id":"u 1"}]""")]
    [InlineData("text/plain", """{"batch":[{"event":"e1","user_id":"u 1"}]}""")]
    public async Task Every_kind_of_body_is_read(string? type, string body)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync(body, type);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(("e1", "u 1"), (host.Hit.Name, host.Hit.UserId));
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=x", "--x--", 415, "unsupported_type")]
    [InlineData("text/html", "{}", 415, "unsupported_type")]
    [InlineData("application/jsonp", "{}", 415, "unsupported_type")]
    [InlineData(null, "e=1", 415, "unsupported_type")]
    [InlineData("application/json; charset=iso-8859-1", "{}", 415, "unsupported_charset")]
    [InlineData("text/plain; charset=utf-16", "{}", 415, "unsupported_charset")]
    [InlineData("application/json", "", 400, "empty_body")]
    [InlineData(null, "", 400, "empty_body")]
    [InlineData("application/json", "[]", 400, "empty_batch")]
    [InlineData("application/json", "{", 400, "bad_json")]
    [InlineData("text/plain", "e=open", 400, "bad_json")]
    [InlineData("application/json", "7", 400, "not_an_event")]
    public async Task A_body_that_cannot_be_read_is_refused_and_told_why(string? type, string body, int status, string code)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync(body, type);
        await AssertProblemAsync(answer, status, code);
        Assert.Empty(host.Hits);
        Assert.Equal((1, 1), (host.Ledger.Read().Received, host.Ledger.Read().Refused[code]));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task A_body_may_have_65536_bytes_and_not_one_more_however_it_comes()
    {
        await using var host = await CollectHost.StartAsync();
        foreach (var chunked in new[] { false, true })
        {
            Assert.Equal(HttpStatusCode.NoContent, (await Post(Limits.BodyBytes)).StatusCode);
            await AssertProblemAsync(await Post(Limits.BodyBytes + 1), 413, "body_too_large");

            Task<HttpResponseMessage> Post(int size)
            {
                var content = new StreamContent(new MemoryStream(Encoding.ASCII.GetBytes("{}".PadRight(size))));
                content.Headers.ContentType = new("application/json");
                content.Headers.ContentLength = chunked ? null : size;
                return chunked
                    ? host.SendAsync(HttpMethod.Post, "/b", content, ("Transfer-Encoding", "chunked"))
                    : host.SendAsync(HttpMethod.Post, "/b", content);
            }
        }

        Assert.Equal(2, host.Hits.Count);
        Assert.Empty(host.Complained);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    [InlineData("GZIP")]
    [InlineData("br")]
    [InlineData("identity")]
    public async Task Packed_bodies_are_unpacked(string encoding)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync(Pack(Encoding.UTF8.GetBytes("""{"event":"packed"}"""), encoding), headers: ("Content-Encoding", encoding));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("packed", host.Hit.Name);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_bomb_is_refused_before_it_goes_off(string encoding)
    {
        await using var host = await CollectHost.StartAsync();
        var fits = Pack(Encoding.ASCII.GetBytes("{}".PadRight(Limits.UnpackedBytes)), encoding);
        var bomb = Pack(Encoding.ASCII.GetBytes("{}".PadRight(40_000_000)), encoding);
        Assert.InRange(bomb.Length, 1, Limits.BodyBytes);
        Assert.Equal(HttpStatusCode.NoContent, (await host.PostAsync(fits, headers: ("Content-Encoding", encoding))).StatusCode);
        await AssertProblemAsync(await host.PostAsync(bomb, headers: ("Content-Encoding", encoding)), 413, "body_too_large");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task What_cannot_be_unpacked_is_400(string encoding)
    {
        await using var host = await CollectHost.StartAsync();
        var whole = Pack(Encoding.UTF8.GetBytes("""{"event":"packed","x":"1234567890123456789012345678901234567890"}"""), encoding);
        await AssertProblemAsync(await host.PostAsync("{}"u8.ToArray(), headers: ("Content-Encoding", encoding)), 400, "bad_encoding");
        foreach (var length in new[] { 1, whole.Length / 2, whole.Length - 9, whole.Length - 1 })
            await AssertProblemAsync(await host.PostAsync(whole[..length], headers: ("Content-Encoding", encoding)), 400, "bad_encoding");
        if (encoding == "gzip")
        {
            whole[^6] ^= 1; // the checksum
            await AssertProblemAsync(await host.PostAsync(whole, headers: ("Content-Encoding", encoding)), 400, "bad_encoding");
        }

        Assert.Empty(host.Hits);
        Assert.Empty(host.Complained);
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("gzip, gzip")]
    [InlineData("zstd")]
    public async Task Other_packings_are_415_and_told_what_is_possible(string encoding)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.PostAsync("{}", headers: ("Content-Encoding", encoding));
        await AssertProblemAsync(answer, 415, "unsupported_encoding");
        Assert.Equal("gzip, br", string.Join(", ", answer.Headers.GetValues("Accept-Encoding")));
    }

    [Fact]
    public async Task What_is_taken_of_a_batch_is_durable_and_what_is_not_is_named_by_its_index()
    {
        await using var host = await CollectHost.StartAsync();
        var name = new string('n', Limits.NameChars + 1);
        using var answer = await host.PostAsync($$"""[{"e":"a"},{"e":"{{name}}"},5,{"e":"b"},{"id":"a b"}]""");
        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
        Assert.Equal("""{"accepted":2,"refused":[{"index":1,"code":"name_too_long"},{"index":2,"code":"not_an_event"},{"index":4,"code":"bad_site_id"}]}""",
            await answer.Content.ReadAsStringAsync());
        Assert.Equal(["a", "b"], host.Hits.Select(hit => hit.Name));
        Assert.True(host.Ledger.Read() is { Received: 5 } page && page.Refused.Values.Sum() == 3);
    }

    [Fact]
    public async Task Where_nothing_is_taken_the_first_reason_is_the_answer()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:UnknownSites", "refuse"));
        using var answer = await host.PostAsync("""[{"id":"nobody"},5]""");
        var problem = await AssertProblemAsync(answer, 403, "unknown_site");
        Assert.Equal("""[{"index":0,"code":"unknown_site"},{"index":1,"code":"not_an_event"}]""", problem.GetProperty("refused").GetRawText());
        Assert.Equal(0, problem.GetProperty("accepted").GetInt32());
    }

    [Fact]
    public async Task When_the_journal_says_no_the_answer_is_503_and_names_what_to_send_again()
    {
        await using var host = await CollectHost.StartAsync();
        await host.Journal.StopAsync(default);
        using var answer = await host.PostAsync("""[{"e":"a"},5,{"e":"b"},{"e":"c"}]""");
        var problem = await AssertProblemAsync(answer, 503, "stopping");
        Assert.Equal("5", answer.Headers.GetValues("Retry-After").Single());
        Assert.Equal(["stopping", "not_an_event", "stopping", "stopping"],
            problem.GetProperty("refused").EnumerateArray().Select(r => r.GetProperty("code").GetString()));
        Assert.Equal([0, 1, 2, 3], problem.GetProperty("refused").EnumerateArray().Select(r => r.GetProperty("index").GetInt32()));
        Assert.True(host.Ledger.Read() is { Received: 4 } page && page.Refused["stopping"] == 3);
    }

    [Fact]
    public async Task When_the_journal_fills_up_within_a_batch_every_event_is_either_durable_or_named()
    {
        // The queue of a journal whose disk is slower than one request's 500 events.
        await using var host = await CollectHost.StartAsync(new JournalOptions { QueueLength = 1, SegmentBytes = 4 << 20 });
        for (var round = 0; round < 5; round++)
        {
            var before = host.Hits.Count;
            var sent = Enumerable.Range(0, Limits.BatchEvents).Select(i => $"r{round}-{i}").ToList();
            using var answer = await host.PostAsync("[" + string.Join(',', sent.Select(id => $$"""{"eid":"{{id}}"}""")) + "]");
            var stored = host.Hits.Skip(before).Select(hit => hit.ClientEventId!).ToHashSet();
            if (answer.StatusCode == HttpStatusCode.NoContent)
            {
                Assert.Equal(sent.Count, stored.Count);
                continue;
            }

            var problem = await AssertProblemAsync(answer, 503, "queue_full");
            var again = problem.GetProperty("refused").EnumerateArray().Select(r => sent[r.GetProperty("index").GetInt32()]).ToHashSet();
            Assert.Equal(stored.Count, problem.GetProperty("accepted").GetInt32());
            Assert.Empty(stored.Intersect(again));
            Assert.Equal(sent.Count, stored.Count + again.Count);
        }

        Assert.True(host.Ledger.Read().Refused["queue_full"] > 0); // else nothing was shown
        Assert.True(host.Ledger.Read().Balances);
        Assert.Equal(5 * Limits.BatchEvents, host.Ledger.Read().Received);
    }

    [Fact]
    public async Task The_query_of_a_beacon_speaks_for_every_event_that_does_not_speak_for_itself()
    {
        await using var host = await CollectHost.StartAsync();
        await host.PostAsync("""[{"e":"own"},{"id":"mine","x":"own"}]""", path: "/b?id=shop&e=query&x=query&gdpr=0");
        Assert.Equal([("shop", "own"), ("mine", "query")], host.Hits.Select(hit => (hit.SiteId, hit.Name)));
        Assert.Equal(["""{"x":"query","$consent":{"gdpr":"0"}}""", """{"x":"own","$consent":{"gdpr":"0"}}"""],
            host.Hits.Select(hit => Encoding.UTF8.GetString(hit.Properties.Span)));
        await AssertProblemAsync(await host.PostAsync("{}", path: "/b?x=" + new string('x', Limits.BeaconQueryChars)), 414, "query_too_long");
    }

    [Fact]
    public async Task Clock_errors_are_corrected_with_sent_at()
    {
        await using var host = await CollectHost.StartAsync();
        var now = host.Clock.GetUtcNow();
        await host.PostAsync($$"""{"batch":[{"timestamp":"{{now.AddYears(-1).AddSeconds(-90):O}}"}],"sent_at":"{{now.AddYears(-1):O}}"}""");
        Assert.Equal(now.AddSeconds(-90), host.Hit.OccurredAt);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task Other_methods_are_405(string method)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.SendAsync(new(method), "/b", null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal("POST, OPTIONS", string.Join(", ", answer.Content.Headers.Allow));
    }

    [Fact]
    public async Task A_full_journal_does_not_swallow_a_form()
    {
        await using var host = await CollectHost.StartAsync(new JournalOptions { MinFreeBytes = 1L << 60 });
        using var answer = await host.PostAsync("e=open", "application/x-www-form-urlencoded");
        await AssertProblemAsync(answer, 503, "journal_full");
        Assert.Equal("60", answer.Headers.GetValues("Retry-After").Single());
    }

    internal static async Task<JsonElement> AssertProblemAsync(HttpResponseMessage answer, int status, string code)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.ToString());
        var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal((code, status, "urn:pixelserver:" + code),
            (problem.GetProperty("code").GetString(), problem.GetProperty("status").GetInt32(), problem.GetProperty("type").GetString()));
        Assert.Equal(Refusal.All.Single(r => r.Code == code).Title, problem.GetProperty("title").GetString());
        return problem;
    }

    private static byte[] Pack(byte[] plain, string encoding)
    {
        if (encoding == "identity") return plain;
        var packed = new MemoryStream();
        using (Stream stream = encoding == "br" ? new BrotliStream(packed, CompressionLevel.Optimal) : new GZipStream(packed, CompressionLevel.Optimal))
            stream.Write(plain);
        return packed.ToArray();
    }
}

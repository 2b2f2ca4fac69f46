using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using PixelServer.Api;
using PixelServer.Collect;

namespace PixelServer.Tests.Api;

/// <summary>Requests as SDKs make them and as they should not: who may come in, how much may come, and what the answer says.</summary>
public sealed class SegmentRequestTests
{
    private const string Track = """{"type":"track","anonymousId":"a-1","event":"x"}""";

    // What each SDK's source sends; run by nobody here, because their languages are not.
    public static TheoryData<string, string, string, bool, bool, string> Shapes => new()
    {
        // path, content type, user agent, gzip, key in the header, library
        { "/v1/batch", "application/json", "analytics-python/2.3.4", true, true, "analytics-python" },
        { "/v1/b", "text/plain", "analytics-kotlin/1.16.3", true, false, "analytics-kotlin" },
        { "/v1/b", "application/json; charset=utf-8", "analytics-ios/1.7.0", false, true, "analytics-swift" },
        { "/v1/b", "", "", true, false, "Analytics-CSharp" },
        { "/v1/b", "application/json; charset=utf-8", "okhttp/4.12.0", false, false, "@segment/analytics-react-native" },
        { "/v1/batch", "application/x-www-form-urlencoded", "analytics-node/3.0.13", true, true, "analytics-node" },
        { "/v1/batch", "application/json", "Go-http-client/2.0", false, true, "analytics-go" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_batch_in_the_shape_of_an_sdk_is_kept(string path, string type, string userAgent, bool packed, bool keyInHeader, string library)
    {
        await using var host = await SegmentHost.StartAsync();
        var json = Encoding.UTF8.GetBytes($$$$"""
            {"writeKey":"{{{{host.WriteKey}}}}","sentAt":"{{{{DateTimeOffset.UtcNow:O}}}}","batch":[
              {"type":"track","messageId":"m-1","anonymousId":"6f0e9f0e-0c5a-4d1c-8f1c-1f2d3c4b5a69","event":"Cart Viewed","timestamp":"{{{{DateTimeOffset.UtcNow:O}}}}",
               "properties":{"gift":false},"integrations":{},"_metadata":{"bundled":[]},
               "context":{"library":{"name":"{{{{library}}}}","version":"1"},"os":{"name":"Android","version":"15"},"screen":{"width":1080,"height":2400}}}]}
            """);
        List<(string, string)> headers = userAgent.Length > 0 ? [("User-Agent", userAgent)] : [];
        if (packed) headers.Add(("Content-Encoding", "gzip"));

        var answer = await host.PostAsync(path, packed ? Packed(json) : json, keyInHeader ? host.WriteKey : "", type, [.. headers]);

        Assert.Equal("200 {\"success\":true}", $"{answer.Status} {answer.Text}");
        var row = Assert.Single(await host.EventsAsync(1));
        Assert.Equal("""{"site_id":"shop","source":"app","name":"Cart Viewed","visitor_id":"6f0e9f0e-0c5a-4d1c-8f1c-1f2d3c4b5a69","visitor_kind":"client","ip":"127.0.0.0"}""",
            SegmentHost.Columns(row, "site_id", "source", "name", "visitor_id", "visitor_kind", "ip"));
        Assert.Equal($$$$"""{"library":{"name":"{{{{library}}}}","version":"1"},"os":{"name":"Android","version":"15"},"screen":{"width":1080,"height":2400}}""", row["properties"]!["context"]!.ToJsonString());
        Assert.Equal("android", row["properties"]!["$device"]!["platform"]!.ToString());
        Assert.Equal(["$device", "context", "gift"], row["properties"]!.AsObject().Select(one => one.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_address_takes_what_it_is_named_after()
    {
        await using var host = await SegmentHost.StartAsync();
        string[] one = ["track", "t", "page", "p", "screen", "s", "identify", "i", "group", "g", "alias", "a"];
        string[] many = ["batch", "import", "b", "batch/b"];

        foreach (var path in one) Assert.Equal(200, (await host.PostAsync("/v1/" + path, """{"userId":"u","event":"x"}""")).Status);
        foreach (var path in many) Assert.Equal(200, (await host.PostAsync("/v1/" + path, $$"""{"batch":[{{Track}}]}""")).Status);

        Assert.Equal(["x", "x", "page_view", "page_view", "screen_view", "screen_view", "identify", "identify", "group", "group", "alias", "alias", "x", "x", "x", "x"],
            (await host.EventsAsync(16)).Select(row => row["name"]!.ToString()));
        var metrics = await host.PostAsync("/v1/m", """{"series":[{"type":"Counter"}]}""", key: "");
        Assert.Equal("200 {\"success\":true}", $"{metrics.Status} {metrics.Text}");
        Assert.Equal(404, (await host.PostAsync("/v1/merge", Track)).Status);
    }

    [Fact]
    public async Task Only_the_keys_own_site_is_written_to()
    {
        await using var host = await SegmentHost.StartAsync();
        var other = (await KeyHost.MakeAsync(host.Keys, KeyKind.Write, "other")).Text;

        await Support.Eventually.TrueAsync(async () => (await host.PostAsync("/v1/track", Track, other)).Status == 200, () => "the new key is seen");
        var named = await host.PostAsync("/v1/batch", $$"""{"batch":[{"type":"track","anonymousId":"a-1","event":"x","site_id":"shop"},{{Track}}]}""", other);
        var all = await host.PostAsync("/v1/batch", $$"""{"site_id":"shop","batch":[{{Track}}]}""", other);

        Assert.Equal("""{"success":true,"accepted":1,"refused":[{"index":0,"code":"key_of_another_site"}]}""", named.Text);
        Assert.Equal("400 nothing_kept", all.Problem);
        Assert.All(await host.EventsAsync(2), row => Assert.Equal("other", row["site_id"]!.ToString()));
    }

    [Fact]
    public async Task Without_a_good_key_in_the_right_place_nothing_is_kept()
    {
        await using var host = await SegmentHost.StartAsync();
        var (revoked, revokedText) = await KeyHost.MakeAsync(host.Keys);
        await host.Keys.RevokeAsync(revoked.Id, DateTimeOffset.UtcNow, CancellationToken.None);
        string[] paths = ["/v1/track", "/v1/b", "/v1/batch"];

        foreach (var path in paths)
        {
            Assert.Equal("401 key_missing", (await host.PostAsync(path, Track, key: "")).Problem);
            Assert.Equal("401 key_wrong", (await host.PostAsync(path, Track, "pxw_aaaaaaaa_" + new string('x', 43))).Problem);
            Assert.Equal("401 key_wrong", (await host.PostAsync(path, Track.Insert(1, "\"writeKey\":\"nonsense\","), key: "")).Problem);
            await Support.Eventually.TrueAsync(async () => (await host.PostAsync(path, Track, revokedText)).Problem == "401 key_revoked", () => "the revocation is seen");
            var inQuery = await host.PostAsync($"{path}?writeKey={host.WriteKey}", Track);
            Assert.Equal("400 key_in_query", inQuery.Problem);
            Assert.DoesNotContain(host.WriteKey, inQuery.Text, StringComparison.Ordinal);
            Assert.Equal("403 secret_key_in_browser", (await host.PostAsync(path, Track, host.SecretKey, headers: ("Origin", "https://shop.example"))).Problem);
        }

        Assert.Equal(0, host.App.Ledger.Read().Received - host.App.Ledger.Read().Refused.Values.Sum());
        Assert.DoesNotContain(host.WriteKey[..20], host.App.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_is_sent_again_is_stored_once()
    {
        await using var host = await SegmentHost.StartAsync();
        var batch = new JsonObject { ["batch"] = new JsonArray([.. Enumerable.Range(0, 50).Select(i => new JsonObject { ["type"] = "track", ["anonymousId"] = "a-1", ["event"] = "x", ["messageId"] = $"m-{i}", ["properties"] = new JsonObject { ["i"] = i } })]) }.ToJsonString();

        for (var i = 0; i < 3; i++) Assert.Equal(200, (await host.PostAsync("/v1/batch", batch)).Status);
        Assert.Equal(200, (await host.PostAsync("/v1/track", """{"anonymousId":"a-1","event":"last"}""")).Status);

        var events = await host.EventsAsync(51, replays: 100);
        Assert.Equal(100, host.App.Ledger.Read().Replayed);
        Assert.Equal(50, events.Take(50).Select(row => row["properties"]!["i"]!.ToString()).Distinct().Count());
        Assert.Equal("last", events[^1]["name"]!.ToString());
    }

    [Fact]
    public async Task A_batch_of_2500_events_and_one_of_500_kB_are_kept_and_larger_ones_are_not()
    {
        await using var host = await SegmentHost.StartAsync();
        static string Batch(int count, int padding = 0) => new JsonObject
        {
            ["batch"] = new JsonArray([.. Enumerable.Range(0, count).Select(i => new JsonObject
                { ["type"] = "track", ["anonymousId"] = "a-1", ["event"] = "x", ["properties"] = new JsonObject { ["i"] = i, ["padding"] = new string('p', padding) } })]),
        }.ToJsonString();
        var large = Batch(100, 5_000);
        Assert.InRange(large.Length, 500_000, 524_288);

        Assert.Equal(200, (await host.PostAsync("/v1/batch", Batch(2_500))).Status);
        Assert.Equal(200, (await host.PostAsync("/v1/batch", large)).Status);
        Assert.Equal("413 batch_too_large", (await host.PostAsync("/v1/batch", Batch(2_501))).Problem);
        Assert.Equal("413 body_too_large", (await host.PostAsync("/v1/batch", Batch(110, 5_000))).Problem);
        Assert.Equal("413 body_too_large", (await host.PostAsync("/v1/batch", Packed(new byte[Limits.KeyedUnpackedBytes + 1]), host.WriteKey, headers: ("Content-Encoding", "gzip"))).Problem);
        Assert.Equal("413 event_too_large", (await host.PostAsync("/v1/batch", $$$"""{"context":{"x":"{{{new string('c', 33_000)}}}"},"batch":[{{{Track}}}]}""")).Problem);
        Assert.Equal("413 batch_too_large", (await host.PostAsync("/v1/batch",
            $$$"""{"context":{"x":"{{{new string('c', 8_000)}}}"},"batch":[{{{string.Join(',', Enumerable.Repeat(Track, 300))}}}]}""")).Problem);

        var events = await host.EventsAsync(2_600);
        Assert.Equal(Enumerable.Range(0, 2_500), events.Take(2_500).Select(row => (int)row["properties"]!["i"]!));
    }

    [Fact]
    public async Task Refused_events_are_named_by_their_place_and_cost_their_neighbours_nothing()
    {
        await using var host = await SegmentHost.StartAsync();
        var deep = string.Concat(Enumerable.Repeat("[", 5_000)) + string.Concat(Enumerable.Repeat("]", 5_000));

        var answer = await host.PostAsync("/v1/batch", $$$"""
            {"batch":[
              {{{Track}}},
              {"type":"track","anonymousId":"a-1","event":"x","properties":{"large":"{{{new string('x', Limits.KeyedEventBytes)}}}"}},
              {"type":"track","event":"x"},
              {"type":"track","anonymousId":"a-1"},
              {"type":"dance","anonymousId":"a-1"},
              {"type":"track","anonymousId":"a-1","event":"x","messageId":"{{{new string('m', 101)}}}"},
              {"type":"track","anonymousId":"{{{new string('a', 257)}}}","event":"x"},
              {"type":"track","anonymousId":"a-1","event":"x","properties":{"deep":{{{deep}}}}},
              {"type":"identify","anonymousId":"a-1","traits":{"deep":{{{deep}}}}},
              17, null, [],
              {{{Track}}}]}
            """);

        Assert.Equal(200, answer.Status);
        Assert.Equal(2, (int)answer.Json["accepted"]!);
        Assert.Equal(
            ["1 event_too_large", "2 no_user_anon_id", "3 no_event_name", "4 unknown_type", "5 message_id_too_long", "6 anonymous_id_too_long", "7 too_deep", "8 too_deep",
                "9 not_an_event", "10 not_an_event", "11 not_an_event"],
            answer.Json["refused"]!.AsArray().Select(one => $"{one!["index"]} {one["code"]}"));
        await host.EventsAsync(2);
    }

    [Theory]
    [InlineData("400 no_user_anon_id", """{"event":"x"}""")]
    [InlineData("400 bad_json", """{"event":""")]
    [InlineData("400 bad_json", """{"event":"x"} {}""")]
    [InlineData("400 empty_body", " ")]
    [InlineData("400 not_an_event", "\"x\"")]
    [InlineData("400 empty_batch", """{"batch":[]}""")]
    [InlineData("400 not_an_event", """[1]""")]
    public async Task Where_nothing_is_kept_the_answer_is_a_400_with_the_reason(string problem, string body)
    {
        await using var host = await SegmentHost.StartAsync();

        Assert.Equal(problem, (await host.PostAsync("/v1/track", body)).Problem);
    }

    [Fact]
    public async Task Where_nothing_is_kept_for_a_reason_that_is_no_400_it_is_one_all_the_same()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:DefaultSite:Regime=Gdpr");

        var answer = await host.PostAsync("/v1/track", Track);

        Assert.Equal("400 nothing_kept", answer.Problem);
        Assert.Equal("consent_required", answer.Json["refused"]![0]!["code"]!.ToString());
    }

    [Fact]
    public async Task Any_page_may_ask_and_read_the_answer_but_only_those_of_the_site_are_heard()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Sites:shop:AllowedOrigins:0=https://shop.example");

        var preflight = await host.SendAsync(HttpMethod.Options, "/v1/t", null, ("Origin", "https://else.example"),
            ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization, content-type, x-retry-count"));
        var own = await host.PostAsync("/v1/t", Track, type: "text/plain", headers: ("Origin", "https://shop.example"));
        var foreign = await host.PostAsync("/v1/t", Track, type: "text/plain", headers: ("Origin", "https://else.example"));
        var keyless = await host.PostAsync("/v1/t", Track, key: "", headers: ("Origin", "https://shop.example"));

        Assert.Equal(204, preflight.Status);
        Assert.Equal("authorization, content-type, content-encoding, x-retry-count, *", preflight.Headers["Access-Control-Allow-Headers"]);
        Assert.Contains("POST", preflight.Headers["Access-Control-Allow-Methods"], StringComparison.Ordinal);
        Assert.Equal((200, "400 nothing_kept", "401 key_missing"), (own.Status, foreign.Problem, keyless.Problem));
        Assert.Equal("origin_not_allowed", foreign.Json["refused"]![0]!["code"]!.ToString());
        Assert.All([preflight, own, foreign, keyless], answer =>
        {
            Assert.Equal("*", answer.Headers["Access-Control-Allow-Origin"]);
            Assert.False(answer.Headers.ContainsKey("Access-Control-Allow-Credentials"));
            Assert.False(answer.Headers.ContainsKey("Set-Cookie"));
        });
        await host.EventsAsync(1);
    }

    [Fact]
    public async Task Too_many_requests_are_told_when_to_come_again_and_a_page_may_read_it()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Keys:RequestsPerSecond=1");

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.PostAsync("/v1/t", Track, headers: ("Origin", "https://shop.example"))));

        Assert.Contains(answers, answer => answer.Status == 200);
        var answer = answers.First(answer => answer.Status != 200);
        Assert.Equal("429 rate_limited", answer.Problem);
        Assert.Equal("1", answer.Headers["Retry-After"]);
        Assert.Contains("Retry-After", answer.Headers["Access-Control-Expose-Headers"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/projects/{0}/settings")]
    [InlineData("/projects/{0}/settings")]
    [InlineData("/v1/projects/projects/{0}/settings")]
    public async Task Settings_name_our_own_host_as_the_client_reached_us_and_confirm_no_key(string path)
    {
        await using var host = await SegmentHost.StartAsync();
        async Task<SegmentHost.Answer> AskAsync(string key, params (string, string)[] headers) =>
            await host.GetAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, path, key), [("Origin", "https://shop.example"), .. headers]);

        var known = await AskAsync(host.WriteKey, ("Host", "t.shop.example"), ("X-Forwarded-Proto", "https"));

        Assert.Equal((200, "application/json", "*"), (known.Status, known.Headers["Content-Type"], known.Headers["Access-Control-Allow-Origin"]));
        Assert.Equal(
            $$$"""{"integrations":{"Segment.io":{"apiKey":"{{{host.WriteKey}}}","apiHost":"t.shop.example/v1","protocol":"https"}},"plan":{},"edgeFunction":{},"metrics":{"sampleRate":0}}""",
            known.Text);
        var plain = await AskAsync(host.WriteKey);
        Assert.Equal(("http", $"{host.App.Address.Authority}/v1"), (plain.Json["integrations"]!["Segment.io"]!["protocol"]!.ToString(), plain.Json["integrations"]!["Segment.io"]!["apiHost"]!.ToString()));
        var other = "pxw_aaaaaaaa_" + new string('x', 43);
        Assert.Equal(known.Text.Replace(host.WriteKey, other, StringComparison.Ordinal), (await AskAsync(other, ("Host", "t.shop.example"), ("X-Forwarded-Proto", "https"))).Text);
        var (secret, madeUp) = (await AskAsync(host.SecretKey), await AskAsync("pxs_aaaaaaaa_" + new string('x', 43)));
        Assert.Equal("400 key_in_query", secret.Problem); // by its looks: the answer tells nothing about it, and does not repeat it
        Assert.Equal(madeUp.Text, secret.Text);
        Assert.Equal(404, (await AskAsync("%3Cscript%3E")).Status);
    }

    [Fact]
    public async Task Settings_name_the_host_that_the_operator_set()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Segment:ApiHost=t.example.com/v1");

        Assert.Equal("t.example.com/v1", (await host.GetAsync($"/v1/projects/{host.WriteKey}/settings")).Json["integrations"]!["Segment.io"]!["apiHost"]!.ToString());
    }

    [Fact]
    public async Task The_image_takes_a_call_as_base64_or_in_parameters_and_is_always_the_same()
    {
        await using var host = await SegmentHost.StartAsync();
        var json = $$$"""{"writeKey":"{{{host.WriteKey}}}","userId":"u","event":"Email Opened","properties":{"subject":"Grüße?>"}}""";
        var base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(json));
        string[] kept =
        [
            $"track?data={Uri.EscapeDataString(base64)}", $"track?data={base64.TrimEnd('=').Replace('+', '-').Replace('/', '_')}",
            $"track?userId=u&event=Email%20Opened&properties.subject=Gr%C3%BC%C3%9Fe%3F%3E&writeKey={host.WriteKey}",
            $"track?writeKey={host.WriteKey}&data={Uri.EscapeDataString(Convert.ToBase64String(Encoding.UTF8.GetBytes("""{"userId":"u","event":"Email Opened","properties":{"subject":"Grüße?>"}}""")))}",
        ];
        (string Path, string Code)[] refused =
        [
            ($"track?userId=u&writeKey={host.WriteKey}", "no_event_name"), ("track?userId=u&event=x", "key_missing"), ("track?data=!!", "key_missing"),
            ("track?userId=u&event=x&writeKey=pxw_aaaaaaaa_x", "key_wrong"), ($"track?userId=u&event=x&writeKey={host.SecretKey}", "key_in_query"),
            ("track?userId=u&event=x&writeKey=pxs_aaaaaaaa_" + new string('x', 43), "key_in_query"),
            ($"track?data={Convert.ToBase64String(Encoding.UTF8.GetBytes(json.Replace(host.WriteKey, host.SecretKey.Replace("pxs_", "px\\u0073_", StringComparison.Ordinal), StringComparison.Ordinal)))}", "key_in_query"),
        ];

        foreach (var (i, path) in kept.Index()) AssertImage(await host.GetAsync((i % 2 == 0 ? "/v1/pixel/" : "/pixel/v1/") + path), null); // Segment's address, and RudderStack's
        foreach (var (path, code) in refused) AssertImage(await host.GetAsync("/v1/pixel/" + path), code);

        Assert.Equal(404, (await host.GetAsync("/v1/pixel/dance?userId=u")).Status);
        Assert.Equal(404, (await host.GetAsync("/pixel/v1/dance?userId=u")).Status);
        Assert.All(await host.EventsAsync(kept.Length), row => Assert.Equal(
            """{"source":"pixel","name":"Email Opened","user_id":"u","properties":{"subject":"Grüße?>"}}""", SegmentHost.Columns(row, "source", "name", "user_id", "properties")));
        Assert.DoesNotContain(host.SecretKey, host.App.Output, StringComparison.Ordinal);

        static void AssertImage(SegmentHost.Answer answer, string? code)
        {
            Assert.Equal((200, 43, "image/gif"), (answer.Status, answer.Body.Length, answer.Headers["Content-Type"]));
            Assert.Equal(code, answer.Headers.GetValueOrDefault("X-Pixel-Refused"));
        }
    }

    [Fact]
    public async Task No_body_whatever_is_an_error_of_ours()
    {
        // Small refused bodies pass faster than a key's ordinary 1,000 a second.
        await using var host = await SegmentHost.StartAsync(settings: ["--Pixel:Keys:RequestsPerSecond=100000"]);
        string[] paths = ["/v1/track", "/v1/p", "/v1/identify", "/v1/g", "/v1/alias", "/v1/batch"];

        await Gen.Select(Bodies(), OneOf(paths), Gen.Bool).SampleAsync(async (json, path, secret) =>
        {
            var answer = await host.PostAsync(path, json, secret ? host.SecretKey : host.WriteKey);
            Assert.True(answer.Status is 200 or 400 or 413, $"{answer.Status} to {json}");
        }, iter: 1_500, threads: 1);

        Assert.DoesNotContain(" ERR", host.App.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", host.App.Output, StringComparison.Ordinal);
    }

    // JSON of every shape, with the names that the reader looks for in all places, and sometimes broken.
    private static Gen<string> Bodies()
    {
        string[] names =
        [
            "type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "originalTimestamp", "sentAt", "context", "integrations", "properties", "traits",
            "batch", "writeKey", "site_id", "page", "url", "campaign", "name", "source", "ip", "userAgent", "userAgentData", "brands", "brand", "mobile", "platform", "device", "os", "consent", "library",
            "email", "address", "city", "phone", "revenue", "value", "currency", "event_id", "location", "direct", "gpc", "$identities", "x", "",
        ];
        var leaf = Gen.OneOf(
            OneOf("null", "true", "false", "0", "-1", "1e400", "1e-400", "99999999999999999999999999999999", "\"\"", "\"track\"", "\"page\"", "\"identify\"", "\"EUR\"", "\"2026-11-24T10:00:00Z\"",
                "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999+14:00\"", "\"\\u0000\"", "\"\\ud800\"", "\"203.0.113.7\"", "\"::1%1\"", "\"alice@example.com\"", "[]", "{}"),
            Gen.String.Select(text => JsonValue.Create(text).ToJsonString()),
            Gen.Double.Select(number => JsonValue.Create(double.IsFinite(number) ? number : 0).ToJsonString()));
        var value = Gen.Recursive<string>((depth, inner) => depth > 4 ? leaf : Gen.Frequency(
            (3, leaf),
            (3, Gen.Select(OneOf(names), inner, (name, one) => $"\"{name}\":{one}").Array[0, 8].Select(members => $"{{{string.Join(',', members)}}}")),
            (1, inner.Array[0, 4].Select(items => $"[{string.Join(',', items)}]"))));
        return Gen.Frequency(
            (6, value),
            (3, value.Array[0, 5].Select(items => $$"""{"context":{{items.FirstOrDefault("{}")}},"batch":[{{string.Join(',', items)}}]}""")),
            (1, Gen.Select(value, Gen.Int[0, 200], (text, cut) => text[..Math.Min(cut, text.Length)])));
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static byte[] Packed(byte[] body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(body);
        return packed.ToArray();
    }
}

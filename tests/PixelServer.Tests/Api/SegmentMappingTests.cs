using System.Text.Json.Nodes;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>What becomes of each field: the table of docs/segment.md, row by row, and what a table cannot say.</summary>
public sealed class SegmentMappingTests
{
    private const string Row = """{"anonymousId":"a-1","event":"x"}""";

    [Fact]
    public async Task Every_row_of_the_documented_table_is_true()
    {
        await using var host = await SegmentHost.StartAsync();
        var rows = DocumentedRows();
        Assert.True(rows.Count > 60);
        var batch = new JsonArray([.. rows.Select(row => row.Event())]);

        var answer = await host.PostAsync("/v1/batch", new JsonObject { ["batch"] = batch }.ToJsonString(), host.SecretKey);

        Assert.Equal("200 {\"success\":true}", $"{answer.Status} {answer.Text}");
        var events = await host.EventsAsync(rows.Count);
        Assert.All(rows.Zip(events), pair => pair.First.Check(pair.Second));
    }

    [Fact]
    public async Task With_a_write_key_the_visitor_is_who_sends_and_never_whom_the_body_names()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:DefaultSite:IpPolicy=Keep");
        const string Context = """ "context":{"ip":"203.0.113.77","userAgent":"Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"} """;

        var app = await host.KeptAsync("track", $$$"""{"anonymousId":"a-1","event":"x",{{{Context}}}}""", null, ("User-Agent", "analytics-kotlin/1.16"));
        var page = await host.KeptAsync("track", $$$"""{"anonymousId":"a-1","event":"x",{{{Context}}}}""", null,
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"), ("Origin", "https://shop.example"));

        Assert.Equal("""{"source":"app","ip":"127.0.0.1","browser":"Firefox","os":"Android"}""", SegmentHost.Columns(app, "source", "ip", "browser", "os"));
        Assert.Equal("""{"source":"beacon","ip":"127.0.0.1","browser":"Chrome","os":"Linux"}""", SegmentHost.Columns(page, "source", "ip", "browser", "os"));
        Assert.DoesNotContain("203.0.113", app.ToJsonString() + page.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_secret_key_nothing_of_the_backends_own_request_is_the_visitors_unless_it_says_so()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:DefaultSite:IpPolicy=Keep");

        var silent = await host.KeptAsync("track", Row, host.SecretKey, ("User-Agent", "Java/21"), ("Referer", "https://backend.example/"), ("Sec-GPC", "1"), ("DNT", "1"));
        var direct = await host.KeptAsync("track", """{"anonymousId":"a-1","event":"x","context":{"direct":true}}""", host.SecretKey);

        Assert.Equal("""{"source":"server","ip":null,"user_agent":null,"url":null,"gpc":false}""", SegmentHost.Columns(silent, "source", "ip", "user_agent", "url", "gpc"));
        Assert.Equal("""{"anonymous_id":"a-1"}""", SegmentHost.Properties(silent));
        Assert.Equal("""{"source":"server","ip":"127.0.0.1"}""", SegmentHost.Columns(direct, "source", "ip"));
    }

    private const string Traits =
        """{"email":"Alice@Example.com","phone":"+1 (415) 555-0123","firstName":"Alice","name":"Alice Liddell","address":{"city":"New York","street":"1 Main St"},"plan":"pro","company":{"name":"Acme","email":"alice@example.com"}}""";

    [Fact]
    public async Task With_a_write_key_who_somebody_is_stays_as_a_hash_among_the_traits_and_fills_no_column()
    {
        await using var host = await SegmentHost.StartAsync();

        var row = await host.KeptAsync("identify", $$$"""{"userId":"u","traits":{{{Traits}}}}""");

        var traits = row["properties"]!["traits"]!.AsObject();
        Assert.Null(row["email_sha256"]);
        Assert.Null(row["properties"]!["$identities"]);
        Assert.Equal("ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976", traits["email_sha256"]!.ToString());
        Assert.Equal("36a2cef4ff9bf7a1abd2a93359136b870393be4106e6c5d19b72ff564f9deca4", traits["phone_sha256"]!.ToString());
        Assert.Equal("350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5", traits["city_sha256"]!.ToString());
        Assert.Equal(["email_sha256", "phone_sha256", "first_name_sha256", "city_sha256", "street_sha256", "plan", "company"], traits.Select(one => one.Key));
        Assert.Equal("pro", traits["plan"]!.ToString());
        AssertNothingOf(row, "Alice", "Liddell", "alice@", "(415)", "4155550123", "Main St", "New York");
    }

    [Fact]
    public async Task With_a_secret_key_who_somebody_is_becomes_an_identity_of_the_event()
    {
        await using var host = await SegmentHost.StartAsync();

        var identify = await host.KeptAsync("identify", $$$"""{"userId":"u","traits":{{{Traits}}}}""", host.SecretKey);
        var track = await host.KeptAsync("track", $$$"""{"userId":"u","event":"x","context":{"traits":{{{Traits}}}}}""", host.SecretKey);
        var group = await host.KeptAsync("group", $$$"""{"userId":"u","groupId":"acme","traits":{"name":"Acme","email":"office@acme.example"},"context":{"traits":{{{Traits}}}}}""", host.SecretKey);

        foreach (var row in new[] { identify, track, group })
        {
            Assert.Equal("ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976", row["email_sha256"]!.ToString());
            Assert.Equal("36a2cef4ff9bf7a1abd2a93359136b870393be4106e6c5d19b72ff564f9deca4", row["properties"]!["$identities"]!["phone_sha256"]![0]!.ToString());
            AssertNothingOf(row, "Alice", "Liddell", "alice@", "office@", "(415)", "4155550123", "Main St", "New York");
        }

        Assert.Equal("""{"plan":"pro","company":{"name":"Acme"}}""", identify["properties"]!["traits"]!.ToJsonString());
        Assert.Equal("""{"name":"Acme"}""", group["properties"]!["traits"]!.ToJsonString());
    }

    [Fact]
    public async Task A_site_that_keeps_people_in_the_clear_does()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:Sites:shop:Identity:KeepRaw=true");

        var write = await host.KeptAsync("identify", $$$"""{"userId":"u","traits":{{{Traits}}}}""");
        var secret = await host.KeptAsync("identify", $$$"""{"userId":"u","traits":{{{Traits}}}}""", host.SecretKey);

        Assert.Equal("Alice@Example.com", write["properties"]!["traits"]!["email"]!.ToString());
        Assert.Equal("ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976", write["properties"]!["traits"]!["email_sha256"]![0]!.ToString()); // finds it
        Assert.Equal("Alice@Example.com", secret["properties"]!["$identities"]!["raw"]!["email"]![0]!.ToString());
    }

    [Fact]
    public async Task No_name_of_the_servers_own_can_be_written()
    {
        await using var host = await SegmentHost.StartAsync();

        var row = await host.KeptAsync("track",
            """{"anonymousId":"a-1","event":"x","$identities":{"a":1},"$device":{"b":2},"properties":{"$identities":{"email_sha256":["x"]},"$device":1,"$consent":{"gdpr":"0"},"kept":1}}""");

        Assert.Equal("""{"anonymous_id":"a-1","kept":1}""", SegmentHost.Properties(row));
    }

    [Theory]
    [InlineData("Aggregate", """{"kept":1}""")]
    [InlineData("Exempt", """{"kept":1}""")]
    public async Task A_regime_that_keeps_no_person_keeps_none_of_a_claim(string regime, string kept)
    {
        await using var host = await SegmentHost.StartAsync($"--Pixel:DefaultSite:Regime={regime}");

        var row = await host.KeptAsync("group", """
            {"anonymousId":"a-1","userId":"u","groupId":"acme","previousId":"p","traits":{"name":"Acme"},"integrations":{"GA":{"clientId":"c"}},
             "properties":{"kept":1},"context":{"screen":{"width":1},"traits":{"email":"alice@example.com","plan":"pro"}}}
            """, host.SecretKey);

        Assert.Equal(kept, SegmentHost.Properties(row));
        Assert.Equal("""{"user_id":null,"email_sha256":null}""", SegmentHost.Columns(row, "user_id", "email_sha256"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_clock_that_is_a_day_off_is_corrected(int days)
    {
        await using var host = await SegmentHost.StartAsync();
        var wrong = DateTimeOffset.UtcNow.AddDays(days);

        var answer = await host.PostAsync("/v1/batch", $$"""
            {"sentAt":"{{wrong:O}}","batch":[
              {"type":"track","anonymousId":"a-1","event":"of the batch","timestamp":"{{wrong.AddSeconds(-90):O}}","sentAt":"{{wrong.AddHours(-5):O}}"},
              {"type":"track","anonymousId":"a-1","event":"original","timestamp":"{{DateTimeOffset.UtcNow.AddSeconds(-1):O}}","originalTimestamp":"{{wrong.AddSeconds(-60):O}}"}]}
            """);
        var one = await host.PostAsync("/v1/track", $$"""{"anonymousId":"a-1","event":"alone","timestamp":"{{wrong.AddSeconds(-30):O}}","sentAt":"{{wrong:O}}"}""");

        Assert.Equal((200, 200), (answer.Status, one.Status));
        Assert.Equal([90, 60, 30], (await host.EventsAsync(3)).Select(Age));
    }

    [Fact]
    public async Task How_far_back_a_time_is_believed_depends_on_who_says_it()
    {
        await using var host = await SegmentHost.StartAsync();
        async Task<double> DaysAsync(int days, string? key, params (string, string)[] headers) => Math.Round(Age(await host.KeptAsync(
            "track", $$"""{"anonymousId":"a-1","event":"x","timestamp":"{{DateTimeOffset.UtcNow.AddDays(-days):O}}"}""", key, headers)) / 86_400d);

        Assert.Equal(0, await DaysAsync(2, null, ("Origin", "https://shop.example")));
        Assert.Equal(6, await DaysAsync(6, null));
        Assert.Equal(0, await DaysAsync(8, null));
        Assert.Equal(300, await DaysAsync(300, host.SecretKey));
    }

    [Fact]
    public async Task What_a_batch_says_for_all_holds_where_an_event_says_nothing_itself()
    {
        await using var host = await SegmentHost.StartAsync();

        var answer = await host.PostAsync("/v1/batch", """
            {"context":{"locale":"de-AT","app":{"name":"Shop"},"page":{"url":"https://shop.example/all"}},"integrations":{"All":false},"batch":[
              {"type":"track","anonymousId":"a-1","event":"x"},
              {"type":"track","anonymousId":"a-1","event":"x","context":{"locale":"en-GB","page":{"title":"Own"}},"integrations":{"All":true}}]}
            """, host.SecretKey);

        Assert.Equal(200, answer.Status);
        var events = await host.EventsAsync(2);
        Assert.Equal("""{"anonymous_id":"a-1","context":{"app":{"name":"Shop"},"locale":"de-AT"},"integrations":{"All":false}}""", SegmentHost.Properties(events[0]));
        Assert.Equal("""{"url":"https://shop.example/all","title":null}""", SegmentHost.Columns(events[0], "url", "title"));
        Assert.Equal("""{"anonymous_id":"a-1","context":{"app":{"name":"Shop"},"locale":"en-GB"},"integrations":{"All":true}}""", SegmentHost.Properties(events[1]));
        Assert.Equal("""{"url":null,"title":"Own"}""", SegmentHost.Columns(events[1], "url", "title"));
    }

    [Fact]
    public async Task Integrations_of_batch_and_event_are_merged_by_member()
    {
        await using var host = await SegmentHost.StartAsync();

        var answer = await host.PostAsync("/v1/batch", """
            {"integrations":{"All":false,"X":true},"batch":[{"type":"track","anonymousId":"a-1","event":"x","integrations":{"Y":true}},
              {"type":"track","anonymousId":"a-1","event":"x","integrations":{"X":false}},{"type":"track","anonymousId":"a-1","event":"x","integrations":17}]}
            """);

        Assert.Equal(200, answer.Status);
        Assert.Equal(["""{"All":false,"X":true,"Y":true}""", """{"All":false,"X":false}""", """{"All":false,"X":true}"""],
            (await host.EventsAsync(3)).Select(row => row["properties"]!["integrations"]!.ToJsonString()));
    }

    [Fact]
    public async Task An_alias_without_an_anonymous_id_is_about_the_visitor_that_it_names()
    {
        await using var host = await SegmentHost.StartAsync();

        var before = await host.KeptAsync("track", """{"anonymousId":"visitor-1","event":"x"}""");
        var alias = await host.KeptAsync("alias", """{"userId":"u","previousId":"visitor-1"}""");
        var nobody = await host.KeptAsync("track", """{"userId":"u","event":"x"}""");

        Assert.Equal(before["visitor_id"]!.ToString(), alias["visitor_id"]!.ToString());
        Assert.Equal(("client", "none"), (alias["visitor_kind"]!.ToString(), nobody["visitor_kind"]!.ToString()));
    }

    private static int Age(JsonObject row) => (int)Math.Round((SegmentHost.Time(row, "received_at") - SegmentHost.Time(row, "occurred_at")).TotalSeconds);

    private static void AssertNothingOf(JsonObject row, params string[] texts) =>
        Assert.All(texts, text => Assert.DoesNotContain(text, row.ToJsonString(), StringComparison.OrdinalIgnoreCase));

    private static List<Documented> DocumentedRows() =>
        [.. File.ReadLines(Path.Combine(Repository.Root, "docs", "segment.md"))
            .SkipWhile(line => line != "## What becomes of a call").SkipWhile(line => !line.StartsWith("| call", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|')).Select(line => line.Split('|')[1..^1].Select(cell => cell.Trim().Trim('`')).ToArray())
            .Select(cells => new Documented(cells[0], cells[1], cells[2], cells[3], cells[4]))];

    /// <summary>A row of the table: what is sent in one field, and where which value of it is found.</summary>
    private sealed record Documented(string Call, string Field, string Sent, string Place, string Value)
    {
        public JsonObject Event()
        {
            var item = new JsonObject { ["type"] = Call, ["anonymousId"] = "a-1" };
            if (Call == "track") item["event"] = "x";
            var into = item;
            var path = Field.Split('.');
            foreach (var part in path[..^1])
            {
                if (into[part] is null) into[part] = new JsonObject();
                into = into[part]!.AsObject();
            }

            into[path[^1]] = JsonNode.Parse(Sent);
            return item;
        }

        public void Check(JsonObject row)
        {
            if (Place == "–")
            {
                var said = JsonNode.Parse(Sent)!;
                foreach (var leaf in said is JsonArray list ? list[0]!.AsObject().Select(one => one.Value!.ToString()) : [said.ToString()])
                    Assert.DoesNotContain(leaf, row.ToJsonString(), StringComparison.Ordinal);
                return;
            }

            JsonNode? found = row;
            foreach (var part in Place.Split('.')) found = found?[part];
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Value), JsonNode.Parse(found?.ToJsonString() ?? "null")), $"{Field} = {Sent}: {Place} is {found?.ToJsonString()}, not {Value}");
        }
    }
}

using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary><c>POST /v1/events</c>: what a backend may say, what becomes of it, and what it is told.</summary>
public sealed class EventsDoorTests(SharedPostgres postgres)
{
    private const string Uuid = "a0b1c2d3-0000-4000-8000-00000000000f";

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Everything_a_backend_says_is_in_its_column(string store)
    {
        await using var backend = await StartAsync(store, "--Pixel:Sites:shop:IpPolicy=Keep");
        var said = await backend.PostAsync("""
            {"event":"lead","event_id":"lead-1","user_id":"c-17","visitor_id":"a0b1c2d3-0000-4000-8000-00000000000f","source":"app",
             "url":"https://shop.example/contact?utm_source=news","referrer":"https://search.example/q","title":"Contact","value":"12.50","currency":"eur",
             "ip":"203.0.113.7","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
             "consent":{"gpp":"DBAA","gpc":true},"identity":{"email":"Jane.Doe@Example.com","phone":"+14155550123","external_id":"c-17"},
             "properties":{"plan":"pro"},"color":"red","$identities":{"forged":1}}
            """, ("User-Agent", "crm/1.0"), ("DNT", "1"), ("Sec-CH-UA", "\"Backend\";v=\"1\""), ("Referer", "https://crm.example/"));
        Assert.Equal((200, 1, "", ""), (said.Status, said.Accepted, string.Concat(said.Refused), string.Concat(said.Warnings)));

        var row = Assert.Single(await backend.RowsAsync(1));
        Assert.Equal(
            ["shop", "app", "lead", "lead-1", Uuid, "client", "c-17", Hash("jane.doe@example.com"), "shop.example", "/contact", "news", "https://search.example/q", "Contact", "EUR", "203.0.113.7", "Chrome", "Windows"],
            Text(row, "site_id", "source", "name", "client_event_id", "visitor_id", "visitor_kind", "user_id", "email_sha256", "host", "path", "utm_source", "referrer", "title", "currency", "ip", "browser", "os"));
        Assert.Equal(12.5m, (decimal)row["value"]!);
        Assert.True((bool)row["gpc"]!);
        Assert.False((bool)row["consent_ads"]!);
        var properties = JsonNode.Parse($$$"""
            {"color":"red","plan":"pro","$consent":{"gpc":"true","gpp":"DBAA"},"$identities":{
              "email_sha256":["{{{Hash("jane.doe@example.com")}}}"],"email_bare_sha256":["{{{Hash("janedoe@example.com")}}}"],"external_id_sha256":["{{{Hash("c-17")}}}"],
              "phone_sha256":["{{{Hash("+14155550123")}}}"],"phone_digits_sha256":["{{{Hash("14155550123")}}}"]}}
            """);
        Assert.True(JsonNode.DeepEquals(properties, row["properties"]), row["properties"]!.ToJsonString());
    }

    [Fact]
    public async Task What_the_backend_does_not_say_is_not_taken_from_its_own_request()
    {
        await using var backend = await Backend.StartAsync(settings: ["--Pixel:Sites:shop:IpPolicy=Keep", "--Pixel:CountryHeader=X-Country"]);
        var said = await backend.PostAsync("""{"event":"order_shipped"}""",
            ("User-Agent", "crm/1.0"), ("X-Forwarded-For", "203.0.113.9"), ("X-Country", "DE"), ("Sec-GPC", "1"), ("Cookie", "px_id=x"), ("Referer", "https://crm.example/"));
        Assert.Equal(200, said.Status);
        Assert.False(said.Headers.ContainsKey("Set-Cookie"));
        var hit = Assert.Single(backend.Hits);
        Assert.Equal(
            (Source.Server, VisitorKind.None, hit.EventId, null, null, null, null, false, 0),
            (hit.Source, hit.VisitorKind, hit.VisitorId, hit.UserAgent, hit.Ip, hit.ProxyCountry, hit.Url, hit.Gpc, hit.Properties.Length));
    }

    [Fact]
    public async Task Only_a_secret_key_opens_the_door_and_only_for_its_site()
    {
        await using var backend = await Backend.StartAsync();
        var body = """{"event":"lead"}"""u8.ToArray();
        Assert.Equal((403, "secret_key_needed"), await SaidAsync(backend.PostAsync(body, backend.Write)));
        Assert.Equal((401, "key_missing"), await SaidAsync(backend.PostAsync(body, key: null)));
        Assert.Equal((401, "key_wrong"), await SaidAsync(backend.PostAsync(body, backend.Secret[..^1] + (backend.Secret[^1] == 'A' ? 'B' : 'A'))));
        Assert.Equal((403, "secret_key_in_browser"), await SaidAsync(backend.PostAsync(body, backend.Secret, ("Origin", "https://shop.example"))));
        Assert.Equal((403, "key_of_another_site"), await SaidAsync(backend.PostAsync("""{"event":"lead","site_id":"other"}""")));
        Assert.Equal((403, "key_of_another_site"), await SaidAsync(backend.PostAsync("""{"site_id":"other","batch":[{"event":"lead"}]}""")));
        Assert.Empty(backend.Hits);
        Assert.Equal(6, backend.App.Ledger.Read().Refused.Values.Sum());

        var basic = await backend.PostAsync(body, key: null, ("Authorization", KeyHost.Basic(backend.Secret)));
        Assert.Equal((200, 1), (basic.Status, basic.Accepted));
        Assert.Equal(1, (await backend.PostAsync("""{"event":"lead","site_id":"shop"}""")).Accepted);
        Assert.All(backend.Hits, hit => Assert.Equal("shop", hit.SiteId));

        // In the body it opens nothing, and is not kept either.
        var inBody = Encoding.UTF8.GetBytes($$"""{"event":"lead","writeKey":"{{backend.Secret}}"}""");
        Assert.Equal((401, "key_missing"), await SaidAsync(backend.PostAsync(inBody, key: null)));
        Assert.Equal(200, (await backend.PostAsync(inBody, backend.Secret)).Status);
        Assert.Equal(0, backend.Hits[^1].Properties.Length);

        static async Task<(int, string?)> SaidAsync(Task<Backend.Said> said) => ((await said).Status, (await said).Code);
    }

    [Fact]
    public async Task Every_event_that_is_not_taken_as_it_was_sent_is_named_by_its_place()
    {
        await using var backend = await Backend.StartAsync();
        var said = await backend.PostAsync($$"""
            [{"event":"good"},
             {"event":"{{new string('x', 201)}}"},
             {"event":"odd","value":"much","timestamp":"yesterday","ip":"1","source":"web","user_id":{"id":1},"visitor_id":["a"]},
             7,
             {"event":"who","identity":{"email":"nobody","phone":"0151 1","emial":"x","gender":"?"} },
             {"event":"long","message_id":"{{new string('m', 101)}}"},
             {"event":"far","visitor_id":"{{new string('v', 257)}}"},
             {"event":"what","identity":"jane@example.com"}]
            """);
        Assert.Equal((200, 4), (said.Status, said.Accepted));
        Assert.Equal(["1 name_too_long", "3 not_an_event", "5 message_id_too_long", "6 anonymous_id_too_long"], said.Refused);
        Assert.Equal(
            ["2 member_not_read ip", "2 member_not_read source", "2 member_not_read timestamp", "2 member_not_read user_id", "2 member_not_read value", "2 member_not_read visitor_id",
                "4 email_not_read", "4 gender_not_read", "4 identity_unknown", "4 phone_not_read", "7 identity_not_read"],
            said.Warnings.Order(StringComparer.Ordinal));
        Assert.Equal(["good", "odd", "who", "what"], backend.Hits.Select(hit => hit.Name));
        Assert.Equal("""{"value":"much","timestamp":"yesterday"}""", Encoding.UTF8.GetString(backend.Hits[1].Properties.Span));
        Assert.All(backend.Hits.Skip(2), hit => Assert.Equal(0, hit.Properties.Length));
    }

    [Theory]
    [InlineData("--Pixel:Sites:shop:Regime=Aggregate", "")]
    [InlineData("--Pixel:Sites:shop:Regime=Open", "\"consent\":{\"analytics_storage\":\"denied\"},")]
    public async Task No_id_of_an_apps_device_is_kept_where_no_person_may_be(string regime, string consent)
    {
        await using var backend = await Backend.StartAsync(settings: [regime]);
        foreach (var name in new[] { "device_id", "deviceId", "appsflyer_id", "appsFlyerId", "adjust_id", "branch_id", "idfv", "vendor_id", "gaid", "oaid", "fire_adid", "app_set_id", "android_id" })
            foreach (var place in new[] { "\"NAME\":\"9774d56d-682e-4c54-9774-d56d682e549c\"", "\"properties\":{\"NAME\":\"9774d56d-682e-4c54-9774-d56d682e549c\"}", "\"device\":{\"NAME\":\"9774d56d-682e-4c54-9774-d56d682e549c\"}" })
                await backend.PostAsync($$"""{"event":"x","source":"app",{{consent}}"platform":"android",{{place.Replace("NAME", name, StringComparison.Ordinal)}}}""");
        Assert.Equal(39, backend.Hits.Count);
        Assert.All(backend.Hits, hit => Assert.DoesNotContain("9774d56d", Encoding.UTF8.GetString(hit.Properties.Span), StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task An_id_of_an_apps_device_stands_under_device_and_nowhere_else()
    {
        await using var backend = await Backend.StartAsync();
        await backend.PostAsync("""{"event":"x","source":"app","platform":"android","device_id":"D-17","appsflyer_id":"1-2","adjust_id":"a1","properties":{"branch_id":4711,"plan":"pro"}}""");
        Assert.Equal(
            """{"platform":"android","plan":"pro","$device":{"platform":"android","device_id":"d-17","appsflyer_id":"1-2","adjust_id":"a1","branch_id":"4711"}}""",
            Encoding.UTF8.GetString(Assert.Single(backend.Hits).Properties.Span));
    }

    [Theory]
    [InlineData("\"email\":\"Jane.Doe@Example.com\",\"phone\":\"+14155550123\",\"firstName\":\"Jane\"")]
    [InlineData("\"identity\":{\"email\":\"jane.doe@example.com\"},\"address\":{\"firstName\":\"Jane\"},\"PHONE\":[\"+14155550123\"],\"username\":\"jane\"")]
    public async Task Who_it_is_is_hashed_beside_the_event_too_and_told(string said)
    {
        await using var backend = await Backend.StartAsync();
        var answer = await backend.PostAsync($$"""[{"event":"lead",{{said}},"color":"red"},{"event":"next","color":"blue"}]""");
        Assert.Contains("0 identity_beside", answer.Warnings);
        Assert.DoesNotContain(answer.Warnings, warning => warning.StartsWith("1 ", StringComparison.Ordinal));
        var (hit, next) = (backend.Hits[0], backend.Hits[1]);
        Assert.Equal((Hash("jane.doe@example.com"), null), (hit.EmailSha256, next.EmailSha256));
        var properties = JsonNode.Parse(hit.Properties.Span)!;
        Assert.Equal(["color", "$identities"], properties.AsObject().Select(one => one.Key));
        Assert.Equal((Hash("+14155550123"), Hash("jane")), ((string?)properties["$identities"]!["phone_sha256"]![0], (string?)properties["$identities"]!["first_name_sha256"]![0]));
        Assert.Equal("""{"color":"blue"}""", Encoding.UTF8.GetString(next.Properties.Span));
    }

    [Fact]
    public async Task Where_nothing_is_taken_the_answer_is_the_first_refusal()
    {
        await using var backend = await Backend.StartAsync();
        var said = await backend.PostAsync($$"""[5,{"event":"{{new string('x', 201)}}" }]""");
        Assert.Equal((400, "not_an_event", 0), (said.Status, said.Code, said.Accepted));
        Assert.Equal(["0 not_an_event", "1 name_too_long"], said.Refused);
        Assert.Equal("application/problem+json", said.Headers["Content-Type"]);
        Assert.False(said.Headers.ContainsKey("Retry-After"));
    }

    [Fact]
    public async Task What_can_be_sent_again_decides_the_answer()
    {
        await using var backend = await Backend.StartAsync(settings: [PixelApp.FullJournal]);
        var said = await backend.PostAsync("""[5,{"event":"a"}]""");
        Assert.Equal((503, "journal_full", "60"), (said.Status, said.Code, said.Headers["Retry-After"]));
        Assert.Equal(["0 not_an_event", "1 journal_full"], said.Refused);
    }

    [Fact]
    public async Task The_rows_ids_are_told_where_they_are_asked_for()
    {
        await using var backend = await Backend.StartAsync();
        const string Body = """[{"event":"a"},7,{"event":"b"}]""";
        Assert.Null((await backend.PostAsync(Body)).Json["events"]);
        var said = await backend.PostAsync(Body, ("Prefer", "respond-async, return=representation"));
        Assert.Equal("return=representation", said.Headers["Preference-Applied"]);
        Assert.Equal(
            [(0, backend.Hits[2].EventId), (2, backend.Hits[3].EventId)],
            said.Json["events"]!.AsArray().Select(one => ((int)one!["index"]!, Guid.Parse((string)one["event_id"]!))));
    }

    [Fact]
    public async Task A_body_may_be_as_large_as_the_limits_and_no_larger()
    {
        await using var backend = await Backend.StartAsync();
        var many = "[" + string.Join(',', Enumerable.Repeat("{}", Limits.KeyedBatchEvents)) + "]";
        var all = await backend.PostAsync(many);
        Assert.Equal((200, Limits.KeyedBatchEvents), (all.Status, all.Accepted));
        Assert.True(all.Text.Length < 100, all.Text);
        Assert.Equal((413, "batch_too_large"), ((await backend.PostAsync("[{}," + many[1..])).Status, (await backend.PostAsync("[{}," + many[1..])).Code));

        var largest = Sized(Limits.KeyedEventBytes);
        var one = await backend.PostAsync($"[{largest},{Sized(Limits.KeyedEventBytes + 1)},{{}}]");
        Assert.Equal((200, 2, "1 event_too_large"), (one.Status, one.Accepted, string.Concat(one.Refused)));

        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes("[" + string.Join(',', Enumerable.Repeat(largest, 60)) + "]"));
        var unpacked = await backend.PostAsync(packed.ToArray(), backend.Secret, ("Content-Encoding", "gzip"));
        Assert.Equal((200, 60), (unpacked.Status, unpacked.Accepted));
        Assert.Equal("body_too_large", (await backend.PostAsync(new byte[Limits.KeyedBodyBytes + 1], backend.Secret)).Code);

        static string Sized(int bytes)
        {
            const string Frame = """{"a":"","b":"","c":"","d":"","f":""}""";
            var each = (bytes - Frame.Length) / 5;
            var last = bytes - Frame.Length - 4 * each;
            return $$"""{"a":"{{new string('x', each)}}","b":"{{new string('x', each)}}","c":"{{new string('x', each)}}","d":"{{new string('x', each)}}","f":"{{new string('x', last)}}"}""";
        }
    }

    [Theory]
    [InlineData("GET", "application/json", 405, "method_not_allowed")]
    [InlineData("OPTIONS", "application/json", 405, "method_not_allowed")]
    [InlineData("POST", "application/x-www-form-urlencoded", 415, "unsupported_type")]
    [InlineData("POST", "application/json; charset=latin1", 415, "unsupported_charset")]
    [InlineData("POST", "text/plain", 400, "bad_json")]
    public async Task The_door_takes_JSON_by_POST(string method, string type, int status, string code)
    {
        await using var backend = await Backend.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), "/v1/events");
        if (method == "POST") request.Content = new ByteArrayContent("e=lead"u8.ToArray());
        request.Content?.Headers.TryAddWithoutValidation("Content-Type", type);
        request.Headers.Authorization = new("Bearer", backend.Secret);
        using var answer = await backend.App.Client.SendAsync(request);
        Assert.Equal((status, code), ((int)answer.StatusCode, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"]));
    }

    [Theory]
    [InlineData("Pixel:Sites:shop:Identity:PhoneCountry", "XX", "a country of two letters such as DE, or nothing")]
    [InlineData("Pixel:DefaultSite:Identity:PhoneCountry", "49", "a country of two letters such as DE, or nothing")]
    [InlineData("Pixel:Sites:shop:Identity:KeepRaw", "maybe", "true or false")]
    [InlineData("Pixel:Events:BackDays", "3651", "1 to 3650")]
    public void A_setting_that_is_not_usable_stops_the_start(string key, string value, string allowed)
    {
        using var folder = new TempFolder();
        var stopped = Assert.Throws<SettingException>(() => Program.Build([$"--Pixel:DataDirectory={folder.Path}", $"--{key}={value}"]));
        Assert.Equal($"Setting {key} = '{value}' is not usable; allowed: {allowed}.", stopped.Message);
    }

    [Theory]
    [InlineData(365 * 86_400, true)]
    [InlineData(365 * 86_400 + 1, false)]
    [InlineData(-300, true)]
    [InlineData(-301, false)]
    public async Task A_time_is_believed_for_a_year_back_and_five_minutes_ahead(int secondsAgo, bool isBelieved) => await AssertBelievedAsync(secondsAgo, isBelieved);

    [Theory]
    [InlineData(2 * 86_400, true)]
    [InlineData(2 * 86_400 + 1, false)]
    public async Task The_operator_says_how_far_back(int secondsAgo, bool isBelieved) => await AssertBelievedAsync(secondsAgo, isBelieved, "--Pixel:Events:BackDays=2");

    private static async Task AssertBelievedAsync(int secondsAgo, bool isBelieved, params string[] settings)
    {
        var now = new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);
        await using var backend = await Backend.StartAsync(clock: new FakeTimeProvider(now), settings: settings);
        var then = now.AddSeconds(-secondsAgo);
        var said = await backend.PostAsync(
            $$"""[{"event":"lead","timestamp":"{{then:O}}"},{"timestamp":"{{then.AddHours(-7):O}}","sent_at":"{{now.AddHours(-7):O}}"},{"event":"now"}]""");
        Assert.Equal((200, 3), (said.Status, said.Accepted));
        Assert.Equal(isBelieved ? [] : ["0 timestamp_not_believed", "1 timestamp_not_believed"], said.Warnings);
        var at = isBelieved ? then : now;
        Assert.Equal([at, at, now], backend.Hits.Select(hit => hit.OccurredAt));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task A_request_that_is_sent_again_is_stored_once(string store)
    {
        await using var backend = await StartAsync(store);
        const string Body = """[{"event":"a"},{"event":"a"}]""";
        for (var i = 0; i < 3; i++) Assert.Equal(2, (await backend.PostAsync(Body, ("Idempotency-Key", "export-1"))).Accepted);
        Assert.Equal(2, (await backend.PostAsync(Body, ("Idempotency-Key", "\"export-1\""))).Accepted); // the draft's spelling of the same
        Assert.Equal(2, (await backend.RowsAsync(8)).Count);
        Assert.Equal(6, backend.App.Ledger.Read().Replayed);

        Assert.Equal(2, (await backend.PostAsync(Body, ("Idempotency-Key", "export-2"))).Accepted);
        Assert.Equal(1, (await backend.PostAsync("""{"event":"a"}""", ("Idempotency-Key", "export-1"))).Accepted); // another body: another request
        Assert.Equal(2, (await backend.PostAsync(Body)).Accepted);
        Assert.Equal(7, (await backend.RowsAsync(13)).Count);
    }

    [Fact]
    public async Task A_message_with_an_id_of_its_own_is_stored_once_whatever_it_comes_with()
    {
        await using var backend = await Backend.StartAsync();
        await backend.PostAsync("""{"event":"a","message_id":"m-1"}""");
        await backend.PostAsync("""[{"event":"b","message_id":"m-2"},{"event":"a","message_id":"m-1"}]""", ("Idempotency-Key", "export-1"));
        await backend.PostAsync("""{"event":"c","message_id":"m-2"}""", ("Idempotency-Key", "export-2"));
        Assert.Equal(["a", "b"], (await backend.RowsAsync(4)).Select(row => (string)row["name"]!));
    }

    [Fact]
    public async Task A_retry_is_known_again_after_a_restart_and_while_the_store_was_away()
    {
        using var folder = new TempFolder();
        var database = await postgres.Cluster.CreateDatabaseAsync();
        const string Body = """{"event":"paid","value":10}""";
        string secret;
        await using (var away = await Backend.StartAsync("Host=127.0.0.1;Port=1;Database=none;Username=none;Timeout=1", folder: folder))
        {
            secret = away.Secret;
            Assert.Equal(200, (await away.PostAsync(Body, ("Idempotency-Key", "pay-1"))).Status);
            Assert.Equal(200, (await away.PostAsync(Body, ("Idempotency-Key", "pay-1"))).Status);
            Assert.Equal(0, away.App.Ledger.Read().Stored);
        }

        await using var back = await Backend.StartAsync(database, folder: folder);
        Assert.Equal(200, (await back.PostAsync(Encoding.UTF8.GetBytes(Body), secret, ("Idempotency-Key", "pay-1"))).Status);
        Assert.Single(await back.RowsAsync(3));
        Assert.Equal(2, back.App.Ledger.Read().Replayed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("\"\"")]
    [InlineData("a,b", "c")]
    public async Task An_idempotency_key_is_one_word(params string[] values)
    {
        await using var backend = await Backend.StartAsync();
        var said = await backend.PostAsync("""{"event":"a"}""", [.. values.Select(value => ("Idempotency-Key", value))]);
        Assert.Equal((400, "bad_idempotency_key"), (said.Status, said.Code));
        var longest = new string('k', 255);
        Assert.Equal(400, (await backend.PostAsync("""{"event":"a"}""", ("Idempotency-Key", longest + "k"))).Status);
        Assert.Equal(200, (await backend.PostAsync("""{"event":"a"}""", ("Idempotency-Key", longest))).Status);
    }

    [Fact]
    public async Task The_cookie_of_a_visit_makes_the_backends_event_the_visitors()
    {
        await using var backend = await Backend.StartAsync();
        using var visit = await backend.App.Client.GetAsync("/p.gif?id=shop");
        var cookie = visit.Headers.GetValues("Set-Cookie").Single().Split(';')[0]["px_id=".Length..];
        var forged = cookie[..^1] + (cookie[^1] == 'A' ? 'B' : 'A');
        var said = await backend.PostAsync($$"""[{"visitor_id":"{{cookie}}"},{"visitor_id":"{{forged}}"},{"visitor_id":"{{Uuid}}"},{"visitor_id":"customer 17"},{"visitor_id":"customer 17"},{}]""");

        Assert.Equal(["1 visitor_not_verified"], said.Warnings);
        var hits = backend.Hits;
        Assert.Equal((hits[0].VisitorId, VisitorKind.Cookie), (hits[1].VisitorId, hits[1].VisitorKind));
        Assert.Equal((hits[2].EventId, VisitorKind.None), (hits[2].VisitorId, hits[2].VisitorKind));
        Assert.Equal((Guid.Parse(Uuid), VisitorKind.Client, 0), (hits[3].VisitorId, hits[3].VisitorKind, hits[3].Properties.Length));
        Assert.Equal((hits[5].VisitorId, VisitorKind.Client), (hits[4].VisitorId, hits[4].VisitorKind));
        Assert.Equal("""{"anonymous_id":"customer 17"}""", Encoding.UTF8.GetString(hits[4].Properties.Span));
        Assert.Equal(5, hits.Select(hit => hit.VisitorId).Distinct().Count());
    }

    [Fact]
    public async Task Where_no_person_may_be_kept_nothing_that_tells_who_somebody_is_stays()
    {
        await using var backend = await Backend.StartAsync(settings: "--Pixel:Sites:shop:Regime=aggregate");
        await backend.PostAsync("""{"event":"lead","email_sha256":"jane","plan":"pro","consent":{"user_id":"jane","email":"jane@doe.example","us_privacy":"1YNN"},"properties":{"phone":"jane","email_undotted_sha256":"jane"}}""");

        Assert.Equal("""{"plan":"pro","$consent":{"us_privacy":"1YNN"}}""", Encoding.UTF8.GetString(Assert.Single(backend.Hits).Properties.Span));
    }

    [Fact]
    public async Task A_sites_regime_holds_for_its_backend_too()
    {
        await using var backend = await Backend.StartAsync(settings: "--Pixel:Sites:shop:Regime=aggregate");
        Assert.Equal(200, (await backend.PostAsync($$"""{"user_id":"c-17","visitor_id":"{{Uuid}}","event_id":"e-1","ip":"203.0.113.7","identity":{"email":"jane@example.com"},"properties":{"plan":"pro"} }""")).Status);
        var hit = Assert.Single(backend.Hits);
        Assert.Equal(
            (null, VisitorKind.None, null, null, null, """{"plan":"pro"}"""),
            (hit.UserId, hit.VisitorKind, hit.ClientEventId, hit.Ip, hit.EmailSha256, Encoding.UTF8.GetString(hit.Properties.Span)));

        await using var strict = await Backend.StartAsync(settings: "--Pixel:Sites:shop:Regime=gdpr");
        Assert.Equal("consent_required", (await strict.PostAsync("{}")).Code);
    }

    // Everything that the server wrote, and everything that it said: no letter of a person, in whatever case.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_said_of_a_person_in_the_clear_is_nowhere_unless_the_site_keeps_it(bool keeps)
    {
        await using var backend = await Backend.StartAsync(settings: [$"--Pixel:Sites:shop:Identity:KeepRaw={keeps}", "--Pixel:Ops:LogLevel=Debug"]);
        const string Person = """
            {"email":"Zaphod.Quux@Beeble.Example","phone":"+1 (415) 555-0199","external_id":"ext-zq-9","first_name":"Zaphodine","last_name":"O'Quuxley","date_of_birth":"1971-03-09",
             "address":{"street":"77 Heartofgold Way","city":"Betelgeuseville","state":"Oregon","zip":"97499-1234","country":"US"},"full_name":"Zaphodine Quuxley","nickname":"Zapho77"}
            """;
        Assert.Equal(200, (await backend.PostAsync($$"""{"event":"lead","identity":{{Person}}}""", ("Idempotency-Key", "k"))).Status);
        Assert.Equal(200, (await backend.PostAsync($$"""{"event":"lead","identity":[{{Person}}]}""")).Status);
        Assert.Equal(400, (await backend.PostAsync($$"""{"event":"lead","identity":{{Person}},"bad":"{{new string('x', 9_000)}}"}""")).Status);
        Assert.Equal(400, (await backend.PostAsync($$"""{"event":"lead","identity":{{Person}},""")).Status);
        var row = (await backend.RowsAsync(2))[0];
        await backend.App.StopAsync();

        var written = new StringBuilder(backend.App.Output);
        foreach (var file in Directory.EnumerateFiles(backend.App.DataDirectory, "*", SearchOption.AllDirectories))
            if (Path.GetFileName(file) != "LOCK") written.Append(Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file))); // it has no content, only a lock
        var everything = written.ToString();
        Assert.Contains(Hash("zaphod.quux@beeble.example"), everything, StringComparison.Ordinal); // the search finds what is there
        Assert.DoesNotContain("nickname", everything, StringComparison.OrdinalIgnoreCase);
        string[] said = ["zaphod.quux", "beeble", "555-0199", "5550199", "ext-zq-9", "zaphodine", "quuxley", "1971-03-09", "19710309", "heartofgold", "betelgeuse", "97499-1234", "\"97499\""];
        if (keeps)
        {
            var raw = row["properties"]!["$identities"]!["raw"]!;
            Assert.Equal(["Zaphod.Quux@Beeble.Example", "+1 (415) 555-0199", "97499-1234"], ((string[])["email", "phone", "zip"]).Select(name => (string)raw[name]![0]!));
            return;
        }

        Assert.All(said, text => Assert.DoesNotContain(text, everything, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Whatever_a_backend_sends_no_answer_is_an_error_of_the_server()
    {
        // Small refused bodies pass faster than a key's ordinary 1,000 a second: 429 would be the right answer then, and no answer to the body.
        await using var backend = await Backend.StartAsync(settings: ["--Pixel:Keys:RequestsPerSecond=100000"]);
        var name = Gen.OneOf("event", "identity", "visitor_id", "ip", "user_agent", "source", "message_id", "consent", "properties", "timestamp", "site_id", "email", "phone", "gpc", "$identities", "\\u0000", "batch");
        var leaf = Gen.OneOf("null", "true", "1e999", "-0", "\"\"", "\"\\ud800\"", "\"\u00ff@x.de\"", "\"+49 0\"", "\"1:2::\"", "[]", "{}", "[[[[1]]]]", "\"px\"", "9999999999999999999999", "\"\\u0000@a.b\"");
        var value = Gen.Recursive<string>((depth, inner) => depth > 3 ? leaf : Gen.OneOf(
            leaf, inner.Array[0, 3].Select(list => $"[{string.Join(',', list)}]"),
            Gen.Select(name, inner).Array[0, 4].Select(pairs => $"{{{string.Join(',', pairs.Select(pair => $"\"{pair.Item1}\":{pair.Item2}"))}}}")));
        var body = Gen.OneOf(value, value.Select(json => json[..(json.Length / 2)]), value.Select(json => $"[{json},{{\"identity\":{json}}}]"), Gen.Const("{\"identity\":" + string.Concat(Enumerable.Repeat("[", 5_000))));
        body.Sample(json =>
        {
            var said = backend.PostAsync(json).GetAwaiter().GetResult();
            Assert.True(said.Status is 200 or 400 or 403 or 413, $"{said.Status} to {json}");
        }, iter: 1_500, threads: 1);
        Assert.DoesNotMatch(" (WRN|ERR|FTL) ", backend.App.Output);
        await backend.RowsAsync(backend.Hits.Count);
    }

    private async Task<Backend> StartAsync(string store, params string[] settings) =>
        await Backend.StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", settings: settings);

    private static string Hash(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static IEnumerable<string?> Text(JsonObject row, params string[] columns) => columns.Select(column => (string?)row[column]);
}

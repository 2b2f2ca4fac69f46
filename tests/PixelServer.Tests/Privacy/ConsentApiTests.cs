using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Mail;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Decisions through the API: kept, in force, proven, and never brought back by something older.</summary>
public sealed class ConsentApiTests(SharedPostgres postgres)
{
    private const string Visitor = "01937c5e-0000-4000-8000-000000000001";

    public static TheoryData<string> Stores => new("postgresql", "sqlite");

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task What_was_recorded_holds_at_once_and_its_proof_can_be_asked_for(string store)
    {
        await using var app = await StartAsync(store, new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero))); // before it ends
        var answer = await PostAsync(app, """
            {"record_id":"b-1","site_id":"shop","subject":{"kind":"user","id":"ann"},"purpose":"ads","decision":"granted","at":"2026-11-20T10:00:00.1239Z","method":"banner",
             "text_id":"banner-7","text":"May we?","locale":"en","policy_version":"2026-11","signal":{"tc":"CQtest","gpc":false},"cmp":{"id":"880","version":"3"},
             "page":"https://bob:secret@shop.example/buy?email=ann@shop.example#x","ip":"203.0.113.77","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36","expires_at":"2027-11-20T10:00:00Z"}
            """);
        Assert.Equal("""{"recorded":1,"repeated":0,"record_ids":["b-1"]}""", answer.ToJsonString());
        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsYes);
        Assert.Equal("""[{"purpose":"ads","decision":"granted","at":"2026-11-20T10:00:00.123+00:00","expires_at":"2027-11-20T10:00:00+00:00","allowed":true,"record_id":"b-1"}]""",
            (await AskAsync(app, "user", "ann"))["state"]!.ToJsonString(ConsentRequest.Json));

        await SharedAsync(app);
        var proof = Assert.Single((await AskAsync(app, "user", "ann"))["history"]!.AsArray())!;
        Assert.Equal(("https://shop.example/buy", "203.0.113.0", "Chrome, Windows", """{"tc":"CQtest","gpc":false}""", ConsentChain.HashOf("May we?"), "person", "1"),
            (proof["page"]!.ToString(), proof["ip"]!.ToString(), proof["user_agent"]!.ToString(), proof["signal"]!.ToString(), proof["text_hash"]!.ToString(), proof["actor"]!.ToString(), proof["seq"]!.ToString()));
        Assert.Equal(64, proof["hash"]!.ToString().Length);
        Assert.Equal(0, new FileInfo(Path.Combine(app.DataDirectory, "consents.jsonl")).Length); // what the store has does not stay here
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_withdrawal_beats_every_older_yes_whenever_that_arrives(string store)
    {
        await using var app = await StartAsync(store);
        await PostAsync(app, One("withdrawn", at: "2026-11-20T10:00:00Z"));
        await PostAsync(app, One("granted", at: "2026-11-20T09:59:59Z"));
        await PostAsync(app, One("granted", at: "2026-11-20T10:00:00Z")); // of the same moment the no holds
        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsNo);
        await SharedAsync(app);
        var answer = await AskAsync(app, "user", "ann");
        Assert.Equal(("withdrawn", "false", 3), (answer["state"]![0]!["decision"]!.ToString(), answer["state"]![0]!["allowed"]!.ToString(), answer["history"]!.AsArray().Count));

        await PostAsync(app, One("granted", at: "2026-11-20T10:00:01Z"));
        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsYes);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_same_record_twice_is_one_and_its_id_for_another_decision_is_refused(string store)
    {
        await using var app = await StartAsync(store);
        var record = One("granted", id: "r-1");
        await PostAsync(app, record);
        Assert.Equal("""{"recorded":0,"repeated":1,"record_ids":["r-1"]}""", (await PostAsync(app, record)).ToJsonString());
        await SharedAsync(app);
        Assert.Equal("1", (await PostAsync(app, record))["repeated"]!.ToString());

        var refused = await app.PostJsonAsync("/api/consents", One("withdrawn", id: "r-1"));
        Assert.Equal((HttpStatusCode.Conflict, "record_id_taken"), (refused.StatusCode, JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["code"]!.ToString()));
        Assert.Equal(HttpStatusCode.Conflict, (await app.PostJsonAsync("/api/consents", $"[{One("granted", id: "r-2")},{One("denied", id: "r-2")}]")).StatusCode);
        Assert.Single((await AskAsync(app, "user", "ann"))["history"]!.AsArray());
    }

    [Theory]
    [InlineData("""{}""", "subject.kind")]
    [InlineData("""[]""", "array of 1 to 500")]
    [InlineData("""[null]""", "array of 1 to 500")]
    [InlineData("""null""", "JSON object")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","expires":"2027-01-01T00:00:00Z"}""", "not the JSON")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"Ads","decision":"granted"}""", "purpose")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"yes"}""", "decision")]
    [InlineData("""{"subject":{"kind":"user","id":""},"purpose":"ads","decision":"denied"}""", "subject.id")]
    [InlineData("""{"subject":{"kind":"user","id":"\u0000"},"purpose":"ads","decision":"denied"}""", "subject.id")]
    [InlineData("""{"subject":{"kind":"visitor","id":"7"},"purpose":"ads","decision":"denied"}""", "subject.id")]
    [InlineData("""{"subject":{"kind":"email_sha256","id":"ann@shop.example"},"purpose":"ads","decision":"denied"}""", "subject.id")]
    [InlineData("""{"subject":{"kind":"recipient","id":"ann@shop.example"},"purpose":"email","decision":"denied"}""", "subject.id")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","at":"2099-01-01T00:00:00Z"}""", "at: lies in the future")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","text":"a","text_hash":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48ba"}""", "text_hash")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","record_id":"a b"}""", "record_id")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","ip":"shop.example"}""", "ip")]
    [InlineData("""{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted","actor":"bot"}""", "actor")]
    [InlineData("""{"site_id":"a b","subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted"}""", "site_id")]
    [InlineData("""[{"subject":{"kind":"user","id":"a"},"purpose":"ads","decision":"granted"},{"subject":{"kind":"user","id":"a"},"purpose":"ads"}]""", "Record 1: decision")]
    public async Task What_is_no_decision_is_refused_and_nothing_of_it_is_kept(string body, string fault)
    {
        await using var app = await StartAsync("sqlite");
        var answer = await app.PostJsonAsync("/api/consents", body.Replace("\"text\":\"a\"", "\"text\":\"b\"", StringComparison.Ordinal));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(fault, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["detail"]!.ToString(), StringComparison.Ordinal);
        Assert.Empty(app.Services.GetRequiredService<Consents>().Waiting());
        Assert.False(File.Exists(Path.Combine(app.DataDirectory, "consents.jsonl")));
    }

    [Theory]
    [InlineData("user", "17", "0fee1717-0017-4000-8000-000000000017", 200)]
    [InlineData("user", "17", "b-117", 200)]
    [InlineData("user", "0fee1717-0017-4000-8000-000000000017", "0fee1717-0017-4000-8000-000000000018", 200)]
    [InlineData("user", "17", "b-17", 400)]
    [InlineData("user", "Ann", "ann:1", 400)]
    [InlineData("user", "ann-of-the-shop", "xAnn-of-the-shopx", 400)]
    [InlineData("user", "0fee1717-0017-4000-8000-000000000017", "0FEE1717-0017-4000-8000-000000000017", 400)]
    [InlineData("visitor", Visitor, "v01937c5e000040008000000000000001", 400)]
    [InlineData("recipient", "4711", "one-click.4711", 400)]
    public async Task What_stays_when_a_person_is_erased_may_not_hold_their_id(string kind, string subject, string recordId, int status)
    {
        await using var app = await StartAsync("sqlite");
        var byRecord = await app.PostJsonAsync("/api/consents", One("denied", id: recordId, kind: kind, subject: subject));
        var byText = await app.PostJsonAsync("/api/consents", One("denied", kind: kind, subject: subject).Replace("\"purpose\"", $"\"text_id\":\"{recordId}\",\"purpose\"", StringComparison.Ordinal));

        Assert.Equal((status, status), ((int)byRecord.StatusCode, (int)byText.StatusCode));
        if (status == 200) return;
        Assert.Contains("record_id: holds the subject's id", JsonNode.Parse(await byRecord.Content.ReadAsStringAsync())!["detail"]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("text_id: holds the subject's id", JsonNode.Parse(await byText.Content.ReadAsStringAsync())!["detail"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_that_came_while_another_of_its_id_went_to_the_store_still_waits()
    {
        await using var app = await PixelApp.StartAsync("Host=127.0.0.1;Port=1;Username=nobody;Timeout=1", new FakeTimeProvider(DateTimeOffset.UtcNow));
        await PostAsync(app, One("granted", id: "r-1"));
        var consents = app.Services.GetRequiredService<Consents>();
        var underWay = consents.Waiting();
        await consents.KeepAsync([underWay[0] with { Decision = ConsentDecision.Withdrawn }]); // passed the look at known ids at the same moment

        await consents.SharedAsync(underWay);

        Assert.Equal(ConsentDecision.Withdrawn, Assert.Single(consents.Waiting()).Decision);
        Assert.Contains("\"r-1\"", Assert.Single(await File.ReadAllLinesAsync(Path.Combine(app.DataDirectory, "consents.jsonl"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_admin_token_nothing_is_recorded_or_told()
    {
        await using var app = await StartAsync("sqlite");

        Assert.Equal(HttpStatusCode.Unauthorized, (await app.Client.PostAsync("/api/consents", new StringContent(One("granted")))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await app.Client.GetAsync("/api/consents?kind=user&id=ann")).StatusCode);
    }

    [Fact]
    public async Task While_the_store_is_away_records_wait_on_disk_hold_and_survive_a_restart_and_then_come_in_once()
    {
        await using var cluster = SharedPostgres.NewCluster();
        var database = await cluster.CreateDatabaseAsync();
        using var folder = new TempFolder();
        await cluster.StopAsync();
        await using (var app = await PixelApp.StartAsync(database, directory: folder.Path))
        {
            await PostAsync(app, One("withdrawn", id: "r-1", at: "2026-11-20T10:00:00Z"));
            await PostAsync(app, One("withdrawn", id: "r-1", at: "2026-11-20T10:00:00Z"));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.AdminAsync("/api/consents?site=shop&kind=user&id=ann")).StatusCode);
        }

        File.Delete(folder.File("standings")); // as after a crash between the two files
        await using var again = await PixelApp.StartAsync(database, directory: folder.Path);
        await Eventually.TrueAsync(() => StandingOf(again, SubjectKind.User, "ann").Ads.IsNo, () => "it holds again");
        await cluster.StartAsync();
        await again.StoredAsync(0);
        await SharedAsync(again);
        Assert.Equal("r-1", Assert.Single((await AskAsync(again, "user", "ann"))["history"]!.AsArray())!["record_id"]!.ToString());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_yes_that_is_over_is_a_no_at_the_doors_unless_it_was_renewed(string store)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
        await using var app = await StartAsync(store, clock);
        foreach (var (who, at) in ((string, string)[])[("ann", "2026-11-26T11:00:00Z"), ("bob", "2026-11-26T11:00:00Z")])
            await PostAsync(app, One("granted", subject: who, at: at).Replace("\"decision\"", "\"expires_at\":\"2026-11-26T13:00:00Z\",\"decision\"", StringComparison.Ordinal));
        await PostAsync(app, One("granted", subject: "bob", at: "2026-11-26T11:30:00Z"));
        await SharedAsync(app);
        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsYes);

        clock.Advance(TimeSpan.FromHours(1));
        await app.Services.GetRequiredService<ConsentSync>().ExpireAsync(default);

        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsNo);
        Assert.True(StandingOf(app, SubjectKind.User, "bob").Ads.IsYes);
        Assert.Equal("false", (await AskAsync(app, "user", "ann"))["state"]![0]!["allowed"]!.ToString());
        await PostAsync(app, One("granted", at: "2026-11-26T11:00:01Z")); // told late, decided before the end
        Assert.True(StandingOf(app, SubjectKind.User, "ann").Ads.IsYes);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task What_was_ended_is_not_looked_for_again_after_a_restart(string store)
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
        using var folder = new TempFolder();
        var database = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        await using (var app = await PixelApp.StartAsync(database, clock, folder.Path))
        {
            await SharedAsync(app);
            await PostAsync(app, $"[{string.Join(',', Enumerable.Range(0, 3).Select(i => One("granted", subject: $"u{i}", at: "2026-11-26T11:00:00Z").Replace("\"decision\"", $"\"expires_at\":\"2026-11-26T13:0{i}:00Z\",\"decision\"", StringComparison.Ordinal)))}]");
            await SharedAsync(app);
            clock.Advance(TimeSpan.FromHours(2));
            await app.Services.GetRequiredService<ConsentSync>().ExpireAsync(default);
            Assert.All(Enumerable.Range(0, 3), i => Assert.True(StandingOf(app, SubjectKind.User, $"u{i}").Ads.IsNo));
        }

        Assert.Equal("2026-11-26T13:02:00.0000000+00:00", await File.ReadAllTextAsync(folder.File("consents-ended")));
        var asked = new List<ConsentEnd>();
        await using var again = await PixelApp.StartAsync(database, clock, folder.Path, replace: services =>
        {
            var made = services.Last(one => one.ServiceType == typeof(IConsents));
            services.AddSingleton(provider => ExpiredCalls.Of((IConsents)made.ImplementationFactory!(provider), asked));
        });
        await SharedAsync(again);
        await again.Services.GetRequiredService<ConsentSync>().ExpireAsync(default);
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 12, 52, 0, TimeSpan.Zero), asked[0].At);
    }

    /// <summary>Writes down from where the store is asked for what is over.</summary>
    public class ExpiredCalls : System.Reflection.DispatchProxy
    {
        private IConsents _store = null!;
        private List<ConsentEnd> _asked = null!;

        internal static IConsents Of(IConsents store, List<ConsentEnd> asked)
        {
            var proxy = Create<IConsents, ExpiredCalls>();
            var mine = (ExpiredCalls)(object)proxy;
            (mine._store, mine._asked) = (store, asked);
            return proxy;
        }

        protected override object? Invoke(System.Reflection.MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name == nameof(IConsents.ExpiredAsync)) _asked.Add((ConsentEnd)args![0]!);
            return targetMethod.Invoke(_store, args);
        }
    }

    [Fact]
    public async Task Consent_to_mails_and_its_withdrawal_go_both_ways()
    {
        await using var app = await StartAsync("sqlite");
        await PostAsync(app, One("granted", kind: "recipient", subject: "4711", purpose: "email", at: "2026-11-20T10:00:00Z"));
        var mails = app.Services.GetRequiredService<MailDecisions>();
        Assert.True(mails.About("shop", MailSubject.Recipient, "4711")!.Tracking);

        var links = await app.LinksAsync("4711");
        Assert.Equal(HttpStatusCode.OK, (await app.OneClickAsync(links.Withdraw)).StatusCode);
        await app.OneClickAsync(links.Withdraw);
        await app.DecideAsync("5", tracking: true);
        await PostAsync(app, One("granted", kind: "recipient", subject: "4711", purpose: "email", at: "2026-11-21T10:00:00Z")); // older than the click
        Assert.False(mails.About("shop", MailSubject.Recipient, "4711")!.Tracking);

        await SharedAsync(app);
        var history = (await AskAsync(app, "recipient", "4711"))["history"]!.AsArray();
        Assert.Equal(["withdrawn one_click person", "granted api person", "granted api person"], history.Select(one => $"{one!["decision"]} {one["method"]} {one["actor"]}"));
        Assert.Equal(["granted api operator"], (await AskAsync(app, "recipient", "5"))["history"]!.AsArray().Select(one => $"{one!["decision"]} {one["method"]} {one["actor"]}"));
    }

    // The record is on disk, the decision is not: its repetition must not be taken for done.
    [Fact]
    public async Task A_record_that_could_not_be_put_in_force_is_refused_until_it_is()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(DateTimeOffset.UtcNow));
        var decisions = Path.Combine(app.DataDirectory, "mail-decisions.jsonl");
        Directory.CreateDirectory(decisions); // nothing can be written there
        var record = One("withdrawn", id: "r-1", kind: "recipient", subject: "4711", purpose: "email");

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.PostJsonAsync("/api/consents", record)).StatusCode);
            await Assert.ThrowsAnyAsync<Exception>(() => app.Services.GetRequiredService<ConsentSync>().ShareAsync(default));
            Assert.Single(app.Services.GetRequiredService<Consents>().Waiting()); // it does not leave the disk before it holds
        }

        Directory.Delete(decisions);
        Assert.Equal("1", (await PostAsync(app, record))["repeated"]!.ToString());
        Assert.False(app.Services.GetRequiredService<MailDecisions>().About("shop", MailSubject.Recipient, "4711")!.Tracking);
        await SharedAsync(app);
        Assert.Single((await AskAsync(app, "recipient", "4711"))["history"]!.AsArray());
    }

    [Fact]
    public async Task Nothing_of_an_erased_person_comes_back_with_a_record()
    {
        await using var app = await StartAsync("sqlite");
        var subject = app.Services.GetRequiredService<SubjectKeys>().Of("shop", SubjectKind.User, "ann");
        await app.Services.GetRequiredService<StandingExchange>().DecideAsync([new(subject, new() { Kept = Word.No(DateTimeOffset.UtcNow) })]);

        await PostAsync(app, One("granted"));
        await SharedAsync(app);

        Assert.Empty((await AskAsync(app, "user", "ann"))["history"]!.AsArray());
        Assert.True(Assert.Single(await app.Services.GetRequiredService<IConsents>().ChainsAsync(default).ToListAsync()).Record.Person.IsErased);
    }

    [Fact]
    public async Task Who_is_erased_while_a_record_waits_leaves_the_disk_as_well()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(DateTimeOffset.UtcNow)); // nothing is shared while this clock stands
        await SharedAsync(app);
        await PostAsync(app, One("granted", subject: "ann-who-leaves"));
        await PostAsync(app, One("granted", subject: "bob"));
        var file = Path.Combine(app.DataDirectory, "consents.jsonl");
        Assert.Contains("ann-who-leaves", await File.ReadAllTextAsync(file), StringComparison.Ordinal);

        await app.Services.GetRequiredService<Consents>().EraseAsync(one => one.Person.Id == "ann-who-leaves");

        Assert.DoesNotContain("ann-who-leaves", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        await SharedAsync(app);
        Assert.Equal([true, false], (await app.Services.GetRequiredService<IConsents>().ChainsAsync(default).ToListAsync()).Select(one => one.Record.Person.IsErased));
    }

    [Fact]
    public async Task Many_senders_at_once_lose_nothing_and_a_line_that_a_crash_cut_off_is_no_record()
    {
        using var folder = new TempFolder();
        await using (var app = await PixelApp.StartAsync(directory: folder.Path))
        {
            await Task.WhenAll(Enumerable.Range(0, 200).Select(i => PostAsync(app, One("granted", id: $"r-{i}", subject: $"u-{i}"))));
            await SharedAsync(app);
            Assert.Equal(200, (await app.Services.GetRequiredService<IConsents>().ChainsAsync(default).ToListAsync()).Count);
        }

        await File.AppendAllTextAsync(folder.File("consents.jsonl"), "{\"RecordId\":\"half");
        await using var again = await PixelApp.StartAsync(directory: folder.Path);
        await PostAsync(again, One("granted", id: "after"));
        await SharedAsync(again);
        Assert.Equal(201, (await again.Services.GetRequiredService<IConsents>().ChainsAsync(default).ToListAsync()).Count);
    }

    private async Task<PixelApp> StartAsync(string store, TimeProvider? clock = null)
    {
        var app = await PixelApp.StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", clock);
        await SharedAsync(app); // the tables are there
        return app;
    }

    internal static async Task SharedAsync(PixelApp app) => await Eventually.TrueAsync(async () =>
    {
        try
        {
            await app.Services.GetRequiredService<ConsentSync>().ShareAsync(default);
            await app.Services.GetRequiredService<IConsents>().KnownAsync("shop", ["none"], default);
            return true;
        }
        catch (System.Data.Common.DbException)
        {
            return false;
        }
    }, () => app.Output);

    private static Standing StandingOf(PixelApp app, SubjectKind kind, string id) =>
        app.Services.GetRequiredService<Standings>().Of(app.Services.GetRequiredService<SubjectKeys>().Of("shop", kind, id));

    private static async Task<JsonNode> PostAsync(PixelApp app, string body)
    {
        var answer = await app.PostJsonAsync("/api/consents", body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }

    private static async Task<JsonNode> AskAsync(PixelApp app, string kind, string id)
    {
        var answer = await app.AdminAsync($"/api/consents?site=shop&kind={kind}&id={id}");
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return JsonNode.Parse(text)!;
    }

    internal static string One(string decision, string? id = null, string? at = null, string kind = "user", string subject = "ann", string purpose = "ads") =>
        $$"""{"site_id":"shop","subject":{"kind":"{{kind}}","id":"{{subject}}"},"purpose":"{{purpose}}","decision":"{{decision}}"{{(id is null ? "" : $",\"record_id\":\"{id}\"")}}{{(at is null ? "" : $",\"at\":\"{at}\"")}}}""";
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Privacy;
using PixelServer.Tests.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>A no that outlives the id it was said about, and an opt-out of strangers that costs nothing: at the doors of the real server, with the cookies of a device.</summary>
public sealed class DeviceNoTests
{
    private const string Sync = "--Pixel:Privacy:SyncEvery=00:00:00.1";

    private static readonly (string, string) s_gpc = ("Sec-GPC", "1"), s_dnt = ("DNT", "1");

    [Theory]
    [InlineData("Open", "measurement", "m", "consent_required")]
    [InlineData("Us", "measurement", "m", "consent_required")]
    [InlineData("Exempt", "measurement", "m", "consent_required")]
    [InlineData("Open", "storage", "s", null)]
    [InlineData("Us", "storage", "s", null)]
    [InlineData("Exempt", "storage", "s", null)]
    public async Task What_a_visitor_said_no_to_is_not_done_when_the_id_is_gone(string regime, string purpose, string letter, string? refused)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:DefaultSite:Regime={regime}"]);
        var device = new Device(app);
        await device.PixelAsync("e=before");
        await RecordAsync(app, device.Visitor, purpose, "withdrawn");

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(refused, await device.PixelAsync("e=after"));
            Assert.Equal("px_no=" + letter, device.Cookies);
        }

        var stored = await app.EventsAsync(refused is null ? 4 : 1);
        Assert.Equal(refused is null ? ["true", "false", "false", "false"] : ["true"], stored.Select(one => one["consent_storage"]!.ToString()));
        Assert.All(stored.Skip(1), one => Assert.NotEqual(device.Cookies, one["visitor_id"]!.ToString()));
    }

    [Theory]
    [InlineData("storage", "analytics_storage=granted")]
    [InlineData("measurement", "analytics_storage=granted")]
    [InlineData("storage", "u=ann")]
    [InlineData("measurement", "u=ann")]
    public async Task A_yes_of_the_request_or_on_record_of_its_user_answers_it_for_good(string purpose, string query)
    {
        await using var app = await PixelApp.StartAsync();
        var device = new Device(app);
        await device.PixelAsync("e=1");
        var first = device.Visitor;
        await RecordAsync(app, first, purpose, "withdrawn");
        await device.PixelAsync("e=2");
        await app.PostJsonAsync("/api/consents", $$"""{"site_id":"shop","subject":{"kind":"user","id":"ann"},"purpose":"{{purpose}}","decision":"granted"}""");
        await device.PixelAsync("e=3");
        Assert.Equal("px_no=" + purpose[..1], device.Cookies);

        await device.PixelAsync($"e=4&{query}", s_dnt); // something else still forbids to store
        Assert.DoesNotContain("px_id", device.Cookies, StringComparison.Ordinal);
        Assert.Null(await device.PixelAsync($"e=5&{query}"));
        Assert.Equal("px_id", device.Cookies);
        Assert.NotEqual(first, device.Visitor);
        await device.PixelAsync("e=6");
        Assert.Equal("true", (await app.EventsAsync(purpose == "storage" ? 6 : 4))[^1]["consent_storage"]!.ToString());
    }

    [Fact]
    public async Task Strangers_with_an_opt_out_are_remembered_by_their_own_device_and_nowhere_else()
    {
        await using var app = await PixelApp.StartAsync(settings: [Sync]);
        var devices = Enumerable.Range(0, 20).Select(_ => new Device(app)).ToList();
        foreach (var device in devices)
        {
            await device.PixelAsync("e=first", s_gpc);
            Assert.Equal("px_id; px_no=a", device.Cookies);
        }

        await app.StoredAsync(20);
        for (var i = 0; i < 20; i++) await devices[0].TextAsync($"/privacy.json?id=shop&u=nobody{i}&gpc=1"); // only this device comes back
        for (var i = 0; i < 20; i++) await new Device(app).TextAsync($"/privacy.json?id=shop&u=nobody{i}&gpc=1");
        Assert.Equal(1, app.Services.GetRequiredService<Standings>().Count);

        await devices[1].PixelAsync("e=silent");
        await devices[1].PixelAsync("e=login&u=ann");
        await new Device(app).PixelAsync("e=elsewhere&u=ann");
        var events = await app.EventsAsync(23);
        Assert.Equal(["false", "false", "false"], events.Skip(20).Select(one => one["consent_ads"]!.ToString()));
        Assert.Equal("""{"gpc":false,"dnt":false,"opted_out":true,"stored":true,"regime":"open","measured":true}""", await devices[2].TextAsync("/privacy.json?id=shop"));
    }

    [Fact]
    public async Task A_recorded_yes_to_ads_answers_the_devices_opt_out_and_a_page_that_says_granted_does_not()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
        await using var app = await PixelApp.StartAsync(clock: clock);
        var device = new Device(app);
        await device.PixelAsync("e=1", s_gpc);
        await device.PixelAsync("e=2&analytics_storage=granted&ad_storage=granted&ad_user_data=granted&ad_personalization=granted");
        Assert.Equal("px_id; px_no=a", device.Cookies);
        clock.Advance(TimeSpan.FromSeconds(1));
        await RecordAsync(app, device.Visitor, "ads", "granted");
        await device.PixelAsync("e=3");
        Assert.Equal("px_id", device.Cookies);
        await device.PixelAsync("e=4");
        await device.PixelAsync("e=5", s_gpc);
        Assert.Equal("px_id; px_no=a", device.Cookies);
        await Eventually.TrueAsync(() => { clock.Advance(TimeSpan.FromMilliseconds(100)); return app.Ledger.Read().Stored == 5; }, () => app.Output);
        Assert.Equal(["false", "false", "true", "true", "false"], (await app.EventsAsync(5)).Select(one => one["consent_ads"]!.ToString()));
    }

    [Theory]
    [InlineData("Gdpr", "", true)]
    [InlineData("Open", "&gdpr=1", false)] // the TCF is spoken, and no string came
    [InlineData("Open", "", false)]
    public async Task Where_a_yes_is_needed_a_yes_to_ads_answers_it(string regime, string query, bool answers)
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:us:Regime=Us", $"--Pixel:Sites:shop:Regime={regime}"]);
        var device = new Device(app);
        using (await device.SendAsync(HttpMethod.Get, "/p.gif?id=us", null, s_gpc)) Assert.Equal("px_id; px_no=a", device.Cookies);
        await device.PixelAsync("e=2&analytics_storage=granted&ad_storage=granted&ad_user_data=granted" + query);

        Assert.Equal(!answers, device.Cookies.Contains("px_no=a", StringComparison.Ordinal));
        Assert.Equal(answers ? "true" : "false", (await app.EventsAsync(2))[^1]["consent_ads"]!.ToString());
    }

    [Fact]
    public async Task No_more_is_learnt_from_signals_that_anybody_can_send_than_the_setting_says_and_the_store_has_them_all()
    {
        await using var backend = await Api.Backend.StartAsync(settings: [Sync, "--Pixel:Privacy:MostOptOuts=3"]);
        var app = backend.App;
        var known = new Device(app);
        await known.PixelAsync("");
        for (var i = 0; i < 8; i++) await known.PixelAsync($"u=user{i}", s_gpc);
        await app.StoredAsync(9);

        Assert.Equal(3, app.Services.GetRequiredService<Standings>().Count); // the device, and two who were named on it
        Assert.Equal(["8"], Device.Ask(app, "select cast(count(*) as text) from opt_outs where kind = 'user'"));
        await Eventually.TrueAsync(() => app.Output.Contains("Pixel:Privacy:MostOptOuts", StringComparison.Ordinal), () => app.Output);
        Assert.Contains("\"opt_outs\":{\"status\":\"degraded\",\"state\":\"full\",\"known\":3,\"most\":3}", await app.Client.GetStringAsync("/readyz"), StringComparison.Ordinal);
        Assert.Matches(@"(?m)^pixel_opt_outs_known(\{.*\})? 3\b", await app.Client.GetStringAsync("/metrics"));

        await backend.PostAsync("""{"event":"told","user_id":"bob","consent":{"gpc":true}}"""); // a secret key is in nobody's hands
        foreach (var user in new[] { "user0", "user7", "bob" }) await new Device(app).PixelAsync("u=" + user);
        Assert.Equal(["false", "true", "false"], (await app.EventsAsync(13)).Skip(10).Select(one => one["consent_ads"]!.ToString()));
        await app.StopAsync();
        Assert.Equal(2, app.Output.Split("Pixel:Privacy:MostOptOuts").Length); // once
    }

    [Theory]
    [InlineData("", "true")]
    [InlineData("&dnt=1", "true")]
    [InlineData("&analytics_storage=denied", "true")]
    [InlineData("", "false")] // a browser that takes no cookie, or a collector on another site than the page
    public async Task A_user_is_opted_out_everywhere_also_by_a_device_whose_id_never_comes_back(string query, string isCookieRefused)
    {
        await using var app = await PixelApp.StartAsync(settings: [Sync, $"--Pixel:Sites:shop:GpcMeansNoCookie={isCookieRefused}"]);
        await new Device(app).PixelAsync("e=signal&u=ann" + query, s_gpc);
        await new Device(app).PixelAsync("e=elsewhere&u=ann");
        await new Device(app).PixelAsync("e=other&u=bob");
        Assert.Equal(1, app.Services.GetRequiredService<Standings>().Count); // the user alone: most ids that are new never come back

        Assert.Equal(["false", "false", "true"], (await app.EventsAsync(3)).Select(one => one["consent_ads"]!.ToString()));
        await Eventually.TrueAsync(() => Device.Ask(app, "select id from opt_outs where kind = 'user'") is ["ann"], () => app.Output);
    }

    [Theory]
    [InlineData("form", "Exempt")]
    [InlineData("json", "Exempt")]
    [InlineData("json", "Open")]
    [InlineData("json", "Aggregate")]
    public async Task A_visitor_objects_on_a_page_of_the_site_and_takes_it_back_there(string kind, string regime)
    {
        await using var app = await PixelApp.StartAsync(settings: [$"--Pixel:Sites:shop:Regime={regime}"]);
        var device = new Device(app);
        await device.PixelAsync("");
        var before = device.Cookies;
        Assert.Contains("\"measured\":true", await device.TextAsync("/privacy.json?id=shop"), StringComparison.Ordinal);

        Assert.Contains("\"measured\":false", await DecideAsync("denied"), StringComparison.Ordinal);
        Assert.Equal("px_no=m", device.Cookies);
        Assert.Contains("\"measured\":false", await device.TextAsync("/privacy.json?id=shop"), StringComparison.Ordinal);
        Assert.Equal("consent_required", await device.PixelAsync(""));
        Assert.Equal("px_no=m", device.Cookies);

        Assert.Contains("\"measured\":true", await DecideAsync("granted"), StringComparison.Ordinal);
        Assert.Equal("", device.Cookies);
        Assert.Null(await device.PixelAsync(""));
        Assert.Equal(before, device.Cookies);

        async Task<string> DecideAsync(string word)
        {
            using HttpContent content = kind == "form"
                ? new FormUrlEncodedContent([new("id", "shop"), new("measurement", word)])
                : new StringContent($$"""{"site_id":"shop","measurement":"{{word}}"}""", System.Text.Encoding.UTF8, "application/json");
            using var answer = await device.SendAsync(HttpMethod.Post, "/privacy.json", content);
            return await answer.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task Neither_looking_nor_a_recorded_decision_is_changed_by_a_word_in_an_address()
    {
        await using var app = await PixelApp.StartAsync();
        var device = new Device(app);
        await device.PixelAsync("");
        await device.TextAsync("/privacy.json?id=shop&measurement=denied"); // a GET keeps nothing
        Assert.Equal("", device.Cookies);

        await device.PixelAsync("");
        await RecordAsync(app, device.Visitor, "measurement", "withdrawn");
        using var content = new FormUrlEncodedContent([new("id", "shop"), new("measurement", "granted")]);
        using var answer = await device.SendAsync(HttpMethod.Post, "/privacy.json", content);
        Assert.Contains("\"measured\":false", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("px_no=m", device.Cookies);
    }

    [Theory]
    [InlineData("GPC beside DNT", "", "1", "1", "gpc")]
    [InlineData("us_privacy beside a denied storage", "us_privacy=1YYN&analytics_storage=denied", null, null, "consent_string")]
    [InlineData("GPC on an event that is not kept", "gpc=1&consent.measurement=denied", null, null, "gpc")]
    [InlineData("GPC that only privacy.json saw", "privacy.json", "1", null, "gpc")]
    public async Task An_opt_out_reaches_the_devices_past_and_user_also_where_nothing_of_it_may_be_kept(string what, string query, string? gpc, string? dnt, string source)
    {
        await using var app = await PixelApp.StartAsync(settings: [Sync]);
        var device = new Device(app);
        await device.PixelAsync("e=before&u=ann");
        var visitor = device.Visitor;
        await app.StoredAsync(1);
        List<(string, string)> headers = [];
        if (gpc is not null) headers.Add(s_gpc);
        if (dnt is not null) headers.Add(s_dnt);
        if (query.StartsWith("privacy", StringComparison.Ordinal)) Assert.Contains("\"stored\":true", await device.TextAsync("/privacy.json?id=shop", [.. headers]), StringComparison.Ordinal);
        else if (query.Contains("consent.", StringComparison.Ordinal)) await device.BeaconAsync("""{"site_id":"shop","consent":{"gpc":1,"measurement":"denied"}}""");
        else await device.PixelAsync("e=signal&" + query, [.. headers]);

        await Eventually.TrueAsync(() => Device.Ask(app, "select id from opt_outs").Count > 0, () => what + app.Output);
        Assert.Equal([$"visitor {visitor} {source}"], Device.Ask(app, "select kind, id, source from opt_outs"));
        Assert.Equal(["user ann", $"visitor {visitor}"], Device.Ask(app, "select kind, id from opted_out order by kind"));
        if (query != "privacy.json") Assert.Equal("px_no=a", device.Cookies); // the id is gone, and what was said is not
    }

    [Fact]
    public async Task Nobody_is_told_about_a_user_whom_a_request_only_names()
    {
        await using var app = await PixelApp.StartAsync();
        await new Device(app).PixelAsync("u=4711", s_gpc);
        Assert.Equal(await new Device(app).TextAsync("/privacy.json?id=shop"), await new Device(app).TextAsync("/privacy.json?id=shop&u=4711"));
    }

    [Theory]
    [InlineData("""[{"site_id":"shop"},{"site_id":"shop","consent":{"analytics_storage":"denied"}}]""", "")]
    [InlineData("""[{"site_id":"shop","consent":{"analytics_storage":"denied"}},{"site_id":"shop"}]""", "px_id")] // asked and agreed since
    [InlineData("""[{"site_id":"shop"},{"site_id":"blog"},{"site_id":"shop","consent":{"analytics_storage":"denied"}}]""", "px_id")]
    [InlineData("""[{"site_id":"blog"},{"site_id":"shop"},{"site_id":"shop","consent":{"analytics_storage":"denied"}}]""", "px_id")]
    [InlineData("""[{"site_id":"blog"},{"site_id":"shop"},{"site_id":"shop","consent":{"analytics_storage":"denied"}},{"site_id":"blog","consent":{"analytics_storage":"denied"}}]""", "")]
    public async Task Of_a_sites_events_in_one_body_the_last_word_counts(string body, string cookies)
    {
        await using var app = await PixelApp.StartAsync();
        var (known, stranger) = (new Device(app), new Device(app));
        await known.PixelAsync("");
        foreach (var device in new[] { known, stranger })
        {
            Assert.Equal("204", await device.BeaconAsync(body));
            Assert.Equal(cookies, device.Cookies);
        }
    }

    [Fact]
    public async Task An_id_that_was_set_before_there_was_a_domain_goes_as_well()
    {
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Sites:shop:CookieDomain=shop.example"]);
        var (device, older) = (new Device(app), new Device(app));
        await device.PixelAsync("");
        using (await older.SendAsync(HttpMethod.Get, "/p.gif?id=blog")) device.Keep("", older.One("px_id")); // a site without a domain: only the host's
        Assert.Equal("px_id; px_id", device.Cookies);
        await device.PixelAsync("analytics_storage=denied");
        Assert.Equal("", device.Cookies);

        device.Keep("", older.One("px_id"));
        device.Keep("", "px_no=s");
        await device.PixelAsync("analytics_storage=granted");
        Assert.Equal("px_id", device.Cookies); // the domain's no, and the host's
    }

    [Fact]
    public async Task What_is_known_of_a_visitor_stays_on_the_device_also_when_the_tag_or_a_page_has_the_id_taken_away()
    {
        await using var app = await PixelApp.StartAsync();
        foreach (var (method, path) in new[] { (HttpMethod.Post, "/t.js?id=shop"), (HttpMethod.Get, "/privacy.json?id=shop&analytics_storage=denied") })
        {
            var device = new Device(app);
            await device.PixelAsync("");
            await device.PixelAsync("", s_gpc);
            await RecordAsync(app, device.Visitor, "measurement", "withdrawn");
            using (await device.SendAsync(method, path)) Assert.Equal("px_no=am", device.Cookies);
            Assert.Equal("consent_required", await device.PixelAsync(""));
        }
    }

    [Fact]
    public async Task Doors_with_keys_read_and_set_no_cookie()
    {
        await using var backend = await Api.Backend.StartAsync();
        var answer = await backend.PostAsync("""{"event":"e","user_id":"ann","consent":{"gpc":true}}""", ("Cookie", "px_no=asm"));
        Assert.False(answer.Headers.ContainsKey("Set-Cookie"));
        Assert.Equal("true", (await backend.App.EventsAsync(1))[0]["consent_storage"]!.ToString());
    }

    [Fact]
    public async Task Whoever_is_erased_leaves_nothing_among_the_opt_outs_that_wait_for_the_store()
    {
        using var unwritten = new UnwrittenOptOuts();
        var (keys, holder) = (new SubjectKeys(new byte[32]), new OptOutHolder(unwritten));
        PersonCrowd Ann() => new(keys, [("shop", [keys.Of("shop", SubjectKind.User, "ann")])]);
        foreach (var (site, user) in new[] { ("shop", "ann"), ("shop", "bob"), ("blog", "ann") }) unwritten.Add(new(site, OptOut.User, user, OptOut.Gpc), DateTimeOffset.UnixEpoch);

        // Also while they are being written: the erasure waits, and what could not be written is gone with the rest.
        var (begun, fail) = (new TaskCompletionSource(), new TaskCompletionSource());
        var writing = unwritten.WriteAsync(async _ => { begun.SetResult(); await fail.Task; throw new IOException(); }, default);
        await begun.Task;
        var (erased, left) = (Ann(), Ann());
        var erasing = holder.EraseAsync(erased, default);
        Assert.False(erasing.IsCompleted);
        fail.SetResult();
        await Assert.ThrowsAsync<IOException>(() => writing);
        await erasing;
        await holder.FindAsync(left, default);
        erased.Done();
        left.Done();
        Assert.Equal((1, 0), (erased.Counts[0], left.Counts[0]));
        await unwritten.WriteAsync(rows =>
        {
            Assert.Equal(["ann of blog", "bob of shop"], rows.Select(one => $"{one.Key.Id} of {one.Key.SiteId}").Order());
            return Task.CompletedTask;
        }, default);

        for (var i = 0; i < UnwrittenOptOuts.Most + 10; i++) unwritten.Add(new("shop", OptOut.User, $"{i}", OptOut.Gpc), DateTimeOffset.UnixEpoch);
        Assert.Equal(UnwrittenOptOuts.Most, unwritten.Count(_ => true));
    }

    private static async Task RecordAsync(PixelApp app, Guid visitor, string purpose, string decision)
    {
        using var answer = await app.PostJsonAsync("/api/consents", $$"""{"site_id":"shop","subject":{"kind":"visitor","id":"{{visitor}}"},"purpose":"{{purpose}}","decision":"{{decision}}"}""");
        Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
    }
}

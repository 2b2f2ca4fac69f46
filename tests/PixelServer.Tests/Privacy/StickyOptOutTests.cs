using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Tests.Api;
using PixelServer.Tests.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>An opt-out of sale and sharing at the doors of the real server: it stays when its signal is gone.</summary>
public sealed class StickyOptOutTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("postgresql", "Us")]
    [InlineData("sqlite", "Open")]
    public async Task GPC_once_holds_for_every_later_event_of_the_device_and_of_those_on_it(string store, string regime)
    {
        await using var app = await StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", regime);
        var cookie = await VisitAsync(app, "e=before&u=ann");
        await VisitAsync(app, "e=signal", cookie, gpc: true);
        await VisitAsync(app, "e=silent", cookie);
        await VisitAsync(app, "e=login&u=ann", cookie);
        var phone = await VisitAsync(app, "e=elsewhere&u=ann");
        await VisitAsync(app, "e=anonymous", phone);
        await VisitAsync(app, "e=other&u=bob");
        await VisitAsync(app, "e=site&id=blog&u=ann");

        var events = await app.EventsAsync(8);
        Assert.Equal(["before true False", "signal false True", "silent false False", "login false False", "elsewhere false False", "anonymous true False", "other true False", "site true False"],
            events.Select(one => $"{one["name"]} {one["consent_ads"]} {(bool)one["gpc"]!}"));
        Assert.All(events, one => Assert.True((bool)one["consent_storage"]! && (bool)one["consent_measurement"]!)); // counted as before
    }

    [Theory]
    [InlineData("us_privacy=1YYN", "consent_string")]
    [InlineData("gpp=DBABLA~CVQVAAAAAACA&gpp_sid=7", "consent_string")]
    public async Task So_does_an_opt_out_in_a_consent_string(string query, string source)
    {
        await using var app = await StartAsync("", "Us");
        var cookie = await VisitAsync(app, $"e=signal&u=ann&{query}");
        await VisitAsync(app, "e=silent", cookie);
        await VisitAsync(app, "e=elsewhere&u=ann");

        Assert.Equal(["false", "false", "false"], (await app.EventsAsync(3)).Select(one => one["consent_ads"]!.ToString()));
        Assert.Equal([("user", source), ("visitor", source)], OptOuts(app));
    }

    [Fact]
    public async Task A_backend_that_relays_the_signal_opts_out_the_person_it_names()
    {
        await using var backend = await Backend.StartAsync(settings: "--Pixel:DefaultSite:Regime=Us");
        await backend.PostAsync("""{"event":"signal","user_id":"ann","consent":{"gpc":true}}""");
        await backend.PostAsync("""{"event":"silent","user_id":"ann"}""");
        await backend.PostAsync("""{"event":"other","user_id":"bob"}""");

        Assert.Equal(["false", "false", "true"], (await backend.App.EventsAsync(3)).Select(one => one["consent_ads"]!.ToString()));
    }

    [Fact]
    public async Task Also_by_an_event_that_is_not_kept()
    {
        await using var backend = await Backend.StartAsync(settings: ["--Pixel:DefaultSite:Regime=Us", "--Pixel:Privacy:SyncEvery=00:00:00.1"]);
        var refused = await backend.PostAsync("""{"event":"signal","user_id":"ann","consent":{"gpc":true,"measurement":"denied"}}""");
        Assert.Equal((403, "consent_required"), (refused.Status, refused.Code));
        await backend.PostAsync("""{"event":"silent","user_id":"ann"}""");

        Assert.Equal("false", (await backend.App.EventsAsync(1))[0]["consent_ads"]!.ToString());
        await Eventually.TrueAsync(() => OptOuts(backend.App) is [("user", "gpc")], () => backend.App.Output); // no hit carries it
    }

    [Theory]
    [InlineData("Gdpr")]
    [InlineData("Exempt")]
    [InlineData("Aggregate")]
    public async Task Where_an_opt_in_is_asked_for_or_nothing_is_shared_the_signal_marks_nobody(string regime)
    {
        await using var app = await StartAsync("", regime);
        const string Agreed = "&analytics_storage=granted&measurement=granted&ad_storage=granted&ad_user_data=granted";
        var cookie = await VisitAsync(app, "e=before&u=ann" + Agreed);
        Assert.Equal(regime != "Aggregate", cookie.StartsWith("px_id=", StringComparison.Ordinal));
        await VisitAsync(app, "e=signal&u=ann" + Agreed, cookie, gpc: true);
        await app.StoredAsync(2); // both were kept

        Assert.True(app.Services.GetRequiredService<Standings>().IsEmpty);
    }

    [Fact]
    public async Task An_id_that_stands_for_nobody_is_nobodys_opt_out()
    {
        await using var app = await StartAsync("", "Us");
        await VisitAsync(app, "e=signal&u=guest", gpc: true);
        await VisitAsync(app, "e=other&u=guest");

        Assert.Equal(["false", "true"], (await app.EventsAsync(2)).Select(one => one["consent_ads"]!.ToString()));
    }

    [Fact]
    public async Task A_recorded_consent_to_ads_lifts_it_if_it_is_later_and_a_new_signal_brings_it_back()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
        await using var app = await StartAsync("", "Us", clock: clock);
        await VisitAsync(app, "e=1&u=ann", gpc: true);
        clock.Advance(TimeSpan.FromMinutes(1));
        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("granted", at: "2026-11-26T12:00:00Z")); // of the moment of the signal: not later
        await VisitAsync(app, "e=2&u=ann");
        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("granted", at: "2026-11-26T12:00:30Z"));
        await VisitAsync(app, "e=3&u=ann");
        clock.Advance(TimeSpan.FromMinutes(1));
        await VisitAsync(app, "e=4&u=ann", gpc: true);
        await VisitAsync(app, "e=5&u=ann");

        var standings = app.Services.GetRequiredService<Standings>();
        Assert.True(standings.Of(app.Services.GetRequiredService<SubjectKeys>().Of("shop", SubjectKind.User, "ann")).IsOptedOut);
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => { clock.Advance(TimeSpan.FromMilliseconds(100)); return app.Ledger.Read().Stored == 5; }, () => app.Output);
        Assert.Equal(["1 false", "2 false", "3 true", "4 false", "5 false"], (await app.EventsAsync(5)).Select(one => $"{one["name"]} {one["consent_ads"]}"));
    }

    [Fact]
    public async Task A_consent_from_between_two_signals_lifts_nothing_also_where_it_is_told_late()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
        await using var app = await StartAsync("", "Us", clock: clock);
        var cookie = await VisitAsync(app, "e=1&u=ann", gpc: true);
        clock.Advance(TimeSpan.FromMinutes(20));
        await VisitAsync(app, "e=2&u=ann", cookie, gpc: true);
        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("granted", at: "2026-11-26T12:10:00Z"));
        var (standings, subject) = (app.Services.GetRequiredService<Standings>(), app.Services.GetRequiredService<SubjectKeys>().Of("shop", SubjectKind.User, "ann"));
        Assert.True(standings.Of(subject).IsOptedOut);

        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("granted", at: "2026-11-26T12:20:00.001Z"));
        Assert.True(standings.Of(subject).IsOptedOut); // it is taken as now, which is the moment of the signal
        clock.Advance(TimeSpan.FromMinutes(1));
        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("granted", at: "2026-11-26T12:20:00.001Z"));
        Assert.False(standings.Of(subject).IsOptedOut);
    }

    [Fact]
    public async Task It_survives_a_restart_also_where_the_server_was_killed_before_it_wrote_anything_but_the_journal()
    {
        using var folder = new TempFolder();
        string cookie;
        await using (var app = await StartAsync("", "Us", folder.Path))
        {
            cookie = await VisitAsync(app, "e=signal&u=ann", gpc: true);
            await app.StoredAsync(1);
            Assert.True(new FileInfo(folder.File("standings")).Length > 8); // before the batch
        }

        await using (var again = await StartAsync("", "Us", folder.Path))
        {
            await VisitAsync(again, "e=silent", cookie);
            await again.StoredAsync(1);
            Assert.All(JsonNode.Parse(await (await again.AdminAsync("/api/events")).Content.ReadAsStringAsync())!.AsArray(), one => Assert.Equal("false", one!["consent_ads"]!.ToString()));
        }

        // A journal whose hits were never delivered, and no other file: as a kill leaves it while the store is away.
        using var second = new TempFolder();
        await using (var app = await StartAsync("Host=127.0.0.1;Port=1;Username=nobody;Timeout=1", "Us", second.Path, new FakeTimeProvider(DateTimeOffset.UtcNow)))
            cookie = await VisitAsync(app, "e=signal&u=ann", gpc: true);
        File.Delete(second.File("standings"));
        await using var last = await StartAsync("", "Us", second.Path);
        await last.StoredAsync(1);
        await VisitAsync(last, "e=silent", cookie);

        Assert.Equal(["signal false", "silent false"], (await last.EventsAsync(2)).Select(one => $"{one["name"]} {one["consent_ads"]}"));
    }

    [Fact]
    public async Task Another_collector_hears_of_it()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        string[] settings = ["--Pixel:CookieKey=0123456789012345678901234567890123456789", "--Pixel:Privacy:SyncEvery=00:00:00.1"];
        await using var one = await PixelApp.StartAsync(database, settings: settings);
        await using var other = await PixelApp.StartAsync(database, settings: settings);
        await VisitAsync(one, "e=signal&u=ann", gpc: true);

        var (standings, keys) = (other.Services.GetRequiredService<Standings>(), other.Services.GetRequiredService<SubjectKeys>());
        await Eventually.TrueAsync(() => standings.Of(keys.Of("shop", SubjectKind.User, "ann")).IsOptedOut, () => other.Output);
    }

    private static Task<PixelApp> StartAsync(string postgres, string regime, string? directory = null, TimeProvider? clock = null) =>
        PixelApp.StartAsync(postgres, clock, directory, [$"--Pixel:DefaultSite:Regime={regime}"]);

    /// <summary>The device's cookies from now on.</summary>
    private static async Task<string> VisitAsync(PixelApp app, string query, string? cookie = null, bool gpc = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/p.gif?{(query.Contains("&id=", StringComparison.Ordinal) ? "" : "id=shop&")}{query}");
        if (cookie is { Length: > 0 }) request.Headers.Add("Cookie", cookie);
        if (gpc) request.Headers.Add("Sec-GPC", "1");
        using var answer = await app.Client.SendAsync(request);
        var kept = (cookie ?? "").Split("; ", StringSplitOptions.RemoveEmptyEntries).ToDictionary(one => one.Split('=')[0]);
        if (answer.Headers.TryGetValues("Set-Cookie", out var set))
            foreach (var one in set.Select(line => line.Split(';')[0])) kept[one.Split('=')[0]] = one;
        return string.Join("; ", kept.Values);
    }

    // Those of the events; what the device brought back is written some seconds later.
    private static List<(string, string)> OptOuts(PixelApp app)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "select kind, source from opt_outs where source <> 'device' order by kind";
        using var rows = command.ExecuteReader();
        var found = new List<(string, string)>();
        while (rows.Read()) found.Add((rows.GetString(0), rows.GetString(1)));
        return found;
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Ops;
using PixelServer.Report;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Report;

/// <summary>What was turned away, as the report tells it.</summary>
public sealed class RefusalsReportTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Every_door_counts_by_site_day_and_reason_and_nothing_twice(string store)
    {
        using var folder = new TempFolder();
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 25, 23, 59, 0, TimeSpan.Zero));
        var database = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        string[] settings = ["--Pixel:Sites:shop:Regime=Gdpr", "--Pixel:Sites:blog:Regime=Open", "--Pixel:UnknownSites=Refuse"];
        var longName = new string('n', 201);
        await using (var app = await PixelApp.StartAsync(database, clock, folder.Path, settings))
        {
            await app.Client.GetAsync("/p.gif?id=shop");
            await app.Client.GetAsync("/p.gif?id=stranger");
            await app.Client.GetAsync("/p.gif?id=a%20b");
            clock.Advance(TimeSpan.FromMinutes(2));
            await app.Client.PostAsync("/b", new StringContent($$"""[{"site_id":"shop"},{"site_id":"shop"},{"site_id":"blog","event":"{{longName}}"},{"site_id":"blog"}]"""));
            await app.Client.PostAsync("/b", new StringContent(""));
            await KeptAsync(app);
            await KeptAsync(app);
            Assert.Equal(
            [
                "2026-11-25 (other) bad_site_id 1", "2026-11-25 (other) unknown_site 1", "2026-11-25 shop consent_required 1",
                "2026-11-26 (other) empty_body 1", "2026-11-26 blog name_too_long 1", "2026-11-26 shop consent_required 2",
            ], await AskAsync(app, ""));
        }

        await using var again = await PixelApp.StartAsync(database, clock, folder.Path, settings);
        await again.Client.GetAsync("/p.gif?id=shop");
        await KeptAsync(again);
        Assert.Equal(["2026-11-26 shop consent_required 3"], await AskAsync(again, "?site=shop&from=2026-11-26&until=2026-11-26"));
        Assert.Equal(["2026-11-25 shop consent_required 1"], await AskAsync(again, "?site=shop&until=2026-11-25"));
    }

    [Fact]
    public void Made_up_sites_fill_no_memory_and_a_listed_one_keeps_its_name()
    {
        var ledger = new Ledger();
        ledger.Expect(["shop"]);
        for (var i = 0; i < 5_000; i++) ledger.Refused("origin_not_allowed", site: $"made-up-{i}");
        ledger.Refused("origin_not_allowed", site: "shop");

        var counted = ledger.Refusals();
        Assert.Equal(Ledger.MaxSites + 1, counted.Count);
        Assert.Equal(5_001, counted.Sum(one => one.Count));
        Assert.Equal(1, counted.Single(one => one.Site == "shop").Count);
        Assert.Equal(4_001, counted.Single(one => one.Site == Ledger.OtherSites).Count);
    }

    [Fact]
    public async Task A_day_that_is_over_leaves_the_memory_once_it_is_written()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
        await using var app = await PixelApp.StartAsync(clock: clock, settings: ["--Pixel:DefaultSite:Regime=Gdpr"]);
        await app.Client.GetAsync("/p.gif");
        await KeptAsync(app);
        clock.Advance(TimeSpan.FromDays(2));
        await app.Client.GetAsync("/p.gif");
        await KeptAsync(app);

        Assert.Equal(new DateOnly(2026, 11, 27), Assert.Single(app.Ledger.Refusals()).Day);
        Assert.Equal(["2026-11-25 default consent_required 1", "2026-11-27 default consent_required 1"], await AskAsync(app, ""));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Three_years_later_a_count_goes(string store)
    {
        using var folder = new TempFolder();
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
        await using var app = await PixelApp.StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", clock, folder.Path, ["--Pixel:DefaultSite:Regime=Gdpr"]);
        await KeptAsync(app);
        var refusals = app.Services.GetRequiredService<IRefusals>();
        var today = new DateOnly(2026, 11, 25);
        foreach (var days in (int[])[1_097, 1_096, 1]) await refusals.KeepAsync(Guid.NewGuid(), [new(today.AddDays(-days), "shop", "consent_required", 1)], default);
        Assert.Equal(3, (await refusals.AskAsync(null, default, today, 10, default)).Count);

        await refusals.KeepAsync(Guid.NewGuid(), [new(today, "shop", "consent_required", 1)], default);
        Assert.Equal([today.AddDays(-1_096), today.AddDays(-1), today], (await refusals.AskAsync(null, default, today, 10, default)).Select(one => one.Day));
    }

    [Theory]
    [InlineData("?from=2026-13-01", "from")]
    [InlineData("?until=yesterday", "until")]
    [InlineData("?from=2026-11-26&until=2026-11-25", "from")]
    [InlineData("?from=2020-01-01&until=2026-11-25", "from")]
    [InlineData("?site=", "site")]
    public async Task A_wrong_question_is_told_what_is_wrong(string query, string names)
    {
        await using var app = await PixelApp.StartAsync();
        using var answer = await app.AdminAsync("/api/reports/refusals" + query);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith(names + ":", JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["detail"]!.ToString(), StringComparison.Ordinal);
    }

    private static Task KeptAsync(PixelApp app) => Eventually.TrueAsync(async () =>
    {
        try
        {
            await app.Services.GetRequiredService<RefusalSync>().KeepAsync(default);
            await app.Services.GetRequiredService<IRefusals>().AskAsync(null, default, default, 1, default);
            return true;
        }
        catch (System.Data.Common.DbException)
        {
            return false; // the tables are not there yet
        }
    }, () => app.Output);

    private static async Task<IEnumerable<string>> AskAsync(PixelApp app, string query)
    {
        using var answer = await app.AdminAsync("/api/reports/refusals" + query);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Select(one => $"{one!["day"]} {one["site_id"]} {one["code"]} {one["count"]}");
    }
}

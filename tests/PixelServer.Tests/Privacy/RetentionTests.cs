using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Retention in the running server: by itself, by the verb, and what readiness says when it did not run.</summary>
public sealed class RetentionTests(SharedPostgres postgres)
{
    private readonly FakeTimeProvider _clock = new(Events.Noon);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task The_server_deletes_by_itself_what_has_become_past(string name)
    {
        await using var app = await StartAsync(await StoreAsync(name), null, "--Pixel:Sites:a:RetentionDays=10");
        await app.Client.GetAsync("/p.gif?id=a");
        await app.Client.GetAsync("/p.gif?id=b");
        await StoredAsync(app, 2);

        for (var day = 1; day <= 12; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
            await LookAsync(app);
            Assert.Equal(day <= 10 ? 2 : 1, (await app.Services.GetRequiredService<IEventStore>().RecentAsync(null, 10, default)).Count);
        }
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task Readiness_goes_red_when_it_did_not_run_and_green_when_it_did(string name)
    {
        var failing = new Failing();
        await using var app = await StartAsync(await StoreAsync(name), failing, "--Pixel:DefaultSite:RetentionDays=30");
        await app.Client.GetAsync("/p.gif");
        await StoredAsync(app, 1);
        await LookAsync(app);
        Assert.Equal((HttpStatusCode.OK, "ok", "on"), await RetentionAsync(app));

        failing.On = true;
        _clock.Advance(TimeSpan.FromHours(26) - TimeSpan.FromSeconds(10));
        await LookAsync(app);
        Assert.Equal((HttpStatusCode.OK, "ok", "on"), await RetentionAsync(app));

        _clock.Advance(TimeSpan.FromMinutes(2));
        await LookAsync(app);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "failed", "overdue"), await RetentionAsync(app));
        var body = await app.Client.GetAsync("/readyz");
        var light = (await body.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("dependencies").GetProperty("retention");
        Assert.Equal("TimeoutException", light.GetProperty("last_error").GetString());
        Assert.Contains("pixel retain", light.GetProperty("to_do").GetString(), StringComparison.Ordinal);
        Assert.InRange(await app.MetricAsync("pixel_retention_age_seconds"), 26 * 3_600, 26 * 3_600 + 150);
        Assert.Single(app.Output.Split("Retention failed")[1..]);

        failing.On = false;
        _clock.Advance(TimeSpan.FromMinutes(2));
        await LookAsync(app);
        Assert.Equal((HttpStatusCode.OK, "ok", "on"), await RetentionAsync(app));
        Assert.Contains("Retention works again", app.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_is_away_is_degraded_and_a_server_without_retention_is_not_asked()
    {
        var away = new StoreReading("postgresql", false, TimeSpan.Zero, 1, "NpgsqlException");
        await using var app = await PixelApp.StartAsync(clock: _clock, settings: ["--Pixel:DefaultSite:RetentionDays=30"], replace: services => services.AddSingleton<Func<StoreReading>>(() => away));
        await using var without = await PixelApp.StartAsync(clock: _clock);
        _clock.Advance(TimeSpan.FromDays(3));

        Assert.Equal((HttpStatusCode.OK, "degraded", "overdue"), await RetentionAsync(app));
        Assert.Equal((HttpStatusCode.OK, "ok", "off"), await RetentionAsync(without));
        Assert.Equal(0, await without.MetricAsync("pixel_retention_age_seconds"));
    }

    [Fact]
    public async Task One_of_several_collectors_does_it_and_the_others_know()
    {
        var database = await StoreAsync("postgresql");
        await using var one = await StartAsync(database, null, "--Pixel:DefaultSite:RetentionDays=30");
        await using var other = await StartAsync(database, new Failing { On = true }, "--Pixel:DefaultSite:RetentionDays=30");
        await one.Client.GetAsync("/p.gif");
        await other.Client.GetAsync("/p.gif");
        await StoredAsync(one, 1);
        await StoredAsync(other, 1);

        _clock.Advance(TimeSpan.FromHours(30));
        await LookAsync(one);
        _clock.Advance(TimeSpan.FromMinutes(2)); // the other may have tried before
        await LookAsync(other);

        Assert.Equal("ok", (await RetentionAsync(one)).Light);
        Assert.Equal("ok", (await RetentionAsync(other)).Light);
    }

    [Fact]
    public async Task A_partition_that_readers_never_let_go_is_told_once_and_loses_its_rows_after_six_hours()
    {
        var failing = new Failing { InUse = true };
        await using var app = await StartAsync(await StoreAsync("postgresql"), failing, "--Pixel:DefaultSite:RetentionDays=1");
        await app.Client.GetAsync("/p.gif");
        await StoredAsync(app, 1);
        await LookAsync(app);
        _clock.Advance(TimeSpan.FromDays(2));

        for (var hour = 0; hour <= 6; hour++)
        {
            await LookAsync(app);
            Assert.Single(await RecentAsync());
            _clock.Advance(TimeSpan.FromHours(1));
        }

        await LookAsync(app);
        Assert.Empty(await RecentAsync());
        Assert.Equal("ok", (await RetentionAsync(app)).Light);
        Assert.Single(app.Output.Split("because somebody is reading events")[1..]);

        Task<IReadOnlyList<string>> RecentAsync() => app.Services.GetRequiredService<IEventStore>().RecentAsync(null, 10, default);
    }

    [Fact]
    public async Task A_server_that_was_down_for_days_is_not_red_before_it_could_do_anything()
    {
        using var folder = new TempFolder();
        await using (var app = await StartAsync("", null, "--Pixel:DefaultSite:RetentionDays=30", $"--Pixel:DataDirectory={folder.Path}"))
        {
            await app.Client.GetAsync("/p.gif");
            await StoredAsync(app, 1);
            await LookAsync(app);
        }

        _clock.Advance(TimeSpan.FromDays(9));
        await using var again = await StartAsync("", new Failing { On = true }, "--Pixel:DefaultSite:RetentionDays=30", $"--Pixel:DataDirectory={folder.Path}");
        await again.Client.GetAsync("/p.gif");
        await StoredAsync(again, 1);
        await LookAsync(again);
        Assert.Equal("on", (await RetentionAsync(again)).State);

        _clock.Advance(TimeSpan.FromMinutes(61)); // but a restart makes nothing young
        await LookAsync(again);
        Assert.Equal("overdue", (await RetentionAsync(again)).State);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task The_verb_says_what_would_go_and_lets_it_go_beside_a_running_server(string name)
    {
        var connection = await StoreAsync(name);
        await using var app = await PixelApp.StartAsync(connection);
        await app.Client.GetAsync("/p.gif");
        await app.StoredAsync(1);
        var old = new DateTimeOffset(DateTimeOffset.UtcNow.Date.AddDays(-40), TimeSpan.Zero);
        await app.Services.GetRequiredService<IEventStore>().SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Minimal(1, old), Events.Full(2, old)), default);
        string[] retain = ["retain", $"--ConnectionStrings:Postgres={connection}", $"--Pixel:DataDirectory={app.DataDirectory}", "--Pixel:DefaultSite:RetentionDays=30"];

        var today = DateTimeOffset.UtcNow.Date;
        var dry = await Executable.RunAsync([.. retain, "--dry-run"]);
        if (DateTimeOffset.UtcNow.Date != today) (today, dry) = (today.AddDays(1), await Executable.RunAsync([.. retain, "--dry-run"])); // midnight came between
        var none = await Executable.RunAsync(["retain", $"--ConnectionStrings:Postgres={connection}", $"--Pixel:DataDirectory={app.DataDirectory}"]);
        var first = await Executable.RunAsync(retain);
        var second = await Executable.RunAsync(retain);

        Assert.All([dry, none, first, second], run => Assert.Equal((0, ""), (run.Code, run.Error)));
        Assert.Equal(
            name == "sqlite"
                ? $"events: 2 events of all sites before {today.AddDays(-30):yyyy-MM-dd} would be deleted\n3 rejected events and identity edges of all sites before {today.AddDays(-30):yyyy-MM-dd} would be deleted\n0 partitions would be dropped, 5 rows deleted.\n"
                : $"partition events_{old:yyyyMMdd} would be dropped: 2 events\n3 rejected events and identity edges of all sites before {today.AddDays(-30):yyyy-MM-dd} would be deleted\n1 partitions would be dropped, 3 rows deleted.\n",
            dry.Out);
        Assert.Equal("No RetentionDays is set: every event is kept for ever.\n", none.Out);
        Assert.Equal(name == "sqlite" ? "0 partitions dropped, 5 rows deleted.\n" : "1 partitions dropped, 3 rows deleted.\n", first.Out);
        Assert.Equal("0 partitions dropped, 0 rows deleted.\n", second.Out);
    }

    private async Task<string> StoreAsync(string name) => name == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";

    private Task<PixelApp> StartAsync(string connection, Failing? failing, params string[] settings) => PixelApp.StartAsync(connection, _clock, settings: settings, replace: services =>
    {
        if (failing is null) return;
        var real = services.Last(one => one.ServiceType == typeof(IRetention)).ImplementationFactory!;
        services.AddSingleton<IRetention>(provider => failing.Over((IRetention)real(provider)));
    });

    // The clock stands still: whatever waits for it moves on by steps.
    private async Task StoredAsync(PixelApp app, int count) => await Eventually.TrueAsync(() =>
    {
        _clock.Advance(TimeSpan.FromMilliseconds(10));
        return app.Ledger.Read().Stored >= count;
    }, () => $"{count} stored; {app.Output}");

    // A clock that leaps over a day ends whatever the drain was just doing with the store: it is away until the drain tries again.
    private async Task LookAsync(PixelApp app)
    {
        var reading = app.Services.GetRequiredService<Func<StoreReading>>();
        await Eventually.TrueAsync(() =>
        {
            if (reading().Reachable) return true;
            _clock.Advance(TimeSpan.FromSeconds(1));
            return false;
        }, () => "the store is there\n" + app.Output);
        await app.Services.GetRequiredService<Retention>().LookAsync(default);
    }

    private async Task<(HttpStatusCode Code, string Light, string State)> RetentionAsync(PixelApp app)
    {
        _clock.Advance(TimeSpan.FromSeconds(1)); // readiness is a second old
        using var answer = await app.Client.GetAsync("/readyz");
        var light = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("dependencies").GetProperty("retention");
        return (answer.StatusCode, light.GetProperty("status").GetString()!, light.GetProperty("state").GetString()!);
    }

    /// <summary>A real one that does not delete while it is told so.</summary>
    private sealed class Failing : IRetention
    {
        private IRetention _real = null!;

        public bool On { get; set; }

        public bool InUse { get; init; }

        public Failing Over(IRetention real)
        {
            _real = real;
            return this;
        }

        public Task<IAsyncDisposable?> TurnAsync(CancellationToken ct) => On ? throw new TimeoutException() : _real.TurnAsync(ct);
        public Task<RetentionPast> PastAsync(string rules, CancellationToken ct) => _real.PastAsync(rules, ct);
        public Task KeepAsync(RetentionRun run, CancellationToken ct) => _real.KeepAsync(run, ct);
        public Task<IReadOnlyList<EventStretch>> StretchesAsync(CancellationToken ct) => _real.StretchesAsync(ct);
        public Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty, CancellationToken ct) => InUse ? Task.FromResult(Dropped.InUse) : _real.DropAsync(stretch, onlyIfEmpty, ct);
        public Task<long> CountEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct) => _real.CountEventsAsync(stretch, sites, from, until, ct);
        public Task<long> DeleteEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct) => _real.DeleteEventsAsync(stretch, sites, from, until, ct);
        public Task<long> CountRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => _real.CountRestAsync(sites, before, ct);
        public Task<long> DeleteRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => _real.DeleteRestAsync(sites, before, ct);
    }
}

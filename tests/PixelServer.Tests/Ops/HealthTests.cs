using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class HealthTests
{
    private static readonly JournalReading s_writing = new(true, "writing", "Flushed", 1_000, 0, 32 << 20, 1L << 30, 0, new(0, 0, 0, 0, 0));
    private static readonly StoreReading s_reachable = new("postgresql", true, TimeSpan.Zero, 0, null);

    [Fact]
    public async Task All_is_well_after_the_start()
    {
        await using var app = await PixelApp.StartAsync();

        // The drain has greeted its store by then, or does so now.
        await Eventually.TrueAsync(async () => (await ReadyAsync(app)).Status == "ok", () => app.Output);
        var (code, status, body) = await ReadyAsync(app);

        Assert.Equal((HttpStatusCode.OK, "ok"), (code, status));
        Assert.Equal("writing", body.GetProperty("dependencies").GetProperty("journal").GetProperty("state").GetString());
        Assert.Equal("sqlite", body.GetProperty("dependencies").GetProperty("store").GetProperty("name").GetString());
        Assert.True(body.GetProperty("dependencies").GetProperty("disk").GetProperty("free_bytes").GetInt64() > 0);
    }

    [Fact]
    public async Task A_store_that_is_away_is_degraded_but_the_server_keeps_its_traffic()
    {
        await using var app = await StartAsync(s_writing, s_reachable with { Reachable = false, LastError = "NpgsqlException 57P03", Lag = TimeSpan.FromSeconds(90) });

        var (code, status, body) = await ReadyAsync(app);

        Assert.Equal((HttpStatusCode.OK, "degraded"), (code, status));
        var store = body.GetProperty("dependencies").GetProperty("store");
        Assert.Equal("degraded", store.GetProperty("status").GetString());
        Assert.Equal("NpgsqlException 57P03", store.GetProperty("last_error").GetString());
        Assert.Equal(90, store.GetProperty("lag_seconds").GetDouble());
    }

    [Theory]
    [InlineData("full")]
    [InlineData("failed")]
    public async Task A_journal_that_takes_nothing_turns_readiness_red_and_leaves_liveness_green(string state)
    {
        await using var app = await StartAsync(s_writing with { Accepting = false, State = state }, s_reachable);

        var (code, status, body) = await ReadyAsync(app);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "failed"), (code, status));
        Assert.Equal(state, body.GetProperty("dependencies").GetProperty("journal").GetProperty("state").GetString());
        Assert.Equal(HttpStatusCode.OK, (await app.Client.GetAsync("/healthz")).StatusCode);
    }

    [Fact]
    public async Task A_damaged_journal_is_told_but_still_takes_events()
    {
        await using var app = await StartAsync(s_writing with { Damage = new(0, 1, 4_096, 0, 0) }, s_reachable);

        var (code, status, _) = await ReadyAsync(app);

        Assert.Equal((HttpStatusCode.OK, "degraded"), (code, status));
    }

    [Theory]
    [InlineData(1L << 60, "failed", HttpStatusCode.ServiceUnavailable)]
    [InlineData(0L, "ok", HttpStatusCode.OK)]
    public async Task A_disk_below_its_floor_is_red(long floor, string disk, HttpStatusCode expected)
    {
        await using var app = await StartAsync(s_writing with { MinFreeBytes = floor }, s_reachable);

        var (code, _, body) = await ReadyAsync(app);

        Assert.Equal(expected, code);
        Assert.Equal(disk, body.GetProperty("dependencies").GetProperty("disk").GetProperty("status").GetString());
    }

    [Fact]
    public async Task Many_questions_within_a_second_look_once()
    {
        var (clock, looks) = (new FakeTimeProvider(), 0);
        await using var app = await PixelApp.StartAsync(clock: clock, replace: services => services.AddSingleton<Func<JournalReading>>(() =>
        {
            Interlocked.Increment(ref looks); // the store is asked by background services too, whenever they come to it
            return s_writing;
        }));
        looks = 0;

        for (var i = 0; i < 50; i++) await ReadyAsync(app);
        Assert.Equal(1, looks);

        clock.Advance(TimeSpan.FromSeconds(1));
        await ReadyAsync(app);
        Assert.Equal(2, looks);
    }

    [Fact]
    public async Task A_stopping_server_is_red_at_once_and_answers_until_the_drain_delay_is_over()
    {
        var clock = new FakeTimeProvider();
        await using var app = await PixelApp.StartAsync(clock: clock, settings: ["--Pixel:Ops:DrainDelay=00:00:20"]);
        Assert.False((await ReadyAsync(app)).Body.GetProperty("stopping").GetBoolean());

        app.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var stop = app.StopAsync();

        var (code, _, body) = await ReadyAsync(app);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, code);
        Assert.True(body.GetProperty("stopping").GetBoolean());
        Assert.False(stop.IsCompleted);

        clock.Advance(TimeSpan.FromSeconds(20));
        await stop;
        await Assert.ThrowsAsync<HttpRequestException>(() => app.Client.GetAsync("/healthz"));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(9, false)]
    [InlineData(10, true)]
    public void A_red_journal_is_tried_again_though_no_traffic_comes(int seconds, bool accepting)
    {
        // Without this a load balancer that obeys the light would keep it red for ever: only an event tests the disk.
        var status = new JournalStatus(AppendOutcome.JournalFull, TimeSpan.FromSeconds(seconds), Guid.NewGuid(), 0, 0, 0, default, 0);

        Assert.Equal(accepting, JournalSetup.Reading(status, new JournalOptions(), Acknowledge.Flushed).Accepting);
    }

    private static Task<PixelApp> StartAsync(JournalReading journal, StoreReading store) => PixelApp.StartAsync(replace: services => services
        .AddSingleton<Func<JournalReading>>(() => journal).AddSingleton<Func<StoreReading>>(() => store));

    private static async Task<(HttpStatusCode Code, string Status, JsonElement Body)> ReadyAsync(PixelApp app)
    {
        using var answer = await app.Client.GetAsync("/readyz");
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return (answer.StatusCode, body.GetProperty("status").GetString()!, body);
    }
}

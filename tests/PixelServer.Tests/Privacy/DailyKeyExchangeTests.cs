using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Collectors of one store have the same key for each day, whoever starts when, and none when it is over.</summary>
public sealed class DailyKeyExchangeTests(SharedPostgres postgres)
{
    private const string CookieKey = "--Pixel:CookieKey=the-secret-that-all-collectors-share-0123456789";
    private static readonly IPAddress s_address = IPAddress.Parse("203.0.113.77");

    private readonly FakeTimeProvider _clock = new(Events.Noon);

    [Fact]
    public async Task Two_servers_that_start_at_the_same_moment_on_a_new_database_have_the_same_visitors()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        var apps = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => PixelApp.StartAsync(database, _clock, settings: [CookieKey]))));
        foreach (var app in apps) await SharedAsync(app);

        Assert.Single(apps.Select(app => Visitor(app, _clock.GetUtcNow())).Distinct());
        Assert.Single(apps.Select(app => Visitor(app, _clock.GetUtcNow().AddDays(1))).Distinct()); // prepared ahead
        foreach (var app in apps) await app.DisposeAsync();
    }

    [Fact]
    public async Task The_same_browser_at_two_servers_of_one_database_is_one_visitor_in_its_table()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        await using var one = await PixelApp.StartAsync(database, settings: [CookieKey]);
        await using var other = await PixelApp.StartAsync(database, settings: [CookieKey]);
        foreach (var app in (PixelApp[])[one, other])
            await Eventually.TrueAsync(() => app.Services.GetRequiredService<Func<DailyKeyReading>>()().Shared, () => app.Output);

        foreach (var (app, agent) in ((PixelApp, string)[])[(one, "Firefox"), (other, "Firefox"), (other, "Chrome"), (one, "Firefox"), (one, "Chrome")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/p.gif");
            request.Headers.Add("DNT", "1");
            request.Headers.Add("X-Forwarded-For", "203.0.113.77");
            request.Headers.TryAddWithoutValidation("User-Agent", agent);
            using var answer = await app.Client.SendAsync(request);
            Assert.False(answer.Headers.Contains("Set-Cookie"));
        }

        await one.StoredAsync(3);
        await other.StoredAsync(2);
        await using var source = Npgsql.NpgsqlDataSource.Create(database);
        await using var query = source.CreateCommand("select string_agg(user_agent || ' ' || n, ', ' order by n) from (select user_agent, visitor_id, count(*) as n from events where visitor_kind = 'daily' group by 1, 2) as visitors");
        Assert.Equal("Chrome 2, Firefox 3", await query.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_server_whose_store_is_away_counts_with_its_own_key_says_so_and_takes_the_stores_when_it_is_back()
    {
        await using var cluster = SharedPostgres.NewCluster();
        var database = await cluster.CreateDatabaseAsync();
        await using var first = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await SharedAsync(first);
        await cluster.StopAsync();

        await using var late = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        var own = Visitor(late, _clock.GetUtcNow());
        Assert.NotEqual(Visitor(first, _clock.GetUtcNow()), own);
        Assert.Equal("own", await KeyAsync(late));
        await Eventually.TrueAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(5)); // it says so when half a minute has not been enough
            return late.Output.Contains("counts with a key of its own until it can", StringComparison.Ordinal);
        }, () => late.Output);
        Assert.Equal(own, Visitor(late, _clock.GetUtcNow()));
        Assert.Equal(0, await late.MetricAsync("pixel_daily_key_shared"));

        await cluster.StartAsync();
        await SharedAsync(late);
        Assert.Equal(Visitor(first, _clock.GetUtcNow()), Visitor(late, _clock.GetUtcNow()));
        Assert.Contains("is another collector's from now on", late.Output, StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => await late.MetricAsync("pixel_daily_key_shared") == 1, () => "the figures are read again"); // a scrape is kept for a moment
    }

    [Fact]
    public async Task A_store_that_is_away_at_midnight_does_no_harm()
    {
        await using var cluster = SharedPostgres.NewCluster();
        var database = await cluster.CreateDatabaseAsync();
        await using var one = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await using var other = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await SharedAsync(one);
        await SharedAsync(other);
        var today = Visitor(one, _clock.GetUtcNow());
        await cluster.StopAsync();

        _clock.Advance(TimeSpan.FromHours(13));
        await TickAsync(one);

        Assert.Equal(Visitor(one, _clock.GetUtcNow()), Visitor(other, _clock.GetUtcNow()));
        Assert.NotEqual(today, Visitor(one, _clock.GetUtcNow()));
        Assert.Equal("shared", await KeyAsync(one));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task A_restart_within_the_day_keeps_the_visitors_from_the_first_moment(string name)
    {
        using var folder = new TempFolder();
        var connection = name == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        Guid? before;
        await using (var app = await PixelApp.StartAsync(connection, _clock, folder.Path))
        {
            await SharedAsync(app);
            before = Visitor(app, _clock.GetUtcNow());
        }

        await using var again = await PixelApp.StartAsync(connection, _clock, folder.Path);
        Assert.Equal(before, Visitor(again, _clock.GetUtcNow())); // the doors are open, and nobody had to wait for the clock
    }

    [Fact]
    public async Task Another_CookieKey_is_told_and_shown_and_deleting_the_row_mends_it()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        await using var one = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await SharedAsync(one);
        await using var other = await PixelApp.StartAsync(database, _clock, settings: [CookieKey + "-changed"]);

        Assert.NotEqual(Visitor(one, _clock.GetUtcNow()), Visitor(other, _clock.GetUtcNow()));
        Assert.Equal("foreign", await KeyAsync(other));
        Assert.Equal("degraded", (await Json(other)).GetProperty("status").GetString());
        Assert.Single(other.Output.Split("was closed with another Pixel:CookieKey")[1..]);
        Assert.Equal(2, await other.MetricAsync("pixel_daily_keys_unopened_total"));
        Assert.Equal("shared", await KeyAsync(one));

        await using (var source = Npgsql.NpgsqlDataSource.Create(database))
        await using (var command = source.CreateCommand("delete from daily_keys")) await command.ExecuteNonQueryAsync();
        await one.StopAsync();
        await SharedAsync(other);
        Assert.Equal("shared", await KeyAsync(other));
    }

    [Fact]
    public async Task A_key_that_the_database_lost_is_put_back_by_whoever_has_it()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        await using var one = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await SharedAsync(one);
        await using (var source = Npgsql.NpgsqlDataSource.Create(database))
        await using (var command = source.CreateCommand("truncate daily_keys")) await command.ExecuteNonQueryAsync(); // as after a crash: the table is not logged
        _clock.Advance(TimeSpan.FromMinutes(1));
        await TickAsync(one);

        await using var other = await PixelApp.StartAsync(database, _clock, settings: [CookieKey]);
        await SharedAsync(other);

        Assert.Equal(Visitor(one, _clock.GetUtcNow()), Visitor(other, _clock.GetUtcNow()));
    }

    [Fact]
    public async Task After_48_hours_neither_memory_nor_data_directory_nor_the_files_of_the_database_hold_the_key()
    {
        await using var cluster = SharedPostgres.NewCluster();
        await using var app = await PixelApp.StartAsync(await cluster.CreateDatabaseAsync(), _clock, settings: [CookieKey]);
        await GoneAfterTwoDaysAsync(app, app.DataDirectory, cluster);
    }

    [Fact]
    public async Task After_48_hours_the_embedded_store_does_not_hold_the_key()
    {
        await using var app = await PixelApp.StartAsync(clock: _clock);
        await GoneAfterTwoDaysAsync(app, app.DataDirectory, null);
    }

    [Fact]
    public async Task What_is_backed_up_of_an_embedded_store_holds_no_key_of_a_day()
    {
        await using var app = await PixelApp.StartAsync(clock: _clock);
        await SharedAsync(app);
        var wrapped = await app.Services.GetRequiredService<PixelServer.Store.IDailyKeys>().MeetAsync(DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime), [0], default);
        await app.Services.GetRequiredService<PixelServer.Store.IEventStore>().PrepareAsync(default);
        using var folder = new TempFolder();
        await using (var from = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=False"))
        await using (var to = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={folder.File("copy.db")};Pooling=False"))
        {
            await from.OpenAsync();
            await to.OpenAsync();
            from.BackupDatabase(to); // as .backup does it
        }

        var kept = Directory.EnumerateFiles(Path.Combine(app.DataDirectory, "keys")).Append(folder.File("copy.db")).ToList();
        Assert.True(new FileInfo(folder.File("copy.db")).Length > 0);
        foreach (var file in kept) Assert.False(await HoldsAsync(file, wrapped), file);
        var holding = new List<string>();
        using var copy = await DirectoryCopy.OfAsync(app.DataDirectory);
        foreach (var file in Directory.EnumerateFiles(copy.Path, "*", SearchOption.AllDirectories))
            if (await HoldsAsync(file, wrapped)) holding.Add(Path.GetFileName(file).Split('-')[0]);
        Assert.Equal("days.db", Assert.Single(holding.Distinct()));
    }

    [Fact]
    public async Task A_store_that_never_answers_keeps_no_key_alive()
    {
        using var keys = new DailyKeys();
        using var exchange = new DailyKeyExchange(keys, new DailySeal(new byte[32]), new SilentStore(), () => new("postgresql", true, default, 0, null), _clock, NullLogger<DailyKeyExchange>.Instance);
        var key = keys.Of(DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime));
        var starting = exchange.StartAsync(default);
        await Eventually.TrueAsync(() => starting.IsCompleted, () => "it starts without the store");
        _clock.Advance(TimeSpan.FromHours(35));
        Assert.True(key.TryHash([1], new byte[32]));

        await Eventually.TrueAsync(() =>
        {
            if (_clock.GetUtcNow() < Events.Noon.AddHours(37)) _clock.Advance(TimeSpan.FromSeconds(30));
            return !key.TryHash([1], new byte[32]);
        }, () => "it is destroyed");
        await exchange.StopAsync(default);
    }

    /// <summary>A database that hangs, with a driver that waits for it for ever.</summary>
    private sealed class SilentStore : PixelServer.Store.IDailyKeys
    {
        public async Task<byte[]> MeetAsync(DateOnly day, byte[] wrapped, CancellationToken ct)
        {
            await Task.Delay(Timeout.Infinite, ct);
            return wrapped;
        }

        public async Task<bool> ForgetAsync(DateOnly day, CancellationToken ct)
        {
            await Task.Delay(Timeout.Infinite, ct);
            return true;
        }
    }

    private async Task GoneAfterTwoDaysAsync(PixelApp app, string directory, PostgresCluster? cluster)
    {
        var today = DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime);
        await SharedAsync(app);
        var key = app.Services.GetRequiredService<DailyKeys>().Of(today);
        byte[] bytes = [];
        key.Read(raw => bytes = raw.ToArray());
        var wrapped = await app.Services.GetRequiredService<PixelServer.Store.IDailyKeys>().MeetAsync(today, [0], default);
        var before = Visitor(app, _clock.GetUtcNow());
        Assert.Equal("not, found", await AreFoundAsync(bytes, wrapped)); // never in clear

        _clock.Advance(Events.Noon.AddHours(36) - _clock.GetUtcNow() - TimeSpan.FromSeconds(1)); // it began twelve hours before the test's noon
        await TickAsync(app);
        Assert.Equal(before, Visitor(app, Events.Noon));
        Assert.Equal("not, found", await AreFoundAsync(bytes, wrapped));

        _clock.Advance(TimeSpan.FromSeconds(1));
        await app.Services.GetRequiredService<DailyKeyExchange>().LookAsync(default);
        Assert.Equal("not, not, not", await AreFoundAsync(bytes, wrapped, wrapped[13..45])); // the last: what was encrypted, by itself
        Assert.Throws<ObjectDisposedException>(() => key.Read(_ => { }));
        Assert.False(key.TryHash([1], new byte[32]));
        Assert.NotEqual(before, Visitor(app, Events.Noon));

        async Task<string> AreFoundAsync(params byte[][] needles)
        {
            if (cluster is not null) await cluster.RestartAsync(); // only then are all pages of an unlogged table in its file
            var found = new bool[needles.Length];
            using var copy = await DirectoryCopy.OfAsync(directory);
            foreach (var root in cluster is null ? [copy.Path] : new[] { copy.Path, cluster.Directory })
                foreach (var file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
                    for (var i = 0; i < needles.Length; i++)
                        found[i] |= await HoldsAsync(file, needles[i]);
            return string.Join(", ", found.Select(one => one ? "found" : "not"));
        }
    }

    private static async Task<bool> HoldsAsync(string file, byte[] needle)
    {
        try
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes.AsSpan().IndexOf(needle) >= 0;
        }
        catch (IOException)
        {
            return false; // it is gone meanwhile
        }
    }

    // The clock stands still: whatever waits for it moves on by steps.
    private async Task SharedAsync(PixelApp app) => await Eventually.TrueAsync(async () =>
    {
        await TickAsync(app);
        return app.Services.GetRequiredService<Func<DailyKeyReading>>()() is { Shared: true, Foreign: false };
    }, () => $"the key is shared; {app.Output}");

    private async Task TickAsync(PixelApp app)
    {
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        await app.Services.GetRequiredService<DailyKeyExchange>().LookAsync(default).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static Guid? Visitor(PixelApp app, DateTimeOffset at) => app.Services.GetRequiredService<DailyVisitors>().Of("shop", s_address, "Chrome", at);

    private async Task<string?> KeyAsync(PixelApp app) => (await Json(app)).GetProperty("dependencies").GetProperty("daily_visitors").GetProperty("key").GetString();

    private async Task<System.Text.Json.JsonElement> Json(PixelApp app)
    {
        _clock.Advance(TimeSpan.FromSeconds(1)); // readiness is a second old
        return System.Text.Json.JsonDocument.Parse(await app.Client.GetStringAsync("/readyz")).RootElement;
    }
}

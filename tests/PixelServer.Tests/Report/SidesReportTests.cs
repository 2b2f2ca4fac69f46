using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Store;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Report;

/// <summary>The report of the two sides as it is asked for over HTTP, on the real program.</summary>
public sealed class SidesReportTests(SharedPostgres postgres)
{
    public static TheoryData<string> Stores => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_beacon_and_a_row_of_the_server_with_one_event_id_make_one_conversion(string name)
    {
        await using var app = await StartAsync(name);
        using var sent = await app.Client.PostAsJsonAsync("/b", new { site_id = "shop", @event = "lead", event_id = "lead-4711", url = "https://shop.example/form?gclid=AbC" });
        Assert.Equal(HttpStatusCode.NoContent, sent.StatusCode);
        await app.StoredAsync(1);
        await SaveAsync(app, ConversionStore.Copy(
            DateTimeOffset.UtcNow.AddSeconds(2), Source.Server, "lead-4711", "lead", email: new string('a', 64), value: 250m, currency: "EUR"));

        var row = Assert.Single(await RowsAsync(app, "/api/reports/sides?to=" + $"{DateTimeOffset.UtcNow.AddDays(1):yyyy-MM-dd}"));

        Assert.Equal(("shop", "lead", 1, 1), (row.GetProperty("site_id").GetString(), row.GetProperty("name").GetString(), row.GetProperty("conversions").GetInt32(), row.GetProperty("both_sides").GetInt32()));
        Assert.Equal((0, 1, 1), (row.GetProperty("missing_email").GetInt32(), row.GetProperty("missing_phone").GetInt32(), row.GetProperty("missing_user_id").GetInt32()));
        Assert.Equal(0, row.GetProperty("missing_click_id").GetInt32()); // the browser's copy has it
        Assert.InRange(row.GetProperty("median_delay_seconds").GetDecimal(), 1, 30);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Every_figure_of_a_day_is_right(string name)
    {
        var clock = new FakeTimeProvider(Events.Noon);
        await using var app = await StartAsync(name, clock);
        var midnight = new DateTimeOffset(2026, 11, 22, 0, 0, 0, TimeSpan.Zero);
        await SaveAsync(app,
            // The 21st, a microsecond before midnight; its server's copy comes on the 22nd and belongs to the 21st.
            ConversionStore.Copy(midnight.AddMicroseconds(-1), id: "1"), ConversionStore.Copy(midnight.AddSeconds(5), Source.Server, "1"),
            // The 22nd: midnight itself, three pairs of 2, -1 and 3.5 seconds.
            ConversionStore.Copy(midnight, id: "2"), ConversionStore.Copy(midnight.AddSeconds(2), Source.Server, "2", email: "e", properties: """{"$identities":{"phone_sha256":["p"]}}"""),
            ConversionStore.Copy(midnight.AddHours(1), Source.Server, "3", userId: "u"), ConversionStore.Copy(midnight.AddHours(1).AddSeconds(1), Source.App, "3", ip: "203.0.113.7", click: ("gclid", "x")),
            ConversionStore.Copy(midnight.AddHours(2), Source.Pixel, "4", agent: "a"), ConversionStore.Copy(midnight.AddHours(2).AddMilliseconds(3_500), Source.Server, "4"),
            ConversionStore.Copy(midnight.AddHours(3), Source.Server, "4"),
            ConversionStore.Copy(midnight.AddHours(4), id: "5"), ConversionStore.Copy(midnight.AddHours(5), id: null, label: new(Traffic.Bot, ["headless"])),
            ConversionStore.Copy(midnight.AddHours(6), Source.Server, id: null),
            // Others: another day, another name, another site, no conversion.
            ConversionStore.Copy(midnight.AddDays(1), id: "6"), ConversionStore.Copy(midnight.AddHours(7), id: "7", name: "lead"),
            ConversionStore.Copy(midnight.AddHours(8), id: "8", site: "blog"), ConversionStore.Copy(midnight.AddHours(9), id: "9", name: "page_view"));

        var all = await RowsAsync(app, "/api/reports/sides");
        Assert.Equal(
            ["2026-11-21 shop purchase 1", "2026-11-22 blog purchase 1", "2026-11-22 shop lead 1", "2026-11-22 shop purchase 6", "2026-11-23 shop purchase 1"],
            all.Select(row => $"{row.GetProperty("day")} {row.GetProperty("site_id")} {row.GetProperty("name")} {row.GetProperty("conversions")}"));

        var day = await app.AdminAsync("/api/reports/sides?site=shop&name=purchase&from=2026-11-22&to=2026-11-22");
        Assert.Equal(
            """
            [{"day":"2026-11-22","site_id":"shop","name":"purchase","conversions":6,"browser_only":2,"server_only":1,"both_sides":3,"browser_only_human":1,"copies":10,
            "match_rate":0.5,"server_matched":0.75,"browser_matched":0.6,"median_delay_seconds":2,"browser_missing_event_id":1,"with_server":4,
            "missing_event_id":1,"missing_email":3,"missing_phone":3,"missing_user_id":3,"missing_click_id":3,"missing_ip":3,"missing_user_agent":3}]
            """.ReplaceLineEndings(""), (await day.Content.ReadAsStringAsync()).Trim());
    }

    [Fact]
    public async Task Without_days_the_last_seven_are_meant_today_among_them()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(Events.Noon));
        await SaveAsync(app, [.. Enumerable.Range(0, 10).Select(i => ConversionStore.Copy(Events.Noon.AddDays(-i), id: $"{i}"))]);

        Assert.Equal(Enumerable.Range(17, 7).Select(day => $"2026-11-{day}"), await DaysAsync(""));
        Assert.Equal(Enumerable.Range(14, 7).Select(day => $"2026-11-{day}"), await DaysAsync("?to=2026-11-20"));
        Assert.Equal(Enumerable.Range(22, 2).Select(day => $"2026-11-{day}"), await DaysAsync("?from=2026-11-22"));
        Assert.Equal(10, (await DaysAsync("?from=2026-08-24")).Count()); // 92 days

        async Task<IEnumerable<string?>> DaysAsync(string query) => (await RowsAsync(app, "/api/reports/sides" + query)).Select(row => row.GetProperty("day").GetString());
    }

    [Fact]
    public async Task A_spreadsheet_gets_the_same_names_and_figures()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(Events.Noon));
        await SaveAsync(app, ConversionStore.Copy(Events.Noon, id: "1", name: "purchase"), ConversionStore.Copy(Events.Noon.AddSeconds(1.5), Source.Server, "1"));

        using var asked = new HttpRequestMessage(HttpMethod.Get, "/api/reports/sides");
        asked.Headers.Authorization = new("Bearer", PixelApp.Token);
        asked.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/csv"));
        using var byHeader = await app.Client.SendAsync(asked);
        using var byFormat = await app.AdminAsync("/api/reports/sides?format=csv");
        var row = Assert.Single(await RowsAsync(app, "/api/reports/sides?format=json"));

        var csv = await byHeader.Content.ReadAsStringAsync();
        Assert.Equal(csv, await byFormat.Content.ReadAsStringAsync());
        Assert.Equal(("text/csv", "nosniff"), (byHeader.Content.Headers.ContentType!.MediaType, byHeader.Headers.GetValues("X-Content-Type-Options").Single()));
        Assert.Equal([string.Join(',', row.EnumerateObject().Select(field => field.Name)), string.Join(',', row.EnumerateObject().Select(field => field.Value.ToString())), ""], csv.Split("\r\n"));
    }

    [Fact]
    public async Task A_name_with_commas_and_quotes_stays_one_cell()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(Events.Noon));
        await using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=false"))
        {
            await connection.OpenAsync();
            await using var insert = connection.CreateCommand();
            insert.CommandText = "insert into conversion_names (site_id, name) values ('*', 'say \"yes\", now')";
            await insert.ExecuteNonQueryAsync();
        }

        await SaveAsync(app, ConversionStore.Copy(Events.Noon, name: "say \"yes\", now"));

        using var answer = await app.AdminAsync("/api/reports/sides?format=csv");
        Assert.Contains("\r\n2026-11-23,shop,\"say \"\"yes\"\", now\",1,1,0,0,1,1,0,,0,,0,0,", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("say \"yes\", now", Assert.Single(await RowsAsync(app, "/api/reports/sides")).GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("site=")]
    [InlineData("site=0123456789012345678901234567890123456789012345678901234567890123456789")]
    [InlineData("name=")]
    [InlineData("from=2026-11-24")]
    [InlineData("from=2026-8-24")]
    [InlineData("from=yesterday")]
    [InlineData("from=")]
    [InlineData("from=1999-12-31")]
    [InlineData("from=2026-08-23")] // the 93rd day
    [InlineData("from=2026-11-20&to=2026-11-19")]
    [InlineData("to=3000-01-01")]
    [InlineData("to=9999-12-31")]
    [InlineData("to=2026-02-30")]
    [InlineData("to=2026-11-20&to=2026-11-21")]
    [InlineData("format=xml")]
    [InlineData("format=")]
    public async Task A_wrong_parameter_is_named(string query)
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(Events.Noon));

        using var answer = await app.AdminAsync("/api/reports/sides?" + query);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("invalid_parameter", problem.GetProperty("code").GetString());
        Assert.StartsWith(query.Contains("from", StringComparison.Ordinal) ? "from" : query[..query.IndexOf('=', StringComparison.Ordinal)], problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sqlite", "' or 1=1 --")]
    [InlineData("sqlite", "%00")]
    [InlineData("postgresql", "%00")]
    [InlineData("postgresql", "%ff%fe")]
    [InlineData("postgresql", "'; drop table events; --")]
    public async Task A_hostile_site_or_name_is_only_one_that_has_no_conversions(string name, string text)
    {
        await using var app = await StartAsync(name);
        await SaveAsync(app, ConversionStore.Copy(DateTimeOffset.UtcNow));

        Assert.Empty(await RowsAsync(app, "/api/reports/sides?site=" + text));
        Assert.Empty(await RowsAsync(app, "/api/reports/sides?name=" + text));
        Assert.NotEmpty(await RowsAsync(app, "/api/reports/sides"));
    }

    [Fact]
    public async Task More_rows_than_an_answer_may_have_are_refused_with_what_to_do()
    {
        await using var app = await StartAsync("sqlite", new FakeTimeProvider(Events.Noon));
        await SaveAsync(app, [.. Enumerable.Range(0, 10_001).Select(i => ConversionStore.Copy(Events.Noon, id: null, site: $"site-{i}"))]);

        using var answer = await app.AdminAsync("/api/reports/sides");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("fewer days, one site", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Single(await RowsAsync(app, "/api/reports/sides?site=site-77"));
    }

    [Fact]
    public async Task Only_the_admin_may_ask()
    {
        await using var app = await StartAsync("sqlite");

        using var answer = await app.Client.GetAsync("/api/reports/sides");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_store_that_is_away_is_a_503_without_its_secrets()
    {
        await using var app = await PixelApp.StartAsync(postgres: "Host=127.0.0.1;Port=1;Username=pixel;Password=hunter2;Timeout=2");

        using var answer = await app.AdminAsync("/api/reports/sides");
        var body = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("store_away", JsonDocument.Parse(body).RootElement.GetProperty("code").GetString());
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.DoesNotContain("hunter2", body + app.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_that_takes_too_long_ends_with_what_to_do()
    {
        var clock = new FakeTimeProvider(Events.Noon);
        var endless = new Endless();
        await using var app = await PixelApp.StartAsync(clock: clock, replace: services => services.AddSingleton<ISides>(endless));

        var asked = app.AdminAsync("/api/reports/sides");
        await endless.Asked;
        clock.Advance(TimeSpan.FromSeconds(31));
        using var answer = await asked;

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("fewer days", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_report_that_nobody_waits_for_stops_in_the_store(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.SaveAsync([.. Enumerable.Range(0, 2_000).Select(i => ConversionStore.Copy(Events.Noon.AddSeconds(-i), id: $"{i}"))]);
        if (name == "postgresql")
        {
            // Each row takes a minute.
            await store.AskAsync("create or replace function conversion_began(began timestamptz, received_at timestamptz) returns timestamptz language sql as 'select case when pg_sleep(60) is not null then received_at end'");
        }
        else
        {
            // To know one name takes eight thousand million steps.
            await store.AskAsync("alter table conversion_names rename to names");
            await store.AskAsync("create view conversion_names as select n.site_id, n.name from names as n where (select count(*) from events as a, events as b, events as c where a.url || b.name || c.name || n.name is null) >= 0");
        }

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(1));

        var asking = store.Sides.AskAsync(new SidesQuestion(null, null, new DateOnly(2026, 11, 1), new DateOnly(2026, 11, 30)), 10, deadline.Token);

        await Assert.ThrowsAnyAsync<Exception>(() => asking.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(asking.IsCompleted, "the store still works");
    }

    private async Task<PixelApp> StartAsync(string name, FakeTimeProvider? clock = null)
    {
        var app = await PixelApp.StartAsync(postgres: name == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", clock: clock);
        await Eventually.TrueAsync(async () => (await app.AdminAsync("/api/reports/sides")).IsSuccessStatusCode, () => "the schema is there\n" + app.Output);
        return app;
    }

    // As another collector on the same store.
    private static async Task SaveAsync(PixelApp app, params Event[] events) =>
        await app.Services.GetRequiredService<IEventStore>().SaveAsync(Events.Batch(Guid.NewGuid(), 0, events), default);

    private static async Task<JsonElement[]> RowsAsync(PixelApp app, string address)
    {
        using var answer = await app.AdminAsync(address);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        return (await answer.Content.ReadFromJsonAsync<JsonElement[]>())!;
    }

    /// <summary>A store that is at it for ever.</summary>
    private sealed class Endless : ISides
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public async Task<IReadOnlyList<SidesRow>> AskAsync(SidesQuestion question, int limit, CancellationToken ct)
        {
            _asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, ct);
            return [];
        }
    }
}

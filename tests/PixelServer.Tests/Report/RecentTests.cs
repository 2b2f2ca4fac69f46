using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Report;

public sealed class RecentTests
{
    [Fact]
    public async Task The_first_event_is_seen_without_a_database_client()
    {
        await using var app = await PixelApp.StartAsync();
        await app.Client.GetAsync("/p.gif?u=user123&e=open");
        await app.Client.GetAsync("/p.gif?id=shop&e=purchase&v=59.90&cur=EUR");
        await app.StoredAsync(2);

        var events = await EventsAsync(app, "/api/events");

        Assert.Equal(["purchase", "open"], events.Select(one => one.GetProperty("name").GetString())); // newest first
        Assert.Equal("user123", events[1].GetProperty("user_id").GetString());
        Assert.Equal("purchase", Assert.Single(await EventsAsync(app, "/api/events?site=shop")).GetProperty("name").GetString());
        Assert.Single(await EventsAsync(app, "/api/events?limit=1"));
        Assert.Empty(await EventsAsync(app, "/api/events?site=nobody"));
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("limit=-1")]
    [InlineData("limit=ten")]
    [InlineData("limit=")]
    [InlineData("limit=99999999999999999999")]
    [InlineData("limit=1&limit=2")]
    [InlineData("site=")]
    [InlineData("site=0123456789012345678901234567890123456789012345678901234567890123456789")]
    public async Task A_wrong_parameter_is_named(string query)
    {
        await using var app = await PixelApp.StartAsync();

        using var answer = await app.AdminAsync("/api/events?" + query);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("invalid_parameter", problem.GetProperty("code").GetString());
        Assert.StartsWith(query[..query.IndexOf('=', StringComparison.Ordinal)], problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("' or 1=1 --")]
    [InlineData("%00")]
    [InlineData("%ff%fe")]
    [InlineData("%22%5c")]
    public async Task A_hostile_site_is_only_a_site_that_has_no_events(string site)
    {
        await using var app = await PixelApp.StartAsync();
        await app.Client.GetAsync("/p.gif");
        await app.StoredAsync(1);

        Assert.Empty(await EventsAsync(app, "/api/events?site=" + site));
    }

    [Fact]
    public async Task A_store_that_is_away_is_a_503_without_its_secrets()
    {
        // Nobody listens on port 1; the server starts all the same.
        await using var app = await PixelApp.StartAsync(postgres: "Host=127.0.0.1;Port=1;Username=pixel;Password=hunter2;Timeout=2");

        using var answer = await app.AdminAsync("/api/events");
        var body = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("store_away", JsonDocument.Parse(body).RootElement.GetProperty("code").GetString());
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.DoesNotContain("hunter2", body + app.Output, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await app.Client.GetAsync("/p.gif")).StatusCode);
        Assert.Equal("postgresql", app.Services.GetRequiredService<IEventStore>().Name);
    }

    private static async Task<JsonElement[]> EventsAsync(PixelApp app, string address)
    {
        using var answer = await app.AdminAsync(address);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        return (await answer.Content.ReadFromJsonAsync<JsonElement[]>())!;
    }
}

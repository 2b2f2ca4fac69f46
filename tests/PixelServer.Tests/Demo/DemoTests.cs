using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Demo;

/// <summary>The demo shop as a newcomer opens it: one command, one browser.</summary>
[Collection(nameof(Alone))]
public sealed class DemoTests(Chromium chromium) : IClassFixture<Chromium>
{
    [Fact]
    public async Task One_command_opens_a_shop_that_asks_first_and_then_shows_what_was_stored()
    {
        using var folder = new TempFolder();
        var (shop, server) = await OpenAsync(folder);
        using var running = server;
        await using var visitor = await chromium.VisitorAsync();
        var page = await visitor.NewPageAsync();
        List<string> sent = [], complaints = [];
        page.Request += (_, request) => { if (request.Method == "POST") lock (sent) sent.Add(request.Url); };
        page.Console += (_, message) => { if (message.Type is "error" or "warning") complaints.Add(message.Text); };
        page.PageError += (_, error) => complaints.Add(error);

        await page.GotoAsync(shop);
        await Assertions.Expect(page.Locator("#stored-state")).ToHaveTextAsync(new Regex("^Nothing yet"));
        await page.ClickAsync("text=Rain boots");
        await page.ClickAsync("#cart");
        await page.GoBackAsync();
        // Longer than an event waits for its neighbours: the browser's own clock, driven by the page.
        await page.EvaluateAsync("() => new Promise((done) => setTimeout(done, 1000))");
        Assert.Empty(sent);
        Assert.Empty(await visitor.CookiesAsync());
        Assert.Equal(0, await page.EvaluateAsync<int>("localStorage.length"));

        await page.ClickAsync("#agree");
        await page.ClickAsync("text=Rain boots");
        await page.ClickAsync("#buy");
        var events = await StoredAsync(page, shop, stored => stored.Any(one => Text(one, "name") == "Purchase"));

        var purchase = Assert.Single(events, one => Text(one, "name") is "Purchase" or "purchase" or "checkout" or "conversion" || Text(one, "name")!.StartsWith("tw-", StringComparison.Ordinal));
        Assert.StartsWith("order-", Text(purchase, "client_event_id"));
        Assert.Equal("meta", purchase["properties"]!["vendor"]!.ToString());
        Assert.Equal(["google", "linkedin", "meta", "pinterest", "reddit", "tiktok", "x"], purchase["properties"]!["vendors"]!.AsObject().Select(one => one.Key).Order());
        Assert.All(purchase["properties"]!["vendors"]!.AsObject(), one => Assert.Equal(Text(purchase, "client_event_id"), one.Value!.ToString()));
        Assert.Contains(events, one => Text(one, "name") == "AddToCart" && one["value"]!.GetValue<decimal>() == 59.9m);
        Assert.Contains(events, one => Text(one, "name") == "page_view" && Text(one, "path") == "/demo/boots");
        Assert.Single(events.Select(one => Text(one, "visitor_id")).Distinct());
        await Assertions.Expect(page.Locator("#stored summary", new() { HasTextRegex = new("^Purchase .*59.9 EUR") })).ToBeVisibleAsync();
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task The_demo_mail_is_an_open_and_a_click_until_it_is_withdrawn()
    {
        using var folder = new TempFolder();
        var (shop, server) = await OpenAsync(folder);
        using var running = server;
        await using var visitor = await chromium.VisitorAsync();
        var page = await visitor.NewPageAsync();

        await page.GotoAsync(shop + "mail");
        await StoredAsync(page, shop, stored => stored.Any(one => Text(one, "name") == "email_open"));
        await page.ClickAsync("text=rain boots");
        await Assertions.Expect(page).ToHaveTitleAsync("Rain boots – Juniper");
        await StoredAsync(page, shop, stored => stored.Any(one => Text(one, "name") == "email_click"));

        await page.GotoAsync(shop + "mail");
        await StoredAsync(page, shop, stored => stored.Count(one => Text(one, "name") == "email_open") == 2);
        await page.ClickAsync("text=Stop measuring");
        await page.GetByRole(AriaRole.Button).ClickAsync();
        await page.GotoAsync(shop + "mail", new() { WaitUntil = WaitUntilState.Load });
        await page.ClickAsync("text=rain boots"); // leads there all the same
        await Assertions.Expect(page).ToHaveTitleAsync("Rain boots – Juniper");

        await page.ClickAsync("#agree");
        var events = await StoredAsync(page, shop, stored => stored.Any(one => Text(one, "source") == "beacon"));
        Assert.Equal((2, 1), (events.Count(one => Text(one, "name") == "email_open"), events.Count(one => Text(one, "name") == "email_click")));
    }

    [Fact]
    public async Task The_demo_mail_signs_links_to_this_server_only_whatever_host_a_stranger_names()
    {
        using var folder = new TempFolder();
        var (shop, server) = await OpenAsync(folder);
        using var running = server;
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, shop + "mail") { Headers = { Host = "evil.example" } };
        using var answer = await http.SendAsync(request);
        var mail = await answer.Content.ReadAsStringAsync();
        Assert.DoesNotContain("evil.example", mail, StringComparison.Ordinal);

        using var click = await http.GetAsync(Regex.Match(mail, "href=\"(?<link>http[^\"]+/c/[^\"]+)\"").Groups["link"].Value);
        Assert.Equal(new Uri(shop + "boots"), click.Headers.Location);
    }

    [Fact]
    public async Task Without_the_verb_there_is_no_shop()
    {
        await using var app = await PixelApp.StartAsync();
        using var answer = await app.Client.GetAsync("/demo/");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, answer.StatusCode);
    }

    private static async Task<(string Shop, Executable Server)> OpenAsync(TempFolder folder)
    {
        var shop = $"http://localhost:{Ports.Free()}/demo/";
        var server = Executable.Start(folder.Path, "demo", $"--urls={shop[..^"/demo/".Length]}");
        await Eventually.TrueAsync(() => server.HasEnded || server.Out.Contains(shop, StringComparison.Ordinal), () => server.Out + server.Error);
        Assert.False(server.HasEnded, server.Out + server.Error);
        return (shop, server);
    }

    private static async Task<List<JsonNode>> StoredAsync(IPage page, string shop, Func<List<JsonNode>, bool> enough)
    {
        List<JsonNode> events = [];
        await Eventually.TrueAsync(async () =>
        {
            events = [.. JsonNode.Parse(await (await page.APIRequest.GetAsync(shop + "events")).TextAsync())!.AsArray().Select(one => one!)];
            return enough(events);
        }, () => string.Join('\n', events.Select(one => one.ToJsonString())));
        return events;
    }

    private static string? Text(JsonNode row, string column) => row[column]?.ToString();
}

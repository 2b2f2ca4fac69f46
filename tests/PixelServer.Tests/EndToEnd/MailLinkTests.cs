using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using MimeKit;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// A whole mail, made by a sender with the server's links, sent over the wire format, shown by a real browser as a web mail shows it, and
/// its links clicked: the server at <c>t.shop.localhost</c>, the shop at <c>shop.localhost</c>, the web mail at <c>mail.localhost</c>.
/// </summary>
[Collection(nameof(Alone))]
public sealed class MailLinkTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>, IAsyncLifetime
{
    private readonly Pages _pages = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });

    public async ValueTask InitializeAsync() => await _pages.StartAsync();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _pages.DisposeAsync();
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task A_reader_opens_a_mail_follows_its_links_and_withdraws_with_the_button(string store)
    {
        await using var server = await StartAsync(store);
        await using var reader = await chromium.VisitorAsync();
        var page = await reader.NewPageAsync();
        _pages["/boots"] = "<h1>Boots</h1>";
        _pages["/mail"] = Received(await MailAsync(server, "4711")).HtmlBody!;

        var image = page.WaitForResponseAsync(answer => answer.Url.EndsWith(".gif", StringComparison.Ordinal));
        await page.GotoAsync(WebMail);
        Assert.Equal((200, "image/gif"), ((await image).Status, (await image).Headers["content-type"]));
        Assert.Equal(1, await page.Locator("img").EvaluateAsync<int>("image => image.naturalWidth")); // drawn, not broken
        await server.EventsAsync(1);

        await page.GetByText("Boots in blue").ClickAsync();
        await page.WaitForURLAsync(Shop("/boots?color=blue&utm_source=mail"));
        Assert.Equal("Boots", await page.Locator("h1").TextContentAsync());
        Assert.Equal("", await page.EvaluateAsync<string>("document.referrer")); // the shop does not get to see the token
        var events = await server.EventsAsync(2);
        Assert.Equal([("email", "email_open", "4711"), ("click", "email_click", "4711")],
            events.Select(row => (row["source"]!.ToString(), row["name"]!.ToString(), row["user_id"]!.ToString())));
        Assert.Equal((Shop("/boots?color=blue&utm_source=mail"), "mail", "human", 1),
            (events[1]["url"]!.ToString(), events[1]["utm_source"]!.ToString(), events[1]["traffic"]!.ToString(), (int)events[1]["properties"]!["link_index"]!));
        Assert.Equal("human", events[0]["traffic"]!.ToString());
        Assert.Empty(await reader.CookiesAsync());

        await page.GotoAsync(WebMail);
        await server.EventsAsync(3);
        await page.GetByText("No measuring, please").ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Stop measuring my mails" }).WaitForAsync();
        var button = page.GetByRole(AriaRole.Button);
        await page.Keyboard.PressAsync("Tab");
        Assert.True(await button.EvaluateAsync<bool>("button => button === document.activeElement")); // the only thing to reach by keyboard
        await server.EventsAsync(3); // looking did nothing
        await page.Keyboard.PressAsync("Enter");
        await page.GetByRole(AriaRole.Heading, new() { Name = "Done" }).WaitForAsync();
        Assert.Equal("email_withdrawn", (await server.EventsAsync(4))[3]["name"]!.ToString());

        // The same old mail again: it is shown and its links lead on, and nothing is recorded.
        await page.GotoAsync(WebMail);
        await page.GetByText("Boots in red").ClickAsync();
        await page.WaitForURLAsync(Shop("/boots?color=red"));
        Assert.Equal(4, (await server.Process.MetricsAsync())["pixel_events_received_total"]);
    }

    [Fact]
    public async Task A_mail_service_withdraws_by_the_headers_of_the_mail()
    {
        await using var server = await StartAsync("sqlite");
        var mail = Received(await MailAsync(server, "4711"));
        Assert.Equal("List-Unsubscribe=One-Click", mail.Headers["List-Unsubscribe-Post"]);
        var address = mail.Headers["List-Unsubscribe"]!.Split(',')[0].Trim().Trim('<', '>');

        using var body = new StringContent(mail.Headers["List-Unsubscribe-Post"]!, Encoding.ASCII, "application/x-www-form-urlencoded");
        using var answer = await _http.PostAsync(new Uri(address.Replace("t.shop.localhost", "127.0.0.1", StringComparison.Ordinal)), body);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        await using var reader = await chromium.VisitorAsync();
        var page = await reader.NewPageAsync();
        _pages["/mail"] = mail.HtmlBody!;
        await page.GotoAsync(WebMail);
        Assert.Equal("email_withdrawn", (await server.EventsAsync(1))[0]["name"]!.ToString());
    }

    // What the policy forbids shows as a message in the console; a style that does not apply shows as a plain button.
    [Theory]
    [InlineData(ColorScheme.Light, 320)]
    [InlineData(ColorScheme.Dark, 320)]
    [InlineData(ColorScheme.Light, 1280)]
    [InlineData(ColorScheme.Dark, 1280)]
    public async Task The_page_can_be_read_light_and_dark_narrow_and_wide_under_its_own_policy(ColorScheme scheme, int width)
    {
        await using var server = await StartAsync("sqlite");
        await using var reader = await chromium.VisitorAsync();
        var page = await reader.NewPageAsync();
        var complaints = new List<string>();
        page.Console += (_, message) => complaints.Add(message.Text);
        await page.EmulateMediaAsync(new() { ColorScheme = scheme });
        await page.SetViewportSizeAsync(width, 640);

        await page.GotoAsync((await LinksAsync(server, "4711"))["withdraw"]!.ToString());

        Assert.Empty(complaints);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "it has to be scrolled sideways");
        var box = (await page.GetByRole(AriaRole.Button).BoundingBoxAsync())!;
        Assert.True(box.Height >= 44 && box.Width >= 44, $"the button is {box.Width} by {box.Height}"); // WCAG 2.2, 2.5.5
        Assert.InRange(box.X, 0, width - box.Width);
        foreach (var element in (string[])["h1", "p", "button"])
            Assert.True(await page.Locator(element).EvaluateAsync<double>(Contrast) >= 4.5, $"{element} does not stand out"); // WCAG 2.2, 1.4.3
    }

    // By the formula of WCAG 2.2 (relative luminance), against the nearest ancestor that has a background.
    private const string Contrast =
        """
        element => {
          const rgb = text => text.match(/[\d.]+/g).map(Number);
          const luminance = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
          let behind = element;
          while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
          const [a, b] = [luminance(rgb(getComputedStyle(element).color)), luminance(rgb(getComputedStyle(behind).backgroundColor))];
          return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        }
        """;

    private string WebMail => $"http://mail.localhost:{_pages.Port}/mail";

    private string Shop(string path) => $"http://shop.localhost:{_pages.Port}{path}";

    private Task<LiveServer> StartAsync(string store) => LiveServer.StartAsync(store, postgres, "--Pixel:Mail:AllowPrivateTargets=true");

    private async Task<JsonNode> LinksAsync(LiveServer server, string recipient)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Process.Address, "/api/mail/links"))
        {
            Content = new StringContent(
                $$"""{"site_id":"shop","message_id":"autumn-2026","recipient_id":"{{recipient}}","campaign":"autumn","links":["{{Shop("/boots?color=red")}}","{{Shop("/boots?color=blue&utm_source=mail")}}"]}"""),
        };
        request.Headers.Authorization = new("Bearer", "end-to-end-tests");
        request.Headers.Host = $"t.shop.localhost:{server.Port}";
        using var answer = await _http.SendAsync(request);
        return JsonNode.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
    }

    private async Task<MimeMessage> MailAsync(LiveServer server, string recipient)
    {
        var links = await LinksAsync(server, recipient);
        var mail = new MimeMessage(
            [new MailboxAddress("Shop", "letters@shop.example")], [new MailboxAddress("Reader", "reader@mail.example")], "Herbst – jetzt 20 % günstiger",
            new BodyBuilder
            {
                TextBody = $"Die neuen Stiefel sind da: {links["links"]![0]!["tracked"]}",
                HtmlBody = $"""
                    <html><body><p>Die neuen Stiefel sind da. 👢 <a href="{links["links"]![0]!["tracked"]}">Boots in red</a> <a href="{links["links"]![1]!["tracked"]}">Boots in blue</a></p>
                    <p><a href="{links["withdraw"]}">No measuring, please</a></p><img src="{links["open"]}" width="1" height="1" alt=""></body></html>
                    """,
            }.ToMessageBody());
        mail.Headers.Add("List-Unsubscribe", $"<{links["withdraw"]}>, <mailto:leave@shop.example>");
        mail.Headers.Add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        return mail;
    }

    /// <summary>Through the wire format and back: folded headers, transfer encoding, soft line breaks and all.</summary>
    private static MimeMessage Received(MimeMessage sent)
    {
        using var wire = new MemoryStream();
        sent.WriteTo(wire);
        wire.Position = 0;
        return MimeMessage.Load(wire);
    }
}

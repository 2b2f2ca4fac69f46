using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>A sender: asks a server for the addresses of mails, and tells it what recipients decided.</summary>
internal static class Mailing
{
    /// <summary>The addresses of one mail to one recipient, as paths.</summary>
    public static async Task<MailPaths> LinksAsync(
        this PixelApp app, string recipient = "4711", string site = "shop", string message = "autumn-2026", string? more = null, params string[] links)
    {
        if (links.Length == 0) links = ["https://shop.example/boots?size=42&utm_source=mail", "https://shop.example/scarf"];
        var answer = await app.PostJsonAsync("/api/mail/links",
            $$"""{"site_id":"{{site}}","message_id":"{{message}}","recipient_id":"{{recipient}}","campaign":"autumn","links":["{{string.Join("\",\"", links)}}"]{{more}}}""");
        var json = JsonNode.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
        return new(Path(json["open"]), Path(json["withdraw"]), [.. json["links"]!.AsArray().Select(link => Path(link!["tracked"]))], json["trap"] is { } trap ? Path(trap) : null);

        static string Path(JsonNode? address) => new Uri(address!.ToString()).AbsolutePath;
    }

    public static async Task<HttpResponseMessage> PostJsonAsync(this PixelApp app, string path, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new("Bearer", PixelApp.Token);
        return await app.Client.SendAsync(request);
    }

    public static async Task DecideAsync(this PixelApp app, string recipient, bool tracking, string site = "shop") => Assert.Equal(HttpStatusCode.NoContent,
        (await app.PostJsonAsync("/api/mail/recipients", $$"""{"site_id":"{{site}}","recipient_id":"{{recipient}}","tracking":{{(tracking ? "true" : "false")}}}""")).StatusCode);

    /// <summary>As a mail service sends it on one click (RFC 8058).</summary>
    public static async Task<HttpResponseMessage> OneClickAsync(this PixelApp app, string path) =>
        await app.Client.PostAsync(path, new FormUrlEncodedContent([new("List-Unsubscribe", "One-Click")]));

    /// <summary>A token of the server's own, of whatever the test needs it to say.</summary>
    public static string Sign(this PixelApp app, MailDoor door, MailToken token)
    {
        var (id, secret) = app.Services.GetRequiredService<MailKeys>().Current;
        return token.Sign(door, id, secret);
    }

    public static async Task<HttpResponseMessage> GetAsync(this PixelApp app, string path, string userAgent = EndToEnd.Chromium.UserAgent, string method = "GET")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        return await app.Client.SendAsync(request);
    }

    /// <summary>The whole answer as bytes, to a request as it stands.</summary>
    public static async Task<string> RawAsync(this PixelApp app, string request, bool hangUp = false)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, app.Address.Port, deadline.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), deadline.Token);
        if (hangUp) client.Client.Shutdown(SocketShutdown.Send);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, deadline.Token);
        }
        catch (IOException)
        {
            // A server that refuses early closes while we still send: what it said before counts.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>Everything stored so far, in order of arrival.</summary>
    public static async Task<IReadOnlyList<JsonNode>> EventsAsync(this PixelApp app, int count)
    {
        if (count == 0)
        {
            Assert.Equal(0, app.Ledger.Read().Received); // counted before its answer, so that there is nothing to wait for
            return [];
        }

        await app.StoredAsync(count);
        var answer = await app.AdminAsync("/api/events?limit=1000");
        JsonNode[] events = [.. JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Reverse()!];
        Assert.Equal(count, events.Length);
        return events;
    }
}

/// <summary>What stands in a mail, without scheme and host.</summary>
internal sealed record MailPaths(string Open, string Withdraw, IReadOnlyList<string> Clicks, string? Trap);

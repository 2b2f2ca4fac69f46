using System.Text.RegularExpressions;
using MimeKit;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A mail as it is sent, and its image as the mail services and programs of docs/traffic.md fetch it.</summary>
public sealed partial class MailTests(SharedPostgres postgres)
{
    private static readonly (string Name, string UserAgent, string Traffic, string Reasons)[] s_readers =
    [
        ("Apple Mail privacy protection", "Mozilla/5.0", "machine_open", """["apple_mail_privacy"]"""),
        ("Gmail's image proxy", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "proxy_open", """["gmail_image_proxy"]"""),
        ("Gmail fetching ahead",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
            "machine_open", """["gmail_prefetch"]"""),
        ("Yahoo's image proxy", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "proxy_open", """["yahoo_mail_proxy"]"""),
        ("Outlook", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; Microsoft Outlook 16.0.18526; ms-office; MSOffice 16)", "human", "[]"),
        ("a phone", "Mozilla/5.0 (Linux; Android 15; SM-S928B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/147.0.0.0 Mobile Safari/537.36", "human", "[]"),
    ];

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Six_readers_of_one_mail_are_six_rows_with_the_right_labels(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres);
        var image = ImageOf(Received(Mail($"{server.Process.Address}p.gif?id=letters&e=email_open&u=reader-12&campaign=autumn%20%26%20winter&mid=m-2026-11")));
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });

        for (var reader = 0; reader < s_readers.Length; reader++)
        {
            using var fetch = new HttpRequestMessage(HttpMethod.Get, image);
            fetch.Headers.TryAddWithoutValidation("User-Agent", s_readers[reader].UserAgent);
            using var answer = await http.SendAsync(fetch);
            Assert.Equal(43, (await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync()).Length);
            await server.EventsAsync(reader + 1); // one after the other: the order of the rows tells whose they are
        }

        var events = await server.EventsAsync(s_readers.Length);
        Assert.All(s_readers.Zip(events), pair =>
        {
            var (reader, row) = pair;
            Assert.Equal((reader.Name, reader.Traffic, reader.Reasons), (reader.Name, row["traffic"]!.ToString(), row["traffic_reasons"]!.ToJsonString()));
            Assert.Equal((reader.UserAgent, "letters", "email_open", "reader-12"),
                (row["user_agent"]!.ToString(), row["site_id"]!.ToString(), row["name"]!.ToString(), row["user_id"]!.ToString()));
            Assert.Equal(("autumn & winter", "m-2026-11"), (row["properties"]!["campaign"]!.ToString(), row["properties"]!["mid"]!.ToString()));
        });
    }

    private static MimeMessage Mail(string image) => new(
        [new MailboxAddress("Shop", "letters@shop.example")], [new MailboxAddress("Reader", "reader@mail.example")], "Herbst – jetzt 20 % günstiger",
        new BodyBuilder
        {
            TextBody = "Hallo, die neuen Stiefel sind da.",
            HtmlBody = $"""<html><body><p>Hallo, die neuen Stiefel sind da. 👢</p><img src="{image.Replace("&", "&amp;", StringComparison.Ordinal)}" width="1" height="1" alt=""></body></html>""",
        }.ToMessageBody());

    /// <summary>Through the wire format and back: transfer encoding, soft line breaks and all.</summary>
    private static MimeMessage Received(MimeMessage sent)
    {
        using var wire = new MemoryStream();
        sent.WriteTo(wire);
        wire.Position = 0;
        var received = MimeMessage.Load(wire);
        Assert.IsType<MultipartAlternative>(received.Body);
        return received;
    }

    private static Uri ImageOf(MimeMessage mail) =>
        new(System.Net.WebUtility.HtmlDecode(Image().Match(mail.HtmlBody!).Groups["address"].Value));

    [GeneratedRegex("<img src=\"(?<address>[^\"]+)\"")]
    private static partial Regex Image();
}

using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public class BotsTests
{
    private static readonly Enricher Enricher = new(new EnrichOptions());

    private static string Reason(string userAgent) => string.Join(' ', Enricher.Enrich(SomeHit.With(userAgent: userAgent)).TrafficReasons);

    [Theory]
    [InlineData("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot_word")]
    [InlineData("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot_word")]
    [InlineData("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "bot_word")]
    [InlineData("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "bot_word")]
    [InlineData("Screaming Frog SEO Spider/20.1", "bot_word")]
    [InlineData("Some_Robots of mine", "bot_word")]
    [InlineData("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; Google-InspectionTool/1.0)", "bot_list")]
    [InlineData("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "bot_list")]
    [InlineData("WhatsApp/2.24.20.89 A", "bot_list")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 DatadogSynthetics", "bot_list")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36", "automation")]
    [InlineData("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", "automation")]
    [InlineData("curl/8.5.0", "http_library")]
    [InlineData("python-requests/2.32.3", "http_library")]
    [InlineData("Go-http-client/2.0", "http_library")]
    [InlineData("okhttp/4.12.0", "http_library")]
    [InlineData("Barracuda Sentinel (EE)", "mail_scanner")]
    [InlineData("Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b", "mail_scanner")]
    [InlineData("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "mail_scanner")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 (+https://nobody.test)", "bot_address")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 (ask me@nobody.test)", "bot_address")]
    [InlineData("Mozilla/5.0 (compatible; NobodyKnows/1.0) Chrome/142.0.0.0", "bot_compatible")]
    [InlineData("ApacheBench/2.3", "not_a_browser")]
    [InlineData("Java/21.0.2", "not_a_browser")]
    [InlineData("-", "not_a_browser")]
    [InlineData("' OR 1=1 --", "not_a_browser")]
    public void Programs_are_told_by_a_name_a_word_an_address_or_by_being_no_browser(string userAgent, string reason) =>
        Assert.Equal(reason, Reason(userAgent));

    [Theory]
    [InlineData("Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36")] // a phone
    [InlineData("Mozilla/5.0 (Linux; Android 13; Bottega 5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36")]
    [InlineData("Mozilla/5.0 (Linux; Viera; Panasonic) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0 Safari/537.36")] // not "Sonic/"
    [InlineData("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36 (Ecosia android@150.0.0.0)")]
    [InlineData("Mozilla/5.0 (Linux; Android 16; Pixel 10 Pro Build/CP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/146.0.7680.174 Mobile Safari/537.36 MetaIAB Facebook")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.115.0 Chrome/142.0.7444.265 Electron/39.8.5 Safari/537.36")]
    [InlineData("MyNewsApp/5 CFNetwork/1568.100.1 Darwin/24.0.0")]
    [InlineData("Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.13")]
    public void What_people_use_is_no_bot(string userAgent) => Assert.Equal("", Reason(userAgent));

    [Fact]
    public void The_list_names_its_source_licence_and_date_first()
    {
        using var reader = new StreamReader(typeof(Bots).Assembly.GetManifestResourceStream(Bots.ListName)!);
        var first = reader.ReadLine()!;
        Assert.Contains("crawler-user-agents", first, StringComparison.Ordinal);
        Assert.Contains("MIT licence", first, StringComparison.Ordinal);
        Assert.Matches(@"\d{4}-\d\d-\d\d\.$", first);
        Assert.Contains("Permission is hereby granted", reader.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_list_is_well_formed()
    {
        var sections = Bots.ReadList();
        Assert.Equal(["automation", "bot_list", "http_library", "mail_scanner"], sections.Select(s => s.Key).Order());
        var tokens = sections.SelectMany(s => s).ToList();
        Assert.True(tokens.Count > 700);
        Assert.Empty(tokens.GroupBy(t => t).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.All(tokens, token =>
        {
            Assert.Equal(token.Trim(), token);
            Assert.InRange(token.TrimStart('^').Length, 3, 64);
            Assert.True(System.Text.Ascii.IsValid(token));
            Assert.DoesNotContain('^', token[1..]);
            Assert.DoesNotMatch(@"\\", token); // no rest of a regular expression
        });
    }

    /// <summary>A token that is part of ordinary browsers' user agents would turn people into bots.</summary>
    [Fact]
    public void No_token_is_a_word_that_browsers_say()
    {
        const string Ordinary = "^Mozilla/5.0 Opera/9.80 (Windows NT 10.0; Win64; x64; WOW64; rv:145.0) (Macintosh; Intel Mac OS X 10_15_7) (X11; Ubuntu; Linux x86_64) "
            + "(iPhone; CPU iPhone OS 18_1 like Mac OS X) (iPad; Android 10; K; Mobile; Tablet; wv) AppleWebKit/537.36 (KHTML, like Gecko) Gecko/20100101 "
            + "Version/18.1 Chrome/142.0.0.0 Firefox/145.0 Safari/604.1 Mobile/15E148 Edg/142 OPR/124 SamsungBrowser/28.0 CriOS/142 FxiOS/145 Trident/7.0 "
            + "MSIE 9.0 Instagram FBAN/FBIOS FB_IAB/FB4A FBAV/490 MicroMessenger/8.0 Line/14 GSA/390 BytedanceWebview/d8a21c6 Pinterest Snapchat Thunderbird/128";
        Assert.DoesNotContain(Bots.ReadList().SelectMany(s => s), token => Ordinary.Contains(token, StringComparison.Ordinal));
    }
}

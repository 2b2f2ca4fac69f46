using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public class UserAgentTests
{
    private static readonly Enricher Enricher = new(new EnrichOptions());

    private const string Chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 ";
    private const string Windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) ";
    private const string Mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ";
    private const string Android = "Mozilla/5.0 (Linux; Android 10; K) ";
    private const string IPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ";

    [Theory]
    // The large ones.
    [InlineData(Windows + Chrome + "Safari/537.36", "Chrome", "Windows", "desktop")]
    [InlineData(Android + Chrome + "Mobile Safari/537.36", "Chrome", "Android", "mobile")]
    [InlineData(Android + Chrome + "Safari/537.36", "Chrome", "Android", "tablet")]
    [InlineData("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + Chrome + "Safari/537.36", "Chrome", "ChromeOS", "desktop")]
    [InlineData(IPhone + "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1", "Chrome", "iOS", "mobile")]
    [InlineData(Mac + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "Safari", "macOS", "desktop")] // or an iPad
    [InlineData(IPhone + "Version/18.1 Mobile/15E148 Safari/604.1", "Safari", "iOS", "mobile")]
    [InlineData("Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Safari", "iOS", "tablet")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Windows", "desktop")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Linux", "desktop")]
    [InlineData("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android", "mobile")]
    [InlineData("Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox", "Android", "tablet")]
    [InlineData(IPhone + "FxiOS/145.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", "mobile")]
    [InlineData(Windows + Chrome + "Safari/537.36 Edg/142.0.0.0", "Edge", "Windows", "desktop")]
    [InlineData(Android + Chrome + "Mobile Safari/537.36 EdgA/142.0.0.0", "Edge", "Android", "mobile")]
    [InlineData(IPhone + "Version/18.0 EdgiOS/142.0.0.0 Mobile/15E148 Safari/604.1", "Edge", "iOS", "mobile")]
    [InlineData(Windows + "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763", "Edge", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "Safari/537.36 OPR/124.0.0.0", "Opera", "Windows", "desktop")]
    [InlineData("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS; Opera Mobi/23.348; U; en) Presto/2.5.25 Version/10.54", "Opera", "Feature phone", "mobile")]
    [InlineData("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet", "Android", "mobile")]
    // The smaller ones.
    [InlineData(Windows + Chrome + "Safari/537.36 Vivaldi/7.6", "Vivaldi", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "YaBrowser/25.10.0.0 Safari/537.36", "Yandex Browser", "Windows", "desktop")]
    [InlineData(Mac + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15 Ddg/18.1", "DuckDuckGo", "macOS", "desktop")]
    [InlineData(Android + "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile DuckDuckGo/5 Safari/537.36", "DuckDuckGo", "Android", "mobile")]
    [InlineData("Mozilla/5.0 (Linux; U; Android 12; en-US; M2004J19C) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.5.0.1316 Mobile Safari/537.36", "UC Browser", "Android", "mobile")]
    [InlineData("Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/130.2.1 like Chrome/130.0.6723.102 Safari/537.36", "Silk", "Android", "tablet")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "Windows", "desktop")]
    [InlineData("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0; Tablet PC 2.0)", "Internet Explorer", "Windows", "desktop")]
    [InlineData("Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; Galaxy S II) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30", "Android Browser", "Android", "mobile")]
    // Apps that show pages.
    [InlineData(IPhone + "Mobile/22B83 Instagram 356.0.0.31.107 (iPhone15,3; iOS 18_1; en_US; en; scale=3.00; 1290x2796; 662944209; IABMV/1)", "Instagram", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/21F79 Instagram 330.0.3.29.91 (iPhone14,3; iOS 17_5; en_IR@calendar=gregorian; en)", "Instagram", "iOS", "mobile")]
    [InlineData("Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/490.0.0.63.82;]", "Facebook", "Android", "mobile")]
    [InlineData(IPhone + "Mobile/15E148 [FBAN/FBIOS;FBAV/490.0;FBBV/1;FBDV/iPhone15,3;FBMD/iPhone]", "Facebook", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/15E148 [FBAN/MessengerForiOS;FBAV/480.0;FBBV/1]", "Messenger", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/15E148 musical_ly_36.5.0 BytedanceWebview/d8a21c6", "TikTok", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/15E148 MicroMessenger/8.0.54(0x18003626) NetType/WIFI Language/zh_CN", "WeChat", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/15E148 Safari Line/14.18.0", "LINE", "iOS", "mobile")]
    [InlineData(IPhone + "GSA/390.0.826098797 Mobile/15E148 Safari/604.1", "Google App", "iOS", "mobile")]
    [InlineData(IPhone + "Mobile/15E148", "iOS WebView", "iOS", "mobile")]
    [InlineData("Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36", "Android WebView", "Android", "mobile")]
    [InlineData(Windows + "AppleWebKit/537.36 (KHTML, like Gecko) Slack/4.4.2 Chrome/78.0.3904.130 Electron/7.2.1 Safari/537.36", "Electron", "Windows", "desktop")]
    // Mail programs.
    [InlineData(Mac + "AppleWebKit/605.1.15 (KHTML, like Gecko)", "Apple Mail", "macOS", "desktop")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0", "Thunderbird", "Linux", "desktop")]
    [InlineData("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "Outlook", "Windows", "desktop")]
    [InlineData("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; .NET4.0C; Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)", "Outlook", "Windows", "desktop")]
    [InlineData("Outlook-iOS/709.2226530.prod.iphone (3.24.1)", "Outlook", "iOS", "mobile")]
    // Televisions and consoles.
    [InlineData("Mozilla/5.0 (SMART-TV; LINUX; Tizen 8.0) AppleWebKit/537.36 (KHTML, like Gecko) 108.0.5359.1/8.0 TV Safari/537.36", "Samsung Internet", "Tizen", "tv")]
    [InlineData("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.211 Safari/537.36 WebAppManager", "Chrome", "webOS", "tv")]
    [InlineData("Mozilla/5.0 (Linux; Android 9; AFTSSS Build/PS7; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/118.0.0.0 Mobile Safari/537.36", "Android WebView", "Android", "tv")]
    [InlineData("Mozilla/5.0 (PlayStation; PlayStation 5/10.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15", "PlayStation", "PlayStation", "tv")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/48.0 Safari/537.36 Edge/44.18363", "Edge", "Xbox", "tv")]
    [InlineData("Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.3.15.3 NintendoBrowser/5.1.0.22023", "Nintendo", "Nintendo", "tv")]
    public void Browser_system_and_device_are_families_of_the_user_agent(string userAgent, string browser, string os, string device)
    {
        var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent));
        Assert.Equal((browser, os, device, Traffic.Human), (e.Browser, e.Os, e.Device, e.Traffic));
        Assert.Empty(e.TrafficReasons);
    }

    private const string Grease = "\"Not A(Brand\";v=\"8\", \"Chromium\";v=\"142\", ";

    [Theory]
    [InlineData(Windows + Chrome + "Safari/537.36", Grease + "\"Brave\";v=\"142\"", "?0", "\"Windows\"", "Brave", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "Safari/537.36", Grease + "\"Vivaldi\";v=\"7.6\"", "?0", "\"Windows\"", "Vivaldi", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "Safari/537.36", Grease + "\"Google Chrome\";v=\"142\"", "?0", "\"Windows\"", "Chrome", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "Safari/537.36", "\"Chromium\";v=\"142\", \"Not;A=Brand\";v=\"24\"", "?0", "\"Windows\"", "Chromium", "Windows", "desktop")]
    [InlineData(Windows + Chrome + "Safari/537.36", "\"Nobody Knows\";v=\"1\"", "?0", "\"Unknown\"", "Chrome", "Windows", "desktop")] // GREASE alone says nothing
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) " + Chrome + "Safari/537.36", "", "?0", "\"Chrome OS\"", "Chrome", "ChromeOS", "desktop")]
    [InlineData(Android + Chrome + "Mobile Safari/537.36", Grease + "\"Google Chrome\";v=\"142\"", "?0", "\"Android\"", "Chrome", "Android", "tablet")]
    [InlineData(Android + Chrome + "Safari/537.36", Grease + "\"Google Chrome\";v=\"142\"", "?1", "\"Android\"", "Chrome", "Android", "mobile")]
    [InlineData(Android + Chrome + "Mobile Safari/537.36", Grease + "\"Android WebView\";v=\"142\"", "?1", "\"Android\"", "Android WebView", "Android", "mobile")]
    [InlineData(Android + Chrome + "Mobile Safari/537.36 [FB_IAB/FB4A;]", Grease + "\"Android WebView\";v=\"142\"", "?1", "\"Android\"", "Facebook", "Android", "mobile")]
    [InlineData("Mozilla/5.0 (Web0S; Linux/SmartTV) " + Chrome + "Safari/537.36", Grease + "\"Google Chrome\";v=\"142\"", "?0", "\"Linux\"", "Chrome", "webOS", "tv")]
    [InlineData(Windows + Chrome + "Safari/537.36", "rubbish", "1", "Windows Vista", "Chrome", "Windows", "desktop")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", Grease + "\"Google Chrome\";v=\"142\"", "?1", "\"Android\"", "Firefox", "Linux", "desktop")]
    public void Client_hints_win_where_they_are_present_and_make_sense(
        string userAgent, string brands, string mobile, string platform, string browser, string os, string device)
    {
        var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent, brands: brands, mobile: mobile, platform: platform));
        Assert.Equal((browser, os, device), (e.Browser, e.Os, e.Device));
    }

    [Fact]
    public void Apple_Mail_on_a_phone_is_told_from_an_apps_web_view_by_the_door()
    {
        Assert.Equal("Apple Mail", Enricher.Enrich(SomeHit.With(userAgent: IPhone + "Mobile/15E148", source: Source.Email)).Browser);
        Assert.Equal("iOS WebView", Enricher.Enrich(SomeHit.With(userAgent: IPhone + "Mobile/15E148", source: Source.Pixel)).Browser);
    }

    [Fact]
    public void What_no_user_agent_says_is_unknown()
    {
        var e = Enricher.Enrich(SomeHit.With(userAgent: null));
        Assert.Equal((null, null, null), (e.Browser, e.Os, e.Device));
    }
}

using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public class TrafficTests
{
    private static readonly Enricher Enricher = new(new EnrichOptions());

    private const string Phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
    private const string GmailAhead =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";
    private const string GmailProxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    private const string YahooProxy = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html";
    private const string Outlook = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)";

    [Theory]
    [InlineData("Mozilla/5.0", "machine_open", "apple_mail_privacy")]
    [InlineData(GmailAhead, "machine_open", "gmail_prefetch")]
    [InlineData(GmailProxy, "proxy_open", "gmail_image_proxy")]
    [InlineData(YahooProxy, "proxy_open", "yahoo_mail_proxy")]
    [InlineData(Outlook, "human", "")]
    [InlineData(Phone, "human", "")]
    public void The_six_fetchers_of_a_mail_get_their_labels_from_whatever_door(string userAgent, string label, string reasons)
    {
        foreach (var source in Enum.GetValues<Source>())
        {
            var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent, source: source));
            Assert.Equal((label, reasons), (Names.Of(e.Traffic), string.Join(' ', e.TrafficReasons)));
        }
    }

    [Theory]
    [InlineData("Mozilla/5.0")]
    [InlineData(GmailAhead)]
    [InlineData(GmailProxy)]
    [InlineData(YahooProxy)]
    public void A_mail_services_machine_says_nothing_about_the_reader(string userAgent)
    {
        var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent, proxyCountry: "US"));
        Assert.Equal((null, null, null, null), (e.Browser, e.Os, e.Device, e.Country));
    }

    [Theory]
    [InlineData("Mozilla/5.0 ", "machine_open")]
    [InlineData("mozilla/5.0", "bot")]
    [InlineData("Mozilla/5.0 (X)", "bot")]
    [InlineData("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246", "human")]
    public void The_exact_strings_are_exact(string userAgent, string label) =>
        Assert.Equal(label, Names.Of(Enricher.Enrich(SomeHit.With(userAgent: userAgent)).Traffic));

    [Theory]
    [InlineData("prefetch", true)]
    [InlineData("Prefetch", true)]
    [InlineData("prefetch;prerender", true)]
    [InlineData("prefetch;anonymous-client-ip", true)]
    [InlineData("prefetch, x", true)]
    [InlineData("preview", true)]
    [InlineData("", false)]
    [InlineData("prefetched", false)]
    [InlineData("navigate", false)]
    public void A_purpose_header_of_prefetch_or_preview_is_a_prefetch(string purpose, bool prefetch)
    {
        var e = Enricher.Enrich(SomeHit.With(purpose: purpose));
        Assert.Equal(prefetch ? Traffic.Prefetch : Traffic.Human, e.Traffic);
        Assert.Equal(prefetch ? ["prefetch_header"] : [], e.TrafficReasons);
    }

    [Theory]
    [InlineData("image", "no-cors", nameof(Source.Pixel), "human", "")]
    [InlineData("empty", "cors", nameof(Source.Beacon), "human", "")]
    [InlineData("document", "navigate", nameof(Source.Click), "human", "")]
    [InlineData("iframe", "navigate", nameof(Source.Pixel), "human", "")]
    [InlineData(null, "navigate", nameof(Source.Pixel), "human", "")]
    [InlineData("image", null, nameof(Source.Pixel), "human", "")]
    [InlineData("something", "navigate", nameof(Source.Pixel), "human", "")]
    [InlineData("image", "navigate", nameof(Source.Pixel), "bot", "fetch_metadata")]
    [InlineData("empty", "navigate", nameof(Source.Beacon), "bot", "fetch_metadata")]
    [InlineData("document", "no-cors", nameof(Source.Click), "bot", "fetch_metadata")]
    [InlineData("document", "navigate", nameof(Source.Pixel), "unknown", "opened_as_page")]
    [InlineData("document", "navigate", nameof(Source.Email), "unknown", "opened_as_page")]
    public void Fetch_metadata_is_judged_where_both_halves_are_known(string? dest, string? mode, string door, string label, string reason)
    {
        var e = Enricher.Enrich(SomeHit.With(fetchDest: dest, fetchMode: mode, source: Enum.Parse<Source>(door)));
        Assert.Equal((label, reason), (Names.Of(e.Traffic), string.Join(' ', e.TrafficReasons)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    public void No_user_agent_is_unknown(string? userAgent)
    {
        var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent));
        Assert.Equal(Traffic.Unknown, e.Traffic);
        Assert.Equal(["no_user_agent"], e.TrafficReasons);
    }

    [Fact]
    public void Two_reasons_stand_with_the_stronger_first_and_it_gives_the_label()
    {
        var ahead = Enricher.Enrich(SomeHit.With(userAgent: "Googlebot/2.1", purpose: "prefetch"));
        Assert.Equal(Traffic.Prefetch, ahead.Traffic);
        Assert.Equal(["prefetch_header", "bot_word"], ahead.TrafficReasons);

        var contradiction = Enricher.Enrich(SomeHit.With(userAgent: "", fetchDest: "image", fetchMode: "navigate"));
        Assert.Equal(Traffic.Bot, contradiction.Traffic);
        Assert.Equal(["fetch_metadata", "no_user_agent"], contradiction.TrafficReasons);

        var both = Enricher.Enrich(SomeHit.With(userAgent: "curl/8.5.0", fetchDest: "image", fetchMode: "navigate"));
        Assert.Equal(["http_library", "fetch_metadata"], both.TrafficReasons);
    }

    [Theory]
    [InlineData("okhttp/4.12.0", nameof(Source.Server))]
    [InlineData("python-requests/2.32", nameof(Source.Server))]
    [InlineData("MyShop-Backend/1.0", nameof(Source.App))]
    public void A_sites_own_program_says_nothing_of_the_person_behind_the_event(string userAgent, string door)
    {
        var source = Enum.Parse<Source>(door);
        var e = Enricher.Enrich(SomeHit.With(userAgent: userAgent, source: source));
        Assert.Equal(Traffic.Unknown, e.Traffic);
        Assert.Equal(["sender"], e.TrafficReasons);
        Assert.Equal(Traffic.Bot, Enricher.Enrich(SomeHit.With(userAgent: userAgent, source: Source.Pixel)).Traffic);
        Assert.Equal(Traffic.Bot, Enricher.Enrich(SomeHit.With(userAgent: "Googlebot/2.1", source: source)).Traffic);
    }

    [Fact]
    public void A_driven_browser_is_told_by_its_brand_when_its_user_agent_hides_it()
    {
        var e = Enricher.Enrich(SomeHit.With(brands: "\"HeadlessChrome\";v=\"142\", \"Chromium\";v=\"142\""));
        Assert.Equal(["automation"], e.TrafficReasons);
    }
}

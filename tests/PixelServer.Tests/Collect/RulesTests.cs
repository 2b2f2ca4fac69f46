using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Tests.Collect;

/// <summary>Consent, origins, sites and settings: what an operator decides.</summary>
public sealed class RulesTests
{
    [Theory]
    [InlineData(true, "1")]
    [InlineData(true, "0", "1")]
    [InlineData(true, "1, 1")]
    [InlineData(true, "0,1")]
    [InlineData(false)]
    [InlineData(false, "0")]
    [InlineData(false, "true")]
    [InlineData(false, "")]
    [InlineData(false, " ")]
    [InlineData(false, "11")]
    [InlineData(false, "\"1\"")]
    [InlineData(false, "1;x")]
    public void Global_privacy_control_is_the_one_character_1(bool on, params string[] headers) =>
        Assert.Equal(on, Caller.IsGpc(new StringValues(headers)));

    [Theory]
    [InlineData("de", "DE")]
    [InlineData("FR", "FR")]
    [InlineData("XX", null)]
    [InlineData("T1", null)]
    [InlineData("DEU", null)]
    [InlineData("", null)]
    [InlineData("é1", null)]
    public void A_country_is_two_letters(string header, string? country) => Assert.Equal(country, Caller.CountryOf(header));

    [Theory]
    [InlineData("https://example.com", true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("https://[2001:db8::1]:8443", true)]
    [InlineData("null", false)]
    [InlineData("", false)]
    [InlineData("https://", false)]
    [InlineData("ftp://example.com", false)]
    [InlineData("https://example.com/path", false)]
    [InlineData("https://exa mple.com", false)]
    [InlineData("https://a.example, https://b.example", false)]
    [InlineData("https://example.com\r\nX: y", false)]
    [InlineData("https://exämple.com", false)]
    public void Without_a_list_every_web_origin_is_allowed_and_nothing_else(string origin, bool allowed) =>
        Assert.Equal(allowed, Origins.Any.Allows(origin));

    [Theory]
    [InlineData("https://shop.example", true)]
    [InlineData("https://SHOP.example", true)]
    [InlineData("http://shop.example", false)]
    [InlineData("https://shop.example:8443", false)]
    [InlineData("https://a.example.com", true)]
    [InlineData("https://a.b.example.com", true)]
    [InlineData("https://example.com", false)]
    [InlineData("https://.example.com", false)]
    [InlineData("https://badexample.com", false)]
    [InlineData("https://example.com.evil.test", false)]
    [InlineData("null", false)]
    public void A_list_allows_what_it_names_and_what_is_below_a_star(string origin, bool allowed) =>
        Assert.Equal(allowed, new Origins(["https://shop.example", "https://*.example.com"]).Allows(origin));

    [Fact]
    public void A_listed_site_takes_what_it_leaves_out_from_the_default_site()
    {
        var sites = SitesOf(("Pixel:DefaultSite:Regime", "gdpr"), ("Pixel:DefaultSite:CookieDomain", "example.com"),
            ("Pixel:Sites:shop:IpPolicy", "drop"), ("Pixel:Sites:open:Regime", "Open"), ("Pixel:Sites:open:CookieDomain", ""));
        Assert.Equal((Regime.Gdpr, IpPolicy.Drop, "example.com"), Rules("shop"));
        Assert.Equal((Regime.Open, IpPolicy.Mask, ""), Rules("open"));
        Assert.Equal((Regime.Gdpr, IpPolicy.Mask, "example.com"), Rules("another"));
        Assert.Equal((Regime.Gdpr, IpPolicy.Mask, "example.com"), Rules(null));

        (Regime, IpPolicy, string) Rules(string? id)
        {
            Assert.Null(sites.Find(id, out var site));
            return (site!.Regime, site.IpPolicy, site.CookieDomain);
        }
    }

    [Fact]
    public void Unknown_sites_are_refused_where_the_operator_says_so()
    {
        var sites = SitesOf(("Pixel:UnknownSites", "refuse"), ("Pixel:Sites:shop:Regime", "open"));
        Assert.Null(sites.Find("shop", out _));
        Assert.Equal(Refusal.UnknownSite, sites.Find("Shop", out _));
        Assert.Equal(Refusal.UnknownSite, sites.Find(null, out _));
        Assert.Equal(Refusal.BadSiteId, sites.Find("a b", out _));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("Shop-1_x.y", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("é", false)]
    public void A_site_id_is_plain(string id, bool usable) => Assert.Equal(usable, Sites.IsId(id));

    [Fact]
    public void Nothing_set_gives_the_documented_defaults()
    {
        var options = Read();
        Assert.Equal(("/p.gif", "/b", UnknownSites.Accept, "", ""),
            (options.Paths.Pixel, options.Paths.Beacon, options.UnknownSites, options.CookieKey, options.CountryHeader));
        var trusted = Trusted();
        Assert.True(trusted.Contains(System.Net.IPAddress.Parse("127.8.8.8")) && trusted.Contains(System.Net.IPAddress.IPv6Loopback));
        Assert.False(trusted.Contains(System.Net.IPAddress.Parse("10.0.0.1")));
    }

    [Fact]
    public void Trusted_proxies_that_are_set_replace_loopback()
    {
        var trusted = Trusted(("Pixel:TrustedProxies:0", "10.0.0.0/8"), ("Pixel:TrustedProxies:1", "2001:db8::1"));
        Assert.True(trusted.Contains(System.Net.IPAddress.Parse("10.9.9.9")) && trusted.Contains(System.Net.IPAddress.Parse("2001:db8::1")));
        Assert.False(trusted.Contains(System.Net.IPAddress.Loopback));
        Assert.False(Trusted(("Pixel:TrustedProxies", "")).Contains(System.Net.IPAddress.Loopback));
    }

    [Fact]
    public void An_empty_list_in_a_settings_file_is_a_list_without_members()
    {
        var configuration = new ConfigurationBuilder().AddJsonStream(new MemoryStream(
            """{"Pixel":{"TrustedProxies":[],"DefaultSite":{"AllowedOrigins":["https://a.example"]},"Sites":{"open":{"AllowedOrigins":[]}}}}"""u8.ToArray())).Build();
        var services = new ServiceCollection().AddCollect(configuration).BuildServiceProvider();
        Assert.False(services.GetRequiredService<TrustedProxies>().Contains(System.Net.IPAddress.Loopback));
        Assert.Null(services.GetRequiredService<Sites>().Find("open", out var open));
        Assert.Null(services.GetRequiredService<Sites>().Find("other", out var other));
        Assert.True(open!.Origins.Allows("https://b.example"));
        Assert.False(other!.Origins.Allows("https://b.example"));
    }

    [Theory]
    [InlineData("Pixel:Paths:Pixel", "p.gif")]
    [InlineData("Pixel:Paths:Pixel", "/")]
    [InlineData("Pixel:Paths:Pixel", "/p.gif/")]
    [InlineData("Pixel:Paths:Pixel", "/../p.gif")]
    [InlineData("Pixel:Paths:Pixel", "//p.gif")]
    [InlineData("Pixel:Paths:Beacon", "/b?x")]
    [InlineData("Pixel:Paths:Beacon", "/p.gif")]
    [InlineData("Pixel:Paths:Beacon", "")]
    [InlineData("Pixel:Paths:Pixel", "/healthz")]
    [InlineData("Pixel:Paths:Pixel", "/Metrics")]
    [InlineData("Pixel:Paths:Pixel", "/swagger")]
    [InlineData("Pixel:Paths:Beacon", "/readyz")]
    [InlineData("Pixel:Paths:Beacon", "/swagger/index.html")]
    [InlineData("Pixel:Paths:Beacon", "/api/events")]
    [InlineData("Pixel:Paths:Beacon", "/api")]
    [InlineData("Pixel:TrustedProxies:0", "10.0.0.0/33")]
    [InlineData("Pixel:TrustedProxies", "10.0.0.0/8")]
    [InlineData("Pixel:CookieKey", "short")]
    [InlineData("Pixel:CountryHeader", "CF IPCountry")]
    [InlineData("Pixel:UnknownSites", "maybe")]
    [InlineData("Pixel:UnknownSites", "7")]
    [InlineData("Pixel:DefaultSite:Regime", "wild")]
    [InlineData("Pixel:Sites:a:Regime", "9")]
    [InlineData("Pixel:Sites:a:IpPolicy", "hash")]
    [InlineData("Pixel:Sites:a:CookieDomain", "example.com; Secure")]
    [InlineData("Pixel:Sites:a:RetentionDays", "0")]
    [InlineData("Pixel:Sites:a:AllowedOrigins:0", "example.com")]
    [InlineData("Pixel:Sites:a:AllowedOrigins:0", "https://*")]
    [InlineData("Pixel:Sites:a:AllowedOrigins", "https://a.example")]
    public void A_wrong_setting_stops_the_start_and_names_its_key(string key, string value)
    {
        var error = Assert.Throws<SettingException>(() => new ServiceCollection().AddCollect(Configuration((key, value))));
        Assert.StartsWith($"Setting {key} = ", error.Message);
    }

    [Theory]
    [InlineData("/apis")]
    [InlineData("/img/metrics")]
    [InlineData("/metrics.gif")]
    public void A_path_that_only_resembles_one_of_the_servers_own_is_free(string path) =>
        new ServiceCollection().AddCollect(Configuration(("Pixel:Paths:Pixel", path)));

    [Fact]
    public void Connections_are_bounded()
    {
        using var provider = new ServiceCollection().AddCollect(Configuration()).BuildServiceProvider();
        Assert.Equal(Limits.Connections, provider.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.MaxConcurrentConnections);
    }

    [Fact]
    public void A_site_whose_id_could_never_arrive_stops_the_start() =>
        Assert.Throws<SettingException>(() => new ServiceCollection().AddCollect(Configuration(("Pixel:Sites:a b:Regime", "open"))));

    private static Sites SitesOf(params (string Key, string Value)[] settings) =>
        new ServiceCollection().AddCollect(Configuration(settings)).BuildServiceProvider().GetRequiredService<Sites>();

    private static TrustedProxies Trusted(params (string Key, string Value)[] settings) =>
        new ServiceCollection().AddCollect(Configuration(settings)).BuildServiceProvider().GetRequiredService<TrustedProxies>();

    private static CollectOptions Read(params (string Key, string Value)[] settings) => Settings.Read<CollectOptions>(Configuration(settings), "Pixel");

    private static IConfiguration Configuration(params (string Key, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build();
}

using PixelServer.Enrich;

namespace PixelServer.Tests.Enrich;

public class PageAddressTests
{
    [Theory]
    [InlineData("https://shop.test/a/b?x=1#top", "shop.test", "/a/b")]
    [InlineData("HTTPS://Shop.TEST/A/b", "shop.test", "/A/b")]
    [InlineData("http://shop.test", "shop.test", "/")]
    [InlineData("http://shop.test?x", "shop.test", "/")]
    [InlineData("http://shop.test#x/y", "shop.test", "/")]
    [InlineData("https://shop.test:8443/a", "shop.test", "/a")]
    [InlineData("https://shop.test:/a", "shop.test", "/a")]
    [InlineData("  https://shop.test/a \n", "shop.test", "/a")]
    [InlineData("https://shop.test./a", "shop.test", "/a")]
    [InlineData("https://shop.test/a/../b//c/%7E", "shop.test", "/a/../b//c/%7E")]
    [InlineData("https://shop.test/a;v=1/b:c@d", "shop.test", "/a;v=1/b:c@d")]
    [InlineData("https://192.0.2.7/a", "192.0.2.7", "/a")]
    [InlineData("https://my_host-1.test/", "my_host-1.test", "/")]
    [InlineData("https://localhost:3000/", "localhost", "/")]
    public void Host_is_lower_case_without_port_and_the_path_is_as_sent(string url, string host, string path)
    {
        var page = PageAddress.Read(url);
        Assert.Equal((host, path), (page.Host, page.Path));
    }

    [Theory]
    [InlineData("https://user@shop.test/", "shop.test")]
    [InlineData("https://user:pass@shop.test/", "shop.test")]
    [InlineData("https://bank.test@evil.test/", "evil.test")]
    [InlineData("https://a@b@evil.test/", "evil.test")]
    [InlineData(@"https://good.test\@evil.test/", "good.test")] // as browsers read it
    [InlineData("https://good.test/@evil.test/", "good.test")]
    [InlineData("https://good.test#@evil.test/", "good.test")]
    [InlineData("https://good.test?@evil.test/", "good.test")]
    public void Tricks_around_the_at_sign_do_not_change_the_host_that_a_browser_would_visit(string url, string host) =>
        Assert.Equal(host, PageAddress.Read(url).Host);

    [Theory]
    [InlineData("https://[2001:DB8::1]/a", "[2001:db8::1]")]
    [InlineData("https://[2001:db8:0:0:0:0:0:1]:8080/a", "[2001:db8::1]")]
    [InlineData("https://[::ffff:192.0.2.1]/a", "[::ffff:192.0.2.1]")]
    [InlineData("https://[::1", null)]
    [InlineData("https://[::1]x/", null)]
    [InlineData("https://[fe80::1%25eth0]/", null)]
    [InlineData("https://[192.0.2.1]/", null)]
    [InlineData("https://[]/", null)]
    public void An_IPv6_host_is_in_its_short_form_or_none(string url, string? host) => Assert.Equal(host, PageAddress.Read(url).Host);

    [Theory]
    [InlineData("https://Bücher.test/", "xn--bcher-kva.test")]
    [InlineData("https://пример.test/", "xn--e1afmkfd.test")]
    [InlineData("https://xn--bcher-kva.test/", "xn--bcher-kva.test")]
    public void An_international_host_is_in_punycode(string url, string host) => Assert.Equal(host, PageAddress.Read(url).Host);

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("shop.test/a")]
    [InlineData("//shop.test/a")]
    [InlineData("https:/shop.test/a")]
    [InlineData("https:shop.test/a")]
    [InlineData("httpss://shop.test/a")]
    [InlineData("https//shop.test")]
    [InlineData("http://")]
    [InlineData("http:///a")]
    [InlineData("http://?x")]
    [InlineData("http://:80/")]
    [InlineData("http://shop.test:port/")]
    [InlineData("http://shop.test:123456/")]
    [InlineData("http://sh op.test/")]
    [InlineData("http://shop..test/")]
    [InlineData("http://.shop.test/")]
    [InlineData("http://./")]
    [InlineData("http://sh<op>.test/")]
    [InlineData("http://sh%6Fp.test/")]
    [InlineData("http://shop.test\t.evil.test/")]
    [InlineData("http://sh\0op.test/")]
    [InlineData("http://\uFFFD.test/")]
    [InlineData("http://a\u200Bb.test/")]
    [InlineData("http://a\u00A0b.test/")]
    [InlineData("ftp://shop.test/a")]
    [InlineData("javascript:alert(1)//http://shop.test/")]
    [InlineData("data:text/html,https://shop.test/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("about:blank")]
    [InlineData("android-app://com.google.android.gm/")]
    [InlineData("blob:https://shop.test/1")]
    public void Anything_but_an_absolute_web_address_has_no_host_and_no_path(string? url)
    {
        var page = PageAddress.Read(url);
        Assert.Null(page.Host);
        Assert.Null(page.Path);
        Assert.Null(PageAddress.HostOf(url));
    }

    [Fact]
    public void A_lone_surrogate_makes_no_host() => Assert.Null(PageAddress.Read("http://\uD800.test/").Host); // no attribute can hold one

    [Fact]
    public void An_absolute_path_alone_is_kept_without_a_host()
    {
        var page = PageAddress.Read("/pricing?utm_source=x#y");
        Assert.Null(page.Host);
        Assert.Equal("/pricing", page.Path);
        Assert.Equal("utm_source=x", page.Query);
        Assert.Equal("y", page.Fragment);
    }

    [Fact]
    public void A_host_longer_than_DNS_allows_is_none_and_a_path_is_cut()
    {
        var longest = string.Join('.', Enumerable.Repeat(new string('a', 62), 4)) + ".b"; // 253 characters
        Assert.Equal(longest, PageAddress.Read($"https://{longest}/").Host);
        Assert.Null(PageAddress.Read($"https://{longest}b/").Host);
        Assert.Equal(PageAddress.MaxPath, PageAddress.Read("https://shop.test/" + new string('a', 5_000)).Path!.Length);
    }

    [Fact]
    public void A_path_is_never_cut_within_a_character()
    {
        var path = PageAddress.Read("https://shop.test/" + new string('a', PageAddress.MaxPath - 2) + "😀😀").Path!;
        Assert.Equal(PageAddress.MaxPath - 1, path.Length);
    }

    [Fact]
    public void The_referrer_has_the_same_rules() => Assert.Equal("www.search.test", PageAddress.HostOf("https://u@WWW.Search.test:444/q?x=https://y"));
}

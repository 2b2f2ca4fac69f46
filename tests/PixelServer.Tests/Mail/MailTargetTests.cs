using CsCheck;
using PixelServer.Mail;

namespace PixelServer.Tests.Mail;

/// <summary>Where clicks may lead: the classic tricks of open redirects, each by what a browser makes of it.</summary>
public sealed class MailTargetTests
{
    [Theory]
    [InlineData("https://shop.example")]
    [InlineData("https://shop.example/")]
    [InlineData("HTTP://Shop.Example:8080/a/b;c?d=e&f=%20%0d%0a#g")]
    [InlineData("https://xn--mller-kva.example/")]
    [InlineData("https://shop.example./")]
    [InlineData("https://1.1.1.1/")]
    [InlineData("https://[2606:4700:4700::1111]:443/")]
    [InlineData("https://shop.example/?next=https://other.example/")]
    [InlineData("https://shop.example/@user")]
    [InlineData("https://shop.example?q=a@b.example")]
    [InlineData("https://127.0.0.1.example.com/")]
    [InlineData("https://10.example/")]
    [InlineData("https://localhost.example/")]
    public void An_address_of_the_public_internet_may_be_led_to_just_as_it_was_signed(string target)
    {
        Assert.Equal(target, MailTarget.Normal(target));
        Assert.True(MailTarget.IsSafe(target));
        Assert.False(MailTarget.IsPrivate(target));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/boots")]
    [InlineData("//evil.example/")]
    [InlineData("///evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("\\\\evil.example/")]
    [InlineData("https:evil.example")]
    [InlineData("https:/evil.example")]
    [InlineData("https:///evil.example")]
    [InlineData("http:\\\\evil.example")]
    [InlineData("https://")]
    [InlineData("https://?a")]
    [InlineData("https://#a")]
    [InlineData("https://:443/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("JaVaScRiPt:alert(1)")]
    [InlineData("java\tscript:alert(1)")]
    [InlineData("\u0001javascript:alert(1)")]
    [InlineData("javascript://shop.example/%0aalert(1)")]
    [InlineData("data:text/html,<script>alert(1)</script>")]
    [InlineData("vbscript:x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://shop.example/")]
    [InlineData("blob:https://shop.example/1")]
    [InlineData("view-source:https://shop.example/")]
    [InlineData("about:blank")]
    [InlineData("mailto:reader@mail.example")]
    [InlineData("https://shop.example@evil.example/")]
    [InlineData("https://shop.example:80@evil.example/")]
    [InlineData("https://user:password@shop.example/")]
    [InlineData("https://@shop.example/")]
    [InlineData("https://shop.example%40evil.example/")]
    [InlineData("https://shop.example%2f@evil.example/")]
    [InlineData("https://evil.example\\@shop.example/")]
    [InlineData("https://evil.example\\.shop.example/")]
    [InlineData("https://shop.example\\evil")]
    [InlineData("https://shop.example/\\evil.example")]
    [InlineData("https://shop.example\r\nSet-Cookie: a=b")]
    [InlineData("https://shop.example/\nLocation: https://evil.example/")]
    [InlineData("https://shop.example/\0")]
    [InlineData("https://shop .example/")]
    [InlineData("https://shop\t.example/")]
    [InlineData("https://shop.example:0/")]
    [InlineData("https://shop.example:65536/")]
    [InlineData("https://shop.example:/")]
    [InlineData("https://shop.example:80:80/")]
    [InlineData("https://shop.example:+80/")]
    [InlineData("https://shop..example/")]
    [InlineData("https://.example/")]
    [InlineData("https://[::1/")]
    [InlineData("https://[::1]evil.example/")]
    [InlineData("https://[evil.example]/")]
    [InlineData("https://[1.2.3.4]/")]
    public void What_browsers_could_read_in_another_way_is_no_target(string target)
    {
        Assert.Null(MailTarget.Normal(target));
        Assert.False(MailTarget.IsSafe(target));
    }

    [Theory]
    [InlineData("https://evil.example／@shop.example/")]
    [InlineData("https://shop.example。evil.example/")]
    [InlineData("https://shop.example/\u202egnp.exe")]
    [InlineData("https://shop.example/\u2028")]
    [InlineData("https://１２７.0.0.1/")]
    [InlineData("https://müller.example/größe?maß=42#straße")]
    [InlineData("https://shop.example/\"><script>")]
    [InlineData("https://shop.example/{id}|^`")]
    public void Whatever_is_not_plain_ascii_is_never_sent_as_it_stands(string target)
    {
        Assert.False(MailTarget.IsSafe(target));
        if (MailTarget.Normal(target) is not { } normal) return;
        Assert.True(MailTarget.IsSafe(normal));
        Assert.DoesNotContain(normal, c => c is <= ' ' or >= '\u007f' or '"' or '<' or '>' or '\\');
    }

    [Theory]
    [InlineData("https://müller.example/größe?maß=42#straße", "https://xn--mller-kva.example/gr%C3%B6%C3%9Fe?ma%C3%9F=42#stra%C3%9Fe")]
    [InlineData("https://shop.example:443/a b?<{\"}>", "https://shop.example:443/a%20b?%3C%7B%22%7D%3E")]
    [InlineData("  https://shop.example/ ", "https://shop.example/")]
    [InlineData("https://Großhandel.example:8443", "https://xn--grohandel-i1a.example:8443")]
    [InlineData("https://客户.example/", "https://xn--ubt06m.example/")]
    [InlineData("https://shop.example/👢", "https://shop.example/%F0%9F%91%A2")]
    public void A_link_as_a_person_writes_it_is_made_fit_for_a_header(string link, string target) => Assert.Equal(target, MailTarget.Normal(link));

    [Theory]
    [InlineData("http://localhost/")]
    [InlineData("http://LOCALHOST./")]
    [InlineData("http://a.localhost/")]
    [InlineData("http://printer.local/")]
    [InlineData("http://db.internal/")]
    [InlineData("http://intranet/")]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://127.0.0.1./")]
    [InlineData("http://127.1/")]
    [InlineData("http://2130706433/")]
    [InlineData("http://0x7f000001/")]
    [InlineData("http://0x7f.1/")]
    [InlineData("http://0177.0.0.1/")]
    [InlineData("http://evil.0x7f/")]
    [InlineData("http://1.2.3.4.5/")]
    [InlineData("http://0.0.0.0/")]
    [InlineData("http://10.1.2.3/")]
    [InlineData("http://100.64.0.1/")]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    [InlineData("http://172.16.0.1/")]
    [InlineData("http://172.31.255.255/")]
    [InlineData("http://192.168.1.1/")]
    [InlineData("http://192.0.0.8/")]
    [InlineData("http://198.18.0.1/")]
    [InlineData("http://224.0.0.1/")]
    [InlineData("http://255.255.255.255/")]
    [InlineData("http://[::]/")]
    [InlineData("http://[::1]/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("http://[::ffff:7f00:1]/")]
    [InlineData("http://[::127.0.0.1]/")]
    [InlineData("http://[64:ff9b::7f00:1]/")]
    [InlineData("http://[2002:7f00:1::]/")]
    [InlineData("http://[fe80::1]/")]
    [InlineData("http://[fc00::1]/")]
    [InlineData("http://[fd12:3456::1]/")]
    [InlineData("http://[ff02::1]/")]
    public void The_readers_own_machine_and_network_are_private_in_every_spelling(string target) =>
        Assert.True(!MailTarget.IsSafe(target) || MailTarget.IsPrivate(target));

    [Theory]
    [InlineData("https://shop.example/", "shop.example", true)]
    [InlineData("https://SHOP.example:8443/", "other.example, Shop.Example", true)]
    [InlineData("https://shop.example./", "shop.example", true)]
    [InlineData("https://a.shop.example/", "*.shop.example", true)]
    [InlineData("https://shop.example/", "*.shop.example", false)]
    [InlineData("https://evilshop.example/", "*.shop.example", false)]
    [InlineData("https://evilshop.example/", "shop.example", false)]
    [InlineData("https://shop.example.evil.example/", "shop.example", false)]
    [InlineData("https://evil.example/shop.example", "shop.example", false)]
    [InlineData("https://evil.example/?.shop.example", "*.shop.example", false)]
    [InlineData("https://anything.example/", "", true)]
    public void A_list_of_hosts_lets_through_those_hosts_only(string target, string hosts, bool isAmong) => Assert.Equal(isAmong, MailTarget.IsAmong(target, hosts));

    [Fact]
    public void Any_text_is_judged_without_an_exception_and_what_is_safe_is_fit_for_a_header()
    {
        string[] pieces = ["https://", "http:", "//", "shop.example", "@", ":", "80", "/", "\\", "[::1]", "%", "?", "#", "\r\n", "é", "。", ".", "127.1", "\0", "\ud800", " "];
        Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]).Array[0, 9].Select(string.Concat).Sample(text =>
        {
            if (MailTarget.Normal(text) is not { } target) return;
            Assert.True(MailTarget.IsSafe(target));
            Assert.DoesNotContain(target, c => c is <= ' ' or >= '\u007f' or '\\');
            Assert.True(Uri.TryCreate(target, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0 && uri.Scheme is "http" or "https");
            _ = MailTarget.IsPrivate(target);
            _ = MailTarget.IsAmong(target, "*.shop.example, a");
        }, iter: 20_000);
    }
}

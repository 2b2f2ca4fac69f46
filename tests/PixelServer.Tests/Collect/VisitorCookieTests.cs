using CsCheck;
using Microsoft.Extensions.Primitives;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class VisitorCookieTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);
    private static readonly VisitorCookie s_cookie = new([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
    private static readonly Guid s_visitor = Guid.Parse("0123456789abcdef0123456789abcdef");

    [Fact]
    public void The_header_is_exactly_this()
    {
        const string Value = "px_id=0123456789abcdef0123456789abcdef.09d6.";
        var header = s_cookie.Set(s_visitor, s_now, "", secure: false);
        Assert.StartsWith(Value, header);
        Assert.Matches("^[A-Za-z0-9_-]{11}; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax$", header[Value.Length..]);
        Assert.EndsWith("; SameSite=Lax; Secure", s_cookie.Set(s_visitor, s_now, "", secure: true));
        Assert.EndsWith("; SameSite=Lax; Secure; Domain=example.com", s_cookie.Set(s_visitor, s_now, "example.com", secure: true));
        Assert.Equal(["px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"], VisitorCookie.Expire("", secure: false).ToArray()!);
        Assert.Equal(
            ["px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Domain=example.com", "px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"], VisitorCookie.Expire("example.com", secure: false).ToArray()!);
    }

    [Fact]
    public void What_was_set_is_read_again() => Gen.Select(Gen.Guid, Gen.Int[0, Limits.CookieDays - 1], Gen.Int[0, 60_000]).Sample((id, age, day) =>
    {
        var issued = new DateTimeOffset(2020, 1, 1, 12, 0, 0, TimeSpan.Zero).AddDays(day);
        var reading = s_cookie.Read(Value(id, issued), issued.AddDays(age));
        return reading == new CookieReading(true, id, age >= Limits.CookieRenewDays);
    });

    [Fact]
    public void No_single_character_can_be_changed()
    {
        var value = Value(s_visitor, s_now);
        const string Alphabet = "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-_.=+/ \"%é";
        for (var at = "px_id=".Length; at < value.Length; at++)
            foreach (var c in Alphabet.Where(c => c != value[at]))
                Assert.Null(s_cookie.Read(value[..at] + c + value[(at + 1)..], s_now).Visitor);
    }

    [Theory]
    [InlineData("px_id=")]
    [InlineData("px_id=x")]
    [InlineData("px_id=0123456789abcdef0123456789abcdef")]
    [InlineData("px_id=0123456789abcdef0123456789abcdef.09d6.AAAAAAAAAAA")]
    [InlineData("px_id=0123456789abcdef0123456789abcdef.09d6.AAAAAAAAAAA0123456789")]
    public void A_made_up_value_is_no_visitor_but_was_sent(string cookie) =>
        Assert.Equal(new CookieReading(true, null, false), s_cookie.Read(cookie, s_now));

    [Theory]
    [InlineData("")]
    [InlineData("other=1")]
    [InlineData("xpx_id=1; px_id2=2; my_px_id=3")]
    public void Cookies_of_other_names_are_not_ours(string cookies) =>
        Assert.Equal(default, s_cookie.Read(cookies, s_now));

    [Fact]
    public void The_first_valid_one_counts_wherever_it_stands()
    {
        var (mine, later) = (Value(s_visitor, s_now), Value(Guid.NewGuid(), s_now));
        foreach (var cookies in new[] { $"a=b; {mine}; c=d", $"a=b;{mine}", $"px_id=forged; {mine}; {later}", $"xpx_id=1; {mine}", $"{mine} ; {later}" })
            Assert.Equal(s_visitor, s_cookie.Read(cookies, s_now).Visitor);
        Assert.Equal(s_visitor, s_cookie.Read(new StringValues(["a=b; px_id=forged", mine]), s_now).Visitor);
    }

    [Fact]
    public void A_no_is_letters_that_are_read_again_wherever_the_cookie_stands()
    {
        Assert.Equal(["px_no=as; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax; Secure"], VisitorCookie.Set(Noes.Ads | Noes.Storage, "", secure: true).ToArray()!);
        Assert.Equal(
            ["px_no=m; Max-Age=34128000; Path=/; HttpOnly; SameSite=Lax; Domain=example.com", "px_no=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"],
            VisitorCookie.Set(Noes.Measurement, "example.com", secure: false).ToArray()!);
        Assert.Equal(["px_no=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"], VisitorCookie.Set(Noes.None, "", secure: false).ToArray()!);

        var mine = Value(s_visitor, s_now);
        foreach (var noes in Enumerable.Range(0, 8).Select(bits => (Noes)bits))
        {
            var no = "px_no=" + DeviceNo.Letters(noes);
            foreach (var cookies in new[] { $"{no}; {mine}", $"{mine};{no}", $"a=b; {mine}; x=y; {no}; c=d", $"px_no=; {no} ; {mine}" })
                Assert.Equal(new CookieReading(true, s_visitor, false, noes), s_cookie.Read(cookies, s_now));
        }

        Assert.Equal(Noes.Ads | Noes.Measurement, s_cookie.Read("px_no=a; px_no=m", s_now).Noes);
        foreach (var foreign in new[] { "xpx_no=a", "px_non=a", "px_no", "px_no=AS", "px_no=" + new string('a', 17), "px_ids=a" })
            Assert.Equal(default, s_cookie.Read(foreign, s_now));
    }

    [Fact]
    public void Another_servers_key_makes_another_cookie() => Assert.Null(new VisitorCookie(new byte[32]).Read(Value(s_visitor, s_now), s_now).Visitor);

    [Fact]
    public void A_cookie_ends_when_it_was_said_to_end()
    {
        var value = Value(s_visitor, s_now);
        Assert.NotNull(s_cookie.Read(value, s_now.AddDays(Limits.CookieDays - 1)).Visitor);
        Assert.Null(s_cookie.Read(value, s_now.AddDays(Limits.CookieDays)).Visitor);
        Assert.NotNull(s_cookie.Read(value, s_now.AddDays(-1)).Visitor);
        Assert.Null(s_cookie.Read(value, s_now.AddDays(-2)).Visitor);
    }

    [Fact]
    public void It_is_renewed_from_the_thirtieth_day_on()
    {
        var value = Value(s_visitor, s_now);
        Assert.False(s_cookie.Read(value, s_now.AddDays(29)).IsOld);
        Assert.True(s_cookie.Read(value, s_now.AddDays(30)).IsOld);
    }

    [Fact]
    public void Any_cookie_header_is_read_without_a_fault() =>
        Gen.OneOf(Gen.String, Gen.OneOf("px_id", "px_no", "px_no=", "s", "=", ";", " ", ".", "a", "px_id=").Array[0, 20].Select(string.Concat))
            .Sample(text => s_cookie.Read(text, s_now).Visitor is null);

    private static string Value(Guid id, DateTimeOffset issued) => s_cookie.Set(id, issued, "", false).Split(';')[0];
}

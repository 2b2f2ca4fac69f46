using System.Net;
using System.Text;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

/// <summary>Who a visitor is and what is kept of them, seen from outside.</summary>
public sealed class VisitorTests
{
    [Fact]
    public async Task A_first_visit_gets_a_cookie_and_a_return_visit_is_the_same_visitor_and_gets_none()
    {
        await using var host = await CollectHost.StartAsync();
        var cookie = await FirstAsync(host);
        using var again = await host.GetAsync("/p.gif", ("Cookie", $"a=b; {cookie}"));
        using var beacon = await host.PostAsync("{}", headers: ("Cookie", cookie));

        Assert.False(again.Headers.Contains("Set-Cookie"));
        Assert.False(beacon.Headers.Contains("Set-Cookie"));
        Assert.Equal(3, host.Hits.Count);
        Assert.All(host.Hits, hit => Assert.Equal((Guid.Parse(cookie[6..38]), VisitorKind.Cookie), (hit.VisitorId, hit.VisitorKind)));
        Assert.NotEqual(cookie, await FirstAsync(host));
    }

    [Fact]
    public async Task An_old_cookie_is_renewed_with_the_same_id_and_an_expired_one_is_not_believed()
    {
        await using var host = await CollectHost.StartAsync();
        var cookie = await FirstAsync(host);
        host.Clock.Advance(TimeSpan.FromDays(30));
        var renewed = await FirstAsync(host, ("Cookie", cookie));
        Assert.Equal(cookie[..38], renewed[..38]);
        Assert.NotEqual(cookie, renewed);

        host.Clock.Advance(TimeSpan.FromDays(Limits.CookieDays));
        Assert.NotEqual(cookie[..38], (await FirstAsync(host, ("Cookie", renewed)))[..38]);
    }

    [Fact]
    public async Task A_forged_cookie_is_replaced()
    {
        await using var host = await CollectHost.StartAsync();
        const string Forged = "px_id=00000000000000000000000000000001.09d6.AAAAAAAAAAA";
        var cookie = await FirstAsync(host, ("Cookie", Forged));
        Assert.Equal(Guid.Parse(cookie[6..38]), host.Hit.VisitorId);
        Assert.NotEqual(Forged[..38], cookie[..38]);
    }

    [Fact]
    public async Task Several_collectors_with_one_key_know_each_others_cookies_and_others_do_not()
    {
        var key = ("Pixel:CookieKey", new string('k', 32));
        await using var one = await CollectHost.StartAsync(key);
        await using var two = await CollectHost.StartAsync(key);
        await using var stranger = await CollectHost.StartAsync();
        var cookie = await FirstAsync(one);
        Assert.False((await two.GetAsync("/p.gif", ("Cookie", cookie))).Headers.Contains("Set-Cookie"));
        Assert.True((await stranger.GetAsync("/p.gif", ("Cookie", cookie))).Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task The_cookie_has_the_sites_domain_and_is_secure_where_a_trusted_proxy_speaks_https()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:shop:CookieDomain", "example.com"));
        using var answer = await host.GetAsync("/p.gif?id=shop", ("X-Forwarded-Proto", "https"));
        Assert.EndsWith("; SameSite=Lax; Secure; Domain=example.com", answer.Headers.GetValues("Set-Cookie").Single());

        await using var distrusting = await CollectHost.StartAsync(("Pixel:TrustedProxies:0", "10.0.0.1"));
        using var plain = await distrusting.GetAsync("/p.gif", ("X-Forwarded-Proto", "https"));
        Assert.EndsWith("; SameSite=Lax", plain.Headers.GetValues("Set-Cookie").Single());
    }

    [Theory]
    [InlineData("gdpr", false)]
    [InlineData("aggregate", false)]
    [InlineData("open", true)]
    [InlineData("us", true)]
    [InlineData("exempt", true)]
    public async Task A_cookie_is_set_only_where_storage_is_allowed_and_taken_away_where_it_is_not(string regime, bool storage)
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:s:Regime", regime), ("Pixel:Sites:s:CookieDomain", "example.com"));
        var cookie = await FirstAsync(host);
        using var first = await host.GetAsync("/p.gif?id=s");
        using var again = await host.GetAsync("/p.gif?id=s", ("Cookie", cookie));
        using var beacon = await host.PostAsync("""{"site_id":"s"}""", headers: ("Cookie", "px_id=forged"));

        Assert.Equal(storage, first.Headers.Contains("Set-Cookie"));
        Assert.Equal(storage ? null : "px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Domain=example.com",
            again.Headers.TryGetValues("Set-Cookie", out var set) ? set.Single() : null);
        Assert.Equal(!storage, beacon.Headers.GetValues("Set-Cookie").Single().StartsWith("px_id=;", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Before_an_opt_in_nothing_is_kept()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:Regime", "gdpr"));
        using var pixel = await host.GetAsync("/p.gif?u=person");
        using var beacon = await host.PostAsync("{}");
        Assert.Equal((HttpStatusCode.OK, "consent_required"), (pixel.StatusCode, pixel.Headers.GetValues("X-Pixel-Refused").Single()));
        Assert.Equal(HttpStatusCode.Forbidden, beacon.StatusCode);
        Assert.Empty(host.Hits);
        Assert.Equal(2, host.Ledger.Read().Refused["consent_required"]);
    }

    [Fact]
    public async Task Aggregate_keeps_no_identifier_and_exempt_no_person()
    {
        await using var host = await CollectHost.StartAsync(
            ("Pixel:Sites:a:Regime", "aggregate"), ("Pixel:Sites:a:IpPolicy", "keep"), ("Pixel:Sites:x:Regime", "exempt"), ("Pixel:Sites:x:IpPolicy", "keep"));
        await host.GetAsync("/p.gif?id=a&u=person&eid=e1");
        await host.GetAsync("/p.gif?id=x&u=person&eid=e1");

        var (aggregate, exempt) = (host.Hits[0], host.Hits[1]);
        Assert.Equal((null, null, null, VisitorKind.None, aggregate.EventId),
            (aggregate.UserId, aggregate.ClientEventId, aggregate.Ip, aggregate.VisitorKind, aggregate.VisitorId));
        Assert.Equal((false, true, false), (aggregate.ConsentStorage, aggregate.ConsentMeasurement, aggregate.ConsentAds));
        Assert.Equal((null, "e1", VisitorKind.Cookie, IPAddress.Loopback), (exempt.UserId, exempt.ClientEventId, exempt.VisitorKind, exempt.Ip));
        Assert.Equal((true, true, false), (exempt.ConsentStorage, exempt.ConsentMeasurement, exempt.ConsentAds));
    }

    [Fact]
    public async Task Exempt_keeps_nothing_by_which_a_mail_or_a_link_names_a_person()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:x:Regime", "exempt"));
        await host.GetAsync("/p.gif?id=x&mc_eid=marker&plan=pro&mc_cid=autumn&ref=https%3A%2F%2Fm.example%2F%3Fvero_id%3Dmarker&url=https%3A%2F%2Fa.example%2F%3Fmkt_tok%3Dmarker%26size%3D42%26_hsenc%3Dmarker");

        Assert.Equal(("https://a.example/?size=42", "https://m.example/"), (host.Hit.Url, host.Hit.Referrer));
        Assert.Equal("""{"plan":"pro","mc_cid":"autumn"}""", Encoding.UTF8.GetString(host.Hit.Properties.Span));
    }

    [Theory]
    [InlineData("""{"site_id":"SITE","user_id":["alice"],"event_id":["o-1"],"plan":"pro"}""")]
    [InlineData("""{"site_id":"SITE","u":{"id":"alice"},"eid":{"id":"o-1"},"plan":"pro"}""")]
    [InlineData("""{"site_id":"SITE","u":[],"user_id":[["alice"]],"eid":{},"event_id":[{"a":"o-1"}],"plan":"pro"}""")]
    [InlineData("""{"site_id":"SITE","properties":{"user_id":"alice","u":["alice"],"event_id":"o-1","eid":1,"plan":"pro"}}""")]
    [InlineData("id=SITE&u=alice&user_id=alice2&eid=o-1&event_id=o-2&plan=pro")]
    public async Task An_id_that_is_no_text_does_not_slip_into_the_properties(string body)
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:a:Regime", "aggregate"), ("Pixel:Sites:x:Regime", "exempt"));
        var type = body[0] == '{' ? "application/json" : "application/x-www-form-urlencoded";
        foreach (var site in new[] { "a", "x" }) (await host.PostAsync(body.Replace("SITE", site), type)).EnsureSuccessStatusCode();

        var (aggregate, exempt) = (host.Hits[0], host.Hits[1]);
        Assert.Equal("""{"plan":"pro"}""", Encoding.UTF8.GetString(aggregate.Properties.Span));
        Assert.DoesNotContain("alice", Encoding.UTF8.GetString(exempt.Properties.Span));
        Assert.Equal((null, null, null), (aggregate.UserId, aggregate.ClientEventId, exempt.UserId));
    }

    [Fact]
    public async Task Aggregate_cuts_addresses_but_for_the_campaign_and_drops_click_ids()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:a:Regime", "aggregate"));
        const string Query = "?gclid=G1&utm_source=mail&fbclid=F1&amp;utm_medium=cpc&uid=7#msclkid=M1&utm_term=x";
        var url = Uri.EscapeDataString("https://bob:secret@shop.example/shoes" + Query);
        await host.GetAsync($"/p.gif?id=a&url={url}&ref={url}&GCLID=G2&fbclid=F2&plan=pro", ("Referer", "https://other.example/?gclid=G3"));
        await host.PostAsync("""{"id":"a","gclid":["G4"],"url":"/thanks#user=7","properties":{"ttclid":{"a":"T1"}}}""");
        await host.GetAsync("/p.gif?id=a", ("Referer", "https://other.example/?gclid=G5"));
        await host.GetAsync($"/p.gif?id=open&url={url}&gclid=G2");

        Assert.Equal(("https://shop.example/shoes?utm_source=mail&utm_medium=cpc", "https://shop.example/shoes?utm_source=mail&utm_medium=cpc"),
            (host.Hits[0].Url, host.Hits[0].Referrer));
        Assert.Equal("""{"plan":"pro"}""", Encoding.UTF8.GetString(host.Hits[0].Properties.Span));
        Assert.Equal(("/thanks", null, 0), (host.Hits[1].Url, host.Hits[1].Referrer, host.Hits[1].Properties.Length));
        Assert.Equal("https://other.example/", host.Hits[2].Url);
        Assert.EndsWith(Query, host.Hits[3].Url);
        Assert.Equal("""{"gclid":"G2"}""", Encoding.UTF8.GetString(host.Hits[3].Properties.Span));
    }

    [Fact]
    public async Task A_batch_of_several_sites_is_one_visitor_and_one_cookie_header()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:a:Regime", "aggregate"));
        using var answer = await host.PostAsync("""[{"id":"a"},{"id":"b"},{"id":"c"}]""", headers: ("Cookie", "px_id=forged"));
        Assert.StartsWith("px_id=" + host.Hits[1].VisitorId.ToString("N"), answer.Headers.GetValues("Set-Cookie").Single());
        Assert.Equal(host.Hits[1].VisitorId, host.Hits[2].VisitorId);
        Assert.Equal(host.Hits[0].EventId, host.Hits[0].VisitorId);
    }

    [Fact]
    public async Task After_a_reset_the_device_is_a_new_visitor_and_what_stood_before_it_in_the_batch_is_not()
    {
        await using var host = await CollectHost.StartAsync();
        var cookie = await FirstAsync(host);
        using var answer = await host.PostAsync("""{"batch":[{"event":"a"},{"event":"reset","$reset":true},{"event":"b"}]}""", headers: ("Cookie", cookie));
        var set = answer.Headers.GetValues("Set-Cookie").Single();
        using var back = await host.GetAsync("/p.gif", ("Cookie", set.Split(';')[0]));

        var ids = host.Hits.Select(hit => hit.VisitorId).ToArray();
        Assert.Equal([ids[0], ids[0], ids[2], ids[2], ids[2]], ids);
        Assert.NotEqual(ids[0], ids[2]);
        Assert.StartsWith("px_id=" + ids[2].ToString("N"), set);
        Assert.False(back.Headers.Contains("Set-Cookie"));
        Assert.All(host.Hits, hit => Assert.Equal(0, hit.Properties.Length));
    }

    [Theory]
    [InlineData("$reset=1", true)]
    [InlineData("%24reset=true", true)]
    [InlineData("$reset=0", false)]
    [InlineData("$reset=", false)]
    [InlineData("reset=1", false)]
    [InlineData("$reset=yes", false)]
    public async Task A_pixel_can_reset_too_but_only_by_saying_so(string query, bool isNew)
    {
        await using var host = await CollectHost.StartAsync();
        var cookie = await FirstAsync(host);
        using var answer = await host.GetAsync("/p.gif?" + query, ("Cookie", cookie));

        Assert.Equal(isNew, answer.Headers.Contains("Set-Cookie"));
        Assert.Equal(isNew, host.Hits[0].VisitorId != host.Hits[1].VisitorId);
    }

    [Fact]
    public async Task A_reset_sets_no_cookie_where_none_may_be_stored()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:Regime", "aggregate"));
        using var answer = await host.GetAsync("/p.gif?$reset=1");

        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Equal(host.Hit.EventId, host.Hit.VisitorId);
    }

    [Theory]
    [InlineData("keep", "203.0.113.77", "203.0.113.77")]
    [InlineData("mask", "203.0.113.77", "203.0.113.0")]
    [InlineData("mask", "2001:db8:1:2::9", "2001:db8:1::")]
    [InlineData("drop", "203.0.113.77", null)]
    public async Task The_address_is_kept_as_the_site_says(string policy, string address, string? kept)
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:IpPolicy", policy));
        await host.GetAsync("/p.gif", ("X-Forwarded-For", address));
        Assert.Equal(kept, host.Hit.Ip?.ToString());
    }

    [Fact]
    public async Task Forwarding_headers_of_strangers_are_ignored()
    {
        await using var host = await CollectHost.StartAsync(
            ("Pixel:TrustedProxies:0", "10.0.0.0/8"), ("Pixel:DefaultSite:IpPolicy", "keep"), ("Pixel:CountryHeader", "CF-IPCountry"));
        await host.GetAsync("/p.gif", ("X-Forwarded-For", "203.0.113.77"), ("CF-IPCountry", "DE"));
        Assert.Equal((IPAddress.Loopback, null), (host.Hit.Ip, host.Hit.ProxyCountry));
    }

    private static async Task<string> FirstAsync(CollectHost host, params (string, string)[] headers)
    {
        using var answer = await host.GetAsync("/p.gif", headers);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }
}

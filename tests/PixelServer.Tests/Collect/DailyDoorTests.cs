using PixelServer.Tests.Signals;

namespace PixelServer.Tests.Collect;

/// <summary>Where nothing may be stored on the device, the doors tell a visitor from another for a day, or nobody from nobody.</summary>
public sealed class DailyDoorTests
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    private static readonly (string, string)[] s_browser = [("DNT", "1"), ("User-Agent", Firefox), ("X-Forwarded-For", "203.0.113.77")];

    [Fact]
    public async Task The_same_browser_is_one_visitor_today_another_tomorrow_and_gets_no_cookie()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:IpPolicy", "drop"));
        using var first = await host.GetAsync("/p.gif?e=a&u=jane&gclid=G1&eid=e1", s_browser);
        using var beacon = await host.PostAsync("""[{"event":"b"},{"event":"c","$reset":true}]""", headers: s_browser);
        host.Clock.Advance(TimeSpan.FromDays(1));
        await host.GetAsync("/p.gif?e=d", s_browser);

        var hits = host.Hits;
        Assert.All(hits, hit => Assert.Equal((VisitorKind.Daily, false, null, null, null), (hit.VisitorKind, hit.ConsentStorage, hit.UserId, hit.ClientEventId, hit.Ip)));
        Assert.Single(hits.Take(3).Select(hit => hit.VisitorId).Distinct());
        Assert.NotEqual(hits[0].VisitorId, hits[3].VisitorId);
        Assert.False(first.Headers.Contains("Set-Cookie"));
        Assert.False(beacon.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Nobody_is_told_by_the_previous_id_of_an_alias_either()
    {
        await using var host = await CollectHost.StartAsync();
        await host.PostAsync("""[{"event":"alias","user_id":"new","properties":{"previous_id":"old","previousId":"old"}},{"event":"b","properties":{"previousId":"page 1"}}]""", headers: s_browser);

        var kept = host.Hits.Select(hit => System.Text.Encoding.UTF8.GetString(hit.Properties.Span)).ToList();
        Assert.Equal(2, kept.Count);
        Assert.DoesNotContain(kept, json => json.Contains("old", StringComparison.Ordinal));
        Assert.Contains(kept, json => json.Contains("page 1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_browser_address_or_site_is_another_visitor_and_without_an_agent_there_is_none()
    {
        await using var host = await CollectHost.StartAsync();
        await host.GetAsync("/p.gif", s_browser);
        await host.GetAsync("/p.gif", ("DNT", "1"), ("User-Agent", Firefox + "1"), ("X-Forwarded-For", "203.0.113.77"));
        await host.GetAsync("/p.gif", ("DNT", "1"), ("User-Agent", Firefox), ("X-Forwarded-For", "203.0.113.78")); // the same after masking
        await host.GetAsync("/p.gif?id=other", s_browser);
        await host.GetAsync("/p.gif", ("DNT", "1"), ("X-Forwarded-For", "203.0.113.77"));

        Assert.Equal(5, host.Hits.Select(hit => hit.VisitorId).Distinct().Count());
        Assert.Equal((host.Hits[4].EventId, VisitorKind.None), (host.Hits[4].VisitorId, host.Hits[4].VisitorKind));
    }

    [Fact]
    public async Task A_cookie_that_was_there_is_taken_away_and_its_visitor_is_not_the_one_of_the_day()
    {
        await using var host = await CollectHost.StartAsync();
        using var yes = await host.GetAsync("/p.gif", ("User-Agent", Firefox));
        var cookie = yes.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        using var no = await host.GetAsync("/p.gif", [.. s_browser, ("Cookie", cookie)]);

        Assert.StartsWith("px_id=; Max-Age=0", no.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
        Assert.Equal((VisitorKind.Cookie, VisitorKind.Daily), (host.Hits[0].VisitorKind, host.Hits[1].VisitorKind));
        Assert.NotEqual(host.Hits[0].VisitorId, host.Hits[1].VisitorId);
    }

    [Theory]
    [InlineData("", "daily", "open", "Daily")]
    [InlineData("", "none", "open", "None")]
    [InlineData("", "daily", "aggregate", "None")]
    [InlineData("gdpr=1", "daily", "open", "None")] // counted, but nobody agreed to being told apart
    [InlineData("gdpr=1&gdpr_consent={8}", "daily", "open", "Daily")]
    [InlineData("gdpr=1&gdpr_consent={8}", "daily", "gdpr", "Daily")]
    [InlineData("gdpr=1&gdpr_consent={8}", "none", "gdpr", "None")]
    [InlineData("gdpr=1&gdpr_consent={1}", "daily", "us", "None")]
    public async Task Who_may_be_measured_without_storage_is_a_daily_visitor_where_the_site_wants_it(string query, string cookieless, string regime, string kind)
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:shop:Cookieless", cookieless), ("Pixel:Sites:shop:Regime", regime));
        query = query.Replace("{8}", new SomeTc { Publisher = [8] }.ToString(), StringComparison.Ordinal).Replace("{1}", new SomeTc { Publisher = [1] }.ToString(), StringComparison.Ordinal);

        for (var i = 0; i < 2; i++) await host.GetAsync("/p.gif?id=shop&" + query, query.Length == 0 ? s_browser : s_browser[1..]);

        Assert.All(host.Hits, hit => Assert.Equal((kind, false), (hit.VisitorKind.ToString(), hit.ConsentStorage)));
        Assert.Equal(kind == "Daily" ? 1 : 2, host.Hits.Select(hit => hit.VisitorId).Distinct().Count());
    }

    [Fact]
    public async Task The_country_decides_with_the_regime()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:CountryHeader", "X-Country"), ("Pixel:DefaultSite:RegimeByCountry:DE", "aggregate"));
        await host.GetAsync("/p.gif", [.. s_browser, ("X-Country", "DE")]);
        await host.GetAsync("/p.gif", [.. s_browser, ("X-Country", "FR")]);

        Assert.Equal([VisitorKind.None, VisitorKind.Daily], host.Hits.Select(hit => hit.VisitorKind));
    }
}

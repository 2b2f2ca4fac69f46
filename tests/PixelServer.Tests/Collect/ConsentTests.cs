using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Tests.Signals;

namespace PixelServer.Tests.Collect;

/// <summary>What consent does to events and devices, beyond the rows of <see cref="ConsentTableTests"/>.</summary>
public sealed class ConsentTests
{
    [Fact]
    public async Task Under_gdpr_nothing_happens_before_the_opt_in_then_a_cookie_is_given_and_a_withdrawal_takes_it_away()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:Regime", "gdpr"));
        using var before = await host.GetAsync("/p.gif?u=jane&gdpr=1");
        Assert.Equal(("consent_required", false), (before.Headers.GetValues("X-Pixel-Refused").Single(), before.Headers.Contains("Set-Cookie")));

        using var agreed = await host.GetAsync("/p.gif?u=jane&gdpr=1&gdpr_consent=" + SomeTc.Yes);
        var cookie = agreed.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        Assert.Equal((Guid.Parse(cookie[6..38]), "jane", true), (host.Hit.VisitorId, host.Hit.UserId, host.Hit.ConsentAds));

        using var withdrawn = await host.GetAsync("/p.gif?u=jane&gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [] }, ("Cookie", cookie));
        Assert.Equal("px_id=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax", withdrawn.Headers.GetValues("Set-Cookie").Single());
        Assert.Equal("consent_required", withdrawn.Headers.GetValues("X-Pixel-Refused").Single());
        Assert.Single(host.Hits);
    }

    [Fact]
    public async Task Where_no_id_may_be_stored_none_is_kept_in_any_column_or_property()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:IpPolicy", "keep"));
        var page = Uri.EscapeDataString("https://shop.example/shoes?gclid=G1&utm_source=mail&uid=jane");
        await host.GetAsync($"/p.gif?u=jane&eid=e1&url={page}&ref={page}&fbclid=F1&plan=pro&gdpr=1&gdpr_consent={new SomeTc { Publisher = [8] }}", ("Cookie", "px_id=forged"));
        await host.PostAsync("""{"user_id":"jane","consent":{"analytics_storage":"denied","measurement":"granted"},"properties":{"$cookies":{"_fbp":"fb.1.2.jane"},"ttclid":"T1","plan":"pro"}}""");

        foreach (var hit in host.Hits)
        {
            Assert.Equal((null, null, null, VisitorKind.None, hit.EventId), (hit.UserId, hit.ClientEventId, hit.Ip, hit.VisitorKind, hit.VisitorId));
            Assert.Equal((false, true, false), (hit.ConsentStorage, hit.ConsentMeasurement, hit.ConsentAds));
            Assert.DoesNotContain("jane", Properties(hit));
            Assert.Contains("\"plan\":\"pro\"", Properties(hit));
        }

        Assert.Equal("https://shop.example/shoes?utm_source=mail", host.Hits[0].Url);
        Assert.Equal("https://shop.example/shoes?utm_source=mail", host.Hits[0].Referrer);
    }

    [Theory]
    [InlineData("exempt", "")]
    [InlineData("aggregate", "")]
    [InlineData("open", "\"analytics_storage\":\"denied\",")]
    public async Task Where_no_person_may_be_kept_nothing_that_tells_who_somebody_is_stays(string regime, string said)
    {
        await using var host = await CollectHost.StartAsync(("Pixel:DefaultSite:Regime", regime));
        await host.PostAsync($$$"""
            {"event":"identify","user_id":"jane","email_sha256":"jane","consent":{ {{{said}}} "user_id":"jane","email":"jane@doe.example","us_privacy":"1YNN","gdpr":"maybe"},"properties":{
              "phone_sha256":"jane","E-Mail":"jane@doe.example","firstName":"jane","name":"jane","_Name":"jane","country":"jane","city_ascii_sha256":"jane","traits":{"x":"jane"},"previous_id":"jane","anonymous_id":"jane","context":"jane","plan":"pro"}}
            """);
        await host.GetAsync($"/p.gif?phone=jane&mobile-phone=jane&street=jane&city=jane&name=Shoes&_Name=Boots&state=shipped&country_code=NL{(said.Length > 0 ? "&analytics_storage=denied" : "")}");

        Assert.All(host.Hits, hit => Assert.DoesNotContain("jane", Properties(hit), StringComparison.Ordinal));
        Assert.Contains("\"plan\":\"pro\"", Properties(host.Hits[0]), StringComparison.Ordinal);
        Assert.Subset(new HashSet<string> { "analytics_storage=denied", "gdpr=maybe", "gdpr_fault=bad_value", "us_privacy=1YNN" }, Kept(host.Hits[0]).ToHashSet());
        Assert.StartsWith("""{"name":"Shoes","_Name":"Boots","state":"shipped","country_code":"NL""", Properties(host.Hits[1]), StringComparison.Ordinal); // of things and pages
    }

    [Theory]
    [InlineData("/p.gif?idfa=DF07C7DC-CEA7-4A89-B328-810FF5ACB15D&att=2&plan=pro", null)]
    [InlineData("/p.gif?advertising-id=DF07C7DC-CEA7-4A89-B328-810FF5ACB15D&plan=pro", null)]
    [InlineData(null, """{"event":"x","properties":{"plan":"pro","gpsAdid":"DF07C7DC-CEA7-4A89-B328-810FF5ACB15D"}}""")]
    [InlineData(null, """{"event":"x","properties":{"plan":"pro","gaid-":"DF07C7DC-CEA7-4A89-B328-810FF5ACB15D","idfa_ ":"DF07"}}""")]
    [InlineData(null, """{"event":"x","plan":"pro","IDFA":"00000000-0000-0000-0000-000000000000"}""")]
    public async Task An_advertising_id_at_a_door_where_nobody_can_show_a_permission_is_not_kept_and_forbids_ads(string? pixel, string? beacon)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = pixel is null ? await host.PostAsync(beacon!) : await host.GetAsync(pixel);
        Assert.DoesNotContain("0-", Properties(host.Hit), StringComparison.Ordinal);
        Assert.DoesNotContain("DF07", Properties(host.Hit), StringComparison.Ordinal);
        Assert.Contains("\"plan\":\"pro\"", Properties(host.Hit), StringComparison.Ordinal);
        Assert.Equal((true, false), (host.Hit.ConsentStorage, host.Hit.ConsentAds));
    }

    [Theory]
    [InlineData("/p.gif?advertiser_id=17&att=2")] // of a shop that lists advertisers
    public async Task What_may_be_something_else_than_an_advertising_id_stays(string pixel)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = await host.GetAsync(pixel);
        Assert.Equal(("""{"advertiser_id":"17","att":"2"}""", true), (Properties(host.Hit), host.Hit.ConsentAds));
    }

    [Theory]
    [InlineData("/p.gif?measurement=denied", null)]
    [InlineData("/p.gif?measurement=granted&measurement=denied", null)]
    [InlineData(null, """{"measurement":"denied"}""")]
    public async Task The_tags_own_word_is_a_no_wherever_it_stands(string? pixel, string? beacon)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = pixel is null ? await host.PostAsync(beacon!) : await host.GetAsync(pixel);
        Assert.Empty(host.Hits);
    }

    [Theory]
    [InlineData("/p.gif?measurement=42", null, "42")]
    [InlineData("/p.gif?measurement=none", null, "none")]
    [InlineData(null, """{"measurement":42}""", "42")]
    [InlineData(null, """{"measurement":{"x":1}}""", "{\"x\":1}")]
    public async Task A_measurement_of_the_events_own_is_a_property(string? pixel, string? beacon, string kept)
    {
        await using var host = await CollectHost.StartAsync();
        using var answer = pixel is null ? await host.PostAsync(beacon!) : await host.GetAsync(pixel);
        Assert.Equal(kept, JsonDocument.Parse(host.Hit.Properties).RootElement.GetProperty("measurement").ToString());
    }

    [Fact]
    public async Task DNT_as_a_parameter_is_the_header()
    {
        await using var host = await CollectHost.StartAsync();
        await host.GetAsync("/p.gif?u=jane&dnt=1");
        Assert.Equal((null, false), (host.Hit.UserId, host.Hit.ConsentStorage));
    }

    [Fact]
    public async Task Without_consent_to_ads_storage_an_address_is_whole_but_for_the_click_ids()
    {
        await using var host = await CollectHost.StartAsync();
        var page = Uri.EscapeDataString("https://shop.example/shoes?size=42&GCLID=G1&utm_source=mail&amp;fbclid=F1#a&msclkid=M1");
        await host.GetAsync($"/p.gif?u=jane&eid=e1&url={page}&gclid=G2&ad_storage=denied");
        Assert.Equal(("https://shop.example/shoes?size=42&utm_source=mail#a", "jane", "e1"), (host.Hit.Url, host.Hit.UserId, host.Hit.ClientEventId));
        Assert.Equal("""{"$consent":{"ad_storage":"denied"}}""", Properties(host.Hit));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", "")]
    [InlineData("https://a.example/", "https://a.example/")]
    [InlineData("https://a.example/?", "https://a.example/?")]
    [InlineData("https://a.example/?x=gclid&y=%20", "https://a.example/?x=gclid&y=%20")]
    [InlineData("https://a.example/?gclid=1", "https://a.example/")]
    [InlineData("https://a.example/?gclid", "https://a.example/")]
    [InlineData("https://a.example/?gclid=1#top", "https://a.example/#top")]
    [InlineData("https://a.example/?gclid=1&x=2&gclid=3", "https://a.example/?x=2")]
    [InlineData("https://a.example/?x=2&ScCid=1", "https://a.example/?x=2")]
    [InlineData("https://a.example/?x=2&&y=3&wbraid=1&", "https://a.example/?x=2&&y=3&")]
    [InlineData("https://a.example/#/page?gclid=1&x=2", "https://a.example/#/page?x=2")]
    [InlineData("/shoes?yclid=1", "/shoes")]
    [InlineData("https://a.example/?mc_cid=autumn&mc_eid=1&_hsmi=2&_hsenc=p&mkt_tok=3&x=2", "https://a.example/?mc_cid=autumn&_hsmi=2&x=2")]
    [InlineData("https://a.example/?_kx=1&vero_id=ann%40a.example&_gl=1*abc#top", "https://a.example/#top")]
    public void Click_ids_leave_an_address_and_nothing_else_does(string? address, string? bare) => Assert.Equal(bare, BareAddress.WithoutClickIds(address));

    [Fact]
    public async Task What_cannot_be_used_stands_beside_the_string_with_its_name()
    {
        await using var host = await CollectHost.StartAsync();
        await host.GetAsync("/p.gif?gdpr=yes&us_privacy=1&gdpr_consent=COvFyGB&gpp=%24%7BGPP%7D");
        await host.GetAsync($"/p.gif?gdpr=1&gdpr_consent={SomeTc.Yes with { LastUpdated = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero) }}");
        await host.PostAsync("""{"consent":{"gdpr_consent_fault":"forged","gpc":1}}""");
        Assert.Equal(
            ["gdpr=yes", "gdpr_consent=COvFyGB", "gdpr_consent_fault=truncated", "gdpr_fault=bad_value", "gpp=${GPP}", "gpp_fault=macro", "us_privacy=1", "us_privacy_fault=bad_value"],
            Kept(host.Hits[0]));
        Assert.Contains("gdpr_consent_fault=expired", Kept(host.Hits[1]));
        Assert.Equal(["gpc=1"], Kept(host.Hits[2]));
    }

    [Fact]
    public async Task Of_a_signal_that_is_repeated_the_first_is_kept_and_the_most_restrictive_counts()
    {
        await using var host = await CollectHost.StartAsync();
        await host.GetAsync("/p.gif?us_privacy=1YNN&us_privacy=1YYN&us_privacy=1YNN");
        await host.GetAsync("/p.gif?u=jane&gdpr=0&gdpr=1");
        await host.GetAsync("/p.gif?u=jane&gdpr=0&gdpr=0");
        using var beacon = await host.PostAsync("""[{"u":"jane","consent":{"gdpr":0}}]""", path: "/b?gdpr=1");

        Assert.Equal((false, "us_privacy=1YNN"), (host.Hits[0].ConsentAds, Assert.Single(Kept(host.Hits[0]))));
        Assert.Equal((null, "gdpr=0"), (host.Hits[1].UserId, Assert.Single(Kept(host.Hits[1]))));
        Assert.Equal(("jane", "gdpr=0"), (host.Hits[2].UserId, Assert.Single(Kept(host.Hits[2]))));
        Assert.Equal((null, "gdpr=0"), (host.Hits[3].UserId, Assert.Single(Kept(host.Hits[3]))));
    }

    [Fact]
    public async Task Under_exempt_the_cookie_is_given_once_for_thirteen_months_and_never_renewed()
    {
        await using var host = await CollectHost.StartAsync(("Pixel:Sites:x:Regime", "exempt"), ("Pixel:Sites:o:Regime", "open"));
        using var first = await host.GetAsync("/p.gif?id=x&u=jane");
        var cookie = first.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("; Max-Age=34128000;", cookie);
        foreach (var days in new[] { 31, 300, 63 })
        {
            host.Clock.Advance(TimeSpan.FromDays(days));
            using var again = await host.GetAsync("/p.gif?id=x&u=jane", ("Cookie", cookie.Split(';')[0]));
            Assert.False(again.Headers.Contains("Set-Cookie"));
            Assert.Equal((host.Hits[0].VisitorId, null), (host.Hits[^1].VisitorId, host.Hits[^1].UserId));
        }

        host.Clock.Advance(TimeSpan.FromDays(1));
        using var late = await host.GetAsync("/p.gif?id=x", ("Cookie", cookie.Split(';')[0]));
        Assert.True(late.Headers.Contains("Set-Cookie"));
        Assert.NotEqual(host.Hits[0].VisitorId, host.Hits[^1].VisitorId);
    }

    [Theory]
    [InlineData("DE", "Gdpr")]
    [InlineData("NO", "Gdpr")]
    [InlineData("RE", "Gdpr")] // La Réunion
    [InlineData("FR", "Exempt")] // the country's own row
    [InlineData("GB", "Aggregate")]
    [InlineData("US", "Us")]
    [InlineData("CH", "Open")]
    [InlineData(null, "Open")]
    public void A_site_has_the_regime_of_the_visitors_country(string? country, string regime)
    {
        var sites = SitesOf(("Pixel:Sites:s:Regime", "open"), ("Pixel:Sites:s:RegimeByCountry:EEA", "gdpr"), ("Pixel:Sites:s:RegimeByCountry:fr", "Exempt"),
            ("Pixel:Sites:s:RegimeByCountry:US", "us"), ("Pixel:DefaultSite:RegimeByCountry:UK", "aggregate"), ("Pixel:DefaultSite:RegimeByCountry:US", "gdpr"));
        sites.Find("s", out var site);
        Assert.Equal(regime, site!.RegimeIn(country).ToString());
        sites.Find("another", out var other);
        Assert.Equal((Regime.Gdpr, Regime.Aggregate, Regime.Open), (other!.RegimeIn("US"), other.RegimeIn("GB"), other.RegimeIn("DE")));
    }

    [Fact]
    public void The_union_is_narrower_than_the_economic_area()
    {
        var sites = SitesOf(("Pixel:DefaultSite:RegimeByCountry:EU", "gdpr"), ("Pixel:DefaultSite:RegimeByCountry:EEA", "exempt"));
        sites.Find("s", out var site);
        Assert.Equal((Regime.Gdpr, Regime.Exempt), (site!.RegimeIn("IE"), site.RegimeIn("IS")));
    }

    [Theory]
    [InlineData("RegimeByCountry:Germany", "gdpr", "a country of two letters")]
    [InlineData("RegimeByCountry:D1", "gdpr", "a country of two letters")]
    [InlineData("RegimeByCountry:DE", "strict", "open, gdpr, us, exempt or aggregate")]
    [InlineData("RegimeByCountry:DE", "1", "open, gdpr, us, exempt or aggregate")]
    [InlineData("Tcf:MaxAgeMonths", "0", "1 to 120")]
    [InlineData("Tcf:VendorId", "70000", "0 to 65535")]
    [InlineData("Tcf:PurposeOneCountries", "Germany", "DE,FR")]
    [InlineData("Tcf:CoreIsPublisher", "perhaps", "true or false")]
    [InlineData("HonourDnt", "perhaps", "true or false")]
    public void A_wrong_setting_is_told(string key, string value, string allowed)
    {
        foreach (var section in new[] { "Pixel:DefaultSite", "Pixel:Sites:s" })
        {
            var wrong = Assert.Throws<SettingException>(() => SitesOf(($"{section}:{key}", value)));
            Assert.Contains($"{section}:{key}", wrong.Message);
            Assert.Contains(allowed, wrong.Message);
        }
    }

    [Fact]
    public async Task The_country_that_a_trusted_proxy_names_chooses_the_regime_and_a_strangers_word_does_not()
    {
        (string, string)[] settings = [("Pixel:CountryHeader", "CF-IPCountry"), ("Pixel:DefaultSite:RegimeByCountry:EEA", "gdpr")];
        await using var host = await CollectHost.StartAsync(settings);
        using var german = await host.GetAsync("/p.gif?u=jane", ("CF-IPCountry", "de"));
        using var swiss = await host.GetAsync("/p.gif?u=jane", ("CF-IPCountry", "CH"));
        Assert.Equal((true, false), (german.Headers.Contains("X-Pixel-Refused"), swiss.Headers.Contains("X-Pixel-Refused")));

        await using var distrusting = await CollectHost.StartAsync([.. settings, ("Pixel:TrustedProxies:0", "10.0.0.1")]);
        using var claimed = await distrusting.GetAsync("/p.gif?u=jane", ("CF-IPCountry", "DE"));
        Assert.False(claimed.Headers.Contains("X-Pixel-Refused"));
    }

    [Fact]
    public async Task A_backend_hands_on_what_a_browser_said_and_googles_short_forms_count_from_it()
    {
        Assert.True(Admit("""{"gpc":"1"}""").Gpc);
        Assert.False(Admit("""{"gpc":"1"}""").ConsentAds);
        Assert.False(Admit("""{"att":"2"}""").ConsentAds);
        Assert.False(Admit("""{"gcs":"G101"}""").ConsentAds);
        Assert.Equal(("jane", true), (Admit("""{"gcs":"G111"}""").UserId, Admit("{}").ConsentAds));
        Assert.Null(Admit("""{"gcs":"G110"}""").UserId);

        await using var host = await CollectHost.StartAsync();
        await host.PostAsync("""{"user_id":"jane","consent":{"gcs":"G100"}}""");
        Assert.Equal("jane", host.Hit.UserId);

        static Hit Admit(string consent)
        {
            var draft = Draft.Fresh();
            var events = BeaconReader.Open(Encoding.UTF8.GetBytes($$"""{"user_id":"jane","consent":{{consent}}}"""), out _);
            Assert.True(events.Next(draft, out var refusal) && refusal is null);
            draft.Claim = new Claim { BackHours = 24, IsSecret = true };
            Assert.Null(Admission().AdmitClaimed(draft, Caller.Told(s_now, null, null, gpc: false), Source.Server, out var hit));
            return hit!;
        }
    }

    [Fact]
    public void An_event_without_signals_costs_no_memory_and_one_of_a_batch_that_repeats_its_neighbours_string_does_not_read_it_again()
    {
        var caller = Caller.Told(s_now, null, null, gpc: false);
        var draft = Draft.Fresh();
        Assert.Equal(0, Allocated(() => ConsentReader.Read(draft, caller)));
        Assert.Equal(0, Allocated(() => ConsentReader.Read(draft, caller with { Gpc = true, Dnt = "1" })));

        // 16,000 vendors are 2,000 bytes of bits: to read them again would show.
        var text = (SomeTc.Yes with { Vendors = [16_000], Disclosed = [16_000] }).ToString();
        draft.Consent.AddText("gdpr_consent"u8, Encoding.ASCII.GetBytes(text));
        Assert.InRange(Allocated(() => ConsentReader.Read(draft, caller)), 1, 200);
        Assert.Same(ConsentReader.Read(draft, caller).Tcs![0], ConsentReader.Read(draft, caller).Tcs![0]);

        static long Allocated(Action action)
        {
            action();
            var before = GC.GetAllocatedBytesForCurrentThread();
            action();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private static Admission Admission() => new(SitesOf(), new VisitorCookie(new byte[32]), new EventIds(), new Standings(), new SubjectKeys(new byte[32]), new DailyVisitors(new DailyKeys()), new UnwrittenOptOuts());

    private static string Properties(Hit hit) => Encoding.UTF8.GetString(hit.Properties.Span);

    private static IEnumerable<string> Kept(Hit hit)
    {
        using var properties = JsonDocument.Parse(hit.Properties);
        return [.. properties.RootElement.GetProperty("$consent").EnumerateObject().Select(one => $"{one.Name}={one.Value}").Order(StringComparer.Ordinal)];
    }

    private static Sites SitesOf(params (string Key, string Value)[] settings) => new ServiceCollection()
        .AddCollect(new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build())
        .BuildServiceProvider().GetRequiredService<Sites>();
}

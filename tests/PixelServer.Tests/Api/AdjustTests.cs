namespace PixelServer.Tests.Api;

/// <summary>Adjust's formats on the real server: docs/apps.md, "Adjust".</summary>
public sealed class AdjustTests(PartnerHost server) : IClassFixture<PartnerHost>
{
    private const string Event = "/v1/partners/adjust/event", Callback = "/v1/partners/adjust/callback", Gaid = "660e1d86-6796-463a-be86-897993136018",
        Idfv = "1b2c3d4e-0000-4000-8000-0123456789ab", Idfa = "d2cadb5f-410f-4963-ac0c-2a78534bdf1e";

    private static readonly string s_unix = PartnerHost.Now.AddHours(-2).ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task An_event_of_a_backend_is_a_row_under_the_operators_name()
    {
        var row = await server.KeptAsync(host => host.FormAsync(Event,
            $"app_token=4w565xzmb54d&event_token=f0ob4r&s2s=1&gps_adid={Gaid}&created_at_unix={s_unix}&revenue=59.90&currency=EUR&ip_address=203.0.113.7&user_agent=Shop%2F3.2+%28Android%29"
            + "&environment=production&tracking_enabled=1&adid=18546F6171F67E29D1CB983322AD1329&callback_params=%7B%22user_id%22%3A%22user123%22%2C%22transaction_id%22%3A%224711%22%2C%22size%22%3A%2242%22%7D"), "OK");

        Assert.Equal(
            $$$"""{"source":"app","name":"purchase","user_id":"user123","client_event_id":"4711","value":59.9,"currency":"EUR","ip":"203.0.113.0","user_agent":"Shop/3.2 (Android)","visitor_id":"{{{Gaid}}}","consent_ads":true}""",
            SegmentHost.Columns(row, "source", "name", "user_id", "client_event_id", "value", "currency", "ip", "user_agent", "visitor_id", "consent_ads"));
        Assert.Equal(PartnerHost.Now.AddHours(-2), SegmentHost.Time(row, "occurred_at"));
        Assert.Equal(
            $$$"""{"$device":{"adjust_id":"18546f6171f67e29d1cb983322ad1329","gaid":"{{{Gaid}}}","lat":false,"platform":"android"},"app_token":"4w565xzmb54d","environment":"production","event_token":"f0ob4r","partner":"adjust","sent_as":"f0ob4r","size":"42"}""",
            SegmentHost.Properties(row));
    }

    [Fact]
    public async Task A_token_without_a_name_is_the_name_and_parameters_in_the_address_count_too()
    {
        var row = await server.KeptAsync(host => host.GetAsync($"{Event}?event_token=abc123&s2s=1&idfv={Idfv}&os_name=ios&idfa={Idfa}&att_status=2&created_at=2026-11-24T10:00:00Z%2B0100"), "OK");
        Assert.Equal(("abc123", Idfv, false), ((string?)row["name"], (string?)row["visitor_id"], (bool)row["consent_ads"]!));
        Assert.Equal(PartnerHost.Now.AddHours(-3), SegmentHost.Time(row, "occurred_at"));
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Sessions_and_the_revenue_of_ads_have_addresses_of_their_own()
    {
        var session = await server.KeptAsync(host => host.FormAsync("/v1/partners/adjust/session", $"app_token=x&s2s=1&idfv={Idfv}&os_name=ios&third_party_sharing=0"), "OK");
        Assert.Equal(("session_start", "0"), ((string?)session["name"], (string?)session["properties"]!["third_party_sharing"]));
        Assert.False((bool)session["consent_ads"]!);
        var ad = await server.KeptAsync(host => host.FormAsync("/v1/partners/adjust/ad_revenue", $"s2s=1&gps_adid={Gaid}&source=applovin_max_sdk&revenue=0.0123&currency=EUR"), "OK");
        Assert.Equal(("ad_revenue", 0.0123m, "applovin_max_sdk"), ((string?)ad["name"], (decimal)ad["value"]!, (string?)ad["properties"]!["source"]));
    }

    [Fact]
    public async Task A_callback_is_a_row_with_its_campaign()
    {
        var row = await server.KeptAsync(host => host.GetAsync(
            $"{Callback}?activity_kind=install&created_at={s_unix}&adid=18546f6171f67e29d1cb983322ad1329&idfv={Idfv}&idfa=&os_name=ios&os_version=17.5&att_status=0&ip_address=203.0.113.7"
            + "&network_name=Google+Ads&campaign_name=autumn&adgroup_name=boots&creative_name=red&event=&event_name=&revenue_float=&country=de"), "OK");
        Assert.Equal(
            $$$"""{"name":"app_install","visitor_id":"{{{Idfv}}}","utm_source":"Google Ads","utm_medium":null,"utm_campaign":"autumn","utm_term":"boots","utm_content":"red","value":null,"consent_ads":false}""",
            SegmentHost.Columns(row, "name", "visitor_id", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "value", "consent_ads"));
        Assert.Equal(("install", "install", "de"), ((string?)row["properties"]!["sent_as"], (string?)row["properties"]!["activity_kind"], (string?)row["properties"]!["country"]));

        var purchase = await server.KeptAsync(host => host.GetAsync($"{Callback}?activity_kind=event&event_name=Purchase&event=f0ob4r&revenue_float=5.00&currency=EUR&adid=opaque-1"), "OK");
        Assert.Equal(("Purchase", 5.00m, VisitorIds.Of("shop", "opaque-1").ToString()), ((string?)purchase["name"], (decimal)purchase["value"]!, (string?)purchase["visitor_id"]));
    }

    [Fact]
    public async Task A_request_that_comes_again_is_stored_once()
    {
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(200, (await server.FormAsync(Event, $"event_token=twice&adid=again&created_at_unix={s_unix}")).Status);
            Assert.Equal(200, (await server.FormAsync(Event, $"event_token=twice&adid=again&deduplication_id=d-1&revenue={i}")).Status);
        }

        var rows = (await server.RowsAsync(4)).Where(row => (string?)row["properties"]!["$device"]?["adjust_id"] == "again").ToList();
        Assert.Equal(2, rows.Count);
        Assert.Equal(0m, (decimal)rows.Single(row => row["value"] is not null)["value"]!); // of two the first is kept
    }

    [Theory]
    [InlineData("event_token=")]
    [InlineData("")]
    [InlineData("=x&&&==")]
    public async Task A_refusal_says_what_is_wrong_as_adjust_says_it(string form)
    {
        var answer = await server.FormAsync(Event, form);
        Assert.Equal("400 no_event_name", answer.Problem);
        Assert.Equal("Event request failed (A track call has no event name.)", (string?)answer.Json["error"]);
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);
    }

    [Theory]
    [InlineData("event_token=%00%ff%ed%a0%80&revenue=NaN&currency=%2525&created_at_unix=-1e30&att_status=%E2%82%AC&callback_params=%7B%22a%22%3A&idfv=%00")]
    [InlineData("event_token=x&callback_params=%7B%22%24device%22%3A%7B%22idfa%22%3A%22x%22%7D%7D&%24device=1")]
    [InlineData("event_token=x&partner_params=[[[[[[[[[[[[[[[[[[[[[[[[[[[[&ip_address=999.1.1.1&user_agent=")]
    public async Task A_hostile_form_is_an_event_or_refused_and_never_an_error(string form)
    {
        var answer = await server.FormAsync(Event, form);
        Assert.InRange(answer.Status, 200, 499);
        if (answer.Status == 200) await server.RowsAsync(1);
    }

    [Fact]
    public async Task The_key_stands_in_a_header_and_nowhere_else()
    {
        Assert.Equal("401 key_missing", (await server.Host.GetAsync($"{Callback}?activity_kind=install")).Problem);
        Assert.Equal("400 key_in_query", (await server.Host.GetAsync($"{Callback}?activity_kind=install&token={server.Secret}")).Problem);
        Assert.Equal("403 secret_key_needed", (await server.FormAsync(Event, "event_token=x", ("Authorization", "Bearer " + server.Host.WriteKey))).Problem);
        Assert.Equal("405 method_not_allowed", (await server.Host.SendAsync(HttpMethod.Put, Event, null)).Problem);
    }
}

using System.Text.Json.Nodes;
using PixelServer.Tests.Signals;

namespace PixelServer.Tests.Api;

/// <summary>AppsFlyer's two formats on the real server: docs/apps.md, "AppsFlyer".</summary>
public sealed class AppsFlyerTests(PartnerHost server) : IClassFixture<PartnerHost>
{
    private const string InApp = "/v1/partners/appsflyer/inappevent/id123456789", Push = "/v1/partners/appsflyer/webhook", Idfv = "1b2c3d4e-0000-4000-8000-0123456789ab",
        Gaid = "9c9a82fb-d5de-4cd1-90c3-527441c11828", Idfa = "ea7583cd-a667-48bc-b806-42ecb2b48606";

    [Fact]
    public async Task An_in_app_event_of_a_backend_is_a_row()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(InApp, $$$"""
            {"appsflyer_id":"1696414245643-9124125","eventName":"af_purchase","eventCurrency":"eur","eventTime":"2026-11-24 10:00:00.123",
             "eventValue":"{\"af_revenue\":\"59.90\",\"af_order_id\":\"4711\",\"af_content_id\":\"A-1\",\"gift\":true}",
             "customer_user_id":"user123","ip":"203.0.113.7","ua":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)","idfv":"{{{Idfv.ToUpperInvariant()}}}","idfa":"{{{Idfa}}}","att":2,"os":"17.5",
             "bundleIdentifier":"example.shop","app_version_name":"3.2","imei":"AA-BBBBBB-CCCCCC-D","email_hashed":"FF8D9819FC0E12BF0D24892E45987E249A28DCE836A85CAD60E28EAAA8C6D976",
             "sharing_filter":["all"],"consent_data":{"tcf":{"gdpr_applies":1,"tcstring":"CPx"}},"custom_dimension":"gold"}
            """.Replace("CPx", SomeTc.Yes.ToString(), StringComparison.Ordinal), ("authentication", host.Secret)), "ok");

        Assert.Equal(
            """{"source":"app","name":"purchase","site_id":"shop","user_id":"user123","client_event_id":"4711","value":59.9,"currency":"EUR","ip":"203.0.113.0","visitor_id":"1b2c3d4e-0000-4000-8000-0123456789ab","visitor_kind":"client","email_sha256":"ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976","consent_ads":false}""",
            SegmentHost.Columns(row, "source", "name", "site_id", "user_id", "client_event_id", "value", "currency", "ip", "visitor_id", "visitor_kind", "email_sha256", "consent_ads"));
        Assert.Equal(new DateTimeOffset(2026, 11, 24, 10, 0, 0, 123, TimeSpan.Zero), SegmentHost.Time(row, "occurred_at"));
        Assert.Equal(("iOS", "17.5"), ((string?)row["os"], (string?)row["properties"]!["$device"]!["os_version"]));
        var kept = row["properties"]!.AsObject();
        kept.Remove("$identities");
        Assert.Equal(
            """{"$consent":{"att":"2","gdpr":"1","gdpr_consent":"CPx"},"$device":{"app_id":"id123456789","app_version":"3.2","appsflyer_id":"1696414245643-9124125","att":2,"idfv":"1b2c3d4e-0000-4000-8000-0123456789ab","os_version":"17.5","platform":"ios"},"af_content_id":"A-1","custom_dimension":"gold","gift":true,"partner":"appsflyer","sent_as":"af_purchase","sharing_filter":["all"]}""".Replace("CPx", SomeTc.Yes.ToString(), StringComparison.Ordinal),
            SegmentHost.Properties(row));
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("id123456789", "ios")]
    [InlineData("123456789", "ios")]
    [InlineData("example.shop", "android")]
    public async Task The_app_id_tells_the_platform_and_needs_no_prefix(string appId, string platform)
    {
        var row = await server.KeptAsync(host => host.JsonAsync("/v1/partners/appsflyer/inappevent/" + appId, """{"appsflyer_id":"1-2","eventName":"level_up","eventValue":""}"""), "ok");
        Assert.Equal((platform, appId, "level_up"), ((string?)row["properties"]!["$device"]!["platform"], (string?)row["properties"]!["$device"]!["app_id"], (string?)row["name"]));
        Assert.False(row["properties"]!.AsObject().ContainsKey("eventValue"));
        Assert.Equal(PartnerHost.Now, SegmentHost.Time(row, "occurred_at"));
        // No better id: the partner's own names the visitor.
        Assert.Equal(VisitorIds.Of("shop", "1-2").ToString(), (string?)row["visitor_id"]);
        Assert.Equal("1-2", (string?)row["properties"]!["anonymous_id"]);
    }

    [Fact]
    public async Task A_permitted_idfa_is_kept_and_names_no_visitor()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(InApp, $$$"""{"appsflyer_id":"1-2","eventName":"x","idfa":"{{{Idfa.ToUpperInvariant()}}}","att":3}"""), "ok");
        Assert.Equal((Idfa, true), ((string?)row["properties"]!["$device"]!["idfa"], (bool)row["consent_ads"]!));
        Assert.NotEqual(Idfa, (string?)row["visitor_id"]);
    }

    [Fact]
    public async Task A_push_message_is_a_row_with_its_campaign()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(Push, $$$"""
            {"event_name":"install","event_time":"2026-11-24 11:00:00.000","appsflyer_id":"1-2","customer_user_id":"","media_source":"googleadwords_int","campaign":"autumn","af_channel":"Search",
             "af_keywords":"boots","af_ad":"red","platform":"android","advertising_id":"{{{Gaid}}}","app_id":"example.shop","app_version":"3.2","device_model":"Pixel 8","os_version":"15","is_lat":"false",
             "ip":"203.0.113.7","user_agent":"Dalvik/2.1.0 (Linux; U; Android 15; Pixel 8)","country_code":"DE","city":"Berlin","postal_code":"10115","af_siteid":"s1","event_revenue":"","idfv":null}
            """), "ok");

        Assert.Equal(
            $$$"""{"source":"app","name":"app_install","user_id":null,"visitor_id":"{{{Gaid}}}","utm_source":"googleadwords_int","utm_medium":"Search","utm_campaign":"autumn","utm_term":"boots","utm_content":"red","value":null,"consent_ads":true}""",
            SegmentHost.Columns(row, "source", "name", "user_id", "visitor_id", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "value", "consent_ads"));
        Assert.Equal(
            $$$"""{"$device":{"app_id":"example.shop","app_version":"3.2","appsflyer_id":"1-2","gaid":"{{{Gaid}}}","lat":false,"model":"Pixel 8","os_version":"15","platform":"android"},"af_siteid":"s1","city":"Berlin","country_code":"DE","partner":"appsflyer","sent_as":"install","utm_campaign":"autumn","utm_content":"red","utm_medium":"Search","utm_source":"googleadwords_int","utm_term":"boots"}""",
            SegmentHost.Properties(row));
    }

    [Fact]
    public async Task A_message_that_is_pushed_again_is_stored_once()
    {
        const string Message = """{"event_name":"af_purchase","event_time":"2026-11-24 11:30:00.001","appsflyer_id":"again","event_revenue":"5","event_revenue_currency":"EUR"}""";
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await server.JsonAsync(Push, Message)).Status);
        var other = Message.Replace("00.001", "00.002", StringComparison.Ordinal);
        Assert.Equal(200, (await server.JsonAsync(Push, other)).Status);
        var rows = (await server.RowsAsync(4)).Where(row => (string?)row["properties"]!["$device"]?["appsflyer_id"] == "again");
        Assert.Equal(2, rows.Count());
    }

    [Theory]
    [InlineData("", "401 key_missing")]
    [InlineData("pxs_aaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "401 key_wrong")]
    public async Task Without_a_good_key_nothing_is_taken(string key, string problem) =>
        Assert.Equal(problem, (await server.JsonAsync(InApp, """{"eventName":"x"}""", key.Length > 0 ? ("authentication", key) : ("X-Other", "1"))).Problem);

    [Fact]
    public async Task A_write_key_is_not_enough_and_a_key_in_the_address_is_none()
    {
        Assert.Equal("403 secret_key_needed", (await server.JsonAsync(InApp, """{"eventName":"x"}""", ("authentication", server.Host.WriteKey))).Problem);
        var answer = await server.JsonAsync($"{Push}?key={server.Secret}", """{"event_name":"x"}""");
        Assert.Equal("400 key_in_query", answer.Problem);
        Assert.DoesNotContain(server.Secret, answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "400 empty_body")]
    [InlineData("{", "400 bad_json")]
    [InlineData("[]", "400 not_an_event")]
    [InlineData("null", "400 not_an_event")]
    [InlineData("{}", "400 no_event_name")]
    [InlineData("""{"eventName":{}}""", "400 no_event_name")]
    public async Task What_is_no_event_is_refused_with_a_reason(string body, string problem) => Assert.Equal(problem, (await server.JsonAsync(InApp, body)).Problem);

    [Theory]
    [InlineData("""{"eventName":"x","eventValue":"{\"af_revenue\":"}""")]
    [InlineData("""{"eventName":"x","eventValue":[1,2],"eventTime":{},"idfa":[[]],"att":[],"ip":{},"ua":[],"consent_data":[],"app_set_id":"x","customer_user_id":[]}""")]
    [InlineData("""{"eventName":"\ud800","eventValue":"{\"a\\u0000\":\"\\ud800\"}","idfv":"\u0000","sharing_filter":"\udfff"}""")]
    [InlineData("""{"eventName":"x","eventTime":"9999999999999999999999","eventValue":"{\"af_revenue\":1e400,\"af_currency\":\"€€€\"}","$device":{"idfa":"x"},"$consent":1,"$identities":[]}""")]
    public async Task A_hostile_body_is_an_event_or_refused_and_never_an_error(string body)
    {
        var answer = await server.JsonAsync(InApp, body);
        Assert.InRange(answer.Status, 200, 499);
        if (answer.Status != 200) return;
        var row = (await server.RowsAsync(1))[^1];
        Assert.False(row["properties"]!.AsObject().ContainsKey("eventTime") && row["properties"]!["eventTime"] is JsonObject { Count: > 0 });
        Assert.NotEqual("x", (string?)row["properties"]!["$device"]?["idfa"]);
    }
}

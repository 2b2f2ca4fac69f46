namespace PixelServer.Tests.Api;

/// <summary>Branch's formats on the real server: docs/apps.md, "Branch".</summary>
public sealed class BranchTests(PartnerHost server) : IClassFixture<PartnerHost>
{
    private const string Standard = "/v1/partners/branch/v2/event/standard", Webhook = "/v1/partners/branch/webhook", Ok = """{"branch_view_enabled":false}""",
        Gaid = "9c9a82fb-d5de-4cd1-90c3-527441c11828", Idfv = "1b2c3d4e-0000-4000-8000-0123456789ab", Idfa = "ea7583cd-a667-48bc-b806-42ecb2b48606";

    [Fact]
    public async Task An_event_of_a_backend_is_a_row_and_its_key_may_stand_in_the_body()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(Standard, $$$"""
            {"name":"PURCHASE","branch_key":"{{{host.Secret}}}","customer_event_alias":"autumn buy","timestamp":1795600800000,
             "user_data":{"os":"Android","os_version":"15","aaid":"{{{Gaid.ToUpperInvariant()}}}","developer_identity":"user123","limit_ad_tracking":false,"ip":"203.0.113.7","user_agent":"Shop/3.2","brand":"Google","model":"Pixel 8"},
             "event_data":{"transaction_id":"4711","revenue":59.90,"currency":"EUR","shipping":4.9,"coupon":"SPRING"},
             "content_items":[{"$sku":"A-1","$price":59.90,"$quantity":1}],"custom_data":{"size":"42","email":"jane.doe@example.com"}}
            """, ("X-Nothing", "1")), Ok);

        Assert.Equal(
            $$$"""{"source":"app","name":"purchase","user_id":"user123","client_event_id":"4711","value":59.9,"currency":"EUR","ip":"203.0.113.0","user_agent":"Shop/3.2","visitor_id":"{{{Gaid}}}","consent_ads":true}""",
            SegmentHost.Columns(row, "source", "name", "user_id", "client_event_id", "value", "currency", "ip", "user_agent", "visitor_id", "consent_ads"));
        Assert.Equal(
            $$$"""{"$device":{"gaid":"{{{Gaid}}}","lat":false,"manufacturer":"Google","model":"Pixel 8","os_version":"15","platform":"android"},"content_items":[{"$sku":"A-1","$price":59.90,"$quantity":1}],"coupon":"SPRING","customer_event_alias":"autumn buy","partner":"branch","sent_as":"PURCHASE","shipping":4.9,"size":"42"}""",
            SegmentHost.Properties(row));
        Assert.DoesNotContain(server.Secret, row.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ADD_TO_CART", "add_to_cart")]
    [InlineData("INITIATE_PURCHASE", "initiate_checkout")]
    [InlineData("VIEW_ITEM", "view_content")]
    [InlineData("COMPLETE_REGISTRATION", "complete_registration")]
    [InlineData("SPEND_CREDITS", "SPEND_CREDITS")]
    [InlineData("picked picture", "picked picture")]
    public async Task Standard_events_have_our_names_and_custom_ones_their_own(string sent, string stored)
    {
        var row = await server.KeptAsync(host => host.JsonAsync(
            sent == stored ? "/v1/partners/branch/v2/event/custom" : Standard, $$$"""{"name":"{{{sent}}}","user_data":{"os":"iOS","idfv":"{{{Idfv}}}","limit_ad_tracking":true}}"""), Ok);
        Assert.Equal((stored, sent == stored ? null : sent, Idfv, false),
            ((string?)row["name"], (string?)row["properties"]!["sent_as"], (string?)row["visitor_id"], (bool)row["consent_ads"]!));
    }

    [Fact]
    public async Task A_webhook_is_a_row_with_the_link_that_led_there()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(Webhook, $$$"""
            {"id":"4711","name":"INSTALL","timestamp":1795600800000,"origin":"BRANCH",
             "user_data":{"os":"IOS","idfv":"{{{Idfv}}}","idfa":"{{{Idfa}}}","ip":"203.0.113.7","developer_identity":"user123","environment":"FULL_APP","geo_country_code":"DE","geo_lat":52.5,"geo_lon":13.4},
             "last_attributed_touch_data":{"~channel":"newsletter","~campaign":"autumn","~feature":"email","~tags":["a","b"],"$desktop_url":"https://shop.example/","note":"{{{Idfa}}}"}}
            """), Ok);
        Assert.Equal(
            $$$"""{"source":"app","name":"app_install","user_id":"user123","visitor_id":"{{{Idfv}}}","utm_source":"newsletter","utm_medium":"email","utm_campaign":"autumn","consent_ads":false}""",
            SegmentHost.Columns(row, "source", "name", "user_id", "visitor_id", "utm_source", "utm_medium", "utm_campaign", "consent_ads"));
        Assert.Equal(("DE", "a,b"), ((string?)row["properties"]!["geo_country_code"], string.Join(',', row["properties"]!["~tags"]!.AsArray().Select(one => (string?)one))));
        Assert.False(row["properties"]!.AsObject().ContainsKey("geo_lat"));
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_visit_of_a_page_is_no_app()
    {
        var row = await server.KeptAsync(host => host.JsonAsync(Webhook, """{"id":"web-1","name":"WEB_SESSION_START","user_data":{"os":"IOS","environment":"FULL_WEB","user_agent":"Mozilla/5.0"}}"""), Ok);
        Assert.Equal(("server", "session_start"), ((string?)row["source"], (string?)row["name"]));
    }

    [Fact]
    public async Task A_webhook_that_comes_again_is_stored_once()
    {
        for (var i = 0; i < 3; i++)
            Assert.Equal(200, (await server.JsonAsync(Webhook, $$$"""{"id":"again-1","name":"again_event","user_data":{"os":"Android"},"custom_data":{"try":{{{i}}}}}""")).Status);
        var row = Assert.Single(await server.RowsAsync(3), row => (string?)row["name"] == "again_event");
        Assert.Equal(0, (int)row["properties"]!["try"]!);
    }

    [Fact]
    public async Task A_refusal_says_what_is_wrong_as_branch_says_it()
    {
        var answer = await server.JsonAsync(Standard, """{"name":"PURCHASE"}""", ("X-Nothing", "1"));
        Assert.Equal("401 key_missing", answer.Problem);
        Assert.Equal("401", answer.Json["error"]!["code"]!.ToString());
        Assert.Equal("403 secret_key_needed", (await server.JsonAsync(Standard, $$$"""{"name":"x","branch_key":"{{{server.Host.WriteKey}}}"}""", ("X-Nothing", "1"))).Problem);
        Assert.Equal("400 key_in_query", (await server.JsonAsync($"{Webhook}?branch={server.Secret}", """{"name":"x"}""")).Problem);
        Assert.Equal(404, (await server.JsonAsync("/v1/partners/branch/v2/event/other", """{"name":"x"}""")).Status);
        Assert.Equal("413 event_too_large", (await server.JsonAsync(Webhook, $$$"""{"name":"x","custom_data":{"a":"{{{new string('a', 33_000)}}}"}}""")).Problem);
        Assert.Equal("400 message_id_too_long", (await server.JsonAsync(Webhook, $$$"""{"name":"x","id":"{{{new string('a', 101)}}}"}""")).Problem);
    }

    [Theory]
    [InlineData("""{"name":"x","user_data":[],"event_data":"{","custom_data":null,"content_items":{},"last_attributed_touch_data":7,"timestamp":[]}""")]
    [InlineData("""{"name":"x","user_data":{"ip":{},"idfa":{"a":[["b"]]},"aaid":["9c9a82fb-d5de-4cd1-90c3-527441c11828"],"limit_ad_tracking":"\u0000"},"event_data":{"revenue":{"a":1},"transaction_id":[]}}""")]
    [InlineData("""{"name":"x","custom_data":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}}}}}}""")]
    [InlineData("""{"branch_key":{"a":1},"name":"x","name":"y","user_data":{"os":1},"user_data":{"os":"iOS"}}""")]
    public async Task A_hostile_body_is_an_event_or_refused_and_never_an_error(string body)
    {
        var answer = await server.JsonAsync(Webhook, body);
        Assert.InRange(answer.Status, 200, 499);
        if (answer.Status == 200) await server.RowsAsync(1);
    }
}

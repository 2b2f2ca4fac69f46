using System.Text;

namespace PixelServer.Tests.Api;

/// <summary>Bodies that once were an error of the server's, cost it dearly, or kept what may not be kept: each with a key that every page shows.</summary>
public sealed class HostileKeyedBodyTests
{
    private const string Idfa = "DF07C7DC-B819-44A6-A4B9-5CB1539C3F51";

    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"writeKey":5,"a":1,"a":2}""")]
    public async Task An_image_whose_data_is_strange_json_is_the_image(string data)
    {
        await using var host = await SegmentHost.StartAsync();
        foreach (var key in (string[])["x", host.WriteKey])
        {
            var answer = await host.GetAsync($"/v1/pixel/track?writeKey={key}&data={Convert.ToBase64String(Encoding.UTF8.GetBytes(data)).Replace("+", "%2B", StringComparison.Ordinal)}");
            Assert.Equal((200, "image/gif"), (answer.Status, answer.Headers["Content-Type"]));
            Assert.NotNull(answer.Headers.GetValueOrDefault("X-Pixel-Refused"));
        }

        Assert.DoesNotContain(" ERR", host.App.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_as_deep_as_json_goes_is_an_event_like_any_other()
    {
        await using var host = await SegmentHost.StartAsync();
        var deep = new string('[', 16) + "1" + new string(']', 16);
        foreach (var inner in (string[])[$$$$"""{"device":{"model":{{{{deep}}}}}}""", $$$$"""{"location":{"city":{{{{deep}}}}}}""", $$$$"""{"x":{{{{deep[1..^1]}}}}}""", $$$$"""{"x":{{{{deep[1..^1]}}}},"device":{"type":"ios","idfa":"{{{{Idfa}}}}"},"y":"{{{{Idfa}}}}"}"""])
            Assert.Equal(200, (await host.PostAsync("/v1/track", $$"""{"anonymousId":"a","event":"x","context":{{inner}}}""")).Status);
        Assert.DoesNotContain(" ERR", host.App.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_id_without_permission_is_blanked_in_numbers_too_and_many_properties_stay_what_they_are()
    {
        await using var host = await SegmentHost.StartAsync();
        var many = string.Join(',', Enumerable.Range(0, 90).Select(i => $"\"p{i}\":[1,2,3,4,5,6,7,8,9]"));
        var row = await host.KeptAsync("track",
            $$$$"""{"anonymousId":"a","event":"x","context":{"device":{"type":"ios","idfa":"1234567890123456"},"z":[[1,2],[3]]},"properties":{"n":1234567890123456,"d":-1234567890123456.5,"t":"x1234567890123456y",{{{{many}}}}}}""");
        var properties = row["properties"]!;
        Assert.Equal(["0000000000000000", "-0000000000000000.5", "x0000000000000000y"], ((string[])["n", "d", "t"]).Select(name => (string)properties[name]!));
        Assert.Equal(9, properties["p89"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_no_that_was_repeated_beside_a_yes_counts_also_where_an_id_is_taken_out()
    {
        await using var host = await SegmentHost.StartAsync();
        var row = await host.KeptAsync("track", $$$$"""
            {"anonymousId":"a","event":"x","context":{"device":{"type":"ios","idfa":"{{{{Idfa}}}}"},"consent":{"analytics_storage":"granted","x":"{{{{Idfa}}}}","analytics_storage":"denied","measurement":"granted"}}}
            """);
        Assert.Equal((false, false), ((bool)row["consent_storage"]!, row.ToJsonString().Contains("5CB1539C3F51", StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task More_advertising_ids_than_a_device_can_have_are_refused()
    {
        await using var host = await SegmentHost.StartAsync();
        string Of(int count) => $$$$"""{"anonymousId":"a","event":"x","context":{"device":{"type":"ios","idfa":[{{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"aaaaaaaaaaaa{i:d4}\""))}}}}]}}}""";
        Assert.Equal(200, (await host.PostAsync("/v1/track", Of(16))).Status);
        Assert.Equal("400 too_many_ids", (await host.PostAsync("/v1/track", Of(17))).Problem);
        Assert.Equal("400 too_many_ids", (await host.PostAsync("/v1/track", Of(1_600))).Problem);
    }

    [Theory]
    [InlineData("""{"device":{"type":"ios","idfa":"DF07C7DC-B819-44A6-A4B9-5CB1539C3F51","trackingStatus":"denied"},"userAgent":"Shop/1 (iPhone; DF07C7DC-B819-44A6-A4B9-5CB1539C3F51)"}""")]
    [InlineData("""{"os":{"name":"iOS"},"idfa":{"value":"DF07C7DC-B819-44A6-A4B9-5CB1539C3F51"}}""")]
    [InlineData("""{"os":{"name":"iOS"},"idfa":[["DF07C7DC-B819-44A6-A4B9-5CB1539C3F51"]]}""")]
    [InlineData("""{"os":{"name":"iOS"},"idfa":"DF07C7DC-B819-44A6-A4B9-5CB1539C3F51 (denied)"}""")]
    [InlineData("""{"os":{"name":"iOS"},"device":{"idfa":"id=DF07C7DC-B819-44A6-A4B9-5CB1539C3F51"}}""")]
    public async Task An_idfa_without_permission_is_kept_in_no_shape_and_no_column(string context)
    {
        await using var host = await SegmentHost.StartAsync();
        var row = await host.KeptAsync("track", $$"""{"anonymousId":"a","event":"x","context":{{context}}}""", headers: ("Referer", $"https://shop.example/{Idfa}"));
        Assert.DoesNotContain("5CB1539C3F51", row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_a_parcel_or_a_shop_is_called_stays_a_property_of_the_event()
    {
        await using var host = await SegmentHost.StartAsync();
        var row = await host.KeptAsync("track", $$$$"""
            {"anonymousId":"a","event":"x","context":{"device":{"type":"ios","idfa":"{{{{Idfa}}}}","trackingStatus":3}},"properties":{"tracking_status":"in_transit","vendor_id":"acme-42","att":"yes"}}
            """);
        Assert.Equal(("in_transit", "acme-42", "yes"), ((string)row["properties"]!["tracking_status"]!, (string)row["properties"]!["vendor_id"]!, (string)row["properties"]!["att"]!));
        Assert.Equal(Idfa.ToLowerInvariant(), (string)row["properties"]!["$device"]!["idfa"]!);
        Assert.True((bool)row["consent_ads"]!);
    }

    [Fact]
    public async Task The_system_that_an_event_names_goes_before_that_of_its_batch()
    {
        await using var host = await SegmentHost.StartAsync();
        await host.PostAsync("/v1/batch", $$$$"""
            {"context":{"os":{"name":"Android"}},"batch":[{"type":"track","anonymousId":"a","event":"x","context":{"os":{"name":"iOS"},"device":{"advertisingId":"{{{{Idfa}}}}"}}}]}
            """);
        var row = (await host.EventsAsync(1))[0];
        Assert.DoesNotContain("5CB1539C3F51", row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("ios", (string)row["properties"]!["$device"]!["platform"]!);
    }

    [Fact]
    public async Task A_campaign_in_the_context_is_kept_though_the_pages_path_speaks_of_campaigns()
    {
        await using var host = await SegmentHost.StartAsync();
        var row = await host.KeptAsync("page", """{"anonymousId":"a","context":{"page":{"url":"https://shop.example/blog/utm_parameters"},"campaign":{"source":"newsletter"}}}""");
        Assert.Equal("newsletter", (string)row["utm_source"]!);
    }

    [Fact]
    public async Task Addresses_and_serial_numbers_in_the_context_are_not_kept()
    {
        await using var host = await SegmentHost.StartAsync();
        var row = await host.KeptAsync("track", """{"anonymousId":"a","event":"x","context":{"email":"ann@x.example","phone":"+4917012345678","imei":"356938035643809","deviceName":"Jane's phone","push_token":"t","kept":1}}""");
        Assert.Equal("""{"kept":1}""", row["properties"]!["context"]!.ToJsonString());
    }

    [Fact]
    public async Task A_secret_key_in_the_address_of_the_settings_is_refused_and_not_repeated()
    {
        await using var host = await SegmentHost.StartAsync();
        var answer = await host.GetAsync($"/v1/projects/{host.SecretKey}/settings");
        Assert.Equal("400 key_in_query", answer.Problem);
        Assert.DoesNotContain(host.SecretKey, answer.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await host.GetAsync($"/v1/projects/{host.WriteKey}/settings")).Status);
    }

    [Fact]
    public async Task Traits_that_are_kept_raw_may_be_as_deep_as_others_and_no_deeper()
    {
        await using var host = await SegmentHost.StartAsync("--Pixel:DefaultSite:Identity:KeepRaw=true");
        foreach (var depth in (int[])[10, 70])
        {
            var answer = await host.PostAsync("/v1/identify", $$$$"""{"anonymousId":"a","traits":{"email":{{{{new string('[', depth)}}}}{{{{new string(']', depth)}}}}}}""");
            Assert.Equal(depth == 10 ? 200 : 400, answer.Status);
        }

        Assert.DoesNotContain(" ERR", host.App.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_browser_is_not_told_to_ask_its_visitor_for_a_password()
    {
        await using var host = await SegmentHost.StartAsync();
        var wrong = host.WriteKey[..^1] + (host.WriteKey[^1] == 'a' ? 'b' : 'a');
        var browser = await host.PostAsync("/v1/track", "{}", wrong, headers: ("Sec-Fetch-Site", "same-origin"));
        Assert.Equal((401, false), (browser.Status, browser.Headers.ContainsKey("WWW-Authenticate")));
        Assert.True((await host.PostAsync("/v1/track", "{}", wrong)).Headers.ContainsKey("WWW-Authenticate"));
    }
}

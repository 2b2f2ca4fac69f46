using System.Text.Json.Nodes;
using PixelServer.Api;

namespace PixelServer.Tests.Api;

/// <summary>What apps send by the Segment routes and backends for them by /v1/events, on the real server: docs/apps.md.</summary>
public sealed class AppEventTests(PartnerHost server) : IClassFixture<PartnerHost>
{
    private const string Idfa = "EA7583CD-A667-48BC-B806-42ECB2B48606", Idfv = "1B2C3D4E-0000-4000-8000-0123456789AB", Anonymous = "6f0e9f0e-0c5a-4d1c-8f1c-1f2d3c4b5a69";

    [Theory]
    [InlineData("Application Installed", "app_install")]
    [InlineData("Application Opened", "app_open")]
    [InlineData("application_opened", "app_open")]
    [InlineData("Application Updated", "app_update")]
    [InlineData("Application Backgrounded", "app_background")]
    [InlineData("Install Attributed", "install_attributed")]
    [InlineData("Deep Link Opened", "deep_link_open")]
    [InlineData("Session Started", "session_start")]
    [InlineData("session-end", "session_end")]
    [InlineData("app_open", "app_open")]
    [InlineData("APP_OPEN", "app_open")]
    [InlineData("Order Completed", "Order Completed")]
    [InlineData("level_up", "level_up")]
    [InlineData("Application Opened Twice", "Application Opened Twice")]
    [InlineData("", "")]
    [InlineData("anwendung geöffnet", "anwendung geöffnet")]
    public void A_lifecycle_name_has_one_spelling_and_every_other_its_own(string sent, string stored) => Assert.Equal(stored, AppEvents.Canonical(sent));

    [Fact]
    public async Task An_app_event_by_the_segment_route_is_a_row_with_its_device()
    {
        var row = await SegmentAsync($$$$"""
            {"type":"track","event":"Application Opened","messageId":"app-1","anonymousId":"{{{{Anonymous}}}}","timestamp":"2026-11-24T11:59:00Z","properties":{"from_background":false,"idfa":"{{{{Idfa}}}}"},
             "context":{"app":{"name":"Shop","version":"3.2","build":"417","namespace":"example.shop"},"os":{"name":"iOS","version":"17.5"},"locale":"de-DE","timezone":"Europe/Berlin",
             "device":{"id":"{{{{Idfv}}}}","type":"ios","manufacturer":"Apple","model":"iPhone15,2","name":"Jane's phone","trackingStatus":"denied","advertisingId":"{{{{Idfa}}}}","adTrackingEnabled":false}}}
            """);
        Assert.Equal(
            $$$$"""{"source":"app","name":"app_open","visitor_id":"{{{{Anonymous}}}}","visitor_kind":"client","consent_ads":false,"site_id":"shop"}""",
            SegmentHost.Columns(row, "source", "name", "visitor_id", "visitor_kind", "consent_ads", "site_id"));
        Assert.Equal(
            $$$$"""{"app_build":"417","app_id":"example.shop","app_name":"Shop","app_version":"3.2","att":2,"idfv":"{{{{Idfv.ToLowerInvariant()}}}}","locale":"de-DE","manufacturer":"Apple","model":"iPhone15,2","os_version":"17.5","platform":"ios","timezone":"Europe/Berlin","type":"ios"}""",
            SegmentHost.Properties(new JsonObject { ["properties"] = row["properties"]!["$device"]!.DeepClone() }));
        Assert.Equal(("Application Opened", "2", false), ((string?)row["properties"]!["sent_as"], (string?)row["properties"]!["$consent"]!["att"], (bool)row["properties"]!["from_background"]!));
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Jane", row.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_anonymous_id_that_may_not_be_kept_names_nobody()
    {
        var row = await SegmentAsync($$$$"""
            {"type":"track","event":"x","messageId":"app-2","userId":"user123","anonymousId":"{{{{Idfa}}}}","context":{"os":{"name":"iOS"},"device":{"type":"ios","advertisingId":"{{{{Idfa}}}}","attTrackingStatus":2}}}
            """);
        Assert.Equal("none", (string?)row["visitor_kind"]);
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        var text = await SegmentAsync($$$$"""
            {"type":"track","event":"x","messageId":"app-3","userId":"user123","anonymousId":"phone {{{{Idfa}}}}","context":{"os":{"name":"iOS"},"device":{"type":"ios","advertisingId":"{{{{Idfa}}}}","attTrackingStatus":2}}}
            """);
        Assert.Equal("none", (string?)text["visitor_kind"]);
        Assert.False(text["properties"]!.AsObject().ContainsKey("anonymous_id"));
    }

    [Fact]
    public async Task A_backend_says_it_with_the_source_app()
    {
        var row = await EventAsync($$$$"""
            {"event":"Application Installed","source":"app","user_id":"user123","visitor_id":"{{{{Anonymous}}}}","message_id":"app-4","gaid":"9C9A82FB-D5DE-4CD1-90C3-527441C11828","device":{"platform":"android","model":"Pixel 8","limit_ad_tracking":"0"},"properties":{"plan":"pro"}}
            """);
        Assert.Equal(
            $$$$"""{"source":"app","name":"app_install","visitor_id":"{{{{Anonymous}}}}","user_id":"user123","consent_ads":true}""", SegmentHost.Columns(row, "source", "name", "visitor_id", "user_id", "consent_ads"));
        Assert.Equal(
            """{"$device":{"gaid":"9c9a82fb-d5de-4cd1-90c3-527441c11828","lat":false,"model":"Pixel 8","platform":"android"},"plan":"pro","sent_as":"Application Installed"}""", SegmentHost.Properties(row));
    }

    [Theory]
    [InlineData("\"source\":\"app\",\"platform\":\"ios\",")]
    [InlineData("\"source\":\"app\",\"att\":\"denied\",")]
    [InlineData("\"att\":2,")]
    [InlineData("")]
    public async Task An_idfa_without_permission_is_not_kept_from_a_backend_either(string more)
    {
        var row = await EventAsync($$$$"""{"event":"x",{{{{more}}}}"user_id":"id-{{{{Idfa}}}}","visitor_id":"{{{{Idfa}}}}","idfa":"{{{{Idfa}}}}","note":"{{{{Idfa.ToLowerInvariant()}}}}","message_id":"app-5{{{{more.Length}}}}"}""");
        Assert.DoesNotContain(Idfa, row.ToJsonString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal((null, "none", false), ((string?)row["user_id"], (string?)row["visitor_kind"], (bool)row["consent_ads"]!));
    }

    [Fact]
    public async Task A_property_that_only_sounds_like_a_permission_stays()
    {
        var row = await EventAsync("""{"event":"x","message_id":"app-6","att":"attachment","lat":52.5,"platform":"ios","device":"till 4"}""");
        Assert.Equal("""{"att":"attachment","device":"till 4","lat":52.5,"platform":"ios"}""", SegmentHost.Properties(row));
    }

    [Fact]
    public async Task A_page_has_no_device()
    {
        var row = await SegmentAsync("""{"type":"track","event":"x","messageId":"app-7","anonymousId":"a","context":{"library":{"name":"analytics.js"},"locale":"de-DE","timezone":"Europe/Berlin","screen":{"width":1440,"height":900},"app":{"name":"RudderLabs JavaScript SDK"}}}""");
        Assert.False(row["properties"]!.AsObject().ContainsKey("$device"));
        Assert.Equal(("beacon", true), ((string?)row["source"], (bool)row["consent_ads"]!));
    }

    [Fact]
    public async Task A_phone_that_was_offline_for_a_week_is_believed_and_not_a_day_longer()
    {
        var clock = new StandingClock(PartnerHost.Now);
        await using var host = await SegmentHost.StartAsync(clock);
        string Event(string id, TimeSpan age) => $$$$"""{"type":"track","event":"Application Opened","messageId":"{{{{id}}}}","anonymousId":"a","timestamp":"{{{{PartnerHost.Now - age:O}}}}","context":{"os":{"name":"Android"},"device":{"type":"android"}}}""";
        var queue = $$$$"""{"sentAt":"{{{{PartnerHost.Now:O}}}}","batch":[{{{{Event("week", TimeSpan.FromHours(167))}}}},{{{{Event("more", TimeSpan.FromHours(169))}}}}]}""";
        Assert.Equal(200, (await host.PostAsync("/v1/b", queue)).Status);

        // The same queue once more, two days later by a clock that is a day ahead.
        clock.Now += TimeSpan.FromDays(2);
        Assert.Equal(200, (await host.PostAsync("/v1/b", queue.Replace($"{PartnerHost.Now:O}\",\"batch", $"{PartnerHost.Now.AddDays(3):O}\",\"batch", StringComparison.Ordinal))).Status);
        await host.App.StoredAsync(4);

        var rows = await host.RowsAsync();
        Assert.Equal([PartnerHost.Now.AddHours(-167), PartnerHost.Now], rows.Select(row => SegmentHost.Time(row, "occurred_at")));
        Assert.All(rows, row => Assert.Equal("app", (string?)row["source"]));
    }

    private Task<JsonObject> SegmentAsync(string call) =>
        server.KeptAsync(host => host.JsonAsync("/v1/b", $$$$"""{"batch":[{{{{call}}}}]}""", ("Authorization", KeyHost.Basic(host.Host.WriteKey))), """{"success":true}""");

    private Task<JsonObject> EventAsync(string json) => server.KeptAsync(host => host.JsonAsync("/v1/events", json), """{"accepted":1,"refused":[],"warnings":[]}""");
}

using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Configuration;
using PixelServer.Api;
using PixelServer.Collect;
using PixelServer.Journal;

namespace PixelServer.Tests.Api;

/// <summary>What is kept of a device, and what is kept nowhere: docs/apps.md, "Ids" and "ATT".</summary>
public sealed class DevicesTests
{
    private const string Idfa = "EA7583CD-A667-48BC-B806-42ECB2B48606", Idfv = "1B2C3D4E-0000-4000-8000-0123456789AB", Zero = "00000000-0000-0000-0000-000000000000";

    [Theory]
    // Apple's four words as SDKs write them, its numbers, numbers as text, truth values.
    [InlineData("\"notDetermined\"", 0)]
    [InlineData("\"not_determined\"", 0)]
    [InlineData("\"NOT_DETERMINED\"", 0)]
    [InlineData("\"not-determined\"", 0)]
    [InlineData("\"restricted\"", 1)]
    [InlineData("\"Restricted\"", 1)]
    [InlineData("\"denied\"", 2)]
    [InlineData("\"DENIED\"", 2)]
    [InlineData("\"authorized\"", 3)]
    [InlineData("\"AUTHORIZED\"", 3)]
    [InlineData("\"authorised\"", 3)]
    [InlineData("\" authorized \"", 3)]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("2", 2)]
    [InlineData("3", 3)]
    [InlineData("\"0\"", 0)]
    [InlineData("\"1\"", 1)]
    [InlineData("\"2\"", 2)]
    [InlineData("\"3\"", 3)]
    [InlineData("true", 3)]
    [InlineData("false", 2)]
    // Nothing said, or nothing that can be read: no permission.
    [InlineData("null", 0)]
    [InlineData("\"\"", 0)]
    [InlineData("\"unknown\"", 0)]
    [InlineData("\"unavailable\"", 0)]
    [InlineData("4", 0)]
    [InlineData("-1", 0)]
    [InlineData("3.5", 0)]
    [InlineData("99999999999", 0)]
    [InlineData("[3]", 0)]
    [InlineData("{}", 0)]
    public void Att_is_read_in_every_spelling_and_the_idfa_kept_only_with_permission(string said, int status)
    {
        foreach (var key in new[] { "att", "attStatus", "att_status", "ATT-Status", "attTrackingStatus", "trackingStatus", "tracking_authorization_status" })
            foreach (var context in new[]
            {
                $$$"""{"device":{"type":"ios","idfa":"{{{Idfa}}}","{{{key}}}":{{{said}}}}}""",
                $$$"""{"os":{"name":"iOS"},"idfa":"{{{Idfa}}}","{{{key}}}":{{{said}}}}""",
                $$$"""{"{{{key}}}":{{{said}}},"os":{"name":"iPadOS","version":"18.1"},"device":{"advertisingId":"{{{Idfa}}}","adTrackingEnabled":false}}""",
            })
            {
                var claims = Read(context);
                Assert.Equal(status, claims.AttStatus);
                Assert.Equal(status == 3 ? Idfa.ToLowerInvariant() : null, claims.Idfa);
                Assert.Equal(status != 3, claims.NoAds);
                Assert.Equal(status != 3, claims.Withholds($"x{Idfa.ToLowerInvariant()}y"));
                Assert.True(claims.IsApp);
            }
    }

    [Theory]
    [InlineData("true", 3, true)]
    [InlineData("1", 3, true)]
    [InlineData("\"true\"", 3, true)]
    [InlineData("false", 0, false)]
    [InlineData("\"false\"", 0, false)]
    [InlineData("null", 0, false)]
    [InlineData("\"maybe\"", 0, false)]
    public void Where_no_status_came_the_truth_value_decides(string said, int status, bool kept)
    {
        var claims = Read($$$"""{"os":{"name":"iOS"},"device":{"advertisingId":"{{{Idfa}}}","adTrackingEnabled":{{{said}}}}}""");
        Assert.Equal(status, claims.AttStatus);
        Assert.Equal(kept ? Idfa.ToLowerInvariant() : null, claims.Idfa);
        Assert.Equal(!kept, claims.NoAds);
    }

    [Theory]
    [InlineData("idfa")]
    [InlineData("IDFA")]
    [InlineData("ios_idfa")]
    [InlineData("advertisingId")]
    [InlineData("advertising_id")]
    [InlineData("ifa")]
    public void Every_spelling_of_the_idfa_is_known(string key)
    {
        Assert.Equal(Idfa.ToLowerInvariant(), Read($$$"""{"platform":"iOS","att":3,"{{{key}}}":"{{{Idfa}}}"}""").Idfa);
        Assert.NotNull(DeviceWords.Find(key));
        Assert.Null(Read($$$"""{"platform":"iOS","att":3,"{{{key}}}":"{{{Zero}}}"}""").Idfa);
    }

    [Fact]
    public void An_event_that_names_no_advertising_id_is_known_as_one_without_reading_it()
    {
        foreach (var (key, _) in DeviceWords.Keys.Where(row => row.Means.Kind is not null))
            foreach (var spelling in new[] { key, key.ToUpperInvariant(), string.Join('_', key.ToCharArray()), string.Join("- ", key.ToCharArray()) })
                Assert.True(DeviceWords.MayNameAdvertisingId(Encoding.UTF8.GetBytes($$$"""{"a":{"{{{spelling}}}":"x"}}""")), spelling);
        Assert.False(DeviceWords.MayNameAdvertisingId("""{"plan":"pro","items":[{"sku":"A-1","price":59.90}],"device":"till 4"}"""u8));
    }

    [Theory]
    [InlineData("idfv")]
    [InlineData("vendor_id")]
    [InlineData("identifierForVendor")]
    public void Every_spelling_of_the_idfv_is_known(string key) =>
        Assert.Equal(Idfv.ToLowerInvariant(), Read($$$"""{"platform":"iOS","{{{key}}}":"{{{Idfv}}}"}""").Idfv);

    [Theory]
    [InlineData("gaid")]
    [InlineData("aaid")]
    [InlineData("gps_adid")]
    [InlineData("google_adid")]
    [InlineData("googleAdvertisingId")]
    [InlineData("advertisingId")]
    public void Every_spelling_of_the_gaid_is_known_and_a_limit_takes_it_away(string key)
    {
        Assert.Equal(Idfa.ToLowerInvariant(), Read($$$"""{"os":{"name":"Android"},"device":{"{{{key}}}":"{{{Idfa}}}"}}""").Gaid);
        Assert.Null(Read($$$"""{"os":{"name":"Android"},"device":{"{{{key}}}":"{{{Zero}}}"}}""").Gaid);
        foreach (var limit in new[]
        {
            "\"lat\":true", "\"lat\":1", "\"lat\":\"1\"", "\"limit_ad_tracking\":true", "\"limitAdTracking\":\"true\"", "\"limitedAdTracking\":true", "\"isLimitAdTrackingEnabled\":true",
            "\"tracking_enabled\":false", "\"tracking_enabled\":\"0\"", "\"adTrackingEnabled\":false", "\"advertiser_tracking_enabled\":0",
        })
        {
            var claims = Read($$$"""{"os":{"name":"Android"},"device":{"{{{key}}}":"{{{Idfa}}}",{{{limit}}}}}""");
            Assert.Null(claims.Gaid);
            Assert.True(claims is { LimitAdTracking: true, NoAds: true, AttStatus: null });
            Assert.True(claims.Withholds(Idfa));
        }
    }

    [Theory]
    [InlineData("""{"oaid":"1fe9a970-efbb-4a40-aa5b-c15ff96f7e29"}""", "oaid", "1fe9a970-efbb-4a40-aa5b-c15ff96f7e29")]
    [InlineData("""{"oaid":"A1B2C3D4E5F60718"}""", "oaid", "a1b2c3d4e5f60718")]
    [InlineData("""{"fire_adid":"DF07C7DC-CEA7-4A89-B328-810FF5ACB15D"}""", "fire_adid", "df07c7dc-cea7-4a89-b328-810ff5acb15d")]
    [InlineData("""{"app_set_id":"38400000-8CF0-11BD-B23E-10B96E40000D"}""", "app_set_id", "38400000-8cf0-11bd-b23e-10b96e40000d")]
    [InlineData("""{"google_app_set_id":"38400000-8cf0-11bd-b23e-10b96e40000d"}""", "app_set_id", "38400000-8cf0-11bd-b23e-10b96e40000d")]
    [InlineData("""{"android_id":"9774D56D682E549C"}""", "android_id", "9774d56d682e549c")]
    [InlineData("""{"device":{"id":"Opaque-1","type":"android"}}""", "device_id", "opaque-1")]
    [InlineData("""{"appsflyer_id":"1696414245643-9124125"}""", "appsflyer_id", "1696414245643-9124125")]
    [InlineData("""{"device":{"manufacturer":"Samsung","model":"SM-S918B"}}""", "model", "SM-S918B")]
    [InlineData("""{"app":{"name":"Shop","version":"3.2","build":"417","namespace":"example.shop"}}""", "app_id", "example.shop")]
    [InlineData("""{"app":{"name":"Shop","version":"3.2","build":417}}""", "app_build", "417")]
    [InlineData("""{"network":{"carrier":"Example Mobile"}}""", "carrier", "Example Mobile")]
    [InlineData("""{"screen":{"width":1080,"height":2340,"density":2.75}}""", "screen_density", "2.75")]
    public void What_else_is_said_of_a_device_is_kept(string context, string field, string value) =>
        Assert.Equal(value, Devices.Fields(Read(context)).Single(one => one.Name == field).Value);

    [Fact]
    public void Every_trait_is_read()
    {
        var claims = Read("""
            {"app":{"name":"Shop","version":"3.2","build":"417","namespace":"example.shop"},"os":{"name":"Android","version":"15"},"network":{"carrier":"Example"},"locale":"de-DE","timezone":"Europe/Berlin",
             "device":{"type":"phone","manufacturer":"Google","model":"Pixel 8"},"screen":{"width":1080,"height":2340,"density":2.75}}
            """);
        Assert.Equal(Devices.Traits.Order(), claims.Traits!.Keys.Order());
    }

    [Fact]
    public void The_vendor_id_that_the_swift_plugin_puts_in_the_idfas_place_is_the_vendor_id()
    {
        var claims = Read($$$"""{"device":{"id":"{{{Idfv}}}","advertisingId":"{{{Idfv}}}","adTrackingEnabled":false,"trackingStatus":"denied","type":"ios","manufacturer":"Apple"},"os":{"name":"iOS","version":"17.5"}}""");
        Assert.Equal(Idfv.ToLowerInvariant(), claims.Idfv);
        Assert.Null(claims.Idfa);
        Assert.False(claims.Withholds(Idfv));
        Assert.Null(claims.DeviceId);
    }

    [Fact]
    public void Of_two_statuses_the_narrower_counts_and_a_limit_is_a_no_beside_a_yes()
    {
        Assert.Equal(2, Read("""{"platform":"ios","att":3,"device":{"trackingStatus":"denied"}}""").AttStatus);
        var claims = Read($$$"""{"platform":"ios","att":3,"lat":true,"idfa":"{{{Idfa}}}"}""");
        Assert.Null(claims.Idfa);
        Assert.True(claims.NoAds);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"os":{"name":"iOS","version":"18.1"},"userAgent":"Mozilla/5.0 (iPhone)"}""")]
    [InlineData("""{"app":{"name":"RudderLabs JavaScript SDK","namespace":"com.rudderlabs.javascript"},"os":{"name":"","version":""},"screen":{"width":1440}}""")]
    [InlineData("""[]""")]
    [InlineData("""null""")]
    [InlineData("""{"device":null,"os":7,"app":[]}""")]
    public void A_browser_is_no_app_and_has_no_att(string context) => Assert.True(Read(context) is { IsApp: false, AttStatus: null, NoAds: false });

    [Fact]
    public void What_was_said_stands_under_device_and_the_status_with_the_consent()
    {
        var hit = HitOf($$$"""{"att":"denied","os":{"name":"iOS","version":"17.5"},"device":{"id":"{{{Idfv}}}","model":"iPhone15,2","manufacturer":"Apple"},"app":{"version":"3.2"}}""", """{"plan":"pro"}""");
        Assert.Equal(
            $$$"""{"plan":"pro","$device":{"platform":"ios","idfv":"{{{Idfv.ToLowerInvariant()}}}","manufacturer":"Apple","model":"iPhone15,2","os_version":"17.5","app_version":"3.2","att":2},"$consent":{"att":"2"}}""",
            Encoding.UTF8.GetString(hit.Properties.Span));
        Assert.False(hit.ConsentAds);
        Assert.Equal(Source.App, hit.Source);
    }

    // Where an SDK, a plugin or a tired developer may put it.
    private static readonly string[] s_contexts =
    [
        """{"device":{"type":"ios","idfa":"@"}}""", """{"os":{"name":"iOS"},"idfa":"@"}""", """{"platform":"ios","device":{"advertisingId":"@","id":"1B2C3D4E-0000-4000-8000-0123456789AB"}}""",
        """{"device":{"type":"ios","advertising_id":" @ "}}""", """{"device":{"manufacturer":"Apple","IDFA":"@","attTrackingStatus":2}}""", """{"advertisingId":"@"}""",
        """{"os":{"name":"iOS"},"device":{"advertisingId":"@","trackingStatus":"denied","adTrackingEnabled":true}}""", """{"platform":"ios","idfa":["@"]}""",
        """{"platform":"ios","extra":{"deep":[{"idfa":"@"}]}}""", """{"platform":"ios","device":{"id":"@","idfa":"@","name":"@"},"app":{"name":"@"}}""",
        """{"platform":"ios","att":0,"idfa":"1B2C3D4E-0000-4000-8000-0123456789AB","device":{"idfa":"@"}}""",
    ];

    private static readonly string[] s_properties =
    [
        """{}""", """{"idfa":"@"}""", """{"note":"id @ of phone","list":["@",{"@":"@"}]}""", """{"@":1,"00000000-0000-0000-0000-000000000000":2}""",
        """{"in":{"@":1,"00000000-0000-0000-0000-000000000000":2}}""", """{"url":"https://t.example/?idfa=@&x=1","app":"shop"}""",
    ];

    [Fact]
    public void An_idfa_without_permission_is_nowhere_in_the_bytes_of_the_hit() =>
        Gen.Select(Gen.Guid, Gen.Int[0, s_contexts.Length - 1].Select(i => s_contexts[i]), Gen.Int[0, s_properties.Length - 1].Select(i => s_properties[i]), Gen.Int[0, 4], Gen.Bool.Select(hyphens => hyphens ? "D" : "N"), Gen.Bool).Sample((id, context, properties, field, form, upper) =>
        {
            if (id == Guid.Empty) return;
            var text = upper ? id.ToString(form).ToUpperInvariant() : id.ToString(form);
            var hit = HitOf(context.Replace("@", text, StringComparison.Ordinal), properties.Replace("@", text, StringComparison.Ordinal), draft =>
            {
                var parameter = Parameters.All.First(p => p.Kind == field switch
                {
                    0 => ParameterKind.User,
                    1 => ParameterKind.EventId,
                    2 => ParameterKind.Url,
                    3 => ParameterKind.Title,
                    _ => ParameterKind.Name,
                });
                draft.TryTake(parameter, $"x-{text}", out _);
                draft.Consent.AddText("note"u8, Encoding.UTF8.GetBytes(text));
            });

            var room = new byte[256 * 1024];
            Assert.True(HitCodec.TryWrite(hit, room, out var length));
            var bytes = room.AsSpan(0, length);
            var ascii = Encoding.Latin1.GetString(bytes);
            Assert.DoesNotContain(id.ToString("D"), ascii, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(id.ToString("N"), ascii, StringComparison.OrdinalIgnoreCase);
            Assert.True(bytes.IndexOf(id.ToByteArray()) < 0 && bytes.IndexOf(id.ToByteArray(bigEndian: true)) < 0);
            using var kept = JsonDocument.Parse(hit.Properties, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }, iter: 5_000);

    [Fact]
    public void An_idfa_with_permission_is_kept_where_it_belongs()
    {
        var hit = HitOf($$$"""{"os":{"name":"iOS"},"device":{"advertisingId":"{{{Idfa}}}","trackingStatus":"authorized"}}""", """{}""");
        Assert.Contains($"\"idfa\":\"{Idfa.ToLowerInvariant()}\"", Encoding.UTF8.GetString(hit.Properties.Span), StringComparison.Ordinal);
        Assert.True(hit.ConsentAds);
    }

    [Fact]
    public void A_site_that_keeps_no_ids_keeps_no_device() =>
        Assert.DoesNotContain("$device", Encoding.UTF8.GetString(HitOf($$$"""{"platform":"android","gaid":"{{{Idfa}}}"}""", "{}", regime: "Aggregate").Properties.Span), StringComparison.Ordinal);

    private static DeviceClaims Read(string context)
    {
        using var json = JsonDocument.Parse(context);
        return Devices.Read(json.RootElement);
    }

    // As a door does it: properties, then the device, then the decision.
    private static Hit HitOf(string context, string properties, Action<Draft>? also = null, string regime = "Open")
    {
        using var json = JsonDocument.Parse(context);
        var draft = Draft.Fresh();
        also?.Invoke(draft);
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(properties));
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = Encoding.UTF8.GetBytes(reader.GetString()!);
            reader.Read();
            Assert.Null(draft.Properties.AddJson(key, ref reader));
        }

        Assert.Null(Devices.Take(json.RootElement, draft, out var claims));
        draft.Claim = new Claim { BackHours = Limits.AppBackHours, NoAds = claims.NoAds };
        var sites = new Sites(new ConfigurationBuilder().Build(), new SiteOptions { Regime = Enum.Parse<Regime>(regime) }, UnknownSites.Accept);
        var admission = new Admission(sites, new VisitorCookie(new byte[32]), new EventIds(), new Standings(), new SubjectKeys(new byte[32]), new DailyVisitors(new DailyKeys()), new UnwrittenOptOuts());
        var caller = Caller.Told(DateTimeOffset.UnixEpoch.AddYears(56), IPAddress.Loopback, "Shop/3.2", gpc: false);
        Assert.Null(admission.AdmitClaimed(draft, caller, Source.App, out var hit));
        return hit!;
    }
}

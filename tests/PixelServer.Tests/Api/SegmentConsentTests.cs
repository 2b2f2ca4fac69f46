using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Collect;
using PixelServer.Tests.Collect;

namespace PixelServer.Tests.Api;

/// <summary>Consent at the doors that SDKs and partners use: the same signals, wherever they stand, and the same decisions as at the public doors.</summary>
public sealed class SegmentConsentTests
{
    private const string Page = "https://shop.example/shoes?size=42&gclid=G1";

    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("Open")]
    [InlineData("Gdpr")]
    [InlineData("Exempt")]
    [InlineData("Aggregate")]
    public async Task Every_row_of_the_table_of_decisions_holds_at_the_doors_with_keys(string regime)
    {
        await using var backend = await Backend.StartAsync(
            clock: new FakeTimeProvider(s_now), settings: [$"--Pixel:Sites:shop:Regime={regime}", "--Pixel:Sites:shop:IpPolicy=Keep"]);
        var rows = ConsentTableTests.Said.ToList();
        var segment = rows.SelectMany((row, i) => new[]
        {
            $$"""{"type":"track","event":"top {{i}}","userId":"top {{i}}","properties":{"event_id":"e1"},"context":{"page":{"url":"{{Page}}"} }{{Flat(row)}} }""",
            $$"""{"type":"track","event":"context {{i}}","userId":"context {{i}}","properties":{"event_id":"e1"},"context":{"page":{"url":"{{Page}}"},"consent":{ {{Members(row)}} } } }""",
        });
        var events = rows.Select((row, i) => $$"""{"event":"events {{i}}","user_id":"events {{i}}","event_id":"e1","url":"{{Page}}"{{Flat(row)}} }""");
        await PostAsync(backend, "/v1/batch", $$"""{"batch":[{{string.Join(',', segment)}}]}""");
        await PostAsync(backend, "/v1/events", $"[{string.Join(',', events)}]");

        var kept = backend.Hits.ToDictionary(hit => hit.Name);
        for (var i = 0; i < rows.Count; i++)
        {
            var expected = ConsentTableTests.Decide(rows[i], Enum.Parse<Regime>(regime));
            foreach (var name in new[] { $"top {i}", $"context {i}", $"events {i}" })
            {
                var what = $"{name}: {rows[i].Label}";
                Assert.Equal((what, expected.Measurement), (what, kept.TryGetValue(name, out var hit)));
                if (hit is null) continue;
                Assert.Equal(
                    (what, expected.Storage, expected.Ads, expected.User, expected.Identifiers, expected.ClickIds),
                    (what, hit.ConsentStorage, hit.ConsentAds, hit.UserId == name, hit.ClientEventId == "e1", hit.Url!.Contains("gclid", StringComparison.Ordinal)));
            }
        }
    }

    [Fact]
    public async Task A_no_beside_the_event_is_one_and_no_property()
    {
        await using var backend = await Backend.StartAsync();
        var refused = await PostAsync(backend, "/v1/track", """{"userId":"jane","event":"x","consent":{"measurement":"denied"}}""");
        Assert.Contains("consent_required", refused, StringComparison.Ordinal);
        Assert.Contains("consent_required", await PostAsync(backend, "/v1/track", """{"userId":"jane","event":"x","measurement":"denied"}"""), StringComparison.Ordinal);
        await PostAsync(backend, "/v1/track", """{"userId":"jane","event":"own","measurement":42,"gdpr":1,"us_privacy":"1YYN","consent":{"gpc":true,"$consent":1}}""");

        var hit = Assert.Single(backend.Hits);
        Assert.Equal((null, true, false), (hit.UserId, hit.Gpc, hit.ConsentAds));
        Assert.Equal("""{"measurement":42,"$consent":{"gdpr":"1","us_privacy":"1YYN","gpc":"true"}}""", Encoding.UTF8.GetString(hit.Properties.Span));
    }

    [Fact]
    public async Task The_image_reads_them_from_its_address()
    {
        await using var backend = await Backend.StartAsync();
        using var denied = await backend.App.Client.GetAsync($"/v1/pixel/track?userId=jane&event=x&writeKey={backend.Write}&consent.measurement=denied");
        Assert.Equal("consent_required", denied.Headers.GetValues("X-Pixel-Refused").Single());
        using var kept = await backend.App.Client.GetAsync($"/v1/pixel/track?userId=jane&event=x&writeKey={backend.Write}&gdpr=1&us_privacy=1YYN&gpc=1");

        var hit = Assert.Single(backend.Hits);
        Assert.Equal((null, true, false, false), (hit.UserId, hit.Gpc, hit.ConsentStorage, hit.ConsentAds));
    }

    [Theory]
    [InlineData("us_privacy=1YYN", "jane", false)]
    [InlineData("gpc=1", "jane", false)]
    [InlineData("gdpr=1", null, false)]
    [InlineData("plan=pro", "jane", true)]
    public async Task Partners_bodies_are_read_for_them_as_well(string said, string? user, bool ads)
    {
        await using var backend = await Backend.StartAsync();
        await PostAsync(backend, "/v1/partners/adjust/event", $"event_name=x&user_id=jane&{said}", "application/x-www-form-urlencoded");

        var hit = Assert.Single(backend.Hits);
        Assert.Equal((user, ads), (hit.UserId, hit.ConsentAds));
        Assert.Equal(ads, Encoding.UTF8.GetString(hit.Properties.Span).Contains($"\"{said.Split('=')[0]}\"", StringComparison.Ordinal) && !Encoding.UTF8.GetString(hit.Properties.Span).Contains("$consent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_no_of_a_batch_is_not_taken_back_by_its_events()
    {
        await using var backend = await Backend.StartAsync();
        await PostAsync(backend, "/v1/batch", """
            {"context":{"gpc":true,"consent":{"ad_storage":"denied"} },"batch":[
              {"type":"track","userId":"jane","event":"silent"},
              {"type":"track","userId":"jane","event":"empty","context":{"consent":{} } },
              {"type":"track","userId":"jane","event":"yes","context":{"gpc":false,"consent":{"ad_storage":"granted"} } }]}
            """);
        await PostAsync(backend, "/v1/batch", """
            {"context":{"gpc":false,"consent":{"ad_storage":"granted"} },"batch":[{"type":"track","userId":"john","event":"no","context":{"gpc":1,"consent":{"ad_storage":"denied"} } }]}
            """);

        Assert.Equal(4, backend.Hits.Count);
        Assert.All(backend.Hits, hit => Assert.Equal((hit.Name, true, false), (hit.Name, hit.Gpc, hit.ConsentAds)));
        Assert.Equal("""{"$consent":{"ad_storage":"granted"}}""", Encoding.UTF8.GetString(backend.Hits[2].Properties.Span)); // of two the event's own is kept
    }

    [Fact]
    public async Task Googles_short_forms_count_from_a_secret_key_and_not_from_a_write_key_which_anybody_has()
    {
        await using var backend = await Backend.StartAsync(settings: "--Pixel:Sites:shop:Regime=Gdpr");
        const string Event = """{"userId":"jane","event":"x","context":{"consent":{"gcs":"G111"} } }""";
        Assert.Contains("consent_required", await PostAsync(backend, "/v1/track", Event, key: backend.Write), StringComparison.Ordinal);
        Assert.DoesNotContain("consent_required", await PostAsync(backend, "/v1/track", Event), StringComparison.Ordinal);
    }

    // As the pixel would take it: what only a consent object can carry stands in one.
    private static string Flat(ConsentTableTests.Row row) =>
        Members(row) is not { Length: > 0 } members ? "" : row.Query.StartsWith("consent.", StringComparison.Ordinal) ? $",\"consent\":{{{members}}}" : "," + members;

    private static string Members(ConsentTableTests.Row row) =>
        string.Join(',', row.Members.Append(("dnt", row.Dnt ? "1" : "")).Where(one => one.Item2.Length > 0).Select(one => $"\"{one.Item1}\":{JsonSerializer.Serialize(one.Item2)}"));

    private static async Task<string> PostAsync(Backend backend, string path, string body, string type = "application/json", string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, type) };
        request.Headers.Authorization = new("Bearer", key ?? backend.Secret);
        using var answer = await backend.App.Client.SendAsync(request);
        return await answer.Content.ReadAsStringAsync();
    }
}

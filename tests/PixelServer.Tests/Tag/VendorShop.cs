using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>
/// A shop with the real server behind it, and the ad platforms' hosts. Every test has a page of its own, whose path names it: rows and
/// scripts are told apart by it. Site <c>shop</c> records all seven; <c>bare</c> does too, but sees no page views by itself.
/// </summary>
public sealed class VendorShop(SharedPostgres postgres) : IAsyncLifetime
{
    /// <summary>As the last thing of a visit: what was told before has been stored when this is.</summary>
    private const string Last = "done";

    private static readonly string[] s_settings =
    [
        .. ((string[])["Meta", "Google", "LinkedIn", "X", "TikTok", "Reddit", "Pinterest"]).Select(name => $"--Pixel:DefaultSite:Tag:Vendors:{name}=true"),
        "--Pixel:DefaultSite:Tag:Attributes=true",
        "--Pixel:Sites:bare:Tag:PageView=false",
        "--Pixel:Sites:bare:Tag:SinglePage=false",
    ];

    private static readonly JsonSerializerOptions s_readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Chromium _chromium = new();
    private LiveServer _server = null!;
    private IBrowserContext _visitor = null!;

    internal VendorScripts Scripts { get; } = new();
    internal Pages Pages { get; } = new();

    public async ValueTask InitializeAsync()
    {
        await _chromium.InitializeAsync();
        await Pages.StartAsync();
        await Scripts.StartAsync();
        _server = await LiveServer.StartAsync("sqlite", postgres, s_settings);
        _visitor = await _chromium.VisitorAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _chromium.DisposeAsync();
        await Scripts.DisposeAsync();
        await Pages.DisposeAsync();
        await _server.DisposeAsync();
    }

    internal string TagAddress(string site = "shop") => $"http://t.shop.localhost:{_server.Port}/t.js?id={site}";

    /// <summary>The tag in such a way that what stands behind it comes after it.</summary>
    internal string Tag(string site = "shop") => $"""<script src="{TagAddress(site)}"></script>""";

    /// <summary>The platform's snippet, its script held back until <paramref name="of"/> is released.</summary>
    internal string Snippet(Vendor vendor, string of) => vendor.Snippet.Replace("SRC", Scripts.Address(of, vendor.Key), StringComparison.Ordinal);

    internal string Address(string of) => $"http://shop.localhost:{Pages.Port}/{of}";

    internal async Task<IPage> OpenAsync(string of, string body)
    {
        Pages[$"/{of}"] = $"<script>window.errors = []; onerror = (message) => {{ errors.push(message) }}</script>{body}";
        var page = await _visitor.NewPageAsync();
        await page.GotoAsync(Address(of), new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        return page;
    }

    /// <summary>Puts the tag into a page that is there already.</summary>
    internal async Task AddTagAsync(IPage page, string site = "shop")
    {
        await page.AddScriptTagAsync(new() { Url = TagAddress(site) });
        await page.WaitForFunctionAsync("window.px?.v");
    }

    /// <summary>Every row of the page, in order, when the last is stored. What broke in the page is a failure.</summary>
    internal async Task<IReadOnlyList<JsonObject>> RowsAsync(IPage page, string of, string site = "shop")
    {
        await page.EvaluateAsync($"px('track', '{Last}')");
        var rows = await RowsAsync(of, site);
        Assert.Empty(await page.EvaluateAsync<string[]>("errors"));
        await page.CloseAsync();
        return rows;
    }

    /// <summary>The same of a page that tells its last event itself.</summary>
    internal async Task<IReadOnlyList<JsonObject>> RowsAsync(string of, string site = "shop")
    {
        await Eventually.TrueAsync(
            async () => (await _server.Process.MetricsAsync())["pixel_events_stored_total"] > 0
                && (await _server.Tables.QueryAsync($"select count(*) from events where path = '/{of}' and name = '{Last}'", row => row.GetInt64(0)))[0] > 0,
            () => $"the last event of /{of} is stored\n{_server.Process.Said}");
        return [.. (await _server.Tables.EventsAsync()).Where(row => (string?)row["path"] == "/" + of && (string?)row["site_id"] == site && (string?)row["name"] != Last)];
    }

    /// <summary>All seven stubs behind the tag, their scripts never there.</summary>
    internal Task<IPage> OpenAllAsync(string of, string body = "")
    {
        Scripts.Block(of);
        return OpenAsync(of, Tag() + string.Concat(Vendor.All.Select(vendor => Snippet(vendor, of))) + body);
    }

    /// <summary>The rows of the calls on such a page, the page view first.</summary>
    internal async Task<IReadOnlyList<JsonObject>> SimpleAsync(string of, string calls, string body = "")
    {
        var page = await OpenAllAsync(of, body);
        await page.EvaluateAsync($"(() => {{ {calls} }})()");
        return await RowsAsync(page, of);
    }

    /// <summary>Lets the scripts of the page go, and waits until one of them has run.</summary>
    internal async Task ArriveAsync(IPage page, string of, string key)
    {
        Scripts.Release(of);
        await page.WaitForFunctionAsync($"window.arrived?.['{key}']");
    }

    internal static string? Text(JsonNode row, string column) => row[column]?.ToString();

    internal static string Compact(JsonNode? node) => node?.ToJsonString(s_readable) ?? "null";
}

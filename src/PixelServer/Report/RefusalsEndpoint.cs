using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Report;

/// <summary>What was turned away at the doors, per day, site and reason.</summary>
internal static class RefusalsEndpoint
{
    private const int DefaultDays = 7;
    private const int MaxDays = 400;
    private const int MaxRows = 10_000;
    private const int MaxSiteLength = 64;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.Default };

    public static ApiRoute Route { get; } = new("GET", "/api/reports/refusals", "Reports", "Events that were turned away, by day, site and reason")
    {
        Admin = true,
        Description = $"Counts of all collectors, a few seconds old. What named no site, an unknown one, or a site beyond the first {Ledger.MaxSites} of a collector, stands under `{Ledger.OtherSites}`. "
            + $"At most {MaxRows} rows. The codes are those of docs/collect.md.",
        Parameters =
        [
            new("site", "query", "Only this site; all sites if absent.", "default"),
            new("from", "query", $"First day, UTC; {DefaultDays} days with the last one if absent.", "2026-11-20"),
            new("until", "query", $"Last day, UTC; today if absent. At most {MaxDays} days in all.", "2026-11-26"),
        ],
        Answers =
        [
            new(200, "One object per day, site and code that occurred.", "application/json", JsonSerializer.Serialize(new[] { new RefusalRow(new(2026, 11, 26), "shop", "consent_required", 31) }, s_json)),
            .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.StoreAway),
        ],
    };

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet(Route.Path, Refusals).ExcludeFromDescription();

    private static async Task Refusals(HttpContext http, IRefusals store, TimeProvider clock, ILogger<IRefusals> logger)
    {
        if (Read(http.Request.Query, clock, out var site, out var first, out var last) is { } wrong)
        {
            await Problem.InvalidParameter.WriteAsync(http, wrong);
            return;
        }

        IReadOnlyList<RefusalRow> rows;
        using var deadline = new CancellationTokenSource(s_patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            rows = await store.AskAsync(site, first, last, MaxRows + 1, either.Token);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            logger.LogWarning("The report of refusals cannot be made: {Error}", e.GetType().Name);
            http.Response.Headers.RetryAfter = "5";
            await Problem.StoreAway.WriteAsync(http);
            return;
        }

        if (rows.Count > MaxRows)
        {
            await Problem.InvalidParameter.WriteAsync(http, $"from: the answer has more than {MaxRows} rows; ask for fewer days or one site.");
            return;
        }

        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-store";
        await http.Response.WriteAsync(JsonSerializer.Serialize(rows, s_json) + "\n", Encoding.UTF8, http.RequestAborted);
    }

    private static string? Read(IQueryCollection query, TimeProvider clock, out string? site, out DateOnly first, out DateOnly last)
    {
        (site, first, last) = (query["site"], default, DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime));
        if (site is { Length: 0 or > MaxSiteLength } || site?.Contains('\0', StringComparison.Ordinal) is true) return $"site: 1 to {MaxSiteLength} characters.";
        if ((string?)query["until"] is { } until && !IsDay(until, out last)) return "until: a day such as 2026-11-26.";
        first = last.DayNumber >= DefaultDays ? last.AddDays(1 - DefaultDays) : last;
        if ((string?)query["from"] is { } from && !IsDay(from, out first)) return "from: a day such as 2026-11-20.";
        return first > last || last.DayNumber - first.DayNumber >= MaxDays ? $"from: at most the last day itself, and at most {MaxDays} days with it." : null;
    }

    private static bool IsDay(string text, out DateOnly day) => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day) && day.Year >= 2000;
}

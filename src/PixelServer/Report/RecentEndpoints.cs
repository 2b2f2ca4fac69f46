using System.Globalization;
using System.Text;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Report;

/// <summary>The newest events as they stand in the store, so that a first event can be seen without a database client.</summary>
internal static class RecentEndpoints
{
    private const int DefaultLimit = 50;
    private const int MaxLimit = 1_000;
    private const int MaxSiteLength = 64;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static ApiRoute Route { get; } = new("GET", "/api/events", "Reports", "The newest events, newest first")
    {
        Admin = true,
        Parameters =
        [
            new("site", "query", "Only this site; all sites if absent.", "default"),
            new("limit", "query", $"How many: 1 to {MaxLimit}, {DefaultLimit} if absent.", "10"),
        ],
        Answers =
        [
            new(200, "An array of objects with the column names of the events table.", "application/json",
                """[{"event_id":"01937c5e-0000-7000-8000-000000000001","received_at":"2026-11-23T12:00:00Z","site_id":"default","name":"page_view"}]"""),
            .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.StoreAway),
        ],
    };

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet(Route.Path, Recent).ExcludeFromDescription();

    private static async Task Recent(HttpContext http, IEventStore store, TimeProvider clock, ILogger<IEventStore> logger)
    {
        var (site, limit) = ((string?)http.Request.Query["site"], (string?)http.Request.Query["limit"]);
        if (site is { Length: 0 or > MaxSiteLength })
        {
            await Problem.InvalidParameter.WriteAsync(http, $"site: 1 to {MaxSiteLength} characters.");
            return;
        }

        if (!int.TryParse(limit ?? $"{DefaultLimit}", NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > MaxLimit)
        {
            await Problem.InvalidParameter.WriteAsync(http, $"limit: a whole number from 1 to {MaxLimit}.");
            return;
        }

        IReadOnlyList<string> rows;
        using var deadline = new CancellationTokenSource(s_patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            rows = await store.RecentAsync(site, count, either.Token);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            // The seam's contract: any failure of a store means that it is away.
            logger.LogWarning("Recent events cannot be read: {Error}", e.GetType().Name);
            http.Response.Headers.RetryAfter = "5";
            await Problem.StoreAway.WriteAsync(http);
            return;
        }

        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-store";
        await http.Response.WriteAsync("[" + string.Join(",\n", rows) + "]\n", Encoding.UTF8, http.RequestAborted);
    }
}

using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Report;

/// <summary>How the browser's and the server's copies of conversions find each other, per day, site and event name: docs/conversions.md.</summary>
internal static class SidesEndpoints
{
    private const int DefaultDays = 7;
    private const int MaxDays = 92;
    private const int MaxRows = 10_000;
    private const int MaxSiteLength = 64;
    private const int MaxNameLength = 200;
    private static readonly DateOnly s_earliest = new(2000, 1, 1), s_latest = new(2999, 12, 31);

    /// <summary>A report reads every event of its days; the newest events are found at once.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.Default,
    };

    private static readonly SidesRow s_example = new()
    {
        Day = new(2026, 11, 23),
        SiteId = "shop",
        Name = "purchase",
        Conversions = 120,
        BrowserOnly = 8,
        ServerOnly = 22,
        BothSides = 90,
        BrowserOnlyHuman = 5,
        Copies = 211,
        MedianDelaySeconds = 2.418m,
        BrowserMissingEventId = 1,
        WithServer = 112,
        MissingEventId = 0,
        MissingEmail = 3,
        MissingPhone = 61,
        MissingUserId = 40,
        MissingClickId = 97,
        MissingIp = 22,
        MissingUserAgent = 22,
    };

    public static ApiRoute Route { get; } = new("GET", "/api/reports/sides", "Reports", "Conversions by the side that told of them: browser, server or both")
    {
        Admin = true,
        Description = "How well the two copies of each conversion find each other, per day (UTC), site and event name; docs/conversions.md explains every figure. "
            + $"At most {MaxRows} rows: ask for fewer days or one site where there are more.",
        Parameters =
        [
            new("site", "query", "Only this site; all sites if absent.", "default"),
            new("from", "query", $"First day, UTC; {DefaultDays} days with the last one if absent.", "2026-11-17"),
            new("to", "query", $"Last day, UTC; today if absent. At most {MaxDays} days in all.", "2026-11-23"),
            new("name", "query", "Only this event name; all conversions if absent.", "purchase"),
            new("format", "query", "`json` or `csv`; without it what the Accept header prefers, and JSON if that says nothing.", "json"),
        ],
        Answers =
        [
            new(200, "One object, or line, per day, site and event name that had a conversion.", "application/json",
                JsonSerializer.Serialize(new[] { s_example }, s_json)),
            new(200, "The same with a line of names first (RFC 4180).", "text/csv", Csv([s_example])),
            .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.StoreAway),
        ],
    };

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet(Route.Path, Sides).ExcludeFromDescription();

    private static async Task Sides(HttpContext http, ISides sides, TimeProvider clock, ILogger<ISides> logger)
    {
        if (Read(http.Request.Query, clock, out var question, out var csv) is { } wrong)
        {
            await Problem.InvalidParameter.WriteAsync(http, wrong);
            return;
        }

        IReadOnlyList<SidesRow> rows;
        using var deadline = new CancellationTokenSource(s_patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            rows = await sides.AskAsync(question, MaxRows + 1, either.Token);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            // The seam's contract: any failure of a store means that it is away, or too slow for so many days.
            logger.LogWarning("The report of the two sides cannot be made: {Error}", e.GetType().Name);
            http.Response.Headers.RetryAfter = "5";
            await Problem.StoreAway.WriteAsync(http,
                deadline.IsCancellationRequested ? $"No answer within {s_patience.TotalSeconds:0} seconds: ask for fewer days." : null);
            return;
        }

        if (rows.Count > MaxRows)
        {
            await Problem.InvalidParameter.WriteAsync(http, $"from: the answer has more than {MaxRows} rows; ask for fewer days, one site or one name.");
            return;
        }

        var asCsv = csv ?? PrefersCsv(http.Request);
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.Vary = HeaderNames.Accept;
        http.Response.ContentType = asCsv ? "text/csv; charset=utf-8; header=present" : "application/json";
        await http.Response.WriteAsync(asCsv ? Csv(rows) : JsonSerializer.Serialize(rows, s_json) + "\n", Encoding.UTF8, http.RequestAborted);
    }

    /// <returns>What is wrong, beginning with the parameter; null where nothing is.</returns>
    private static string? Read(IQueryCollection query, TimeProvider clock, out SidesQuestion question, out bool? csv)
    {
        var (site, name, format) = ((string?)query["site"], (string?)query["name"], (string?)query["format"]);
        var (from, to) = ((string?)query["from"], (string?)query["to"]);
        (question, csv) = (null!, format switch { "csv" => true, "json" => false, _ => null });
        if (format is not null && csv is null) return "format: json or csv.";
        if (site is { Length: 0 or > MaxSiteLength }) return $"site: 1 to {MaxSiteLength} characters.";
        if (name is { Length: 0 or > MaxNameLength }) return $"name: 1 to {MaxNameLength} characters.";

        var last = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        if (to is not null && !IsDay(to, out last)) return $"to: a day from {s_earliest:yyyy-MM-dd} to {s_latest:yyyy-MM-dd}.";
        var first = last.AddDays(1 - DefaultDays);
        if (from is not null && !IsDay(from, out first)) return $"from: a day from {s_earliest:yyyy-MM-dd} to {s_latest:yyyy-MM-dd}.";
        if (first > last || last.DayNumber - first.DayNumber >= MaxDays) return $"from: at most the last day itself, and at most {MaxDays} days with it.";
        question = new SidesQuestion(site, name, first, last);
        return null;
    }

    private static bool IsDay(string text, out DateOnly day) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day) && day >= s_earliest && day <= s_latest;

    private static bool PrefersCsv(HttpRequest request) =>
        request.GetTypedHeaders().Accept.OrderByDescending(one => one.Quality ?? 1).FirstOrDefault() is { } first
        && first.MediaType.Equals("text/csv", StringComparison.OrdinalIgnoreCase);

    /// <summary>The same fields under the same names as in JSON, in the same order.</summary>
    /// <remarks>Sites are letters, digits and dots, and names are the operator's: no cell is a stranger's formula.</remarks>
    private static string Csv(IReadOnlyList<SidesRow> rows)
    {
        var names = JsonSerializer.SerializeToElement(s_example, s_json).EnumerateObject().Select(field => field.Name);
        var text = new StringBuilder(string.Join(',', names)).Append("\r\n");
        foreach (var row in rows)
            text.AppendJoin(',', JsonSerializer.SerializeToElement(row, s_json).EnumerateObject().Select(field => Cell(field.Value))).Append("\r\n");
        return text.ToString();
    }

    private static string Cell(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "",
        JsonValueKind.String when value.GetString() is { } text && text.AsSpan().IndexOfAny("\",\r\n") >= 0 =>
            $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        _ => value.ToString(),
    };
}

using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>The addresses of partners, where they are mapped and how the API page shows them.</summary>
internal static class PartnerRoutes
{
    private const string Group = "Partners";

    private static readonly string[] s_kinds = ["standard", "custom"];

    // What only pages and batches are told.
    private static readonly Refusal[] s_others =
    [
        Refusal.OriginNotAllowed, Refusal.QueryTooLong, Refusal.BatchTooLarge, Refusal.EmptyBatch, Refusal.BadIdempotencyKey, Refusal.NoUserAnonId, Refusal.UnknownType,
        Refusal.NothingKept, Refusal.AnonymousIdTooLong, Refusal.KeyOfAnotherSite,
    ];

    /// <summary>All formats.</summary>
    public static IReadOnlyList<PartnerMap> Maps { get; } =
        [AppsFlyer.InAppEvent, AppsFlyer.Push, Adjust.Event, Adjust.Session, Adjust.AdRevenue, Adjust.Callback, Branch.Event, Branch.Webhook];

    public static void MapPartners(this IEndpointRouteBuilder routes)
    {
        var door = routes.ServiceProvider.GetRequiredService<PartnerDoor>();
        foreach (var map in Maps)
            foreach (var path in PathsOf(map))
                routes.Map(path, http => door.AnswerAsync(http, map)).ExcludeFromDescription();
    }

    public static IEnumerable<ApiRoute> All() => Maps.SelectMany(map => PathsOf(map).SelectMany(path => (map.IsForm ? (string[])["POST", "GET"] : ["POST"]).Select(method => new ApiRoute(method, path, Group, map.Summary)
    {
        Description = $"One event of at most {Limits.KeyedEventBytes} bytes, with a secret key. What becomes of each field is in docs/apps.md.",
        Parameters = [.. KeyOf(map), .. InPath(map), .. method == "GET" ? InQuery(map) : []],
        Bodies = method == "GET" ? [] : [new(map.IsForm ? "application/x-www-form-urlencoded" : "application/json", "one", map.Example)],
        Answers = [new(200, "The event is kept.", PartnerAnswer.Ok(map.Partner).ContentType, PartnerAnswer.Ok(map.Partner).Body), .. ApiAnswer.Of(Refusal.All.Except(s_others))],
    })));

    private static IEnumerable<string> PathsOf(PartnerMap map) => s_kinds.Select(kind => map.Path.Replace("{kind}", kind, StringComparison.Ordinal)).Distinct();

    private static IEnumerable<ApiParameter> KeyOf(PartnerMap map)
    {
        yield return new("Authorization", "header", "`Bearer` and a secret key, or the key as the user of Basic authorization.", "Bearer pxs_…");
        if (map.Partner == AppsFlyer.Partner) yield return new("authentication", "header", "The same key, where AppsFlyer's has its place.", "pxs_…");
    }

    private static IEnumerable<ApiParameter> InPath(PartnerMap map)
    {
        if (map == AppsFlyer.InAppEvent) yield return new("app_id", "path", "The app's id in its store; an iOS id with or without `id` before it.", "id123456789");
    }

    private static IEnumerable<ApiParameter> InQuery(PartnerMap map) => map.Example.Split('&').Select(pair => pair.Split('='))
        .Select(pair => new ApiParameter(pair[0], "query", $"As {map.Partner} has it.", pair[1]));
}

using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary><c>GET /.well-known/gpc.json</c>: the statement of W3C GPC 4.1, where the operator makes it.</summary>
internal static class GpcEndpoint
{
    private const string Path = "/.well-known/gpc.json", Type = "application/json";

    public static ApiRoute Route(GpcOptions options) => new("GET", Path, "Privacy", "The operator's statement about Global Privacy Control")
    {
        Description = "Only there where `Pixel:Gpc:Enabled` is set. It states the policy of this host, not whether a request was honoured.",
        Answers = [new(200, "May be kept for an hour.", Type, Body(options))],
    };

    public static void Map(IEndpointRouteBuilder routes, GpcOptions options)
    {
        if (!options.Enabled) return;
        var body = Body(options);
        routes.MapGet(Path, http =>
        {
            http.Response.ContentType = Type;
            http.Response.Headers.CacheControl = "public, max-age=3600";
            http.Response.Headers.AccessControlAllowOrigin = "*"; // whoever wants to look may
            http.Response.Headers.XContentTypeOptions = "nosniff";
            return http.Response.WriteAsync(body, http.RequestAborted);
        }).ExcludeFromDescription();
    }

    // The day was checked: digits and hyphens.
    private static string Body(GpcOptions options) => options.LastUpdate.Length > 0 ? $$"""{"gpc":true,"lastUpdate":"{{options.LastUpdate}}"}""" : """{"gpc":true}""";
}

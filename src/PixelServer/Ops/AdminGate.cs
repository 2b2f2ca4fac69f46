using Microsoft.Net.Http.Headers;

namespace PixelServer.Ops;

/// <summary>Stands before everything under <c>/api</c>, also before routes that do not exist: only the bearer of the admin token gets in.</summary>
internal static class AdminGate
{
    private const string Scheme = "Bearer ";

    public static void UseAdminGate(this IApplicationBuilder app) => app.UseWhen(
        http => http.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase),
        gate => gate.Use((http, next) =>
        {
            // Only this header: a token in an address would stand in every log on the way.
            var token = http.RequestServices.GetRequiredService<AdminToken>();
            return token.Verify(Bearer(http.Request.Headers.Authorization)) ? next(http) : Refuse(http);
        }));

    private static string? Bearer(string? header) =>
        header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;

    private static Task Refuse(HttpContext http)
    {
        http.Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"pixel\"";
        return Problem.Unauthorized.WriteAsync(http);
    }
}

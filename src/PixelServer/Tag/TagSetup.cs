namespace PixelServer.Tag;

/// <summary>Puts the JavaScript tag into the server.</summary>
internal static class TagSetup
{
    public static IServiceCollection AddTag(this IServiceCollection services, IConfiguration configuration) => services;

    public static IApplicationBuilder UseTag(this IApplicationBuilder app) => app;
}

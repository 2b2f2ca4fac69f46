namespace PixelServer.Api;

/// <summary>Puts the doors with keys into the server: those of SDKs, apps and backends.</summary>
internal static class ApiSetup
{
    /// <summary>Needs what Collect and Journal add.</summary>
    /// <exception cref="Ops.SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddApi(this IServiceCollection services, IConfiguration configuration)
    {
        _ = configuration;
        return services;
    }

    /// <summary>Answers the doors' paths.</summary>
    public static void MapApi(this IEndpointRouteBuilder routes)
    {
        _ = routes;
    }
}

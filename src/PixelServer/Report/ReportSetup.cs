using PixelServer.Ops;

namespace PixelServer.Report;

/// <summary>What can be asked of the store over HTTP, by the bearer of the admin token.</summary>
internal static class ReportSetup
{
    /// <summary>Registers an <see cref="ApiRoute"/> for each report.</summary>
    public static void AddReport(this IServiceCollection services)
    {
        services.AddSingleton(RecentEndpoints.Route);
        services.AddSingleton(SidesEndpoints.Route);
        services.AddSingleton(RefusalsEndpoint.Route);
        services.AddSingleton<RefusalSync>().AddHostedService(provider => provider.GetRequiredService<RefusalSync>());
    }

    public static void MapReport(this IEndpointRouteBuilder routes)
    {
        RecentEndpoints.Map(routes);
        SidesEndpoints.Map(routes);
        RefusalsEndpoint.Map(routes);
    }
}

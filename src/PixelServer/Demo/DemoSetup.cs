using System.CommandLine;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Demo;

/// <summary>A shop that a newcomer opens with one command: every switch of the tag is on, and what was stored stands beside it.</summary>
internal static class DemoSetup
{
    /// <summary>The site whose events the shop sends and shows.</summary>
    public const string Site = "demo";

    // Before the operator's own arguments, so that those win.
    private static readonly string[] s_settings =
    [
        "--Pixel:Demo:On=true", "--Pixel:DataDirectory=data/demo", "--ConnectionStrings:Postgres=", "--Pixel:Mail:AllowPrivateTargets=true",
        .. from name in (IEnumerable<string>)["Outbound", "Downloads", "Attributes", "Scroll", "Forms", "Engagement"] select $"--Pixel:Sites:{Site}:Tag:{name}=true",
        .. from vendor in (IEnumerable<string>)["Meta", "Google", "LinkedIn", "X", "TikTok", "Reddit", "Pinterest"] select $"--Pixel:Sites:{Site}:Tag:Vendors:{vendor}=true",
    ];

    /// <param name="serve">Serves with these arguments.</param>
    public static Command Verb(Func<string[], Task<int>> serve) => Cli.Verb(
        "demo", "Serve, and with it a demo shop at /demo/ that shows what the tag and the mail links do; keeps its data in data/demo",
        (_, args, _) => serve([.. s_settings, .. args]));

    /// <exception cref="SettingException">A setting of <c>Pixel:Demo</c> is not usable.</exception>
    public static IServiceCollection AddDemo(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.Read<DemoOptions>(configuration, "Pixel:Demo");
        if (options.On) services.AddSingleton(new Door("demo shop", "/demo/"));
        return services.AddSingleton(options);
    }

    public static IApplicationBuilder UseDemo(this IApplicationBuilder app)
    {
        var services = app.ApplicationServices;
        if (!services.GetRequiredService<DemoOptions>().On) return app;
        // Never the request's own host: links are signed for it, and anybody may send any Host header.
        var here = Banner.Reachable(Listening.Address(services.GetRequiredService<IConfiguration>()));
        var shop = ActivatorUtilities.CreateInstance<DemoShop>(services, services.GetRequiredService<CollectOptions>().Paths, here);
        return app.UseWhen(
            http => http.Request.Path.StartsWithSegments("/demo", StringComparison.Ordinal),
            demo => demo.Run(shop.AnswerAsync));
    }
}

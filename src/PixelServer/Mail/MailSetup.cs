using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>Puts what is measured in mails into the server: links, opens, clicks, withdrawal.</summary>
internal static class MailSetup
{
    /// <summary>Needs what Collect, Journal, Enrich and Store add.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddMail(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(Settings.Read<MailOptions>(configuration, "Pixel:Mail"));
        services.AddSingleton(Settings.ReadPerSite<SiteMailOptions>(configuration, "Mail"));
        services.AddSingleton<MailKeys>().AddSingleton<MailLinks>().AddSingleton<MailHits>().AddSingleton<MailEndpoints>();
        services.AddSingleton(provider => new MailDecisions(
            new MailDecisionFile(provider.GetRequiredService<DataDirectory>().MailDecisions), Erased(provider.GetRequiredService<Standings>(), provider.GetRequiredService<SubjectKeys>()),
            provider.GetRequiredService<ILogger<MailDecisions>>()));
        services.AddSingleton<ProvenDecisions>().AddSingleton<IHolder, MailHolder>();
        services.AddSingleton<OpenDoor>().AddSingleton<ClickDoor>().AddSingleton<WithdrawDoor>();
        services.AddHostedService<MailDecisionSync>();
        var paths = services.Select(one => one.ImplementationInstance).OfType<CollectOptions>().Single().Paths;
        foreach (var route in MailRoutes.Of(paths)) services.AddSingleton(route);
        return services;
    }

    /// <summary>Answers everything below the three doors' paths.</summary>
    public static IApplicationBuilder UseMail(this IApplicationBuilder app)
    {
        var services = app.ApplicationServices;
        var paths = services.GetRequiredService<CollectOptions>().Paths;
        var (open, click, withdraw) = (services.GetRequiredService<OpenDoor>(), services.GetRequiredService<ClickDoor>(), services.GetRequiredService<WithdrawDoor>());
        return app.Use(next => http =>
        {
            var path = http.Request.Path.Value ?? "";
            if (Below(path, paths.Open) is { } image) return open.AnswerAsync(http, image);
            if (Below(path, paths.Click) is { } link) return click.AnswerAsync(http, link);
            return Below(path, paths.Withdraw) is { } person ? withdraw.AnswerAsync(http, person) : next(http);
        });
    }

    public static void MapMail(this IEndpointRouteBuilder routes)
    {
        var mail = routes.ServiceProvider.GetRequiredService<MailEndpoints>();
        routes.MapPost(MailRoutes.Links, mail.LinksAsync).ExcludeFromDescription();
        routes.MapPost(MailRoutes.Recipients, mail.DecideAsync).ExcludeFromDescription();
        routes.MapGet(MailRoutes.Recipients, mail.RecipientAsync).ExcludeFromDescription();
        routes.MapPost(MailRoutes.Stop, mail.StopAsync).ExcludeFromDescription();
    }

    // A recipient's id is the user id of their opens and clicks.
    private static Func<string, string, bool> Erased(Standings standings, SubjectKeys keys) =>
        (site, recipient) => !standings.IsEmpty && standings.Of(keys.Of(site, SubjectKind.User, recipient)).IsErased;

    private static string? Below(string path, string door) =>
        path.Length > door.Length && path[door.Length] == '/' && path.StartsWith(door, StringComparison.Ordinal) ? path[(door.Length + 1)..] : null;
}

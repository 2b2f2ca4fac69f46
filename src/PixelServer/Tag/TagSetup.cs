using System.CommandLine;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Tag;

/// <summary>Puts the JavaScript tag into the server.</summary>
internal static class TagSetup
{
    /// <summary>Needs what <see cref="CollectSetup.AddCollect"/> adds.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddTag(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.ReadPerSite<TagOptions>(configuration, "Tag");
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<TagScripts>(provider, options));
        services.AddSingleton<TagDoor>();
        services.AddSingleton(provider => new Door("tag", provider.GetRequiredService<CollectOptions>().Paths.Tag));
        services.AddSingleton(provider => TagEndpoint.DoorRoute(provider.GetRequiredService<CollectOptions>().Paths));
        services.AddSingleton(provider => TagEndpoint.WithdrawRoute(provider.GetRequiredService<CollectOptions>().Paths));
        services.AddSingleton(provider => TagEndpoint.MapRoute(provider.GetRequiredService<CollectOptions>().Paths));
        services.AddSingleton(TagEndpoint.Route);
        return services;
    }

    /// <summary>Answers the tag's two paths, exactly as they are spelled.</summary>
    public static IApplicationBuilder UseTag(this IApplicationBuilder app)
    {
        var door = app.ApplicationServices.GetRequiredService<TagDoor>();
        return app.Use(next => http => door.AnswersAt(http.Request.Path.Value) ? door.AnswerAsync(http) : next(http));
    }

    public static void MapTag(this IEndpointRouteBuilder routes) => routes.MapGet("/api/tag", TagEndpoint.Answer).ExcludeFromDescription();

    /// <summary>Prints what to paste into a page. Touches neither disk nor network.</summary>
    public static Command Verb()
    {
        var site = new Option<string?>("--site") { Description = "Id of the site; the default site if not given" };
        var url = new Option<string?>("--url") { Description = "Scheme and host of the collector as browsers see it; where this configuration listens if not given" };
        return Cli.Verb("tag", "Print what to paste into the pages of a site",
            (parsed, args, _) => Task.FromResult(Print(parsed.GetValue(site), parsed.GetValue(url), Cli.Configuration(args))), site, url);
    }

    private static int Print(string? site, string? url, IConfiguration configuration)
    {
        using var provider = new ServiceCollection().AddSingleton(configuration).AddCollect(configuration).AddTag(configuration).BuildServiceProvider();
        if (TagSnippet.Collector(url ?? Banner.Reachable(Listening.Address(configuration))) is not { } collector)
            throw new FormatException($"'{url}' is no http or https address such as https://t.example.com.");
        if (provider.GetRequiredService<TagScripts>().Find(site, out var script) is { } refusal) throw new FormatException($"--site: {refusal.Title}");

        var path = provider.GetRequiredService<CollectOptions>().Paths.Tag;
        Console.Out.WriteLine($"""
            Follows every update of the server and of its settings:

            {TagSnippet.Of(TagSnippet.Address(collector, path, site, null))}

            Or this very version and no other ({script!.Bytes.Length} bytes, {script.Gzip.Length} with gzip): paste it again after every update.

            {TagSnippet.Of(TagSnippet.Address(collector, path, site, script.Version), script.Integrity)}
            """);
        return 0;
    }
}

using PixelServer.Ops;

namespace PixelServer.Tag;

/// <summary>Puts the JavaScript tag into the server.</summary>
internal static class TagSetup
{
    /// <summary>Needs what <see cref="Collect.CollectSetup.AddCollect"/> adds.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddTag(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.ReadPerSite<TagOptions>(configuration, "Tag");
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<TagScripts>(provider, options));
        services.AddSingleton<TagDoor>();
        services.AddSingleton(provider => new Door("tag", provider.GetRequiredService<Collect.CollectOptions>().Paths.Tag));
        return services;
    }

    /// <summary>Answers the tag's two paths, exactly as they are spelled.</summary>
    public static IApplicationBuilder UseTag(this IApplicationBuilder app)
    {
        var door = app.ApplicationServices.GetRequiredService<TagDoor>();
        return app.Use(next => http => door.AnswersAt(http.Request.Path.Value) ? door.AnswerAsync(http) : next(http));
    }
}

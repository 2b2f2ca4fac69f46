using Microsoft.Extensions.DependencyInjection.Extensions;
using PixelServer.Api;
using PixelServer.Collect;
using PixelServer.Demo;
using PixelServer.Enrich;
using PixelServer.Journal;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Report;
using PixelServer.Store;
using PixelServer.Tag;

namespace PixelServer;

/// <summary>The table of contents: every stage once, in the order in which an event passes them.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) =>
        Cli.RunAsync(args, ServeAsync, [.. StoreVerbs.All(WithoutDoors), TagSetup.Verb(), .. MailVerbs.All(), .. KeyVerbs.All(), PersonVerbs.All(args => WithoutDoors(args)), .. ConsentVerbs.All(args => WithoutDoors(args)), DemoSetup.Verb(ServeAsync)]);

    /// <summary>The whole server, not yet listening. Tests start it with a port, a data directory and a clock of their own.</summary>
    /// <exception cref="SettingException">A setting is wrong or does not exist.</exception>
    internal static WebApplication Build(string[] args, Action<IServiceCollection>? replace = null)
    {
        var builder = Cli.Builder(args);
        builder.WebHost.UseKestrelHttpsConfiguration();
        if (!Listening.IsSaid(builder.Configuration)) builder.WebHost.UseUrls(Listening.Default);
        var (services, configuration) = (builder.Services, builder.Configuration);

        // Background services stop in reverse order, Kestrel first: registered from the far end of the flow to the near end,
        // each stage empties itself into the next while the next is still alive.
        services.AddBasics(configuration);
        services.AddReport();
        services.AddEnrich(configuration);
        services.AddStore(configuration);
        services.AddReclassify(configuration);
        services.AddDrain();
        services.AddJournal(configuration);
        services.AddCollect(configuration);
        services.AddMail(configuration);
        services.AddApi(configuration);
        services.AddPrivacy(configuration);
        services.AddTag(configuration);
        services.AddDemo(configuration);
        services.AddOps();
        replace?.Invoke(services);
        Settings.RefuseUnknown(configuration);

        var app = builder.Build();
        app.UseCollect(); // in front of everything: a hit needs neither a route table nor a second net under it
        app.UseLastNet();
        app.UseMail();
        app.UseTag();
        app.UseDemo();
        app.UseOps();
        app.UseRouting();
        app.MapReport();
        app.MapMail();
        app.MapApi();
        app.MapPrivacy();
        app.MapTag();
        app.MapOps();
        return app;
    }

    private static async Task<int> ServeAsync(string[] args)
    {
        await using var app = Build(args);
        try
        {
            await app.StartAsync();
        }
        catch
        {
            // What has been started by then would else be taken apart while it runs, and each service would tell of that as of a failure.
            await app.StopAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        await app.WaitForShutdownAsync();
        // The host stops when a background service breaks, but keeps it to itself.
        return app.Services.GetServices<IHostedService>().OfType<BackgroundService>().Any(one => one.ExecuteTask is { IsFaulted: true }) ? 1 : 0;
    }

    /// <summary>The stages behind the doors, for verbs. The others take nothing here, but make their settings known: a server and its verbs share their configuration.</summary>
    private static ServiceProvider WithoutDoors(string[] args, string? journal = null)
    {
        var (services, configuration) = (new ServiceCollection(), Cli.Configuration(args));
        services.AddBasics(configuration);
        services.AddEnrich(configuration);
        services.AddStore(configuration);
        services.AddReclassify(configuration);
        services.AddDrain();
        services.AddJournal(configuration, journal);
        services.AddCollect(configuration);
        services.AddMail(configuration);
        services.AddApi(configuration);
        services.AddPrivacy(configuration);
        services.AddTag(configuration);
        services.AddDemo(configuration);
        if (journal is not null) services.RemoveAll<StandingFile>(); // its lock is of another directory: a server may be at work in ours
        Settings.RefuseUnknown(configuration);
        return services.BuildServiceProvider();
    }
}

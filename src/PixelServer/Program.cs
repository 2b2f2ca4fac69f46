using PixelServer.Enrich;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Report;
using PixelServer.Store;

namespace PixelServer;

/// <summary>The table of contents: every stage once, in the order in which an event passes them.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => Cli.RunAsync(args, ServeAsync, DrainAsync);

    /// <summary>The whole server, not yet listening. Tests start it with a port, a data directory and a clock of their own.</summary>
    /// <exception cref="SettingException">A setting is wrong or does not exist.</exception>
    internal static WebApplication Build(string[] args, Action<IServiceCollection>? replace = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelHttpsConfiguration();
        if (!Listening.IsSaid(builder.Configuration)) builder.WebHost.UseUrls(Listening.Default);
        var (services, configuration) = (builder.Services, builder.Configuration);

        // Background services stop in reverse order, Kestrel first: registered from the far end of the flow to the near end,
        // each stage empties itself into the next while the next is still alive.
        services.AddOps(configuration);
        services.AddReport();
        services.AddEnrich(configuration);
        services.AddStore(configuration);
        services.AddDrain();
        services.AddJournal(configuration);
        replace?.Invoke(services);
        Settings.RefuseUnknown(configuration);

        var app = builder.Build();
        app.UseLastNet();
        app.UseOps();
        app.UseRouting(); // only behind the doors: a hit needs no route table
        app.MapReport();
        app.MapOps();
        return app;
    }

    private static async Task<int> ServeAsync(string[] args)
    {
        await using var app = Build(args);
        await app.StartAsync();
        await app.WaitForShutdownAsync();
        // The host stops when a background service breaks, but keeps it to itself.
        return app.Services.GetServices<IHostedService>().OfType<BackgroundService>().Any(one => one.ExecuteTask is { IsFaulted: true }) ? 1 : 0;
    }

    private static Task<int> DrainAsync(string directory, string[] args, CancellationToken ct) =>
        throw new NotSupportedException("drain is wired with the store");
}

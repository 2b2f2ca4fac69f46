using System.CommandLine;
using System.Data.Common;
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
        Cli.RunAsync(args, ServeAsync, [DrainVerb(), ReclassifyVerb(), RetainVerb(), TagSetup.Verb(), .. MailVerbs.All(), .. KeyVerbs.All(), PersonVerbs.All(args => WithoutDoors(args)), .. ConsentVerbs.All(args => WithoutDoors(args)), DemoSetup.Verb(ServeAsync)]);

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

    private static Command DrainVerb()
    {
        var dir = new Option<string>("--dir") { Description = "Data directory or journal directory of the machine that is gone", Required = true };
        return Cli.Verb("drain", "Ship the journal of another data directory into the store, then exit",
            (parsed, args, ct) => DrainAsync(parsed.GetRequiredValue(dir), args, ct), dir);
    }

    /// <summary>Ships what another machine left in its journal into this configuration's store.</summary>
    private static async Task<int> DrainAsync(string directory, string[] args, CancellationToken ct)
    {
        var journal = Path.Combine(directory, "journal") is var inner && Directory.Exists(inner) ? inner : directory;
        if (!Directory.Exists(journal)) throw new DirectoryNotFoundException($"There is no directory {journal}.");

        await using var provider = WithoutDoors(args, journal);
        try
        {
            var moved = await provider.GetRequiredService<Drain>().DrainOnceAsync(ct);
            await provider.GetRequiredService<Reclassifier>().LookAsync(ct);
            await provider.GetRequiredService<StandingExchange>().ExchangeAsync(ct); // whom that machine knew, also where no event waited
            await LeftBehind.ShareAsync(provider, directory, ct);
            var store = provider.GetRequiredService<IEventStore>() is SqliteStore ? $"sqlite {provider.GetRequiredService<DataDirectory>().Database}" : "postgresql";
            Console.Out.WriteLine($"{moved} events of {journal} are in {store}.");
            return 0;
        }
        catch (Exception e) when (e is DbException or TimeoutException or PositionMovedException)
        {
            Console.Error.WriteLine($"The store does not take the events: {Visible.Of(e.Message.ReplaceLineEndings(" "))} Nothing is lost: run it again.");
            return 1;
        }
    }

    private static Command ReclassifyVerb()
    {
        var since = new Option<DateOnly?>("--since") { Description = "First day (UTC), as 2026-11-23; by default the first that has events" };
        var until = new Option<DateOnly?>("--until") { Description = "Last day (UTC); by default the last that has events" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only count what would change" };
        return Cli.Verb("reclassify", "Judge stored events again by today's traffic rules, then exit",
            (parsed, args, ct) => ReclassifyAsync(parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(dryRun), args, ct), since, until, dryRun);
    }

    /// <summary>Corrects the labels of stored events, beside a running server or without one.</summary>
    private static async Task<int> ReclassifyAsync(DateOnly? since, DateOnly? until, bool dryRun, string[] args, CancellationToken ct)
    {
        await using var provider = WithoutDoors(args);
        try
        {
            await ReclassifySetup.RunAsync(provider, since, until, dryRun, Console.Out.WriteLine, ct);
            return 0;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            Console.Error.WriteLine($"The store cannot be asked: {Visible.Of(e.Message.ReplaceLineEndings(" "))} What is printed is done: run it again.");
            return 1;
        }
    }

    private static Command RetainVerb()
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would go" };
        return Cli.Verb("retain", "Delete stored events that are past their RetentionDays, then exit", (parsed, args, ct) => RetainAsync(parsed.GetValue(dryRun), args, ct), dryRun);
    }

    /// <summary>What the server does every hour, beside a running server or without one.</summary>
    private static async Task<int> RetainAsync(bool dryRun, string[] args, CancellationToken ct)
    {
        await using var provider = WithoutDoors(args);
        if (!provider.GetRequiredService<RetentionRules>().IsSet)
        {
            Console.Out.WriteLine("No RetentionDays is set: every event is kept for ever.");
            return 0;
        }

        var sweep = provider.GetRequiredService<RetentionSweep>();
        try
        {
            if (dryRun) await sweep.PreviewAsync(Console.Out.WriteLine, ct);
            else if (await sweep.RunAsync(byRow: false, all: true, ct) is not { } done) Console.Out.WriteLine("Another collector is at it.");
            else Console.Out.WriteLine($"{done.Partitions} partitions dropped, {done.Rows} rows deleted{(done.Blocked == 0 ? "" : $"; {done.Blocked} partitions are being read and stay: run it again")}.");
            return 0;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            Console.Error.WriteLine($"The store cannot be asked: {Visible.Of(e.Message.ReplaceLineEndings(" "))} What is deleted is deleted: run it again.");
            return 1;
        }
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
        if (journal is not null) StoreSetup.KeepStandingsBeside(services, journal);
        Settings.RefuseUnknown(configuration);
        return services.BuildServiceProvider();
    }
}

using System.CommandLine;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Store;

namespace PixelServer;

/// <summary>What is done to the store from the command line, beside a running server or without one.</summary>
internal static class StoreVerbs
{
    /// <param name="services">Makes the stages behind the doors from the configuration arguments and, for another than the configured one, a journal's directory.</param>
    public static IEnumerable<Command> All(Func<string[], string?, ServiceProvider> services)
    {
        var dir = new Option<string>("--dir") { Description = "Data directory or journal directory of the machine that is gone", Required = true };
        yield return Cli.Verb("drain", "Ship the journal of another data directory into the store, then exit",
            (parsed, args, ct) => DrainAsync(parsed.GetRequiredValue(dir), journal => services(args, journal), ct), dir);

        var since = new Option<DateOnly?>("--since") { Description = "First day (UTC), as 2026-11-23; by default the first that has events" };
        var until = new Option<DateOnly?>("--until") { Description = "Last day (UTC); by default the last that has events" };
        var count = new Option<bool>("--dry-run") { Description = "Only count what would change" };
        yield return Cli.Verb("reclassify", "Judge stored events again by today's traffic rules, then exit",
            (parsed, args, ct) => Cli.WithStoreAsync(() => services(args, null), "What is printed is done: run it again.", async provider =>
            {
                await ReclassifySetup.RunAsync(provider, parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(count), Console.Out.WriteLine, ct);
                return 0;
            }), since, until, count);

        var preview = new Option<bool>("--dry-run") { Description = "Only say what would go" };
        yield return Cli.Verb("retain", "Delete stored events that are past their RetentionDays, then exit",
            (parsed, args, ct) => Cli.WithStoreAsync(() => services(args, null), "What is deleted is deleted: run it again.",
                provider => RetainAsync(provider, parsed.GetValue(preview), ct)), preview);
    }

    /// <summary>Ships what another machine left in its journal into this configuration's store.</summary>
    private static Task<int> DrainAsync(string directory, Func<string, ServiceProvider> services, CancellationToken ct)
    {
        var journal = Path.Combine(directory, "journal") is var inner && Directory.Exists(inner) ? inner : directory;
        if (!Directory.Exists(journal)) throw new DirectoryNotFoundException($"There is no directory {journal}.");
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(journal));
        var data = Path.GetFileName(full) == "journal" ? Path.GetDirectoryName(full)! : directory; // the one around it, and under its lock
        return Cli.WithStoreAsync(() => services(journal), "Nothing is lost: run it again.", async provider =>
        {
            _ = provider.GetRequiredService<Journal.Journal>(); // while a server runs there, its files are not ours to read
            var left = new LeftBehind(provider, data);
            await left.ShareStandingsAsync(ct);
            var moved = await provider.GetRequiredService<Drain>().DrainOnceAsync(ct);
            await provider.GetRequiredService<Reclassifier>().LookAsync(ct);
            await left.ShareAsync(ct);
            var store = provider.GetRequiredService<IEventStore>() is SqliteStore ? $"sqlite {provider.GetRequiredService<DataDirectory>().Database}" : "postgresql";
            Console.Out.WriteLine($"{moved} events of {journal} are in {store}.");
            return 0;
        }, e => e is PositionMovedException);
    }

    /// <summary>What the server does every hour.</summary>
    private static async Task<int> RetainAsync(ServiceProvider provider, bool dryRun, CancellationToken ct)
    {
        if (!provider.GetRequiredService<RetentionRules>().IsSet)
        {
            Console.Out.WriteLine("No RetentionDays is set: every event is kept for ever.");
            return 0;
        }

        var sweep = provider.GetRequiredService<RetentionSweep>();
        if (dryRun) await sweep.PreviewAsync(Console.Out.WriteLine, ct);
        else if (await sweep.RunAsync(byRow: false, all: true, ct) is not { } done) Console.Out.WriteLine("Another collector is at it.");
        else Console.Out.WriteLine($"{done.Partitions} partitions dropped, {done.Rows} rows deleted{(done.Blocked == 0 ? "" : $"; {done.Blocked} partitions are being read and stay: run it again")}.");
        return 0;
    }
}

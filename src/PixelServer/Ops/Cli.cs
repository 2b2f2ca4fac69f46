using System.CommandLine;
using System.Data.Common;

namespace PixelServer.Ops;

/// <summary>The verbs. Without one the server serves, and every argument is ASP.NET Core configuration.</summary>
internal static class Cli
{
    /// <summary>The operator has to change something: a setting, an argument, the surroundings.</summary>
    public const int Unusable = 2;

    /// <param name="args">As given to the process.</param>
    /// <param name="serve">Takes all arguments.</param>
    /// <param name="verbs">Those of the other stages, each made by <see cref="Verb"/>.</param>
    /// <returns>Exit code: 0 done, 1 failed, 2 cannot be done as asked.</returns>
    public static async Task<int> RunAsync(string[] args, Func<string[], Task<int>> serve, params IEnumerable<Command> verbs)
    {
        if (args is [] || IsConfiguration(args[0]))
            return await GuardAsync(() => Stray(args) is { } stray ? throw new FormatException($"The argument '{stray}' means nothing here.") : serve(args));

        var root = Root(verbs);
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors is [var first, ..])
        {
            var known = string.Join(", ", root.Subcommands.Select(verb => verb.Name));
            await Console.Error.WriteLineAsync($"{Visible.Of(first.Message.ReplaceLineEndings(" "))} Verbs: {known}; without one the server serves.");
            return Unusable;
        }

        return await GuardAsync(() => parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
    }

    /// <summary>Runs something that the surroundings can spoil, and says on one line what is wrong with them.</summary>
    public static async Task<int> GuardAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (Exception e) when (StartFailure.Explain(e) is { } line)
        {
            await Console.Error.WriteLineAsync(line);
            return Unusable;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            return 1;
        }
    }

    /// <summary>A verb whose further arguments are configuration.</summary>
    /// <param name="name">What is typed.</param>
    /// <param name="description">One line, for the help.</param>
    /// <param name="run">Takes what was parsed and the configuration arguments; returns the exit code.</param>
    /// <param name="options">What the verb takes beside configuration.</param>
    public static Command Verb(string name, string description, Func<ParseResult, string[], CancellationToken, Task<int>> run, params IEnumerable<Option> options)
    {
        var verb = new Command(name, description) { TreatUnmatchedTokensAsErrors = false };
        foreach (var option in options) verb.Add(option);
        verb.SetAction((parsed, ct) => run(parsed, Passed(parsed), ct));
        return verb;
    }

    /// <summary>Runs a verb that works on the store, and says on one line where that cannot be asked.</summary>
    /// <param name="services">Makes what the verb works with.</param>
    /// <param name="again">What is done by then, and that it can be run again.</param>
    /// <param name="work">Returns the exit code.</param>
    /// <param name="alsoAway">What else means that the store does not answer; null for nothing.</param>
    public static async Task<int> WithStoreAsync(
        Func<ServiceProvider> services, string again, Func<ServiceProvider, Task<int>> work, Func<Exception, bool>? alsoAway = null)
    {
        await using var provider = services();
        try
        {
            return await work(provider);
        }
        catch (Exception e) when (e is DbException or TimeoutException || alsoAway?.Invoke(e) is true)
        {
            await Console.Error.WriteLineAsync($"The store cannot be asked: {Visible.Of(e.Message.ReplaceLineEndings(" "))} {again}");
            return 1;
        }
    }

    private static RootCommand Root(IEnumerable<Command> verbs)
    {
        var url = new Option<string?>("--url") { Description = "Address of the server; by default the one that this configuration serves" };
        var health = Verb("healthcheck", "Ask a running server whether it is alive; exit code 0 or 1",
            (parsed, args, ct) => HealthCheck.RunAsync(parsed.GetValue(url), args, ct), url);
        var token = Verb("admin-token", "Make a new admin token and print it; the old one stops working at the next start",
            (_, args, _) => Task.FromResult(NewToken(args)));
        var version = new Command("version", "Print the version");
        version.SetAction(_ => Console.Out.WriteLine(Version));

        var root = new RootCommand("PixelServer: self-hosted tracking pixel. Without a verb it serves; see docs/operations.md for all settings.");
        foreach (var verb in (IEnumerable<Command>)[.. verbs, health, token, version]) root.Add(verb);
        return root;
    }

    /// <summary>Of the assembly, without the build's suffix.</summary>
    public static string Version { get; } = typeof(Cli).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>The arguments of a verb that are configuration.</summary>
    /// <exception cref="FormatException">One of them is neither.</exception>
    private static string[] Passed(ParseResult parsed)
    {
        string[] args = [.. parsed.UnmatchedTokens];
        return Stray(args) is { } stray ? throw new FormatException($"The argument '{stray}' means nothing here.") : args;
    }

    private static bool IsConfiguration(string argument) =>
        argument is not ("-h" or "-?" or "--help" or "--version") && (argument.StartsWith('-') || argument.StartsWith('/') || argument.Contains('='));

    /// <summary>The first argument that the configuration would silently pass over; null if there is none.</summary>
    private static string? Stray(ReadOnlySpan<string> args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (!IsConfiguration(args[i])) return args[i];
            if (args[i].Contains('=')) continue;
            var key = args[i].StartsWith("--", StringComparison.Ordinal) || args[i].StartsWith('/');
            if (!key || i + 1 == args.Length) return args[i];
            i++; // its value
        }

        return null;
    }

    private static int NewToken(string[] args)
    {
        var options = Settings.Read<PixelOptions>(Configuration(args), "Pixel");
        if (options.AdminToken.Length > 0) throw new FormatException("Pixel:AdminToken is configured and wins: change it there.");
        var token = AdminToken.Make();
        token.Keep(new DataDirectory(options.DataDirectory));
        Console.Out.WriteLine(token.JustMade);
        return 0;
    }

    /// <summary>What the server itself reads with these arguments: by the same code, so that no file is forgotten.</summary>
    public static IConfigurationRoot Configuration(string[] args) => Builder(args).Configuration;

    /// <summary>The server's host, with its configuration and nothing of ours in it.</summary>
    public static WebApplicationBuilder Builder(string[] args) =>
        WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
}

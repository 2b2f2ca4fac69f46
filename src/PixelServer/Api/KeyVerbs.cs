using System.CommandLine;
using System.Globalization;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>The verbs of the keys. A new key is all that they write to standard output, for scripts; the rest is told on standard error.</summary>
internal static class KeyVerbs
{
    private static readonly string[] s_timeFormats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK"];

    public static IEnumerable<Command> All()
    {
        var keys = new Command("keys", "The keys of apps and backends. A running server follows within a second");
        keys.Add(Create());
        keys.Add(Cli.Verb("list", "Print them, without what is secret", (_, args, _) => Task.FromResult(List(Files(args)))));
        keys.Add(Revoke());
        keys.Add(Rotate());
        yield return keys;
    }

    private static Command Create()
    {
        var kind = new Option<string>("--kind") { Description = "write for pages and apps, secret for backends", Required = true };
        kind.AcceptOnlyFromAmong("write", "secret");
        var site = new Option<string>("--site") { Description = "Id of the site whose events it may send", Required = true };
        var name = new Option<string?>("--name") { Description = "What it is for, in your words" };
        var expires = new Option<string?>("--expires") { Description = "From when on it is worth nothing, such as 2027-01-01T00:00Z; by default never" };
        var origin = new Option<string[]>("--origin") { Description = "Origin whose pages may use it, such as https://shop.example or https://*.shop.example; may be given more than once" };
        var rate = new Option<int?>("--rate") { Description = "Requests per second; by default as Pixel:Keys:RequestsPerSecond says" };
        return Cli.Verb("create", "Make a key and print it, this once", async (parsed, args, ct) =>
        {
            var files = Files(args);
            var like = new ApiKey
            {
                Id = KeyText.NewId(),
                Sha256 = new byte[32],
                CreatedAt = default,
                Kind = parsed.GetRequiredValue(kind) == "secret" ? KeyKind.Secret : KeyKind.Write,
                Site = parsed.GetRequiredValue(site),
                Name = parsed.GetValue(name) ?? "",
                ExpiresAt = Expiry(parsed.GetValue(expires), files.Now),
                Origins = parsed.GetValue(origin) ?? [],
                RequestsPerSecond = parsed.GetValue(rate),
            };
            if (ApiKeyFile.Fault(like) is { } fault) throw new FormatException($"Such a key cannot be made: {fault}.");
            var isTaken = IsTaken(like.Site, files.Configuration);
            var (key, text) = await files.Keys.CreateAsync(like, files.Now, ct);
            Console.Out.WriteLine(text);
            Console.Error.WriteLine($"This is the {Name(key.Kind)} key {key.Id} of the site {key.Site}. It is shown only now, and kept nowhere.");
            if (key.Kind == KeyKind.Secret) Console.Error.WriteLine("It is for backends: in a page or an app everybody could read it.");
            if (!isTaken) Console.Error.WriteLine($"The site {key.Site} is not listed, and Pixel:UnknownSites refuses its events.");
            return 0;
        }, kind, site, name, expires, origin, rate);
    }

    private static Command Revoke()
    {
        var id = Id();
        return Cli.Verb("revoke", "End a key at once and for good", async (parsed, args, ct) =>
        {
            var files = Files(args);
            await files.Keys.RevokeAsync(parsed.GetRequiredValue(id), files.Now, ct);
            return 0;
        }, id);
    }

    private static Command Rotate()
    {
        var id = Id();
        var keep = new Option<string>("--keep") { Description = "How long the old key still works, such as 30m, 24h, 7d, or 0 to end it at once", DefaultValueFactory = _ => "24h" };
        var expires = new Option<string?>("--expires") { Description = "From when on the new key is worth nothing; by default as the old one" };
        return Cli.Verb("rotate", "Make another key with the same settings and print it, this once; the old one ends after a while", async (parsed, args, ct) =>
        {
            var files = Files(args);
            var (old, key, text) = await files.Keys.RotateAsync(
                parsed.GetRequiredValue(id), Span(parsed.GetRequiredValue(keep)), Expiry(parsed.GetValue(expires), files.Now), files.Now, ct);
            Console.Out.WriteLine(text);
            Console.Error.WriteLine($"This is the {Name(key.Kind)} key {key.Id} of the site {key.Site}. It is shown only now, and kept nowhere. The old one, {old.Id}, ends {Time(old.ExpiresAt)}.");
            if (key.ExpiresAt is not null) Console.Error.WriteLine($"The new one ends {Time(key.ExpiresAt)}.");
            return 0;
        }, id, keep, expires);
    }

    private static int List((ApiKeyFile Keys, KeyUseFile Use, IConfiguration Configuration, DateTimeOffset Now) files)
    {
        var (keys, uses) = (files.Keys.Read(), files.Use.Read());
        string[][] rows =
        [
            ["id", "kind", "site", "state", "created", "expires", "last used", "name"],
            .. keys.Select(key => (string[])
            [
                key.Id, Name(key.Kind), key.Site, key.State(files.Now).ToString().ToLowerInvariant(), Time(key.CreatedAt), Time(key.ExpiresAt),
                Time(uses.TryGetValue(key.Id, out var used) ? used : null), Visible.Of(key.Name),
            ]),
        ];
        var widths = Enumerable.Range(0, rows[0].Length - 1).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows) Console.Out.WriteLine(string.Join("  ", row.Select((cell, column) => column < widths.Length ? cell.PadRight(widths[column]) : cell)).TrimEnd());
        return 0;
    }

    private static Option<string> Id() => new("--key") { Description = "Id of the key: the 8 characters after pxw_ or pxs_", Required = true };

    private static string Name(KeyKind kind) => kind.ToString().ToLowerInvariant();

    private static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "never";

    private static DateTimeOffset? Expiry(string? text, DateTimeOffset now)
    {
        if (text is null) return null;
        if (!DateTimeOffset.TryParseExact(text, s_timeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            throw new FormatException($"--expires {Visible.Of(text)} is no time such as 2027-01-01 or 2027-01-01T12:00Z.");
        return time > now ? time : throw new FormatException($"--expires {Visible.Of(text)} is over: such a key would never work.");
    }

    private static TimeSpan Span(string text)
    {
        if (text == "0") return TimeSpan.Zero;
        var number = text.Length is > 1 and < 7 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1;
        return (number, text.LastOrDefault()) switch
        {
            ( >= 0, 'd') => TimeSpan.FromDays(number),
            ( >= 0, 'h') => TimeSpan.FromHours(number),
            ( >= 0, 'm') => TimeSpan.FromMinutes(number),
            ( >= 0, 's') => TimeSpan.FromSeconds(number),
            _ => throw new FormatException($"--keep {Visible.Of(text)} is no span of time such as 90s, 30m, 24h, 7d or 0."),
        };
    }

    private static bool IsTaken(string site, IConfiguration configuration)
    {
        using var provider = new ServiceCollection().AddSingleton(configuration).AddCollect(configuration).BuildServiceProvider();
        return provider.GetRequiredService<Sites>().Find(site, out _) is null;
    }

    private static (ApiKeyFile Keys, KeyUseFile Use, IConfiguration Configuration, DateTimeOffset Now) Files(string[] args)
    {
        var configuration = Cli.Configuration(args);
        var options = Settings.Read<KeyOptions>(configuration, "Pixel:Keys");
        var directory = new DataDirectory(Settings.Read<PixelOptions>(configuration, "Pixel").DataDirectory);
        return (ApiKeys.File(options, directory), ApiKeys.UseFile(options, directory), configuration, TimeProvider.System.GetUtcNow());
    }
}

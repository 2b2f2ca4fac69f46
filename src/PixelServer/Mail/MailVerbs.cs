using System.CommandLine;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>The mail's verbs: links from the command line, and the keys.</summary>
internal static class MailVerbs
{
    private static readonly JsonSerializerOptions s_readable = new(AdminJson.Options) { WriteIndented = true };

    public static IEnumerable<Command> All()
    {
        var site = new Option<string>("--site") { Description = "Id of the site", DefaultValueFactory = _ => Parameters.DefaultSite };
        var message = new Option<string>("--message") { Description = "The sender's id of the mail", Required = true };
        var recipient = new Option<string>("--recipient") { Description = "The sender's id of the recipient; never an address", Required = true };
        var campaign = new Option<string?>("--campaign") { Description = "Campaign" };
        var sentAt = new Option<DateTimeOffset?>("--sent-at") { Description = "When it is sent, such as 2026-11-24T10:00:00Z" };
        var expiresAt = new Option<DateTimeOffset?>("--expires-at") { Description = "From when on the links are worth nothing" };
        var trap = new Option<string?>("--trap") { Description = "Where a link leads that no reader sees" };
        var link = new Option<string[]>("--link") { Description = "A link of the mail; may be given more than once" };
        yield return Cli.Verb("mail-link", "Print the addresses that stand in one mail to one recipient, as JSON", (parsed, args, _) => Task.FromResult(Print(
            new()
            {
                SiteId = parsed.GetRequiredValue(site),
                MessageId = parsed.GetRequiredValue(message),
                RecipientId = parsed.GetRequiredValue(recipient),
                Campaign = parsed.GetValue(campaign),
                SentAt = parsed.GetValue(sentAt),
                ExpiresAt = parsed.GetValue(expiresAt),
                Trap = parsed.GetValue(trap),
                Links = parsed.GetValue(link),
            }, args)), site, message, recipient, campaign, sentAt, expiresAt, trap, link);

        var keys = new Command("mail-keys", "The keys that sign what stands in mails");
        keys.Add(Cli.Verb("list", "Print their ids and states, without secrets", (_, args, ct) => WithAsync(args, file => Tell(file.Read().Select(key => $"{key.Id} {key.State.ToString().ToLowerInvariant()}")), ct)));
        keys.Add(Cli.Verb("rotate", "Make a new key that signs from now on; the others go on verifying. A running server sees it within a second", (_, args, ct) => WithAsync(args, async file => await Tell([(await file.RotateAsync(ct)).Id]), ct)));
        var id = new Option<string>("--key") { Description = "Id of the key", Required = true };
        keys.Add(Cli.Verb("show", "Print a secret, for a sender that signs by itself", (parsed, args, ct) => WithAsync(args, file => Tell([Secret(file, parsed.GetRequiredValue(id))]), ct), id));
        var retired = new Option<string>("--key") { Description = "Id of the key", Required = true };
        keys.Add(Cli.Verb("retire", "End a key: every link that it signed is worth nothing from now on", (parsed, args, ct) => WithAsync(args, file => file.RetireAsync(parsed.GetRequiredValue(retired), ct), ct), retired));
        yield return keys;
    }

    private static int Print(MailLinksRequest request, string[] args)
    {
        var configuration = Cli.Configuration(args);
        using var provider = new ServiceCollection().AddSingleton(configuration).AddCollect(configuration).AddMail(configuration).AddLogging()
            .AddSingleton(Directory(configuration)).BuildServiceProvider();
        var options = provider.GetRequiredService<MailOptions>();
        var collector = options.BaseUrl.Length > 0 ? options.BaseUrl.TrimEnd('/') : Banner.Reachable(Listening.Address(configuration));
        var answer = provider.GetRequiredService<MailLinks>().Make(request, collector, out var fault);
        if (fault is not null) throw new FormatException(fault);
        Console.Out.WriteLine(JsonSerializer.Serialize(answer, s_readable));
        return 0;
    }

    private static async Task<int> WithAsync(string[] args, Func<MailKeyFile, Task> work, CancellationToken ct)
    {
        var configuration = Cli.Configuration(args);
        var options = Settings.Read<MailOptions>(configuration, "Pixel:Mail");
        if (MailKeys.IsConfigured(options)) throw new FormatException("Pixel:Mail:Keys is configured and wins: change the keys there.");
        var directory = Directory(configuration);
        var file = new MailKeyFile(directory.KeyFile("mail"));
        await file.MakeAsync(ct);
        await work(file);
        return 0;
    }

    private static DataDirectory Directory(IConfiguration configuration) => new(Settings.Read<PixelOptions>(configuration, "Pixel").DataDirectory);

    private static string Secret(MailKeyFile file, string id) => MailKeyFile.Find(file.Read(), id) is { State: not MailKeyState.Retired } key
        ? key.Secret : throw new FormatException($"Key {id} is retired: its secret is forgotten.");

    private static Task Tell(IEnumerable<string> lines)
    {
        foreach (var line in lines) Console.Out.WriteLine(line);
        return Task.CompletedTask;
    }
}

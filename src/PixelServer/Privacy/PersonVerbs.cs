using System.CommandLine;
using System.Data.Common;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>The rights of persons from the command line, beside running servers or without one.</summary>
internal static class PersonVerbs
{
    private const string Words = "user:ID, visitor:ID, email:ADDRESS, recipient:ID, anonymous:ID, phone:NUMBER, external_id:ID, device:ID, event:ID or client_event:ID";
    private const string OfRequest = "request:";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <param name="services">The stages behind the doors, for a verb with these configuration arguments.</param>
    public static Command All(Func<string[], ServiceProvider> services)
    {
        var verb = new Command("person", "Find, export, erase or restrict one person: docs/rights.md");
        var lift = new Option<bool>("--lift") { Description = "End the restriction" };
        verb.Add(About("find", "Print which identifiers are a person's, and how much there is of them", services, async (hands, person, _, ct) =>
            Print(PersonAnswers.Found(person, await hands.Persons.CountAsync(person.Ids, s_patience, ct)))));
        verb.Add(About("export", "Print everything of a person as one JSON document", services, ExportAsync));
        verb.Add(About("erase", "Erase a person everywhere, and print the receipt", services, EraseAsync));
        verb.Add(About("restrict", "Refuse events of a person until it is lifted", services, async (hands, person, parsed, ct) =>
            await DoneAsync(hands.Persons.RestrictAsync(person.Ids, parsed.GetValue(lift), ct), parsed.GetValue(lift) ? "The restriction is lifted." : "The person is restricted."), lift));
        verb.Add(About("release", "Let an erased identifier be used again, or with request:ID all that an erasure erased", services, async (hands, person, _, ct) =>
            await DoneAsync(hands.Persons.ReleaseAsync(person.Ids, ct), "The identifiers may be used again.")));

        verb.Add(With("sweep", "Erase again whoever was erased and is back, as after a database was restored", services, SweepAsync));

        var id = new Argument<Guid>("request") { Description = "Id of the erasure" };
        verb.Add(With("receipt", "Print how an erasure stands, and its receipt", services, async (hands, parsed, ct) =>
            await hands.Persons.StateAsync(parsed.GetValue(id), s_patience, ct) is { } state ? Told(state) : throw new FormatException("There is no such request."), id));
        verb.Add(With("receipt-key", "Print the public key of this server's receipts", services, (hands, _, _) =>
        {
            Console.Out.WriteLine(hands.Receipts.Public);
            return Task.FromResult(0);
        }));
        var file = new Argument<FileInfo>("file") { Description = "The receipt" };
        var key = new Option<string?>("--key") { Description = "Public key of the server that made it; by default of this one" };
        verb.Add(With("verify-receipt", "Say whether a receipt is as it was signed; exit code 0 or 1", services, async (hands, parsed, ct) =>
        {
            var fault = ReceiptKey.Fault(await File.ReadAllTextAsync(parsed.GetValue(file)!.FullName, ct), parsed.GetValue(key) ?? hands.Receipts.Public);
            Console.Out.WriteLine(fault ?? "The receipt is as it was signed.");
            return fault is null ? 0 : 1;
        }, file, key));
        return verb;
    }

    private static Command About(
        string name, string description, Func<string[], ServiceProvider> services, Func<Hands, PersonFound, ParseResult, CancellationToken, Task<int>> run, params Option[] more)
    {
        var mayGuess = name is "find" or "export";
        var id = new Argument<string>("id") { Description = Words + (mayGuess ? "; without a word before it what it looks like" : name == "release" ? ", or request:ID of an erasure" : "") };
        var site = new Option<string>("--site") { Description = "Id of the site", DefaultValueFactory = _ => Parameters.DefaultSite };
        var also = new Option<string[]>("--also") { Description = "A shared identifier that goes too, as visitor:ID or email:ADDRESS; may be given more than once" };
        var only = new Option<bool>("--only") { Description = "The identifier alone, and not who it leads to" };
        return With(name, description, services, async (hands, parsed, ct) =>
        {
            var said = parsed.GetValue(id)!;
            if (name == "release" && said.StartsWith(OfRequest, StringComparison.Ordinal)) return await ReleaseAsync(hands, said[OfRequest.Length..], ct);
            // A receipt for whoever a wrong guess names would be worth nothing.
            var (kind, text) = mayGuess ? PersonName.Guess(said) : PersonName.Told(said) ?? throw new FormatException($"Say what it is, with a word before it: {Words}.");
            var ofSite = parsed.GetValue(site)!;
            if (hands.Sites.Find(ofSite, out _) is { } refusal) throw new FormatException($"--site: {refusal.Title}");
            if ((PersonName.Read(ofSite, kind, text, out var asked) ?? PersonRequestBody.ReadAlso(ofSite, parsed.GetValue(also) ?? [], out _)) is { } fault) throw new FormatException(fault);
            _ = PersonRequestBody.ReadAlso(ofSite, parsed.GetValue(also) ?? [], out var others);
            if (parsed.GetValue(only)) asked = asked with { IsAlone = true };
            var person = await hands.Persons.PersonAsync(ofSite, asked, others, ct) ?? throw new FormatException("No event has this id.");
            return await run(hands, person, parsed, ct);
        }, [id, site, also, only, .. more]);
    }

    private static Command With(
        string name, string description, Func<string[], ServiceProvider> services, Func<Hands, ParseResult, CancellationToken, Task<int>> run, params Symbol[] symbols)
    {
        var verb = Cli.Verb(name, description, async (parsed, args, ct) =>
        {
            await using var provider = services(args);
            try
            {
                return await run(await Hands.OfAsync(provider, ct), parsed, ct);
            }
            catch (Exception e) when (e is DbException or TimeoutException)
            {
                Console.Error.WriteLine($"The store cannot be asked: {Visible.Of(e.Message.ReplaceLineEndings(" "))} What was begun holds: run it again.");
                return 1;
            }
            catch (Exception e) when (e is PersonUnclearException or SubjectKeysDifferException)
            {
                Console.Error.WriteLine(e.Message);
                return Cli.Unusable;
            }
        }, symbols.OfType<Option>());
        foreach (var argument in symbols.OfType<Argument>()) verb.Add(argument);
        return verb;
    }

    private static async Task<int> ExportAsync(Hands hands, PersonFound person, ParseResult parsed, CancellationToken ct)
    {
        await using var output = Console.OpenStandardOutput();
        var waiting = hands.Journal?.WaitingAsync(new(hands.Keys, person.Ids.Site, person.Ids.Subjects(hands.Keys)), ct);
        if (waiting is null) Console.Error.WriteLine("A server uses the journal: what it has not stored yet is not in here. The same by its API has it.");
        await PersonExport.WriteAsync(output, person, hands.Persons.ExportAsync(person.Ids, ct), waiting, TimeProvider.System.GetUtcNow(), ct);
        return 0;
    }

    private static async Task<int> EraseAsync(Hands hands, PersonFound person, ParseResult parsed, CancellationToken ct) =>
        Told(await hands.Persons.EraseAsync(person, s_patience, ct));

    private static async Task<int> ReleaseAsync(Hands hands, string erasure, CancellationToken ct)
    {
        if (!Guid.TryParse(erasure, out var request) || !await hands.Persons.ReleaseAsync(request, ct)) throw new FormatException("There is no such request.");
        Console.Out.WriteLine("The identifiers of the erasure may be used again.");
        return 0;
    }

    private static async Task<int> SweepAsync(Hands hands, ParseResult parsed, CancellationToken ct)
    {
        var (standings, _, _) = await hands.Standings.SinceAsync(null, ct);
        var erased = standings.Where(one => one.Standing.IsErased).Select(one => one.Subject).ToHashSet();
        var done = await hands.Persons.SweepAsync(erased.Contains, s_patience, ct);
        if (done.Count == 0) Console.Error.WriteLine("Nobody who was erased stands in the store.");
        return done.Select(Told).DefaultIfEmpty(0).Max();
    }

    // The receipt alone on standard output, so that it can be kept; everything else where it does not get into it.
    private static int Told(PersonErasure erasure)
    {
        foreach (var one in PersonAnswers.Shared(erasure.Shared)) Console.Error.WriteLine($"Stays, because others use it too: {one}. Add --also {one} to erase it.");
        foreach (var one in erasure.Missing) Console.Error.WriteLine($"Waits for the collector on {one.Host}, last heard of at {one.SeenAt:u}.");
        if (!erasure.IsClean) Console.Error.WriteLine("The rows are deleted, but the database was too busy to be cleaned of their traces: a server does it within minutes, and so does asking for the receipt.");
        if (erasure.IsInterrupted) Console.Error.WriteLine("The erasure was interrupted: run it again.");
        if (erasure.Receipt is null)
        {
            Console.Error.WriteLine($"The receipt is made when all is done: pixel person receipt {erasure.Request.Id}");
            return 1;
        }

        Console.Out.WriteLine(erasure.Receipt);
        return 0;
    }

    private static int Print(object answer)
    {
        Console.Out.WriteLine(JsonSerializer.Serialize(answer, PersonAnswers.Json));
        return 0;
    }

    private static async Task<int> DoneAsync(Task work, string told)
    {
        await work;
        Console.Out.WriteLine(told);
        return 0;
    }

    /// <summary>What a verb works with. Where no server runs on the data directory it is the collector itself; else the server does what is on its disk.</summary>
    private sealed record Hands(Persons Persons, IStandings Standings, Sites Sites, SubjectKeys Keys, ReceiptKey Receipts, PersonJournal? Journal)
    {
        public static async Task<Hands> OfAsync(ServiceProvider provider, CancellationToken ct)
        {
            await provider.GetRequiredService<IEventStore>().PrepareAsync(ct);
            var journal = IsAlone(provider) ? provider.GetRequiredService<PersonJournal>() : null;
            if (journal is not null) await provider.GetRequiredService<StandingExchange>().ExchangeAsync(ct); // a restored store hears what our disk knows
            var standings = provider.GetRequiredService<IStandings>();
            var persons = journal is null
                ? ActivatorUtilities.CreateInstance<Persons>(provider, new PersonReach(
                    async (subjects, stop) =>
                    {
                        var known = (await standings.SinceAsync(null, stop)).Standings.ToLookup(one => one.Subject, one => one.Standing);
                        return [.. subjects.Select(subject => known[subject].Aggregate(default(Standing), (one, other) => one.Merge(other)))];
                    },
                    (words, stop) => standings.KeepAsync(words, bar: words.Any(one => one.Standing.IsErased || one.Standing.IsRestricted), stop), null, null))
                : provider.GetRequiredService<Persons>();
            return new(persons, standings, provider.GetRequiredService<Sites>(), provider.GetRequiredService<SubjectKeys>(), provider.GetRequiredService<ReceiptKey>(), journal);
        }

        private static bool IsAlone(ServiceProvider provider)
        {
            try
            {
                _ = provider.GetRequiredService<Journal.Journal>();
                return true;
            }
            catch (Journal.DirectoryInUseException)
            {
                return false;
            }
        }
    }
}

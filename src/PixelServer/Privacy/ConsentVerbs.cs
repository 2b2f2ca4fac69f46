using System.CommandLine;
using System.Data.Common;
using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>The verbs of consent records: check the chains, and take over what another system recorded.</summary>
internal static class ConsentVerbs
{
    /// <param name="services">Makes the stages behind the doors from the configuration arguments.</param>
    public static IEnumerable<Command> All(Func<string[], ServiceProvider> services)
    {
        var consents = new Command("consents", "What persons decided, and the proof of it");
        var expect = new Option<string[]>("--expect") { Description = "CHAIN:SEQ:HASH of an earlier check, which must still be there; may be given more than once" };
        consents.Add(Cli.Verb("verify", "Check every chain of records, and name the first record of each that is broken; exit code 0 or 1",
            (parsed, args, ct) => WithAsync(services, args, provider => VerifyAsync(provider.GetRequiredService<IConsents>(), parsed.GetValue(expect) ?? [], ct)), expect));
        var file = new Argument<string>("file") { Description = "JSON lines, each as POST /api/consents takes it" };
        var import = Cli.Verb("import", "Take over decisions of a file; older ones change nothing, repeated ones are counted once",
            (parsed, args, ct) => WithAsync(services, args, provider => ImportAsync(provider, parsed.GetRequiredValue(file), ct)));
        import.Add(file);
        consents.Add(import);
        yield return consents;
    }

    /// <summary>Reads every link of the store.</summary>
    /// <returns>Exit code.</returns>
    public static async Task<int> VerifyAsync(IConsents store, IReadOnlyList<string> expected, CancellationToken ct)
    {
        var missing = expected.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var audit = new ConsentAudit();
        await foreach (var link in store.ChainsAsync(ct))
        {
            audit.Add(link);
            if (missing.Count > 0) missing.Remove($"{link.Chain:D}:{link.Seq}:{link.Hash}");
        }

        var texts = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var (hash, text) in store.TextsAsync(ct))
        {
            texts.Add(hash);
            if (ConsentChain.HashOf(text) != hash) audit.Add($"text {hash}: was changed after it was written.");
        }

        foreach (var one in missing.Order(StringComparer.Ordinal)) audit.Add($"{Visible.Of(one)}: expected, and not there.");

        foreach (var fault in audit.Faults) Console.Error.WriteLine("Broken: " + fault);
        foreach (var (hash, records) in audit.Texts.Where(one => !texts.Contains(one.Key)).OrderBy(one => one.Key, StringComparer.Ordinal))
            Console.Out.WriteLine($"Text {hash}: not here. {records} records name it; whether it ever came with one nobody can tell.");
        foreach (var head in audit.Heads.Where(one => !one.IsBroken)) Console.Out.WriteLine($"{head.Chain:D}:{head.Seq}:{head.Hash}");
        Console.Out.WriteLine($"{audit.Records} records, {audit.Erased} of them without their person, in {audit.Heads.Count} chains: {(audit.Faults.Count == 0 ? "all in order" : $"{audit.Faults.Count} broken")}.");
        return audit.Faults.Count == 0 ? 0 : 1;
    }

    private static async Task<int> ImportAsync(ServiceProvider provider, string file, CancellationToken ct)
    {
        var (sites, clock) = (provider.GetRequiredService<Sites>(), provider.GetRequiredService<TimeProvider>());
        var now = clock.GetUtcNow();
        var lines = 0;
        var keys = provider.GetRequiredService<SubjectKeys>();
        foreach (var _ in Read(file, sites, keys, now)) lines++; // all of it is right before any of it is kept

        await provider.GetRequiredService<IEventStore>().PrepareAsync(ct);
        var kept = await ActivatorUtilities.CreateInstance<StoredConsents>(provider).KeepAsync(Read(file, sites, keys, now), ct);
        Console.Out.WriteLine($"{lines} records: {kept} new, {lines - kept} were there. A running server follows within seconds.");
        return 0;
    }

    private static IEnumerable<ConsentRecord> Read(string file, Sites sites, SubjectKeys keys, DateTimeOffset now)
    {
        var number = 0;
        foreach (var line in File.ReadLines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            ConsentRequest? request = null;
            var fault = "not a JSON object with the members of a decision.";
            try
            {
                request = JsonSerializer.Deserialize<ConsentRequest>(line, ConsentRequest.Json);
            }
            catch (JsonException)
            {
                // Said by the line's number; what stands there may be anybody's.
            }

            // Of a line without an id the text is the id: a file that is read twice makes no record twice. Keyed, for it stays when the person is erased.
            if (request is { RecordId: null }) request = request with { RecordId = $"import-{keys.Of(request.SiteId, SubjectKind.User, line):x32}" };
            if (request is { At: null }) (request, fault) = (null, "at: when the person decided.");
            var record = request?.ToRecord(sites, now, TimeSpan.Zero, ("import", "import"), out fault!);
            yield return record ?? throw new FormatException($"Line {number}: {fault} Nothing of the file is taken over.");
        }
    }

    private static async Task<int> WithAsync(Func<string[], ServiceProvider> services, string[] args, Func<ServiceProvider, Task<int>> work)
    {
        await using var provider = services(args);
        try
        {
            return await work(provider);
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            Console.Error.WriteLine($"The store cannot be asked: {Visible.Of(e.Message.ReplaceLineEndings(" "))} Run it again.");
            return 1;
        }
    }
}

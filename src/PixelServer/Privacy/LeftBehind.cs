using PixelServer.Collect;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What another machine's data directory holds of decisions that its store may never have heard of. Nothing of whoever was erased since comes back with it.</summary>
/// <param name="services">The stages behind the doors.</param>
/// <param name="directory">The other machine's data directory, whose journal we hold; what stands in it stays, but for an end that a crash tore.</param>
internal sealed class LeftBehind(IServiceProvider services, string directory)
{
    private readonly StoredConsents _store = ActivatorUtilities.CreateInstance<StoredConsents>(services);

    /// <summary>Before its events: whoever was erased or restricted there stays out.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public async Task ShareStandingsAsync(CancellationToken ct)
    {
        SubjectStanding[] words = [.. new StandingFile(Path.Combine(directory, DataDirectory.StandingsName)).Read()];
        if (words.Length == 0) return;
        var isShared = services.GetRequiredService<CollectOptions>().CookieKey.Length > 0;
        if (!HasOurKeys(isShared))
        {
            Console.Error.WriteLine(
                $"{(isShared ? "Unless that machine had the same Pixel:CookieKey, who" : "Who")} opted out, or was erased, on that machine and nowhere else is not known here: it made its hashes with another key (Pixel:CookieKey, keys/subjects).");
            if (!isShared) return; // else its file may be from before it was given the secret; hashes by another key are nobody's
        }

        await services.GetRequiredService<IEventStore>().PrepareAsync(ct);
        await _store.KeepAsync(words, ct);
    }

    /// <summary>Decisions about mails and consent records, with what they mean.</summary>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public async Task ShareAsync(CancellationToken ct)
    {
        await _store.KeepAsync(new MailDecisionFile(Path.Combine(directory, DataDirectory.MailDecisionsName)).Read(), ct);
        await _store.KeepAsync(new ConsentFile(Path.Combine(directory, DataDirectory.ConsentsName)).Read(), ct);
    }

    // A machine with a shared secret has no file of its own.
    private bool HasOurKeys(bool isShared)
    {
        var theirs = Path.Combine(directory, "keys", SubjectKeys.FileName);
        return File.Exists(theirs)
            ? Check(new(File.ReadAllBytes(theirs))) == Check(services.GetRequiredService<SubjectKeys>())
            : isShared;

        static UInt128 Check(SubjectKeys keys) => keys.Of("", SubjectKind.User, "");
    }
}

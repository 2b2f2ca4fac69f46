using System.Collections.Concurrent;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Leaves a record that proves a recipient's decision; of the same decision the same record.</summary>
/// <remarks>Throws <see cref="IOException"/> where it cannot be kept.</remarks>
internal delegate Task MailProof(MailDecision decision);

/// <summary>
/// Decisions with their proof. The decision comes first, because it must hold; where its record could not be kept, or the server died in between, whoever
/// decides the same again makes the record that is missing.
/// </summary>
/// <remarks>Whoever has a link may press its button for ever: what was proven lately is not proven again.</remarks>
/// <param name="decisions">Where they hold.</param>
/// <param name="proof">Leaves the record; null: none is left.</param>
internal sealed class ProvenDecisions(MailDecisions decisions, MailProof? proof = null)
{
    /// <summary>Of more recipients it is not remembered that they have their record. Some 300 bytes each.</summary>
    public const int MostProven = 10_000;

    private readonly ConcurrentDictionary<(string Site, string Recipient, bool Tracking), Lazy<Task>> _proofs = new();

    /// <param name="decision">What was decided.</param>
    /// <param name="whenNew">Happens between decision and proof, where it was not so already.</param>
    /// <exception cref="IOException">The decision or its proof cannot be kept: it has to be said again.</exception>
    public async Task DecideAsync(MailDecision decision, Func<Task>? whenNew = null)
    {
        var (isNew, kept) = await decisions.KeepAsync(decision);
        if (isNew && whenNew is not null) await whenNew();
        if (proof is null || kept is not { Subject: MailSubject.Recipient }) return;

        var key = (kept.SiteId, kept.SubjectId, kept.Tracking);
        if (_proofs.Count >= MostProven) _proofs.Clear(); // a record that is made once more is known by its id
        var mine = new Lazy<Task>(() => proof(kept));
        var theirs = isNew ? _proofs[key] = mine : _proofs.GetOrAdd(key, mine);
        try
        {
            await theirs.Value;
        }
        catch
        {
            _proofs.TryRemove(new(key, theirs));
            throw;
        }
    }
}

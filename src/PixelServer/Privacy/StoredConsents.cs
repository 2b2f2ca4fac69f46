using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>
/// Brings records into the store together with what they mean, for verbs that run beside servers: each follows by its own exchange. Nothing of whoever
/// was erased comes in with them.
/// </summary>
internal sealed class StoredConsents(
    IConsents store, IStandings standings, IMailDecisions mails, Standings known, SubjectKeys keys, DataDirectory directory, TimeProvider clock)
{
    private const int AtOnce = 1_000;
    private readonly Guid _chain = ConsentSync.ChainOf(directory);
    private string? _mark;

    /// <returns>How many of the records are new.</returns>
    public async Task<int> KeepAsync(IEnumerable<ConsentRecord> records, CancellationToken ct)
    {
        var kept = 0;
        foreach (var some in records.Chunk(AtOnce))
        {
            await LearnAsync(ct);
            ConsentRecord[] theirs = [.. some.Select(one => ConsentEffects.WithoutErased(one, known, keys))];
            kept += await store.KeepAsync(_chain, theirs, ct);
            var now = clock.GetUtcNow();
            await KeepAsync([.. theirs.Select(one => ConsentEffects.StandingOf(one, keys, now)).OfType<SubjectStanding>()], ct);
            await KeepMailsAsync(theirs.Select(one => ConsentEffects.MailDecisionOf(one, now)).OfType<MailDecision>(), ct);
        }

        return kept;
    }

    /// <summary>Words of the same kind as the store's.</summary>
    public async Task KeepAsync(IReadOnlyList<SubjectStanding> words, CancellationToken ct)
    {
        foreach (var some in words.GroupBy(one => one.Subject).Select(same => new SubjectStanding(same.Key, same.Select(one => one.Standing).Aggregate((one, other) => one.Merge(other)))).Chunk(AtOnce))
            await standings.KeepAsync(some, bar: some.Any(one => one.Standing.IsErased || one.Standing.IsRestricted), ct);
    }

    public async Task KeepAsync(IEnumerable<MailDecision> decisions, CancellationToken ct)
    {
        foreach (var some in decisions.Chunk(AtOnce))
        {
            await LearnAsync(ct);
            await KeepMailsAsync(some.Where(one => one.Subject != MailSubject.Recipient || !known.Of(keys.Of(one.SiteId, SubjectKind.User, one.SubjectId)).IsErased), ct);
        }
    }

    // One statement must not touch a row twice.
    private Task KeepMailsAsync(IEnumerable<MailDecision> decisions, CancellationToken ct) => mails.KeepAsync(
        [.. decisions.GroupBy(one => (one.SiteId, one.Subject, one.SubjectId)).Select(same => same.Aggregate((one, other) => other.Outranks(one) ? other : one))], ct);

    // Who was erased while the former ones were written.
    private async Task LearnAsync(CancellationToken ct)
    {
        var (news, _, mark) = await standings.SinceAsync(_mark, ct);
        foreach (var (subject, standing) in news) known.Learn(subject, standing);
        _mark = mark;
    }
}

using System.Collections.Concurrent;

namespace PixelServer;

/// <summary>
/// The standing of everybody about whom something was said, in memory, so that no request asks a disk or a database. Some 100 bytes a subject.
/// Filled from the disk at the start and by the exchange with the store; see <see cref="Store.StandingExchange"/>.
/// </summary>
internal sealed class Standings
{
    private const long MillisecondsPerHour = 3_600_000;

    private readonly ConcurrentDictionary<UInt128, Standing> _known = new();
    private readonly ConcurrentQueue<UInt128> _told = new();
    private volatile bool _any;
    private int _optedOut;

    /// <summary>Nothing is known of anybody: the hot path need not make a hash.</summary>
    public bool IsEmpty => !_any;

    public int Count => _known.Count;

    /// <summary>Of how many subjects at most something is learnt from signals, which anybody can send.</summary>
    public int MostOptOuts { get; init; } = 1_000_000;

    /// <summary>Subjects who are known to have opted out of sale and sharing, or in again.</summary>
    public int OptedOut => Volatile.Read(ref _optedOut);

    /// <summary>Of nobody else is anything learnt from signals that anybody can send.</summary>
    public bool IsFull => OptedOut >= MostOptOuts;

    /// <summary>All words that count are in here up to this epoch of the store; 0 before the first exchange.</summary>
    public long Epoch { get; private set; }

    public Standing Of(UInt128 subject) => _known.GetValueOrDefault(subject);

    /// <summary>Of all subjects that one event names together. A visitor's id counts only where it lives longer than a day.</summary>
    public Standing Of(SubjectKeys keys, string site, Guid? visitor, string? user, string? email)
    {
        var standing = default(Standing);
        if (IsEmpty) return standing;
        if (visitor is { } id) standing = Of(keys.Of(site, id));
        if (user is not null && !BlockedIds.IsNobody(user)) standing = standing.With(Of(keys.Of(site, SubjectKind.User, user))); // what strangers share bars nobody
        if (email is not null) standing = standing.With(Of(keys.Of(site, SubjectKind.Email, email)));
        return standing;
    }

    /// <summary>Of whom the event names beside its columns; of nearly every event nothing is read.</summary>
    public Standing Beside(SubjectKeys keys, string site, string? name, ReadOnlySpan<byte> properties)
    {
        var standing = default(Standing);
        if (IsEmpty) return standing;
        foreach (var (kind, id) in NamedBeside.Of(site, name, properties)) standing = standing.With(Of(keys.Of(site, kind, id)));
        return standing;
    }

    /// <summary>Takes what is later than what is known.</summary>
    /// <returns>What holds now.</returns>
    public Standing Learn(UInt128 subject, Standing standing)
    {
        var isNew = standing.Shared != default && Of(subject).Shared == default; // two at once may both be counted
        var now = _known.AddOrUpdate(subject, static (_, news) => news, static (_, known, news) => known.Merge(news), standing);
        if (isNew) Interlocked.Increment(ref _optedOut);
        _any = true;
        return now;
    }

    /// <summary>As <see cref="Learn"/>, from a door that cannot wait for a disk: <see cref="Store.StandingExchange"/> writes it with the next batch, or within seconds.</summary>
    /// <param name="subject">Who.</param>
    /// <param name="standing">What.</param>
    /// <param name="isProven">It does not come from a door that is open to anybody: it is learnt also where <see cref="IsFull"/>.</param>
    /// <returns>False where nothing is learnt.</returns>
    public bool Tell(UInt128 subject, Standing standing, bool isProven = false)
    {
        if (IsFull && !isProven && Of(subject).Shared == default) return false;
        Learn(subject, standing);
        _told.Enqueue(subject);
        return true;
    }

    /// <summary>
    /// A signal opted the subject out at that moment. A consent that is older than the latest signal must not lift it, so that the moment is kept up; on
    /// disk by the hour, or with signals in every event what is on disk and in the store would never rest.
    /// </summary>
    public void OptOut(UInt128 subject, Word no, bool isProven = false)
    {
        var known = Of(subject);
        if (known.Shared.At >= no.At) return;
        var standing = new Standing { Shared = no };
        if (known.IsOptedOut && known.Shared.At / MillisecondsPerHour == no.At / MillisecondsPerHour) Learn(subject, standing);
        else Tell(subject, standing, isProven);
    }

    /// <summary>Takes the next of those that were told and may not be on disk; null where there is none.</summary>
    public UInt128? NextTold() => _told.TryDequeue(out var subject) ? subject : null;

    /// <summary>Everything of the store up to <paramref name="epoch"/> was learnt; 0 where it begins from nothing.</summary>
    public void Reached(long epoch) => Epoch = epoch;

    /// <summary>Everybody of whom something is known, in no order.</summary>
    public IEnumerable<KeyValuePair<UInt128, Standing>> All => _known;
}

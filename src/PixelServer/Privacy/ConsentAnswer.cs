using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What is known of one subject's decisions: what holds, and every record that proves it.</summary>
internal sealed record ConsentAnswer(string SiteId, ConsentSubject Subject, IReadOnlyList<ConsentState> State, IReadOnlyList<ConsentProof> History)
{
    public static ConsentAnswer Of(string site, string kind, string id, IReadOnlyList<ConsentLink> links, IEnumerable<ConsentRecord> waiting, DateTimeOffset now)
    {
        ConsentProof[] history =
        [
            .. links.Select(link => ConsentProof.Of(link.Record) with { Chain = link.Chain, Seq = link.Seq, PrevHash = link.PrevHash, Hash = link.Hash })
                .Concat(waiting.Select(ConsentProof.Of))
                .OrderByDescending(one => one.At).ThenBy(one => one.Decision == "granted").ThenByDescending(one => one.RecordedAt).ThenBy(one => one.RecordId, StringComparer.Ordinal),
        ];
        ConsentState[] state =
        [
            .. history.DistinctBy(one => one.Purpose).OrderBy(one => one.Purpose, StringComparer.Ordinal)
                .Select(one => new ConsentState(one.Purpose, one.Decision, one.At, one.ExpiresAt, one.Decision == "granted" && !(one.ExpiresAt <= now), one.RecordId)),
        ];
        return new(site, new(kind, id), state, history);
    }
}

/// <summary>The decision that holds for one purpose.</summary>
/// <param name="Purpose">What it is about.</param>
/// <param name="Decision"><c>granted</c>, <c>denied</c> or <c>withdrawn</c>.</param>
/// <param name="At">When the person decided.</param>
/// <param name="ExpiresAt">From when on a yes is worth nothing.</param>
/// <param name="Allowed">It is a yes, and not over.</param>
/// <param name="RecordId">Its record.</param>
internal sealed record ConsentState(string Purpose, string Decision, DateTimeOffset At, DateTimeOffset? ExpiresAt, bool Allowed, string RecordId);

/// <summary>One record. Without a place in a chain it still waits on a collector's disk for the store.</summary>
internal sealed record ConsentProof
{
    public required string RecordId { get; init; }
    public required string Purpose { get; init; }
    public required string Decision { get; init; }
    public required DateTimeOffset At { get; init; }
    public required DateTimeOffset RecordedAt { get; init; }
    public required string Method { get; init; }
    public required string Actor { get; init; }
    public string? TextId { get; init; }
    public string? TextHash { get; init; }
    public string? Locale { get; init; }
    public string? PolicyVersion { get; init; }
    public string? CmpId { get; init; }
    public string? CmpVersion { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public string? Signal { get; init; }
    public string? Page { get; init; }
    public string? Ip { get; init; }
    public string? UserAgent { get; init; }
    public Guid? Chain { get; init; }
    public long? Seq { get; init; }
    public string? PrevHash { get; init; }
    public string? Hash { get; init; }


    public static ConsentProof Of(ConsentRecord one) => new()
    {
        RecordId = one.RecordId,
        Purpose = one.Purpose,
        Decision = ConsentDecisions.Of(one.Decision),
        At = one.At,
        RecordedAt = one.RecordedAt,
        Method = one.Method,
        Actor = one.Actor,
        TextId = one.TextId,
        TextHash = one.TextHash,
        Locale = one.Locale,
        PolicyVersion = one.PolicyVersion,
        CmpId = one.CmpId,
        CmpVersion = one.CmpVersion,
        ExpiresAt = one.ExpiresAt,
        Signal = one.Person.Signal,
        Page = one.Person.Page,
        Ip = one.Person.Ip,
        UserAgent = one.Person.UserAgent,
    };
}

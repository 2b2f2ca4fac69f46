using System.Security.Cryptography;

namespace PixelServer.Store;

/// <summary>One decision of one person about one purpose, as it is proven: table <c>consent_records</c>. Times are whole milliseconds.</summary>
internal sealed record ConsentRecord
{
    /// <summary>Of a record that the sender gave no id: the server's own.</summary>
    public required string RecordId { get; init; }

    public required string SiteId { get; init; }
    public required ConsentPerson Person { get; init; }
    public required string Purpose { get; init; }
    public required ConsentDecision Decision { get; init; }

    /// <summary>When the person decided. The latest holds.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When the server was told.</summary>
    public required DateTimeOffset RecordedAt { get; init; }

    public required string Method { get; init; }
    public string? TextId { get; init; }
    public string? TextHash { get; init; }

    /// <summary>The words that were shown, where the sender gave them; they are kept once for all records.</summary>
    public string? Text { get; init; }

    public string? Locale { get; init; }
    public string? PolicyVersion { get; init; }
    public string? CmpId { get; init; }
    public string? CmpVersion { get; init; }
    public required string Actor { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The same decision of the same person: what makes a second message with the same id a copy.</summary>
    public bool Repeats(ConsentRecord other) =>
        SiteId == other.SiteId && Purpose == other.Purpose && Decision == other.Decision
        && (Person.IsErased || other.Person.IsErased || (Person.Kind == other.Person.Kind && Person.Id == other.Person.Id));
}

/// <summary>Whose decision it is, and what else tells of the person: everything that an erasure takes out of a record.</summary>
/// <param name="Salt">64 hex digits that are nobody else's; null: erased.</param>
/// <param name="Kind"><c>visitor</c>, <c>user</c>, <c>email_sha256</c> or <c>recipient</c>.</param>
/// <param name="Id">The identifier.</param>
/// <param name="Signal">Consent strings that came with it, as a JSON object.</param>
/// <param name="Page">Where it was asked, without a query.</param>
/// <param name="Ip">As the site's IP policy leaves it.</param>
/// <param name="UserAgent">Browser and system by their families.</param>
internal sealed record ConsentPerson(string? Salt, string? Kind, string? Id, string? Signal, string? Page, string? Ip, string? UserAgent)
{
    public static ConsentPerson Erased { get; } = new(null, null, null, null, null, null, null);

    public bool IsErased => Salt is null;

    public static string NewSalt() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
}

/// <summary>What was decided. Denied: asked, and no. Withdrawn: a yes was taken back.</summary>
internal enum ConsentDecision { Granted, Denied, Withdrawn }

/// <summary>The words that stand in the store for <see cref="ConsentDecision"/>.</summary>
internal static class ConsentDecisions
{
    public static string Of(ConsentDecision decision) => decision switch
    {
        ConsentDecision.Granted => "granted",
        ConsentDecision.Denied => "denied",
        _ => "withdrawn",
    };

    public static ConsentDecision? Read(string? word) => word switch
    {
        "granted" => ConsentDecision.Granted,
        "denied" => ConsentDecision.Denied,
        "withdrawn" => ConsentDecision.Withdrawn,
        _ => null,
    };
}

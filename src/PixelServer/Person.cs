using System.Globalization;

namespace PixelServer;

/// <summary>The identifiers of one person of one site, in clear: only whoever answers a request has them, and only while it is answered.</summary>
/// <param name="Site">Site id.</param>
/// <param name="Visitors">Ids of devices, and of events that name nobody else.</param>
/// <param name="Users">The site's own ids of the person, among them the ids of a recipient of mails.</param>
/// <param name="Emails">Lower-case hex SHA-256 of normalised addresses.</param>
internal sealed record PersonIds(string Site, IReadOnlyList<Guid> Visitors, IReadOnlyList<string> Users, IReadOnlyList<string> Emails)
{
    /// <summary>Lower-case hex SHA-256 of telephone numbers.</summary>
    public IReadOnlyList<string> Phones { get; init; } = [];

    /// <summary>Lower-case hex SHA-256 of other systems' ids of the person.</summary>
    public IReadOnlyList<string> ExternalIds { get; init; } = [];

    /// <summary>Ids that SDKs of apps have of devices.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>The same as kind and id, by the words of <see cref="SubjectKinds"/>.</summary>
    public IEnumerable<(string Kind, string Id)> Named =>
    [
        .. Visitors.Select(id => (SubjectKinds.Visitor, id.ToString("D"))), .. Users.Select(id => (SubjectKinds.User, id)), .. Emails.Select(id => (SubjectKinds.Email, id)),
        .. Phones.Select(id => (SubjectKinds.Phone, id)), .. ExternalIds.Select(id => (SubjectKinds.ExternalId, id)), .. Devices.Select(id => (SubjectKinds.Device, id)),
    ];

    public static PersonIds Of(string site, IEnumerable<(string Kind, string Id)> named)
    {
        var all = named.Distinct().ToLookup(one => one.Kind, one => one.Id);
        return new(site, [.. all[SubjectKinds.Visitor].Select(id => Guid.Parse(id, CultureInfo.InvariantCulture))], [.. all[SubjectKinds.User]], [.. all[SubjectKinds.Email]])
        {
            Phones = [.. all[SubjectKinds.Phone]],
            ExternalIds = [.. all[SubjectKinds.ExternalId]],
            Devices = [.. all[SubjectKinds.Device]],
        };
    }

    /// <summary>With further ones.</summary>
    public PersonIds With(IEnumerable<(string Kind, string Id)> named) => Of(Site, Named.Concat(named));

    /// <summary>The same as keyed hashes, which may be kept.</summary>
    public IReadOnlyList<UInt128> Subjects(SubjectKeys keys) => [.. Named.Select(one => keys.Of(Site, SubjectKinds.Of(one.Kind)!.Value, one.Id))];
}

/// <summary>Recognises a person of a site without knowing who it is: by the keyed hashes of their identifiers.</summary>
/// <param name="keys">Of the subjects.</param>
/// <param name="site">Site id.</param>
/// <param name="subjects">The identifiers.</param>
/// <param name="released">Where somebody is erased: of an identifier that was released since, only what is older is theirs.</param>
internal sealed class PersonMarks(SubjectKeys keys, string site, IEnumerable<UInt128> subjects, Standings? released = null)
{
    private readonly HashSet<UInt128> _subjects = [.. subjects];

    /// <summary>Whether the hit carries one of the identifiers, in a column or beside. An id of the day is nobody's: strangers behind one address share it.</summary>
    public bool Name(Hit hit) => hit.SiteId == site && ((hit.VisitorKind != VisitorKind.Daily && Has(keys.Of(site, hit.VisitorId), hit.ReceivedAt))
        || (hit.UserId is { } user && Has(keys.Of(site, SubjectKind.User, user), hit.ReceivedAt))
        || (hit.EmailSha256 is { } email && Has(keys.Of(site, SubjectKind.Email, email), hit.ReceivedAt))
        || NamedBeside.Of(site, hit.Name, hit.Properties.Span).Any(one => Has(keys.Of(site, one.Kind, one.Id), hit.ReceivedAt)));

    /// <summary>Whether it is one of the identifiers.</summary>
    /// <param name="ofSite">Site id.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="id">The identifier.</param>
    /// <param name="at">When what is asked about was kept.</param>
    public bool Name(string ofSite, SubjectKind kind, string id, DateTimeOffset at) => ofSite == site && Has(keys.Of(site, kind, id), at);

    private bool Has(UInt128 subject, DateTimeOffset at) => _subjects.Contains(subject)
        && !(released?.Of(subject).Kept is { IsYes: true } since && at.ToUnixTimeMilliseconds() >= since.At);
}

/// <summary>
/// Something on a collector's own disk that holds events or identifiers of persons. Whatever is added to the data directory registers one, or says in
/// <c>HoldersTests</c> why it holds nothing of anybody. Rows of the store are told in <see cref="Store.PersonTables"/> instead.
/// </summary>
internal interface IHolder
{
    /// <summary>What the receipt calls it.</summary>
    string Name { get; }

    /// <summary>Asks of each record once whose it is: <see cref="PersonCrowd"/> counts.</summary>
    Task FindAsync(PersonCrowd persons, CancellationToken ct);

    /// <summary>Erases what is theirs for good; afterwards no byte of it is in a file of the holder. Asks of each record once; says what is <see cref="PersonCrowd.Done"/> where the rest may fail.</summary>
    /// <exception cref="IOException">It is as it was, or some of it is.</exception>
    Task EraseAsync(PersonCrowd persons, CancellationToken ct);
}

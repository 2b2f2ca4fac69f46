namespace PixelServer;

/// <summary>The identifiers of one person of one site, in clear: only whoever answers a request has them, and only while it is answered.</summary>
/// <param name="Site">Site id.</param>
/// <param name="Visitors">Ids of devices, and of events that name nobody else.</param>
/// <param name="Users">The site's own ids of the person, among them the ids of a recipient of mails.</param>
/// <param name="Emails">Lower-case hex SHA-256 of normalised addresses.</param>
internal sealed record PersonIds(string Site, IReadOnlyList<Guid> Visitors, IReadOnlyList<string> Users, IReadOnlyList<string> Emails)
{
    public int Count => Visitors.Count + Users.Count + Emails.Count;

    /// <summary>The same as kind and id.</summary>
    public IEnumerable<(string Kind, string Id)> Named =>
        [.. Visitors.Select(id => ("visitor", id.ToString("D"))), .. Users.Select(id => ("user", id)), .. Emails.Select(id => ("email", id))];

    /// <summary>With further ones.</summary>
    public PersonIds With(IEnumerable<(string Kind, string Id)> named)
    {
        var all = Named.Union(named).ToLookup(one => one.Kind, one => one.Id);
        return this with { Visitors = [.. all["visitor"].Select(Guid.Parse)], Users = [.. all["user"]], Emails = [.. all["email"]] };
    }

    /// <summary>The same as keyed hashes, which may be kept.</summary>
    public IReadOnlyList<UInt128> Subjects(SubjectKeys keys) =>
    [
        .. Visitors.Select(id => keys.Of(Site, id)), .. Users.Select(id => keys.Of(Site, SubjectKind.User, id)),
        .. Emails.Select(id => keys.Of(Site, SubjectKind.Email, id)),
    ];
}

/// <summary>Recognises a person of a site without knowing who it is: by the keyed hashes of their identifiers.</summary>
internal sealed class PersonMarks(SubjectKeys keys, string site, IEnumerable<UInt128> subjects)
{
    private readonly HashSet<UInt128> _subjects = [.. subjects];

    /// <summary>Whether the hit carries one of the identifiers, in a column or beside. An id of the day is nobody's: strangers behind one address share it.</summary>
    public bool Name(Hit hit) => hit.SiteId == site && ((hit.VisitorKind != VisitorKind.Daily && _subjects.Contains(keys.Of(site, hit.VisitorId)))
        || (hit.UserId is { } user && _subjects.Contains(keys.Of(site, SubjectKind.User, user)))
        || (hit.EmailSha256 is { } email && _subjects.Contains(keys.Of(site, SubjectKind.Email, email)))
        || NamedBeside.Of(site, hit.Name, hit.Properties.Span).Any(one => _subjects.Contains(keys.Of(site, one.Kind, one.Id))));

    public bool Name(string ofSite, SubjectKind kind, string id) => ofSite == site && _subjects.Contains(keys.Of(site, kind, id));
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

    /// <summary>Erases what is theirs for good; afterwards no byte of it is in a file of the holder. Asks of each record once.</summary>
    /// <exception cref="IOException">It is as it was, or some of it is.</exception>
    Task EraseAsync(PersonCrowd persons, CancellationToken ct);
}

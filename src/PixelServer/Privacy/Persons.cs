using System.Globalization;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>How a decision about a person reaches the doors: through this server's own disk, or through the store where the server is another process.</summary>
/// <param name="DecideAsync">When it completes, nothing of an erased person can be stored any more, by any collector.</param>
/// <param name="PartAsync">Does this collector's part at once; null where the process is no collector.</param>
internal sealed record PersonReach(Func<IReadOnlyList<SubjectStanding>, CancellationToken, Task> DecideAsync, Func<CancellationToken, Task>? PartAsync);

/// <summary>What a person may ask for: to be found, erased, restricted. Everything that a verb or the API does goes through here.</summary>
internal sealed class Persons(PersonRows rows, PersonRequests requests, PersonReach reach, SubjectKeys keys, PersonCollector me, ReceiptKey receipts, TimeProvider clock)
{
    /// <summary>A collector that has not been heard of for so long is named in the receipt, and not waited for.</summary>
    public static readonly TimeSpan GoneAfter = TimeSpan.FromDays(30);

    private static readonly TimeSpan s_awake = 6 * PersonParts.SeenEvery;
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(100);

    /// <summary>Who it is, with what else was asked to go with them.</summary>
    /// <returns>Null where an event's id leads to nobody.</returns>
    /// <exception cref="PersonUnclearException">It leads to several persons.</exception>
    public async Task<PersonFound?> PersonAsync(string site, PersonName name, IReadOnlyList<PersonName> also, CancellationToken ct)
    {
        if (await OneAsync(site, name, ct) is not { } found) return null;
        foreach (var other in also)
        {
            // Only itself: what is shared leads to others.
            var ids = found.Ids;
            found = found with
            {
                Ids = other.Kind switch
                {
                    PersonName.Visitor => ids with { Visitors = [.. ids.Visitors.Append(Guid.Parse(other.Id, CultureInfo.InvariantCulture)).Distinct()] },
                    PersonName.User => ids with { Users = [.. ids.Users.Append(other.Id).Distinct()] },
                    _ => ids with { Emails = [.. ids.Emails.Append(other.Id).Distinct()] },
                },
                Shared = [.. found.Shared.Where(one => one != (other.Kind, other.Id))],
            };
        }

        return found;
    }

    /// <summary>Rows of the store, and records of every collector that is awake.</summary>
    public async Task<PersonCounts> CountAsync(PersonIds person, TimeSpan patience, CancellationToken ct)
    {
        var request = new PersonRequest(Guid.CreateVersion7(clock.GetUtcNow()), "find", person.Site, person.Subjects(keys), clock.GetUtcNow());
        await requests.AddAsync(request, ct);
        try
        {
            var counts = await rows.CountAsync(person, ct);
            if (reach.PartAsync is { } part) await part(ct);
            var (parts, missing) = await WaitAsync(request, patience, ct);
            return new(counts, parts, missing);
        }
        finally
        {
            await requests.ForgetAsync(request.Id, CancellationToken.None);
        }
    }

    public IAsyncEnumerable<(string Table, string Json)> ExportAsync(PersonIds person, CancellationToken ct) => rows.ExportAsync(person, ct);

    /// <summary>First nothing new of the person is taken, then everything that is there goes. The same again finds nothing and is answered with a receipt that says so.</summary>
    /// <exception cref="SubjectKeysDifferException">Another collector would not recognise the person.</exception>
    public async Task<PersonErasure> EraseAsync(PersonIds person, TimeSpan patience, CancellationToken ct)
    {
        await CheckKeysAsync(ct);
        var subjects = person.Subjects(keys);
        await SayAsync(subjects, standing => standing with { Kept = Word.No(clock.GetUtcNow()) }, ct);

        var request = new PersonRequest(Guid.CreateVersion7(clock.GetUtcNow()), "erase", person.Site, subjects, clock.GetUtcNow());
        await requests.AddAsync(request, ct);
        var (erased, isClean) = await rows.EraseAsync(person, ct);
        await requests.KeepRowsAsync(request.Id, erased, ct);
        if (reach.PartAsync is { } part) await part(ct);
        await WaitAsync(request, patience, ct);

        // What a collector that had not heard of it yet put into the store.
        var (late, stayedClean) = await rows.EraseAsync(person, ct);
        foreach (var (table, count) in late) erased = new SortedDictionary<string, long>(erased.ToDictionary()) { [table] = erased.GetValueOrDefault(table) + count };
        if (late.Count > 0) await requests.KeepRowsAsync(request.Id, erased, ct);
        return (await StateAsync(request.Id, ct))! with { IsClean = isClean && stayedClean };
    }

    /// <summary>Erases again whoever was erased and stands in the store all the same, as after it was restored from a backup.</summary>
    /// <param name="erased">Whether a subject was erased.</param>
    /// <param name="patience">For each site.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<IReadOnlyList<PersonErasure>> SweepAsync(Func<UInt128, bool> erased, TimeSpan patience, CancellationToken ct)
    {
        var back = new Dictionary<string, HashSet<(string Kind, string Id)>>(StringComparer.Ordinal);
        await foreach (var (site, kind, id) in rows.IdentifiersAsync(ct))
        {
            SubjectKind? of = kind switch { PersonName.Visitor => SubjectKind.Visitor, PersonName.User => SubjectKind.User, PersonName.Email => SubjectKind.Email, _ => null };
            if (of is not { } known || !erased(keys.Of(site, known, id))) continue;
            if (!back.TryGetValue(site, out var found)) back[site] = found = [];
            found.Add((kind, id));
        }

        var done = new List<PersonErasure>();
        foreach (var (site, found) in back)
        {
            done.Add(await EraseAsync(new(site, [.. Of(PersonName.Visitor).Select(one => Guid.Parse(one, CultureInfo.InvariantCulture))], [.. Of(PersonName.User)], [.. Of(PersonName.Email)]), patience, ct));

            IEnumerable<string> Of(string kind) => found.Where(one => one.Kind == kind).Select(one => one.Id);
        }

        return done;
    }

    /// <summary>Events of the person are refused until it is lifted; what is there stays.</summary>
    public Task RestrictAsync(PersonIds person, bool lift, CancellationToken ct) =>
        SayAsync(person.Subjects(keys), standing => standing with { Processed = lift ? Word.Yes(clock.GetUtcNow()) : Word.No(clock.GetUtcNow()) }, ct);

    /// <summary>The identifiers may be used again, by whoever has them from now on.</summary>
    public Task ReleaseAsync(PersonIds person, CancellationToken ct) => SayAsync(person.Subjects(keys), standing => standing with { Kept = Word.Yes(clock.GetUtcNow()) }, ct);

    /// <summary>How an erasure stands; its receipt is made when the last collector has done its part. Null where there is no such request.</summary>
    public async Task<PersonErasure?> StateAsync(Guid id, CancellationToken ct)
    {
        if (await requests.FindAsync(id, ct) is not var (request, erased, receipt) || request.Verb != "erase") return null;
        var (parts, missing, gone) = await ReachedAsync(request, ct);
        if (receipt is null && erased is not null && missing.Count == 0)
        {
            await requests.KeepReceiptAsync(id, Receipt.Sign(receipts, request, rows.Store, erased, parts, gone, clock.GetUtcNow()), ct);
            receipt = (await requests.FindAsync(id, ct))!.Value.Receipt; // whoever was first
        }

        return new(request, erased ?? new Dictionary<string, long>(), IsInterrupted: erased is null, IsClean: true, parts, missing, receipt);
    }

    private async Task<PersonFound?> OneAsync(string site, PersonName name, CancellationToken ct)
    {
        if (name.Kind is not (PersonName.Event or PersonName.ClientEvent)) return await rows.PersonAsync(site, name.Kind, name.Id, ct);
        var named = name.Kind == PersonName.Event
            ? await rows.OfEventAsync(site, Guid.Parse(name.Id, CultureInfo.InvariantCulture), null, ct) : await rows.OfEventAsync(site, null, name.Id, ct);
        PersonFound? found = null;
        foreach (var (kind, id) in named)
        {
            var next = await rows.PersonAsync(site, kind, id, ct);
            if (found is not null && found.Person != next.Person) throw new PersonUnclearException();
            found = next;
        }

        return found;
    }

    private Task SayAsync(IReadOnlyList<UInt128> subjects, Func<Standing, Standing> say, CancellationToken ct) =>
        reach.DecideAsync([.. subjects.Select(subject => new SubjectStanding(subject, say(default)))], ct);

    private async Task CheckKeysAsync(CancellationToken ct)
    {
        foreach (var other in await requests.CollectorsAsync(ct))
            if (!IsGone(other) && other.KeyCheck != me.KeyCheck) throw new SubjectKeysDifferException(other.Host);
    }

    // Those that are awake are waited for; the others do their part when they come back.
    private async Task<(IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing)> WaitAsync(PersonRequest request, TimeSpan patience, CancellationToken ct)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            var (parts, missing, _) = await ReachedAsync(request, ct);
            if (!missing.Any(one => clock.GetUtcNow() - one.SeenAt < s_awake) || clock.GetElapsedTime(started) >= patience) return (parts, missing);
            await Task.Delay(s_again, clock, ct);
        }
    }

    private async Task<(IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing, IReadOnlyList<Collector> Gone)> ReachedAsync(PersonRequest request, CancellationToken ct)
    {
        var parts = await requests.PartsAsync(request.Id, ct);
        var open = (await requests.CollectorsAsync(ct)).Where(one => !parts.Any(part => part.Collector == one.Id)).ToLookup(IsGone);
        return (parts, [.. open[false]], [.. open[true]]);
    }

    private bool IsGone(Collector one) => clock.GetUtcNow() - one.SeenAt > GoneAfter;
}

/// <summary>How much there is of a person.</summary>
/// <param name="Rows">By table of the store.</param>
/// <param name="Parts">By collector and holder.</param>
/// <param name="Missing">Collectors that did not answer.</param>
internal sealed record PersonCounts(IReadOnlyDictionary<string, long> Rows, IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing);

/// <summary>How an erasure stands.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Rows">Rows erased in the store, by table.</param>
/// <param name="IsInterrupted">The rows may still be there: ask again.</param>
/// <param name="IsClean">The database's files were cleaned of the rows.</param>
/// <param name="Parts">What each collector erased on its own disk.</param>
/// <param name="Missing">Collectors that have not done their part yet.</param>
/// <param name="Receipt">Signed; null until all have.</param>
internal sealed record PersonErasure(
    PersonRequest Request, IReadOnlyDictionary<string, long> Rows, bool IsInterrupted, bool IsClean, IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing, string? Receipt);

/// <summary>An identifier leads to several persons.</summary>
internal sealed class PersonUnclearException() : Exception("Events of several persons have this id: ask by one of their identifiers.");

/// <summary>A collector makes other hashes, and would let an erased person in again.</summary>
internal sealed class SubjectKeysDifferException(string host) : Exception(
    $"The collector on {host} has another key for identifiers and would not recognise the person: set the same Pixel:CookieKey on all collectors and on the machine of this verb, or run the verb on the collector.");

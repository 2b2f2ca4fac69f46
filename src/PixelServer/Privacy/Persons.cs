using System.Globalization;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>How a decision about a person reaches the doors: through this server's own disk, or through the store where the server is another process.</summary>
/// <param name="KnownAsync">What is known of each subject, in their order.</param>
/// <param name="DecideAsync">When it completes, nothing of an erased person can be stored any more, by any collector.</param>
/// <param name="PartAsync">Does what is due of this collector's part; null where the process is no collector.</param>
/// <param name="Journal">This collector's; null where the process is none.</param>
internal sealed record PersonReach(
    Func<IReadOnlyList<UInt128>, CancellationToken, Task<IReadOnlyList<Standing>>> KnownAsync,
    Func<IReadOnlyList<SubjectStanding>, CancellationToken, Task> DecideAsync, Func<CancellationToken, Task>? PartAsync, PersonJournal? Journal);

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
        foreach (var one in also) await CheckAsync(site, one, ct);
        if (await OneAsync(site, name, ct) is not { } found) return null;
        foreach (var other in also)
        {
            // Only itself: what is shared leads to others.
            var ids = found.Ids;
            found = found with
            {
                Ids = ids.With([(other.Kind, other.Id)]),
                Alone = ids.Named.Contains((other.Kind, other.Id)) ? found.Alone : [.. found.Alone, (other.Kind, other.Id)],
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
            var (counts, pairs) = (await rows.CountAsync(person, ct), await rows.PairsAsync(person, ct));
            var (parts, missing) = await WaitAsync(request, patience, ct);
            return new(counts, pairs, parts, missing);
        }
        finally
        {
            await requests.ForgetAsync(request.Id, CancellationToken.None);
        }
    }

    public IAsyncEnumerable<(string Table, string Json)> ExportAsync(PersonIds person, CancellationToken ct) => rows.ExportAsync(person, ct);

    /// <summary>First nothing new of the person is taken, then everything that is there goes. The same again finds nothing and is answered with a receipt that says so.</summary>
    /// <exception cref="SubjectKeysDifferException">Another collector would not recognise the person.</exception>
    public async Task<PersonErasure> EraseAsync(PersonFound person, TimeSpan patience, CancellationToken ct)
    {
        await CheckKeysAsync(ct);
        var stored = reach.Journal is { } journal ? await journal.StoredAsync(ct) : null; // before the drain throws away what says who is who
        await SayAsync(person.Ids.Subjects(keys), Erased, ct);
        person = await AllAsync(person, stored, ct);

        var request = new PersonRequest(Guid.CreateVersion7(clock.GetUtcNow()), "erase", person.Ids.Site, person.Ids.Subjects(keys), clock.GetUtcNow());
        await requests.AddAsync(request, ct);
        var erased = await rows.EraseAsync(request.Id, person.Ids, ct);
        await CleanAsync(patience, ct);
        await WaitAsync(request, patience, ct);

        // What a collector that had not heard of it yet put into the store. Not before that may anybody sign.
        var late = await rows.EraseAsync(request.Id, person.Ids, ct);
        await requests.KeepRowsAsync(request.Id, new SortedDictionary<string, long>(erased.Concat(late).GroupBy(one => one.Key).ToDictionary(table => table.Key, table => table.Sum(one => one.Value)), StringComparer.Ordinal), ct);
        if (late.Count > 0) await CleanAsync(patience, ct);
        return (await SignedAsync(request.Id, ct))! with { Shared = person.Shared };
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
            if (SubjectKinds.Of(kind) is not { } known || !erased(keys.Of(site, known, id))) continue;
            if (!back.TryGetValue(site, out var found)) back[site] = found = [];
            found.Add((kind, id));
        }

        var done = new List<PersonErasure>();
        foreach (var (site, found) in back)
        {
            done.Add(await EraseAsync(new("", PersonIds.Of(site, found), [], [.. found]), patience, ct));
        }

        return done;
    }

    /// <summary>Events of the person are refused until it is lifted; what is there stays.</summary>
    /// <exception cref="SubjectKeysDifferException">Another collector would not recognise the person.</exception>
    public async Task RestrictAsync(PersonIds person, bool lift, CancellationToken ct)
    {
        await CheckKeysAsync(ct);
        await SayAsync(person.Subjects(keys), known => known with { Processed = lift ? Word.Yes(After(known.Processed)) : Word.No(After(known.Processed)) }, ct);
    }

    /// <summary>The identifiers may be used again, by whoever has them from now on.</summary>
    /// <exception cref="SubjectKeysDifferException">Another collector would not recognise them.</exception>
    public Task ReleaseAsync(PersonIds person, CancellationToken ct) => ReleaseAsync(person.Subjects(keys), ct);

    /// <summary>The same of all identifiers that an erasure erased: nobody knows any more that they were one person's.</summary>
    /// <returns>False where there is no such erasure.</returns>
    /// <exception cref="SubjectKeysDifferException">Another collector would not recognise them.</exception>
    public async Task<bool> ReleaseAsync(Guid erasure, CancellationToken ct)
    {
        if (await requests.FindAsync(erasure, ct) is not { Request: { Verb: "erase" } request }) return false;
        await ReleaseAsync(request.Subjects, ct);
        return true;
    }

    /// <summary>
    /// How an erasure stands. Does what is still to be done here: cleans the database where that failed, and makes the receipt when the last collector has
    /// done its part. Null where there is no such request.
    /// </summary>
    public async Task<PersonErasure?> StateAsync(Guid id, TimeSpan patience, CancellationToken ct)
    {
        if (await requests.FindAsync(id, ct) is { IsClean: false }) await CleanAsync(patience, ct);
        return await SignedAsync(id, ct);
    }

    private async Task<PersonErasure?> SignedAsync(Guid id, CancellationToken ct)
    {
        if (await requests.FindAsync(id, ct) is not { Request.Verb: "erase" } state) return null;
        var (parts, missing, gone) = await ReachedAsync(state.Request, ct);
        if (state is { Receipt: null, Rows: { } erased, IsClean: true } && missing.Count == 0)
        {
            await requests.KeepReceiptAsync(id, Receipt.Sign(receipts, state.Request, rows.Store, erased, parts, gone, clock.GetUtcNow()), ct);
            state = (await requests.FindAsync(id, ct))!; // whoever was first
        }

        return new(state.Request, state.Rows ?? new Dictionary<string, long>(), IsInterrupted: state.Rows is null, state.IsClean, parts, missing, state.Receipt);
    }

    // Nobody waits longer than that for a database; what is not done then is done by a collector, or when the receipt is asked for.
    private async Task CleanAsync(TimeSpan patience, CancellationToken ct)
    {
        using var patient = new CancellationTokenSource(patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patient.Token, ct);
        await rows.CleanAsync(either.Token);
    }

    // Somebody may have logged in on a further device between the question who it is and the word that bars them. No batch that names them can be stored any
    // more: what the store knows now is all that it will know, and the rest is in the journal, where a door may just be putting the last of it.
    private async Task<PersonFound> AllAsync(PersonFound person, IReadOnlyDictionary<Guid, long>? stored, CancellationToken ct)
    {
        if (person.IsAlone) return person;
        for (var started = clock.GetTimestamp(); ;)
        {
            var looked = clock.GetElapsedTime(started);
            var now = await rows.AgainAsync(person, ct);
            if (stored is not null)
            {
                await reach.Journal!.FlushedAsync(ct); // a disk may take longer than that
                now = await new PersonHits(reach.Journal, stored, keys, rows).AgainAsync(now, ct);
            }

            List<(string Kind, string Id)> news = [.. now.Ids.Named.Except(person.Ids.Named)];
            if (news.Count == 0 && (stored is null || looked >= PersonParts.Apart)) return now;
            if (news.Count > 0) await SayAsync(new PersonIds(now.Ids.Site, [], [], []).With(news).Subjects(keys), Erased, ct);
            else await Task.Delay(PersonParts.Apart - looked, clock, ct);
            person = now;
        }
    }

    private Standing Erased(Standing known) => known with { Kept = Word.No(After(known.Kept)) };

    private async Task<PersonFound?> OneAsync(string site, PersonName name, CancellationToken ct)
    {
        if (name.Kind is not (PersonName.Event or PersonName.ClientEvent))
        {
            await CheckAsync(site, name, ct);
            return await FoundAsync(site, name, ct);
        }

        var named = name.Kind == PersonName.Event
            ? await rows.OfEventAsync(site, Guid.Parse(name.Id, CultureInfo.InvariantCulture), null, ct) : await rows.OfEventAsync(site, null, name.Id, ct);
        PersonFound? found = null;
        foreach (var (kind, id) in named)
        {
            await CheckAsync(site, new(kind, id), ct);
            var next = await FoundAsync(site, name with { Kind = kind, Id = id }, ct);
            if (found is not null && found.Person != next.Person) throw new PersonUnclearException();
            found = next;
        }

        return found;
    }

    private async Task<PersonFound> FoundAsync(string site, PersonName name, CancellationToken ct)
    {
        if (!name.IsAlone) return await rows.PersonAsync(site, name.Kind, name.Id, ct);
        (string, string)[] alone = [(name.Kind, name.Id)];
        return new($"{name.Kind}:{name.Id}", PersonIds.Of(site, alone), [], alone);
    }

    // An id that strangers share is nobody's, and what was said of it would be said of them.
    private async Task CheckAsync(string site, PersonName name, CancellationToken ct)
    {
        if (name.Kind == SubjectKinds.Visitor && await rows.IsNobodyAsync(site, Guid.Parse(name.Id, CultureInfo.InvariantCulture), ct))
            throw new PersonUnclearException("This id is nobody's alone: one of the day, which everybody behind an address has, or one that programs send when there is nobody.");
    }

    private async Task ReleaseAsync(IReadOnlyList<UInt128> subjects, CancellationToken ct)
    {
        await CheckKeysAsync(ct);
        await SayAsync(subjects, known => known with { Kept = Word.Yes(After(known.Kept)) }, ct);
    }

    private async Task SayAsync(IReadOnlyList<UInt128> subjects, Func<Standing, Standing> say, CancellationToken ct)
    {
        var known = await reach.KnownAsync(subjects, ct);
        await reach.DecideAsync([.. subjects.Select((subject, i) => new SubjectStanding(subject, say(known[i])))], ct);
    }

    // Of two words the later one holds: one of a machine whose clock is ahead must not beat what is said now.
    private DateTimeOffset After(Word word)
    {
        var (now, next) = (clock.GetUtcNow(), word.At + 1);
        return now.ToUnixTimeMilliseconds() >= next ? now : DateTimeOffset.FromUnixTimeMilliseconds(next);
    }

    private async Task CheckKeysAsync(CancellationToken ct)
    {
        foreach (var other in await requests.CollectorsAsync(ct))
            if (!IsGone(other) && other.KeyCheck != me.KeyCheck) throw new SubjectKeysDifferException(other.Host);
    }

    // Those that are awake are waited for; the others do their part when they come back. So does this one where its own disk takes longer.
    private async Task<(IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing)> WaitAsync(PersonRequest request, TimeSpan patience, CancellationToken ct)
    {
        var (started, work) = (clock.GetTimestamp(), Task.CompletedTask);
        while (true)
        {
            if (work.IsCompleted)
            {
                await work;
                work = reach.PartAsync?.Invoke(ct) ?? Task.CompletedTask;
            }

            await Task.WhenAny(work, Task.Delay(s_again, clock, ct));
            var (parts, missing, _) = await ReachedAsync(request, ct);
            var waits = missing.Any(one => clock.GetUtcNow() - one.SeenAt < s_awake) || (reach.PartAsync is not null && !parts.Any(part => part.Collector == me.Id));
            if (!waits || clock.GetElapsedTime(started) >= patience) return (parts, missing);
            if (work.IsCompleted) await Task.Delay(s_again, clock, ct);
        }
    }

    private async Task<(IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing, IReadOnlyList<Collector> Gone)> ReachedAsync(PersonRequest request, CancellationToken ct)
    {
        var parts = await requests.PartsAsync(request.Id, ct);
        var open = (await requests.CollectorsAsync(ct)).Where(one => request.MadeAt >= Collector.PartFrom(one.Id, clock.GetUtcNow()) && !parts.Any(part => part.Collector == one.Id)).ToLookup(IsGone);
        return (parts, [.. open[false]], [.. open[true]]);
    }

    private bool IsGone(Collector one) => clock.GetUtcNow() - one.SeenAt > GoneAfter;
}

/// <summary>How much there is of a person.</summary>
/// <param name="Rows">By table of the store.</param>
/// <param name="Pairs">What was named together, and through which door.</param>
/// <param name="Parts">By collector and holder.</param>
/// <param name="Missing">Collectors that did not answer.</param>
internal sealed record PersonCounts(IReadOnlyDictionary<string, long> Rows, IReadOnlyList<IdentityPair> Pairs, IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing);

/// <summary>How an erasure stands.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Rows">Rows erased in the store, by table.</param>
/// <param name="IsInterrupted">The rows may still be there: ask again.</param>
/// <param name="IsClean">The database's files were cleaned of the rows.</param>
/// <param name="Parts">What each collector erased on its own disk.</param>
/// <param name="Missing">Collectors that have not done their part yet.</param>
/// <param name="Receipt">Signed; null until all have, and the files are clean.</param>
internal sealed record PersonErasure(
    PersonRequest Request, IReadOnlyDictionary<string, long> Rows, bool IsInterrupted, bool IsClean, IReadOnlyList<PersonPart> Parts, IReadOnlyList<Collector> Missing, string? Receipt)
{
    /// <summary>What stays because others use it too, as far as that was asked.</summary>
    public IReadOnlyList<(string Kind, string Id)> Shared { get; init; } = [];
}

/// <summary>An identifier leads to several persons.</summary>
internal sealed class PersonUnclearException(string message) : Exception(message)
{
    public PersonUnclearException() : this("Events of several persons have this id: ask by one of their identifiers.")
    {
    }
}

/// <summary>A collector makes other hashes, and would let an erased person in again.</summary>
internal sealed class SubjectKeysDifferException(string host) : Exception(
    $"The collector on {host} has another key for identifiers and would not recognise the person: set the same Pixel:CookieKey on all collectors and on the machine of this verb, or run the verb on the collector.");

using System.Globalization;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What hits tell of a person that the store will never hear of, because the person was barred before the drain came to them.</summary>
/// <param name="journal">This collector's.</param>
/// <param name="stored">What the store had before.</param>
/// <param name="keys">Of the subjects.</param>
/// <param name="rows">Knows what others use too.</param>
internal sealed class PersonHits(PersonJournal journal, IReadOnlyDictionary<Guid, long> stored, SubjectKeys keys, PersonRows rows)
{
    /// <summary>The same person with the devices and addresses that were named with them, by the rules of who is who: what others use too is shared.</summary>
    public async Task<PersonFound> AgainAsync(PersonFound person, CancellationToken ct)
    {
        var ids = person.Ids;
        var (named, users) = await Task.Run(() => NamedWith(ids), ct);
        if (ids.Users.Count == 0 && users.Count == 1) return person with { Ids = ids.With(users.Select(user => (SubjectKinds.User, user))) };

        named.ExceptWith(ids.Named);
        named.ExceptWith(person.Shared);
        if (named.Count == 0) return person;
        var others = (await rows.OfOthersAsync(ids, named, ct)).Union(await Task.Run(() => OfOthers(ids, named), ct)).ToHashSet();
        return person with { Ids = ids.With(named.Except(others)), Shared = [.. person.Shared.Union(others)] };
    }

    private (HashSet<(string Kind, string Id)> Named, HashSet<string> Users) NamedWith(PersonIds person)
    {
        var (named, users) = (new HashSet<(string, string)>(), new HashSet<string>());
        foreach (var hit in journal.Behind(stored, new PersonMarks(keys, person.Site, person.Subjects(keys)).Name))
        {
            var user = UserOf(hit);
            if (user is not null && !person.Users.Contains(user))
            {
                users.Add(user); // somebody else on a device of theirs, unless they had no name before
                continue;
            }

            if (hit.LastingVisitor is { } visitor) named.Add((SubjectKinds.Visitor, visitor.ToString("D", CultureInfo.InvariantCulture)));
            if (hit.EmailSha256 is { } email) named.Add((SubjectKinds.Email, email));
        }

        return (named, users);
    }

    private HashSet<(string Kind, string Id)> OfOthers(PersonIds person, HashSet<(string Kind, string Id)> named)
    {
        var others = new HashSet<(string, string)>();
        foreach (var hit in journal.Behind(stored, hit => hit.SiteId == person.Site && UserOf(hit) is { } user && !person.Users.Contains(user)))
        {
            if (hit.LastingVisitor is { } visitor) others.Add((SubjectKinds.Visitor, visitor.ToString("D", CultureInfo.InvariantCulture)));
            if (hit.EmailSha256 is { } email) others.Add((SubjectKinds.Email, email));
        }

        others.IntersectWith(named);
        return others;
    }

    private static string? UserOf(Hit hit) => hit.UserId is { } user && !BlockedIds.IsNobody(user) ? user : null;
}

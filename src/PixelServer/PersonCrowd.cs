namespace PixelServer;

/// <summary>Persons that are looked for at the same time: one reading of a disk serves them all. Counts what it is shown of each, and what of it is done.</summary>
internal sealed class PersonCrowd
{
    private readonly IReadOnlyList<PersonMarks> _persons;
    private readonly Dictionary<string, PersonMarks> _ofSite;
    private readonly long[] _counts;
    private readonly long[] _shown;

    /// <param name="keys">Of the subjects.</param>
    /// <param name="persons">Site and identifiers of each.</param>
    /// <param name="released">As for <see cref="PersonMarks"/>.</param>
    public PersonCrowd(SubjectKeys keys, IReadOnlyList<(string Site, IReadOnlyList<UInt128> Subjects)> persons, Standings? released = null)
    {
        _persons = [.. persons.Select(one => new PersonMarks(keys, one.Site, one.Subjects, released))];
        _ofSite = persons.GroupBy(one => one.Site).ToDictionary(site => site.Key, site => new PersonMarks(keys, site.Key, site.SelectMany(one => one.Subjects), released), StringComparer.Ordinal);
        (_counts, _shown) = (new long[persons.Count], new long[persons.Count]);
    }

    /// <summary>How many records of each are done, in the order in which they were given.</summary>
    public IReadOnlyList<long> Counts => _counts;

    /// <summary>What was shown so far is found, or erased for good: it counts, also where the rest fails.</summary>
    public void Done()
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += _shown[i];
        Array.Clear(_shown);
    }

    /// <summary>Whether the hit is of one of them, and counts it as shown.</summary>
    public bool Name(Hit hit)
    {
        if (!_ofSite.TryGetValue(hit.SiteId, out var all) || !all.Name(hit)) return false;
        for (var i = 0; i < _counts.Length; i++)
            if (_persons[i].Name(hit)) _shown[i]++;
        return true;
    }

    /// <inheritdoc cref="Name(Hit)"/>
    public bool Name(string site, SubjectKind kind, string id, DateTimeOffset at)
    {
        if (!_ofSite.TryGetValue(site, out var all) || !all.Name(site, kind, id, at)) return false;
        for (var i = 0; i < _counts.Length; i++)
            if (_persons[i].Name(site, kind, id, at)) _shown[i]++;
        return true;
    }
}

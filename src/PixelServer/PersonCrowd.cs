namespace PixelServer;

/// <summary>Persons that are looked for at the same time: one reading of a disk serves them all. Counts what it is shown of each.</summary>
internal sealed class PersonCrowd
{
    private readonly IReadOnlyList<PersonMarks> _persons;
    private readonly Dictionary<string, PersonMarks> _ofSite;
    private readonly long[] _counts;

    /// <param name="keys">Of the subjects.</param>
    /// <param name="persons">Site and identifiers of each.</param>
    public PersonCrowd(SubjectKeys keys, IReadOnlyList<(string Site, IReadOnlyList<UInt128> Subjects)> persons)
    {
        _persons = [.. persons.Select(one => new PersonMarks(keys, one.Site, one.Subjects))];
        _ofSite = persons.GroupBy(one => one.Site).ToDictionary(site => site.Key, site => new PersonMarks(keys, site.Key, site.SelectMany(one => one.Subjects)), StringComparer.Ordinal);
        _counts = new long[persons.Count];
    }

    /// <summary>How many records were shown of each, in the order in which they were given.</summary>
    public IReadOnlyList<long> Counts => _counts;

    /// <summary>Whether the hit is of one of them, and counts it.</summary>
    public bool Name(Hit hit)
    {
        if (!_ofSite.TryGetValue(hit.SiteId, out var all) || !all.Name(hit)) return false;
        for (var i = 0; i < _counts.Length; i++)
            if (_persons[i].Name(hit)) _counts[i]++;
        return true;
    }

    /// <inheritdoc cref="Name(Hit)"/>
    public bool Name(string site, SubjectKind kind, string id)
    {
        if (!_ofSite.TryGetValue(site, out var all) || !all.Name(site, kind, id)) return false;
        for (var i = 0; i < _counts.Length; i++)
            if (_persons[i].Name(site, kind, id)) _counts[i]++;
        return true;
    }
}

namespace PixelServer.Ops;

/// <summary>
/// Where every event went. At any moment <c>received + recovered = stored + rejected + refused + waiting</c> (quarantined
/// bytes never became events again and are told apart). Counts since this process started; thread-safe.
/// </summary>
/// <remarks>One lock, taken once per batch by the journal and the drain, and once per refused event; never per accepted hit.</remarks>
internal sealed class Ledger(TimeProvider? clock = null)
{
    /// <summary>Under this name stand events of no site, and of those beyond <see cref="MaxSites"/>: strangers can make up as many site ids as they like.</summary>
    public const string OtherSites = "(other)";

    /// <summary>As many sites are told apart in <see cref="Refusals"/>.</summary>
    public const int MaxSites = 1_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly Dictionary<(DateOnly Day, string Site, string Code), long> _refusals = [];
    private readonly HashSet<string> _sites = new(StringComparer.Ordinal);
    private long _received, _recovered, _stored, _replayed, _rejected, _waiting;

    /// <summary>Events that were found in the journal at the start and are not in the store.</summary>
    public void Recovered(long count) { lock (_lock) { _recovered += count; _waiting += count; } }

    /// <summary>Events that are in the journal, durable.</summary>
    public void Accepted(long count) { lock (_lock) { _received += count; _waiting += count; } }

    /// <summary>Events that were turned away at the door, and told so.</summary>
    /// <param name="code">Why.</param>
    /// <param name="count">How many.</param>
    /// <param name="site">A well-formed id; null where none was read.</param>
    public void Refused(string code, long count = 1, string? site = null)
    {
        lock (_lock)
        {
            _received += count;
            _refused[code] = _refused.GetValueOrDefault(code) + count;
            CountOfDay(code, count, site);
        }
    }

    /// <summary>Events whose transaction has committed.</summary>
    public void Stored(long count) { lock (_lock) { _stored += count; _waiting -= count; } }

    /// <summary>Of the stored events those that made no row, because an earlier copy of the same message is in the store.</summary>
    public void Replayed(long count) { lock (_lock) _replayed += count; }

    /// <summary>Events that waited in the journal and may not be stored any more.</summary>
    public void Barred(string code, long count = 1)
    {
        lock (_lock)
        {
            _waiting -= count;
            _refused[code] = _refused.GetValueOrDefault(code) + count;
            CountOfDay(code, count, null);
        }
    }

    /// <summary>Sites that are told apart whoever comes first.</summary>
    public void Expect(IEnumerable<string> sites)
    {
        lock (_lock) _sites.UnionWith(sites.Take(MaxSites));
    }

    /// <summary>Refused events by UTC day, site and code since this process started, as far as they were not forgotten.</summary>
    public IReadOnlyList<(DateOnly Day, string Site, string Code, long Count)> Refusals()
    {
        lock (_lock) return [.. _refusals.Select(one => (one.Key.Day, one.Key.Site, one.Key.Code, one.Value))];
    }

    /// <summary>Days before this one are kept elsewhere, and grow no more.</summary>
    public void ForgetRefusals(DateOnly before)
    {
        lock (_lock)
        {
            foreach (var key in _refusals.Keys.Where(one => one.Day < before).ToList()) _refusals.Remove(key);
        }
    }

    private void CountOfDay(string code, long count, string? site)
    {
        if (site is null || (!_sites.Contains(site) && (_sites.Count >= MaxSites || !_sites.Add(site)))) site = OtherSites;
        var key = (DateOnly.FromDateTime((clock ?? TimeProvider.System).GetUtcNow().UtcDateTime), site, code);
        _refusals[key] = _refusals.GetValueOrDefault(key) + count;
    }

    /// <summary>Events that the database refused, now in <c>events_rejected</c>.</summary>
    public void Rejected(long count) { lock (_lock) { _rejected += count; _waiting -= count; } }

    public LedgerPage Read()
    {
        lock (_lock) return new(_received, _recovered, _stored, _replayed, _rejected, _waiting, new Dictionary<string, long>(_refused));
    }
}

/// <summary>One consistent reading of the <see cref="Ledger"/>.</summary>
internal sealed record LedgerPage(
    long Received, long Recovered, long Stored, long Replayed, long Rejected, long Waiting, IReadOnlyDictionary<string, long> Refused)
{
    public bool Balances => Received + Recovered == Stored + Rejected + Waiting + Refused.Values.Sum();
}

namespace PixelServer.Ops;

/// <summary>
/// Where every event went. At any moment <c>received + recovered = stored + rejected + refused + waiting</c> (quarantined
/// bytes never became events again and are told apart). Counts since this process started; thread-safe.
/// </summary>
/// <remarks>One lock, taken once per batch by the journal and the drain, and once per refused event; never per accepted hit.</remarks>
internal sealed class Ledger
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _refused = new(StringComparer.Ordinal);
    private long _received, _recovered, _stored, _replayed, _rejected, _waiting;

    /// <summary>Events that were found in the journal at the start and are not in the store.</summary>
    public void Recovered(long count) { lock (_lock) { _recovered += count; _waiting += count; } }

    /// <summary>Events that are in the journal, durable.</summary>
    public void Accepted(long count) { lock (_lock) { _received += count; _waiting += count; } }

    /// <summary>Events that were turned away at the door, and told so.</summary>
    public void Refused(string code, long count = 1)
    {
        lock (_lock)
        {
            _received += count;
            _refused[code] = _refused.GetValueOrDefault(code) + count;
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
        }
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

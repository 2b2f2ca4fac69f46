namespace PixelServer;

/// <summary>Somebody whom a signal opted out; a row of <c>opt_outs</c> without its times.</summary>
/// <param name="SiteId">Whose signal it was.</param>
/// <param name="Kind"><c>visitor</c>, <c>user</c> or <c>email</c>.</param>
/// <param name="Id">The identifier.</param>
/// <param name="Source">One of the constants.</param>
internal readonly record struct OptOut(string SiteId, string Kind, string Id, string Source) : IComparable<OptOut>
{
    /// <summary>Global Privacy Control; another signal; what the device kept of an earlier one.</summary>
    public const string Gpc = "gpc", ConsentString = "consent_string", Device = "device";

    /// <summary>As the kinds of identity edges.</summary>
    public const string Visitor = "visitor", User = "user", Email = "email";

    /// <summary>One order for all collectors, who would else wait for each other's rows in a circle.</summary>
    public int CompareTo(OptOut other)
    {
        var order = string.CompareOrdinal(SiteId, other.SiteId);
        if (order == 0) order = string.CompareOrdinal(Kind, other.Kind);
        if (order == 0) order = string.CompareOrdinal(Id, other.Id);
        return order == 0 ? string.CompareOrdinal(Source, other.Source) : order;
    }
}

/// <summary>From and to when the signal was seen.</summary>
internal readonly record struct OptOutTimes(DateTimeOffset First, DateTimeOffset Last)
{
    /// <summary>Adds one that was seen, to those that are sorted already.</summary>
    public static void Add(SortedDictionary<OptOut, OptOutTimes> rows, OptOut one, OptOutTimes times) =>
        rows[one] = rows.TryGetValue(one, out var seen) ? new(times.First < seen.First ? times.First : seen.First, times.Last > seen.Last ? times.Last : seen.Last) : times;
}

/// <summary>
/// Opt-outs of persons whom no hit names, because nothing of them may be kept but this: in memory until the store has them, which is seconds. A kill loses
/// them; the next request with the signal brings them again. So do those for which there is no room.
/// </summary>
internal sealed class UnwrittenOptOuts : IDisposable
{
    /// <summary>A quarter of a kilobyte each.</summary>
    public const int Most = 10_000;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private SortedDictionary<OptOut, OptOutTimes> _rows = [];

    public void Dispose() => _turn.Dispose();

    public void Add(OptOut one, DateTimeOffset at)
    {
        lock (_lock)
        {
            if (_rows.Count < Most || _rows.ContainsKey(one)) OptOutTimes.Add(_rows, one, new(at, at));
        }
    }

    public long Count(Func<KeyValuePair<OptOut, OptOutTimes>, bool> which)
    {
        lock (_lock) return _rows.LongCount(which);
    }

    /// <summary>Takes some out, also of what is being written: when this completes none of them comes into the store any more.</summary>
    public async Task<long> RemoveAsync(Func<KeyValuePair<OptOut, OptOutTimes>, bool> which, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            lock (_lock)
            {
                OptOut[] theirs = [.. _rows.Where(which).Select(one => one.Key)];
                foreach (var one in theirs) _rows.Remove(one);
                return theirs.Length;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Gives all that there are to whoever writes them; those that cannot be written wait on.</summary>
    public async Task WriteAsync(Func<IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>>, Task> write, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            SortedDictionary<OptOut, OptOutTimes> rows;
            lock (_lock) (rows, _rows) = (_rows, []);
            if (rows.Count == 0) return;
            try
            {
                await write(rows);
            }
            catch
            {
                lock (_lock)
                {
                    foreach (var (one, times) in rows)
                        if (_rows.Count < Most || _rows.ContainsKey(one)) OptOutTimes.Add(_rows, one, times);
                }

                throw;
            }
        }
        finally
        {
            _turn.Release();
        }
    }
}

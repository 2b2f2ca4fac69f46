using System.Collections.Concurrent;

namespace PixelServer.Api;

/// <summary>
/// How often each key may be used: the generic cell rate algorithm (ITU-T I.371), one number per key. A second's worth of requests may
/// come at once; after that one more for each share of a second that passes. In memory, so each collector counts for itself.
/// </summary>
internal sealed class KeyRates(KeyOptions options, TimeProvider clock)
{
    // Only keys that exist get here, so their number bounds it.
    private readonly ConcurrentDictionary<string, Cell> _cells = new(StringComparer.Ordinal);

    /// <summary>False: not now, but after <paramref name="wait"/>, which is never more than a second.</summary>
    public bool TryTake(ApiKey key, out TimeSpan wait)
    {
        var perSecond = key.RequestsPerSecond ?? options.RequestsPerSecond;
        var share = (clock.TimestampFrequency + perSecond - 1) / perSecond; // rounded up: never more than is said
        var burst = share * perSecond;
        var cell = _cells.GetOrAdd(key.Id, static _ => new Cell());
        while (true)
        {
            var (now, full) = (clock.GetTimestamp(), Volatile.Read(ref cell.FullUntil));
            var next = Math.Max(now, full) + share;
            if (next - now > burst)
            {
                wait = clock.GetElapsedTime(now, next - burst);
                return false;
            }

            if (Interlocked.CompareExchange(ref cell.FullUntil, next, full) != full) continue;
            wait = default;
            return true;
        }
    }

    private sealed class Cell
    {
        /// <summary>When what was taken is paid for; a timestamp of the clock. Long ago at first.</summary>
        public long FullUntil = long.MinValue;
    }
}

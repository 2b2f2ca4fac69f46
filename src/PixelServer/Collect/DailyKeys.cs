namespace PixelServer.Collect;

/// <summary>
/// The keys of yesterday, today and tomorrow (UTC) in memory. Never waits for anybody: where there is no key yet it makes one, and whoever
/// exchanges keys with the store puts the store's in its place. A key is destroyed 48 hours after its day began.
/// </summary>
internal sealed class DailyKeys : IDisposable
{
    private readonly Lock _turn = new();

    // Replaced as a whole, so that the doors read it without a lock.
    private volatile DailyKey[] _keys = [];

    /// <summary>The key of the day; made here where nobody has told one.</summary>
    public DailyKey Of(DateOnly day)
    {
        foreach (var key in _keys)
            if (key.Day == day) return key;

        lock (_turn)
        {
            foreach (var key in _keys)
                if (key.Day == day) return key; // a rival was quicker
            var made = DailyKey.Random(day);
            _keys = [.. _keys, made];
            return made;
        }
    }

    /// <summary>Whether the day's key is the one that all collectors have.</summary>
    public bool IsShared(DateOnly day)
    {
        foreach (var key in _keys)
            if (key.Day == day) return key.IsShared;
        return false;
    }

    /// <summary>From now on this is the key of its day; the one before is destroyed.</summary>
    public void Adopt(DailyKey key)
    {
        lock (_turn)
        {
            var before = _keys;
            _keys = [.. before.Where(one => one.Day != key.Day), key];
            foreach (var one in before)
                if (one.Day == key.Day) one.Dispose();
        }
    }

    /// <summary>Destroys every key but those of the day before, this day and the day after.</summary>
    public void Forget(DateOnly today)
    {
        lock (_turn)
        {
            var before = _keys;
            if (before.All(IsNear)) return;
            _keys = [.. before.Where(IsNear)];
            foreach (var one in before)
                if (!IsNear(one)) one.Dispose();
        }

        bool IsNear(DailyKey key) => key.Day >= today.AddDays(-1) && key.Day <= today.AddDays(1);
    }

    public void Dispose()
    {
        lock (_turn)
        {
            foreach (var key in _keys) key.Dispose();
            _keys = [];
        }
    }
}

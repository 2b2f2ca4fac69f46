using System.Security.Cryptography;

namespace PixelServer.Collect;

/// <summary>
/// The secret of one UTC day. Everything that could compute a visitor of that day again is in here and can be destroyed: the 32 bytes, which the
/// garbage collector never copies, and the hash that each thread has set up with them.
/// </summary>
internal sealed class DailyKey : IDisposable
{
    public const int Length = 32;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(Length, pinned: true);
    private readonly ThreadLocal<Mac> _macs;
    private readonly Lock _life = new();
    private readonly List<Mac> _made = []; // under _life; ThreadLocal's own list learns of a hash only after it was made, too late for Dispose
    private volatile bool _isShared, _isUsed;
    private bool _destroyed;

    private DailyKey(DateOnly day, bool isShared)
    {
        (Day, _isShared) = (day, isShared);
        _macs = new(Make);
    }

    public DateOnly Day { get; }

    /// <summary>It is the one of the store, so that all collectors have it.</summary>
    public bool IsShared => _isShared;

    /// <summary>A visitor was made with it.</summary>
    public bool IsUsed => _isUsed;

    public static DailyKey Random(DateOnly day)
    {
        var key = new DailyKey(day, isShared: false);
        RandomNumberGenerator.Fill(key._bytes);
        return key;
    }

    /// <summary>A key of which <paramref name="write"/> puts the bytes where they stay.</summary>
    public static DailyKey Shared(DateOnly day, Action<Memory<byte>> write)
    {
        var key = new DailyKey(day, isShared: true);
        write(key._bytes);
        return key;
    }

    /// <summary>The store has it now.</summary>
    public void Share() => _isShared = true;

    /// <summary>Lends the bytes.</summary>
    /// <exception cref="ObjectDisposedException">It is destroyed.</exception>
    public void Read(Action<ReadOnlyMemory<byte>> use)
    {
        lock (_life)
        {
            ObjectDisposedException.ThrowIf(_destroyed, this);
            use(_bytes);
        }
    }

    public bool Is(DailyKey other) => CryptographicOperations.FixedTimeEquals(_bytes, other._bytes);

    /// <summary>HMAC-SHA256; false where the key is destroyed.</summary>
    public bool TryHash(ReadOnlySpan<byte> text, Span<byte> hash)
    {
        var mac = _macs.Value!;
        lock (mac)
        {
            if (mac.Hash is null) return false;
            if (!_isUsed) _isUsed = true; // written once: the line is read by all threads
            mac.Hash.AppendData(text);
            mac.Hash.GetHashAndReset(hash);
            return true;
        }
    }

    /// <summary>Nothing of it is left in memory afterwards. Safe while other threads hash.</summary>
    public void Dispose()
    {
        lock (_life)
        {
            if (_destroyed) return;
            _destroyed = true;
            CryptographicOperations.ZeroMemory(_bytes);
        }

        foreach (var mac in _made) // complete: none is made after the end
        {
            lock (mac)
            {
                mac.Hash?.Dispose(); // OpenSSL wipes what it frees
                mac.Hash = null;
            }
        }
    }

    // Of a thread that comes too late: it must not set up a hash with the zeros.
    private Mac Make()
    {
        lock (_life)
        {
            if (_destroyed) return new();
            var mac = new Mac { Hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _bytes) };
            _made.Add(mac);
            return mac;
        }
    }

    // Kept per thread, as in VisitorCookie: setting up the key costs more than using it.
    private sealed class Mac
    {
        public IncrementalHash? Hash { get; set; }
    }
}

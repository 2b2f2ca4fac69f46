using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Mail;

/// <summary>Who was seen today. Bounded: beyond <see cref="Most"/> recipients a day it says first to everybody, which only costs rows. Thread-safe.</summary>
internal sealed class DaySeen
{
    private const int Most = 1_000_000; // 16 bytes each, about 40 MB in all

    private readonly Lock _lock = new();
    private readonly HashSet<UInt128> _seen = [];
    private DateTimeOffset _day;

    public bool IsFirst(DateTimeOffset day, string site, string recipient)
    {
        var key = Key(site, recipient);
        lock (_lock)
        {
            if (day > _day)
            {
                _seen.Clear();
                _day = day;
            }

            return _seen.Count >= Most || _seen.Add(key);
        }
    }

    /// <summary>What was first could not be kept: the next one is first again.</summary>
    public void Forget(string site, string recipient)
    {
        lock (_lock) _seen.Remove(Key(site, recipient));
    }

    private static UInt128 Key(string site, string recipient)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(site + "\0" + recipient), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}

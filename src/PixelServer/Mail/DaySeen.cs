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
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(site + "\0" + recipient), hash);
        lock (_lock)
        {
            if (day > _day)
            {
                _seen.Clear();
                _day = day;
            }

            return _seen.Count >= Most || _seen.Add(System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash));
        }
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PixelServer.Collect;

/// <summary>Makes the server's own event ids: RFC 9562 version 7, strictly ascending within the process, without a system call each.</summary>
/// <remarks>
/// 48 bits of Unix milliseconds, then a 16 bit counter (12 bits in rand_a, 4 in rand_b: RFC 9562 6.2 method 1), then 58 bits that
/// are drawn once per process and keep two collectors apart. The ids are no secrets. Thread-safe.
/// </remarks>
internal sealed class EventIds
{
    private readonly ulong _process = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8)) >> 6;

    // Milliseconds and counter as one number. A clock that goes back, or more than 65,536 ids in a millisecond, run ahead of the clock.
    private long _last;

    public Guid Next(DateTimeOffset now)
    {
        var floor = now.ToUnixTimeMilliseconds() << 16;
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            next = Math.Max(floor, last + 1);
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);

        var counter = (ulong)next & 0xffff;
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((ulong)next & ~0xffffUL) | 0x7000 | (counter >> 4));
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], 0x8000_0000_0000_0000 | ((counter & 0xf) << 58) | _process);
        return new Guid(bytes, bigEndian: true);
    }
}

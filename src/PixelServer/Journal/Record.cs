using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace PixelServer.Journal;

/// <summary>
/// One record of a segment: a 16-byte header, the payload, and zeros up to a multiple of 8. The checksum covers the journal run
/// and the position, so that no record can pass for one of another place or another file.
/// </summary>
/// <remarks><code>
///  0  u32  length of the payload, 1 to MaxPayload; little-endian as everything here
///  4  u32  CRC32C over run id, position, bytes 0-3 and 8-15, payload
///  8  u32  distance back to the start of the group commit that wrote this record
/// 12  u8   kind: 1 = hit, 2 = a hit that was erased: its payload is zeros, but for four bytes where it is the last of its segment
/// 13  u8[3] zero
/// 16  payload
/// </code></remarks>
internal static class Record
{
    public const int HeaderBytes = 16;
    public const int Alignment = 8;
    public const byte HitKind = 1;
    public const byte ErasedKind = 2;

    /// <summary>No hit within the door's limits comes near it; a larger length field is damage.</summary>
    public const int MaxPayload = 1 << 20;

    /// <summary>Bytes on disk of a record with such a payload.</summary>
    public static int Size(int payload) => (HeaderBytes + payload + Alignment - 1) & -Alignment;

    /// <summary>Writes header and padding around a payload that already stands at <c>record[16..]</c>.</summary>
    /// <param name="record">Exactly <see cref="Size"/> bytes.</param>
    /// <param name="payload">Length of the payload in bytes.</param>
    /// <param name="seed">Of the run: <see cref="Seed"/>.</param>
    /// <param name="position">Of the record in its run.</param>
    /// <param name="commitStart">Position of the first record of the same group commit.</param>
    /// <returns>The checksum.</returns>
    public static uint Seal(Span<byte> record, int payload, uint seed, long position, long commitStart)
    {
        record[(HeaderBytes + payload)..].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(record, payload);
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], checked((int)(position - commitStart)));
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], HitKind);
        var checksum = Checksum(record, payload, seed, position);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], checksum);
        return checksum;
    }

    /// <summary>
    /// Leaves of a whole record its place, and nothing of what it held. The next segment's header repeats the checksum of the last record before it: a
    /// record that is the last of its segment keeps its old one in the payload's first four bytes.
    /// </summary>
    /// <param name="record">The record as <see cref="TryRead"/> took it, <see cref="RecordHeader.Size"/> bytes.</param>
    /// <param name="header">What it said of itself.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="position">Of the record in its run.</param>
    /// <param name="isLast">No record follows it in its segment.</param>
    public static void Erase(Span<byte> record, RecordHeader header, uint seed, long position, bool isLast)
    {
        record[HeaderBytes..].Clear();
        if (isLast && header.Payload >= sizeof(uint)) BinaryPrimitives.WriteUInt32LittleEndian(record[HeaderBytes..], header.Checksum);
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], ErasedKind);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Checksum(record, header.Payload, seed, position));
    }

    /// <summary>Whether a whole, undamaged record starts at the beginning of <paramref name="bytes"/>.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, uint seed, long position, out RecordHeader header)
    {
        header = default;
        if (bytes.Length < HeaderBytes) return false;
        var payload = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (payload is < 1 or > MaxPayload || Size(payload) > bytes.Length) return false;
        var kind = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
        if (kind is not (HitKind or ErasedKind)) return false;
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        if (checksum != Checksum(bytes, payload, seed, position)) return false;
        var isErased = kind == ErasedKind;
        if (isErased) checksum = payload >= sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[HeaderBytes..]) : 0;
        header = new RecordHeader(payload, Size(payload), position - BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]), checksum, isErased);
        return true;
    }

    /// <summary>Bytes on disk that a header asks for, believed or not; just the header where that is no length.</summary>
    public static int ClaimedSize(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadInt32LittleEndian(header) is > 0 and <= MaxPayload and var payload ? Size(payload) : HeaderBytes;

    /// <summary>What ties a record to its run.</summary>
    public static uint Seed(Guid run)
    {
        Span<byte> id = stackalloc byte[16];
        run.TryWriteBytes(id, bigEndian: true, out _);
        return Crc32C.Append(uint.MaxValue, id);
    }

    private static uint Checksum(ReadOnlySpan<byte> record, int payload, uint seed, long position)
    {
        var crc = Crc32C.Append(seed, position);
        crc = Crc32C.Append(crc, BinaryPrimitives.ReadUInt32LittleEndian(record));
        crc = Crc32C.Append(crc, BinaryPrimitives.ReadInt64LittleEndian(record[8..]));
        return ~Crc32C.Append(crc, record.Slice(HeaderBytes, payload));
    }
}

/// <summary>What a valid record says of itself.</summary>
/// <param name="Payload">Length of the payload in bytes.</param>
/// <param name="Size">Bytes on disk, padding included.</param>
/// <param name="CommitStart">Position of the first record of the group commit that wrote it.</param>
/// <param name="Checksum">Its CRC32C, which the next segment's header repeats; of an erased one, where it is the last of its segment, the one it had before.</param>
/// <param name="IsErased">It was a hit, and nothing of it is left.</param>
internal readonly record struct RecordHeader(int Payload, int Size, long CommitStart, uint Checksum, bool IsErased);

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4) by the processor's own instruction. Callers do the first and last inversion.</summary>
internal static class Crc32C
{
    public static uint Append(uint crc, long value) => System.Numerics.BitOperations.Crc32C(crc, (ulong)value);

    public static uint Append(uint crc, uint value) => System.Numerics.BitOperations.Crc32C(crc, value);

    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words) crc = System.Numerics.BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        foreach (var rest in bytes[(words.Length * sizeof(ulong))..]) crc = System.Numerics.BitOperations.Crc32C(crc, rest);
        return crc;
    }
}

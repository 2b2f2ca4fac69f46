using System.Buffers.Binary;
using System.Globalization;
using PixelServer.Ops;

namespace PixelServer.Journal;

/// <summary>The first 64 bytes of a segment file: which run it belongs to, where it stands in it, and what came before.</summary>
/// <remarks><code>
///  0  u8[8] "PXJRNL01": the last two characters are the format version; 02 where records were erased, which a server before that would take for damage
///  8  u8[16] run id, big-endian
/// 24  u64  ordinal of the segment in its directory, also the file name
/// 32  u64  position of the first record in its run
/// 40  i64  made at, Unix milliseconds
/// 48  u32  chain: checksum of the last record before this segment, 0 where there was none
/// 52  u8[8] zero
/// 60  u32  CRC32C of bytes 0 to 59
/// </code></remarks>
internal readonly record struct SegmentHeader(Guid Run, long Ordinal, long First, DateTimeOffset MadeAt, uint Chain)
{
    public const int Bytes = 64;
    private static ReadOnlySpan<byte> Magic => "PXJRNL01"u8;
    private static ReadOnlySpan<byte> MagicOfErased => "PXJRNL02"u8;

    /// <summary>Names sort like ordinals: 20 digits.</summary>
    public static string FileName(long ordinal) => ordinal.ToString("D20", CultureInfo.InvariantCulture) + ".seg";

    /// <summary>The ordinal that a file name stands for; null if it is not a segment's.</summary>
    public static long? OrdinalOf(string fileName) =>
        fileName.Length == 24 && fileName.EndsWith(".seg", StringComparison.Ordinal)
        && long.TryParse(fileName.AsSpan(0, 20), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) ? ordinal : null;

    public void Write(Span<byte> bytes)
    {
        bytes[..Bytes].Clear();
        Magic.CopyTo(bytes);
        Run.TryWriteBytes(bytes[8..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], Ordinal);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[32..], First);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], MadeAt.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[48..], Chain);
        Seal(bytes);
    }

    /// <summary>Says in a segment's first bytes that records of it may be erased.</summary>
    public static void MarkErased(Span<byte> bytes)
    {
        MagicOfErased.CopyTo(bytes);
        Seal(bytes);
    }

    /// <exception cref="NewerJournalException">A later version of the server wrote it.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SegmentHeader header)
    {
        header = default;
        if (bytes.Length < Bytes) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[60..]) != ~Crc32C.Append(uint.MaxValue, bytes[..60])) return false;
        if (!bytes[..6].SequenceEqual(Magic[..6])) return false;
        if (!bytes[..8].SequenceEqual(Magic) && !bytes[..8].SequenceEqual(MagicOfErased)) throw new NewerJournalException("a segment");
        header = new SegmentHeader(
            new Guid(bytes.Slice(8, 16), bigEndian: true),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(bytes[40..])),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[48..]));
        return true;
    }

    private static void Seal(Span<byte> bytes) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[60..], ~Crc32C.Append(uint.MaxValue, bytes[..60]));
}

/// <summary>The journal holds something that only a later version of the server can read: it is left as it is.</summary>
internal sealed class NewerJournalException(string what)
    : OperatorException($"The journal holds {what} of a later version of PixelServer: start that version again, or let it drain the journal.");

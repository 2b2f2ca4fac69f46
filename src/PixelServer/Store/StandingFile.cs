using System.Buffers.Binary;
using PixelServer.Journal;

namespace PixelServer.Store;

/// <summary>
/// Standings on our own disk, so that the doors know them while the database is away: appended and flushed before anybody is told that they hold.
/// No identifier stands in it. One writer at a time.
/// </summary>
/// <remarks><code>
///  0  u8[8] "PXSTND01", then records of 72 bytes, little-endian:
///  0  u8[16] subject, big-endian
/// 16  i64[6] kept, processed, shared, storage, measurement, ads: Unix milliseconds, negative for a no
/// 64  u32  CRC32C of bytes 0 to 63
/// 68  u8[4] zero
/// </code></remarks>
internal sealed class StandingFile(string path)
{
    private const int RecordBytes = 72, SignedBytes = 64;

    private static ReadOnlySpan<byte> Magic => "PXSTND01"u8;

    private readonly AppendedFile _file = new(path);

    /// <summary>How many records stand in it.</summary>
    public long Count => (_file.Length - Magic.Length) / RecordBytes;

    /// <summary>
    /// What stands in it, in the order of writing. An append that a crash cut off, or of which it left zeros, was told to nobody, and is cut off for good: it
    /// is whatever no whole record stands behind.
    /// </summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public IReadOnlyList<SubjectStanding> Read()
    {
        var (found, torn) = (new List<SubjectStanding>(), (long?)null);
        using (var stream = _file.Open())
        {
            Span<byte> record = stackalloc byte[RecordBytes];
            if (stream.ReadAtLeast(record[..Magic.Length], Magic.Length, throwOnEndOfStream: false) < Magic.Length) return [];
            if (!record.StartsWith(Magic)) torn = record[..Magic.Length].ContainsAnyExcept((byte)0) ? throw Damaged("does not begin as one") : 0;
            for (var at = (long)Magic.Length; stream.ReadAtLeast(record, RecordBytes, throwOnEndOfStream: false) is > 0 and var read; at += RecordBytes)
            {
                if (read < RecordBytes || BinaryPrimitives.ReadUInt32LittleEndian(record[SignedBytes..]) != Checksum(record)) torn ??= at;
                else if (torn is null) found.Add(Parse(record));
                else throw Damaged($"is damaged at byte {torn}");
            }
        }

        if (torn is { } end) _file.Cut(end);
        return found;
    }

    /// <exception cref="IOException">It is not on disk.</exception>
    public void Append(IReadOnlyList<SubjectStanding> standings)
    {
        var length = _file.Length;
        var begins = length < Magic.Length;
        if ((begins ? length : (length - Magic.Length) % RecordBytes) is > 0 and var torn) _file.Cut(length - torn); // of an append that was told to nobody
        _file.Append(begins ? [.. Magic, .. Bytes(standings)] : Bytes(standings));
    }

    /// <summary>Puts these in the place of everything, whole or not at all.</summary>
    public void Rewrite(IEnumerable<SubjectStanding> standings) => _file.Rewrite(standings.Chunk(10_000).Select(Bytes).Prepend(Magic.ToArray()));

    private static byte[] Bytes(IReadOnlyList<SubjectStanding> standings)
    {
        var bytes = new byte[standings.Count * RecordBytes];
        for (var i = 0; i < standings.Count; i++)
        {
            var record = bytes.AsSpan(i * RecordBytes, RecordBytes);
            var (subject, (kept, processed, shared, storage, measurement, ads)) = standings[i];
            BinaryPrimitives.WriteUInt128BigEndian(record, subject);
            ReadOnlySpan<Word> words = [kept, processed, shared, storage, measurement, ads];
            for (var word = 0; word < words.Length; word++) BinaryPrimitives.WriteInt64LittleEndian(record[(16 + 8 * word)..], words[word].Value);
            BinaryPrimitives.WriteUInt32LittleEndian(record[SignedBytes..], Checksum(record));
        }

        return bytes;
    }

    private static SubjectStanding Parse(ReadOnlySpan<byte> record) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(record), new(Word(record, 0), Word(record, 1), Word(record, 2), Word(record, 3), Word(record, 4), Word(record, 5)));

    private static Word Word(ReadOnlySpan<byte> record, int index) => new(BinaryPrimitives.ReadInt64LittleEndian(record[(16 + 8 * index)..]));

    private static uint Checksum(ReadOnlySpan<byte> record) => ~Crc32C.Append(uint.MaxValue, record[..SignedBytes]);

    private InvalidDataException Damaged(string how) =>
        new($"{path} {how}. Who was erased, restricted or opted out stands in it: restore it. Without a copy delete it, and start with the store reachable, whose table standings has the same.");
}

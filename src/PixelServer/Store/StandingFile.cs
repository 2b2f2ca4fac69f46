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

    /// <summary>What stands in it, in the order of writing. A last record that a crash cut off was told to nobody, and is cut off for good.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public IReadOnlyList<SubjectStanding> Read()
    {
        var bytes = _file.Read();
        if (bytes.Length < Magic.Length) return [];
        if (!bytes.AsSpan().StartsWith(Magic)) throw Damaged("does not begin as one");
        var found = new List<SubjectStanding>((bytes.Length - Magic.Length) / RecordBytes);
        var at = Magic.Length;
        for (; bytes.Length - at >= RecordBytes; at += RecordBytes)
        {
            var record = bytes.AsSpan(at, RecordBytes);
            if (BinaryPrimitives.ReadUInt32LittleEndian(record[SignedBytes..]) == Checksum(record)) found.Add(Parse(record));
            else if (bytes.Length - at >= 2 * RecordBytes) throw Damaged($"is damaged at byte {at}");
            else break; // the last one: a crash may have left it half written
        }

        if (at < bytes.Length) _file.Cut(at);
        return found;
    }

    /// <exception cref="IOException">It is not on disk.</exception>
    public void Append(IReadOnlyList<SubjectStanding> standings)
    {
        var begins = _file.Length < Magic.Length;
        if (begins && _file.Length > 0) _file.Cut(0); // a first append that a crash cut off
        _file.Append(Bytes(standings, begins));
    }

    /// <summary>The same with each subject once, whole or not at all.</summary>
    public void Rewrite(IReadOnlyList<SubjectStanding> standings) => _file.Rewrite(Bytes(standings, withMagic: true));

    private static byte[] Bytes(IReadOnlyList<SubjectStanding> standings, bool withMagic)
    {
        var start = withMagic ? Magic.Length : 0;
        var bytes = new byte[start + standings.Count * RecordBytes];
        if (withMagic) Magic.CopyTo(bytes);
        for (var i = 0; i < standings.Count; i++)
        {
            var record = bytes.AsSpan(start + i * RecordBytes, RecordBytes);
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

using System.Text;
using System.Text.Json;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>
/// Consent records on our own disk until the store has them: a line of JSON each, appended and flushed before anybody is told that they are kept.
/// One writer at a time.
/// </summary>
internal sealed class ConsentFile(string path)
{
    /// <summary>What waits in it, in the order of writing. A last line that a crash cut off was told to nobody, and is cut off for good.</summary>
    /// <exception cref="InvalidDataException">A line within it is damaged.</exception>
    public IReadOnlyList<ConsentRecord> Read()
    {
        DataDirectory.DeleteDraft(path); // of a rewriting that a crash interrupted
        DataDirectory.DropDraft(path);
        if (!File.Exists(path)) return [];
        var bytes = File.ReadAllBytes(path);
        var end = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (end < bytes.Length) Cut(end);

        var records = new List<ConsentRecord>();
        foreach (var line in Encoding.UTF8.GetString(bytes, 0, end).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                records.Add(JsonSerializer.Deserialize<ConsentRecord>(line) ?? throw new JsonException());
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"{path}: line {records.Count + 1} is damaged. Decisions of persons stand in this file that the store may not have: restore it, or take the line out by hand and keep it.", e);
            }
        }

        return records;
    }

    /// <summary>How large it is now, in bytes.</summary>
    public long Length => File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <exception cref="IOException">They are not on disk.</exception>
    public void Append(IEnumerable<ConsentRecord> records)
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var isNew = !File.Exists(path);
        using var stream = new FileStream(path, options);
        var before = stream.Length;
        try
        {
            stream.Write(Bytes(records));
            stream.Flush(flushToDisk: true);
            if (isNew) new Disk().FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch
        {
            stream.SetLength(before); // half a line would spoil the next one
            throw;
        }
    }

    /// <summary>Puts these in the place of everything, whole or not at all: the store has the others.</summary>
    public void Rewrite(IEnumerable<ConsentRecord> records) => DataDirectory.WriteSecret(path, Bytes(records));

    private static byte[] Bytes(IEnumerable<ConsentRecord> records) =>
        Encoding.UTF8.GetBytes(string.Concat(records.Select(one => JsonSerializer.Serialize(one) + "\n")));

    private void Cut(int length)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        stream.SetLength(length);
        stream.Flush(flushToDisk: true);
    }
}

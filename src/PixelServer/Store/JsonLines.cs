using System.Text;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>Records on our own disk: a line of JSON each, appended and flushed before anybody is told that it is kept. One writer at a time.</summary>
/// <param name="path">The file.</param>
/// <param name="whatToDo">What somebody is told who has a damaged one.</param>
internal abstract class JsonLines<T>(string path, string whatToDo) where T : class
{
    private readonly AppendedFile _file = new(path);

    /// <summary>How large it is now, in bytes.</summary>
    public long Length => _file.Length;

    /// <summary>What stands in it, in the order of writing. A last line that a crash cut off was told to nobody, and is cut off for good.</summary>
    /// <exception cref="InvalidDataException">A line within it is damaged.</exception>
    public IReadOnlyList<T> Read()
    {
        var bytes = _file.Read();
        var end = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (end < bytes.Length) _file.Cut(end);

        var records = new List<T>();
        foreach (var line in Encoding.UTF8.GetString(bytes, 0, end).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                records.Add(JsonSerializer.Deserialize<T>(line) ?? throw new JsonException());
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"{path}: line {records.Count + 1} is damaged. {whatToDo}", e);
            }
        }

        return records;
    }

    /// <exception cref="IOException">They are not on disk.</exception>
    public void Append(IEnumerable<T> records) => _file.Append(Bytes(records));

    /// <summary>Puts these in the place of everything, whole or not at all.</summary>
    public void Rewrite(IEnumerable<T> records) => _file.Rewrite(Bytes(records));

    private static byte[] Bytes(IEnumerable<T> records) => Encoding.UTF8.GetBytes(string.Concat(records.Select(one => JsonSerializer.Serialize(one) + "\n")));
}

using System.Text;
using System.Text.Json;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Decisions on our own disk: a line of JSON each, appended and flushed before anybody is told that it holds. One writer at a time.</summary>
internal sealed class MailDecisionFile(string path)
{
    /// <summary>What stands in it, in the order of writing. A last line that a crash cut off was told to nobody, and is cut off for good.</summary>
    /// <exception cref="InvalidDataException">A line within it is damaged.</exception>
    public IReadOnlyList<MailDecision> Read()
    {
        DataDirectory.DropDraft(path);
        if (!File.Exists(path)) return [];
        var text = File.ReadAllText(path, Encoding.UTF8);
        var end = text.LastIndexOf('\n') + 1;
        if (end < text.Length)
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
            stream.SetLength(Encoding.UTF8.GetByteCount(text.AsSpan(0, end)));
            stream.Flush(flushToDisk: true);
        }

        var decisions = new List<MailDecision>();
        foreach (var line in text[..end].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                decisions.Add(JsonSerializer.Deserialize<MailDecision>(line) ?? throw new JsonException());
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"{path}: line {decisions.Count + 1} is damaged. Withdrawals stand in this file: restore it, or take the line out by hand and replay it from mail_decisions in the store.", e);
            }
        }

        return decisions;
    }

    /// <exception cref="IOException">It is not on disk.</exception>
    public void Append(IEnumerable<MailDecision> decisions)
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var isNew = !File.Exists(path);
        using var stream = new FileStream(path, options);
        var before = stream.Length;
        try
        {
            stream.Write(Encoding.UTF8.GetBytes(Text(decisions)));
            stream.Flush(flushToDisk: true);
            if (isNew) new Disk().FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch
        {
            stream.SetLength(before); // half a line would spoil the next one
            throw;
        }
    }

    /// <summary>The same with each subject once, whole or not at all.</summary>
    public void Rewrite(IEnumerable<MailDecision> decisions) => DataDirectory.WriteSecret(path, Encoding.UTF8.GetBytes(Text(decisions)));

    private static string Text(IEnumerable<MailDecision> decisions) => string.Concat(decisions.Select(one => JsonSerializer.Serialize(one) + "\n"));
}

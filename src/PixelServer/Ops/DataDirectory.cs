using System.Security.Cryptography;

namespace PixelServer.Ops;

/// <summary>
/// The one place on disk that is ours: journal, embedded store, keys. Everything made in it is readable by its owner only; a
/// directory that was there before keeps its own mode.
/// </summary>
internal sealed class DataDirectory
{
    public const string MailDecisionsName = "mail-decisions.jsonl", ConsentsName = "consents.jsonl", StandingsName = "standings";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Creates what is missing. Relative paths count from the current directory.</summary>
    /// <exception cref="SettingException">The directory cannot be made, or not be written to.</exception>
    public DataDirectory(string path)
    {
        try
        {
            Root = Path.GetFullPath(path);
            Create(Root);
            Create(Path.Combine(Root, "keys"));
            using var probe = new FileStream(
                Path.Combine(Root, $".writable-{Guid.NewGuid():n}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SettingException("Pixel:DataDirectory", path, $"a directory that the server may write to ({e.Message.TrimEnd('.')})");
        }
    }

    public string Root { get; }
    public string Journal => Path.Combine(Root, "journal");
    public string Database => Path.Combine(Root, "pixel.db");

    /// <summary>Keys of days, apart from everything that is backed up.</summary>
    public string Days => Path.Combine(Root, "days.db");

    public string Standings => Path.Combine(Root, StandingsName);
    public string MailDecisions => Path.Combine(Root, MailDecisionsName);
    public string Consents => Path.Combine(Root, ConsentsName);

    /// <summary>When its oldest file was written; null where there is none yet.</summary>
    public DateTimeOffset? Oldest => new DirectoryInfo(Root).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true })
        .Select(file => (DateTimeOffset?)file.LastWriteTimeUtc).Where(at => at >= DateTimeOffset.UnixEpoch).Min(); // of one that is gone meanwhile it is 1601

    /// <summary>The secret of that name, made when it is asked for the first time.</summary>
    /// <param name="name">Its file.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="make">Makes it; null: it is random.</param>
    /// <exception cref="IOException">The file exists but has another length, or cannot be written.</exception>
    public byte[] Key(string name, int length, Func<byte[]>? make = null)
    {
        var file = KeyFile(name);
        if (!File.Exists(file)) WriteSecret(file, make?.Invoke() ?? RandomNumberGenerator.GetBytes(length));
        var key = File.ReadAllBytes(file);
        if (key.Length != length)
            throw new IOException($"The key file {file} has {key.Length} bytes, not {length}: restore it from a backup, or delete it to start with a new key.");
        return key;
    }

    public string KeyFile(string name) => Path.Combine(Root, "keys", name);

    /// <summary>Writes a file that only its owner may read, whole or not at all.</summary>
    public static void WriteSecret(string file, ReadOnlySpan<byte> content)
    {
        var draft = file + ".new";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        using (var stream = new FileStream(draft, options))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(draft, file, overwrite: true);
    }

    /// <summary>What a crash left of <see cref="WriteSecret"/>: nobody was told of it, and it may name somebody who is erased later.</summary>
    public static void DropDraft(string file)
    {
        if (File.Exists(file + ".new")) File.Delete(file + ".new"); // where the directory is not there either, deleting is an error
    }

    private static void Create(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
    }
}

using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace PixelServer.Ops;

/// <summary>
/// The one place on disk that is ours: journal, embedded store, keys. Everything made in it is readable by its owner only; a
/// directory that was there before keeps its own mode.
/// </summary>
internal sealed partial class DataDirectory
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
        if (!File.Exists(file)) MakeSecret(file, make?.Invoke() ?? RandomNumberGenerator.GetBytes(length));
        var key = File.ReadAllBytes(file);
        if (key.Length != length)
            throw new IOException($"The key file {file} has {key.Length} bytes, not {length}: restore it from a backup, or delete it to start with a new key.");
        return key;
    }

    public string KeyFile(string name) => Path.Combine(Root, "keys", name);

    /// <summary>Writes a file that only its owner may read, whole or not at all; when it returns a power cut does not bring back what was there.</summary>
    public static void WriteSecret(string file, byte[] content) => WriteSecret(file, [content]);

    /// <summary>As <see cref="WriteSecret(string, byte[])"/>, part by part.</summary>
    public static void WriteSecret(string file, IEnumerable<byte[]> parts)
    {
        var draft = file + ".new";
        File.Delete(draft);
        Write(draft, parts);
        File.Move(draft, file, overwrite: true);
        Flush(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    /// <summary>As <see cref="WriteSecret(string, byte[])"/>, unless it is there: of several who make it, as a server and a verb beside it, the first has.</summary>
    public static void MakeSecret(string file, byte[] content)
    {
        var draft = $"{file}.{Guid.NewGuid():n}.new";
        Write(draft, [content]);
        try
        {
            // A hard link, because renaming puts it in the place of what another has made meanwhile: .NET asks before, and not in one step.
            if (OperatingSystem.IsWindows() || Libc.Link(draft, file) != 0) File.Move(draft, file);
            else File.Delete(draft);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(draft);
        }

        Flush(Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    /// <summary>Makes creations, renames and deletions in the directory survive a power cut.</summary>
    public static void Flush(string directory)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var handle = Libc.Open(directory, Libc.ReadOnly | Libc.Directory | Libc.CloseOnExec);
        if (!handle.IsInvalid && Libc.Fsync(handle) == 0) return;
        var code = Marshal.GetLastPInvokeError();
        throw new IOException($"Cannot flush the directory {directory}: {Marshal.GetPInvokeErrorMessage(code)} (errno {code}).");
    }

    /// <summary>What a crash left of <see cref="WriteSecret(string, byte[])"/>: nobody was told of it, and it may name somebody who is erased later.</summary>
    public static void DropDraft(string file)
    {
        if (File.Exists(file + ".new")) File.Delete(file + ".new"); // where the directory is not there either, deleting is an error
    }

    private static void Write(string draft, IEnumerable<byte[]> parts)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        try
        {
            using var stream = new FileStream(draft, options);
            foreach (var part in parts) stream.Write(part);
            stream.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(draft); // on a full disk it would be in the way of everything else
            throw;
        }
    }

    private static void Create(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
    }

    // .NET has no way to open a directory, nor to make a hard link.
    private static partial class Libc
    {
        public const int ReadOnly = 0;
        public const int Directory = 0x10000;
        public const int CloseOnExec = 0x80000;

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial SafeFileHandle Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int Link(string from, string to);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static partial int Fsync(SafeFileHandle file);
    }
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PixelServer.Ops;

namespace PixelServer.Journal;

/// <summary>
/// What the journal asks of a file system. Two implementations: the machine's own, and in the tests a simulated one that loses
/// and tears what was not flushed, which no real disk does on demand.
/// </summary>
internal interface IDisk
{
    /// <summary>Names of the files in the directory, without path, in no order; empty if there is none.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Creates the directory and its parents where missing.</summary>
    void CreateDirectory(string directory);

    /// <summary>A new file of <paramref name="size"/> zero bytes whose space is reserved.</summary>
    /// <exception cref="IOException">It exists, or there is no room.</exception>
    IDiskFile Create(string path, long size);

    IDiskFile OpenRead(string path);

    IDiskFile OpenWrite(string path);

    /// <summary>Replaces what already has the new name.</summary>
    void Rename(string from, string to);

    void Copy(string from, string to);

    void Delete(string path);

    /// <summary>Makes creations, renames and deletions in the directory survive a power cut.</summary>
    void FlushDirectory(string directory);

    /// <summary>Bytes that may still be written to the file system that holds the directory.</summary>
    long FreeBytes(string directory);
}

/// <summary>One open file of an <see cref="IDisk"/>. Positions and lengths in bytes.</summary>
internal interface IDiskFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads up to the buffer's length; 0 at the end.</summary>
    int Read(long position, Span<byte> buffer);

    /// <summary>Writes all of it, or throws.</summary>
    void Write(long position, ReadOnlySpan<byte> content);

    /// <summary>Returns when everything written is on the device.</summary>
    /// <exception cref="IOException">The device refused: what was written since the last flush may be lost, whatever a second call says.</exception>
    void Flush();

    void Truncate(long length);
}

/// <summary>The machine's file system.</summary>
internal sealed partial class Disk : IDisk
{
    public IReadOnlyList<string> List(string directory) =>
        Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Select(file => Path.GetFileName(file))] : [];

    public void CreateDirectory(string directory)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
        else Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    // Preallocating makes a full disk show here and not in the middle of a commit, and lets fdatasync leave the file's
    // size alone: measured at half the time of an append that grows the file.
    public IDiskFile Create(string path, long size)
    {
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, preallocationSize: size);
        try
        {
            RandomAccess.SetLength(handle, size);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return new DiskFile(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public IDiskFile OpenRead(string path) =>
        new DiskFile(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));

    public IDiskFile OpenWrite(string path) =>
        new DiskFile(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read));

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void Copy(string from, string to) => File.Copy(from, to);

    public void Delete(string path) => File.Delete(path);

    public void FlushDirectory(string directory) => DataDirectory.Flush(directory);

    public long FreeBytes(string directory) => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;

    private sealed class DiskFile(SafeFileHandle handle) : IDiskFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long position, Span<byte> buffer) => RandomAccess.Read(handle, buffer, position);

        public void Write(long position, ReadOnlySpan<byte> content) => RandomAccess.Write(handle, content, position);

        public void Flush()
        {
            if (!OperatingSystem.IsLinux())
            {
                RandomAccess.FlushToDisk(handle);
                return;
            }

            while (Libc.Fdatasync(handle) != 0)
                if (Marshal.GetLastPInvokeError() != Libc.Interrupted) throw Libc.Error("Cannot flush the journal");
        }

        public void Truncate(long length) => RandomAccess.SetLength(handle, length);

        public void Dispose() => handle.Dispose();
    }

    // .NET has no fdatasync.
    private static partial class Libc
    {
        public const int Interrupted = 4;

        [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
        public static partial int Fdatasync(SafeFileHandle file);

        public static IOException Error(string what)
        {
            var code = Marshal.GetLastPInvokeError();
            return new IOException($"{what}: {Marshal.GetPInvokeErrorMessage(code)} (errno {code}).");
        }
    }
}

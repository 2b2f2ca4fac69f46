using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>A file of ours that grows at its end, and what was appended is on disk before anybody is told. For its owner only. One writer at a time.</summary>
internal sealed class AppendedFile(string path)
{
    /// <summary>In bytes; 0 where there is none.</summary>
    public long Length => File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <summary>Everything; empty where there is none. What a crash left of <see cref="Rewrite(IEnumerable{byte[]})"/> goes.</summary>
    public byte[] Read()
    {
        DataDirectory.DropDraft(path);
        return File.Exists(path) ? File.ReadAllBytes(path) : [];
    }

    /// <summary>As <see cref="Read"/>, where it may be large.</summary>
    public Stream Open()
    {
        DataDirectory.DropDraft(path);
        return File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16) : Stream.Null;
    }

    /// <exception cref="IOException">It is not on disk, and the file is as it was.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var isNew = Length == 0; // also one whose name could not be flushed before
        using var stream = new FileStream(path, options);
        var before = stream.Length;
        try
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
            if (isNew) DataDirectory.Flush(Path.GetDirectoryName(path)!);
        }
        catch
        {
            stream.SetLength(before); // half a record would spoil the next one
            throw;
        }
    }

    /// <summary>Takes away what stands behind, for good.</summary>
    public void Cut(long length)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        stream.SetLength(length);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Puts this in the place of everything, whole or not at all. When it returns nothing of what was there comes back, also not with a power cut.</summary>
    public void Rewrite(byte[] bytes) => DataDirectory.WriteSecret(path, bytes);

    /// <summary>As <see cref="Rewrite(byte[])"/>, part by part.</summary>
    public void Rewrite(IEnumerable<byte[]> parts) => DataDirectory.WriteSecret(path, parts);
}

namespace PixelServer.Journal;

/// <summary>One server for one journal directory: an advisory lock that the operating system drops with the process.</summary>
internal static class DirectoryLock
{
    private const int WouldBlock = 11;                              // errno EWOULDBLOCK
    private const int SharingViolation = unchecked((int)0x80070020); // the same on Windows

    /// <exception cref="DirectoryInUseException">Another process holds it.</exception>
    /// <exception cref="IOException">It cannot be made: a read-only disk has to be copied first.</exception>
    public static IDisposable Take(string directory)
    {
        var path = Path.Combine(directory, "LOCK");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (e.HResult is WouldBlock or SharingViolation)
        {
            throw new DirectoryInUseException(directory, e);
        }
    }
}

/// <summary>Another process has the journal.</summary>
internal sealed class DirectoryInUseException(string directory, Exception inner)
    : IOException($"The journal in {directory} is in use by another server: stop that one, or give this one its own Pixel:DataDirectory.", inner);

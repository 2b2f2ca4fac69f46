namespace PixelServer.Journal;

/// <summary>One server for one journal directory: an advisory lock that the operating system drops with the process.</summary>
internal static class DirectoryLock
{
    /// <exception cref="IOException">Another process holds it.</exception>
    public static IDisposable Take(string directory)
    {
        var path = Path.Combine(directory, "LOCK");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new IOException(
                $"The journal in {directory} is in use by another server: stop that one, or give this one its own Pixel:DataDirectory.", e);
        }
    }
}

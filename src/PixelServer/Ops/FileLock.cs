namespace PixelServer.Ops;

/// <summary>The right to change a file, among all processes: whoever else wants it waits.</summary>
internal static class FileLock
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Dispose of the answer to give the right up.</summary>
    /// <exception cref="IOException">Another process has not given it up for ten seconds, or nothing can be written beside the file.</exception>
    public static async Task<IDisposable> TakeAsync(string path, CancellationToken ct)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var clock = TimeProvider.System; // another process holds it in real time
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path + ".lock", options);
            }
            catch (IOException e) when (e.GetType() == typeof(IOException)) // those with names of their own do not pass by waiting
            {
                if (clock.GetElapsedTime(started) > s_patience) throw;
                await Task.Delay(s_pause, clock, ct);
            }
        }
    }
}

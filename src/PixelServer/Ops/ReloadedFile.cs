using System.Text;

namespace PixelServer.Ops;

/// <summary>What a file says, read again when it has changed: operators change it beside a running server, which needs no restart.</summary>
internal sealed class ReloadedFile<T> where T : class
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);
    private static readonly DateTime s_absent = DateTime.FromFileTimeUtc(0); // what the file system says of a file that is not there

    private readonly string _path;
    private readonly TimeProvider _clock;
    private readonly Func<T> _read;
    private readonly Action<string> _tell;
    private readonly Lock _looking = new();
    private volatile Known _known;
    private long _lookedAt;
    private string? _told;

    /// <param name="path">The file; it may be absent.</param>
    /// <param name="clock">Says when to look again.</param>
    /// <param name="read">Reads it; throws <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/> or <see cref="InvalidDataException"/> where it cannot.</param>
    /// <param name="tell">Hears once why it cannot be read any more: what was known goes on.</param>
    public ReloadedFile(string path, TimeProvider clock, Func<T> read, Action<string> tell)
    {
        (_path, _clock, _read, _tell) = (path, clock, read, tell);
        _lookedAt = clock.GetTimestamp();
        _known = Read();
    }

    public T Value
    {
        get
        {
            Look();
            return _known.Value;
        }
    }

    // At most once a second, whatever strangers ask for, and by one request while the others go on with what is known.
    private void Look()
    {
        if (_clock.GetElapsedTime(Volatile.Read(ref _lookedAt)) < s_lookEvery || !_looking.TryEnter()) return;
        try
        {
            if (_clock.GetElapsedTime(_lookedAt) < s_lookEvery) return;
            Volatile.Write(ref _lookedAt, _clock.GetTimestamp());
            var stamp = File.GetLastWriteTimeUtc(_path);
            if (stamp == s_absent && _known.Stamp != s_absent)
            {
                Tell($"{_path} is gone.");
                return;
            }

            if (stamp != _known.Stamp) _known = Read();
            _told = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Tell(e.Message);
        }
        finally
        {
            _looking.Exit();
        }
    }

    // Broken by hand, or a share that is away.
    private void Tell(string error)
    {
        if (error == _told) return;
        _told = error;
        _tell(error);
    }

    // The stamp first: what changes after it is seen at the next look.
    private Known Read()
    {
        var stamp = File.GetLastWriteTimeUtc(_path);
        return new(_read(), stamp);
    }

    private sealed record Known(T Value, DateTime Stamp);
}

/// <summary>A file of secrets that several processes may change and running servers read again.</summary>
internal static class SecretFile
{
    /// <summary>One at a time: whoever reads while another writes would put back what was there before.</summary>
    /// <param name="path">The file.</param>
    /// <param name="read">What it holds; nothing where it is not there.</param>
    /// <param name="change">The same list where nothing changes.</param>
    /// <param name="write">All of the file.</param>
    /// <param name="ct">Gives up waiting for another process that changes it.</param>
    /// <returns>What it holds now.</returns>
    public static async Task<IReadOnlyList<T>> ChangeAsync<T>(
        string path, Func<IReadOnlyList<T>> read, Func<IReadOnlyList<T>, IReadOnlyList<T>> change, Func<IReadOnlyList<T>, string> write, CancellationToken ct)
    {
        using var turn = await FileLock.TakeAsync(path, ct).ConfigureAwait(false);
        var (before, stamp) = (read(), File.GetLastWriteTimeUtc(path));
        var after = change(before);
        if (ReferenceEquals(before, after)) return after;
        DataDirectory.WriteSecret(path, Encoding.UTF8.GetBytes(write(after)));
        // Two changes within one tick of the file system's clock would look like one to a running server.
        if (File.GetLastWriteTimeUtc(path) <= stamp) File.SetLastWriteTimeUtc(path, stamp.AddMilliseconds(1));
        return after;
    }
}

namespace PixelServer.Tests.Support;

/// <summary>
/// A copy of a directory in which SQLite works in this process, made by another process: closing any descriptor of a database's files here would drop
/// the locks that SQLite holds on them in this process (fcntl(2)), and the next process that opens the database would cut the memory that is mapped.
/// </summary>
internal sealed class DirectoryCopy : IDisposable
{
    private readonly TempFolder _folder = new();

    private DirectoryCopy(string directory) => Path = _folder.File(System.IO.Path.GetFileName(directory.TrimEnd('/')));

    public string Path { get; }

    public static async Task<DirectoryCopy> OfAsync(string directory)
    {
        var copy = new DirectoryCopy(directory);
        await Command.RunAsync(new("cp", ["-r", directory, copy.Path])); // what goes meanwhile is no longer there: it may complain
        if (!Directory.Exists(copy.Path)) throw new DirectoryNotFoundException(directory);
        return copy;
    }

    public void Dispose() => _folder.Dispose();
}

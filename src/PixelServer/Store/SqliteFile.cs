using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>The embedded database's file: how it is made and opened, the same for all who read or write it.</summary>
/// <param name="file">Its path.</param>
internal sealed class SqliteFile(string file)
{
    private const int BusySeconds = 5;

    private static readonly Lock s_creation = new(); // of all instances: another one may just be opening the file
    private static readonly ConcurrentDictionary<string, Lock> s_turnstiles = new(); // as many as there are files

    private readonly Lock _turnstile = s_turnstiles.GetOrAdd(Path.GetFullPath(file), _ => new());

    public string ConnectionString { get; } = new SqliteConnectionStringBuilder
    {
        DataSource = file,
        Pooling = false,
        DefaultTimeout = BusySeconds,
    }.ConnectionString;

    /// <summary>Waits five seconds for another writer, in this process or beside it, before it gives up.</summary>
    public SqliteConnection Open()
    {
        Create();
        var connection = new SqliteConnection(ConnectionString);
        try
        {
            connection.Open();
            using var set = Command(connection, null,
                $"pragma busy_timeout = {BusySeconds * 1000}; pragma journal_mode = wal; pragma synchronous = full");
            set.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Takes the write lock, at once and not half way.</summary>
    /// <remarks>
    /// SQLite's waiting looks every tenth of a second, and can miss every gap that a busy writer leaves. Whoever waits here keeps the others of
    /// this process from beginning anew, so that the next gap is theirs.
    /// </remarks>
    /// <exception cref="SqliteException">Another process, or a transaction of this one, has had it for five seconds. Whoever waits here before is waited for as well.</exception>
    public SqliteTransaction BeginWrite(SqliteConnection connection)
    {
        lock (_turnstile) return connection.BeginTransaction(deferred: false);
    }

    public static SqliteCommand Command(SqliteConnection connection, SqliteTransaction? transaction, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();
        if (transaction is not null) command.Transaction = transaction; // else it has the connection's own
        command.CommandText = sql;
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value);
        return command;
    }

    /// <summary>An empty file for its owner only is a new database to SQLite, which gives its log the same mode; by itself it would follow the umask.</summary>
    /// <remarks>
    /// Never touches a file that is there, and nobody opens it meanwhile: closing any descriptor of a file drops the locks that
    /// SQLite holds on it in this process (fcntl(2)).
    /// </remarks>
    private void Create()
    {
        lock (s_creation)
        {
            if (OperatingSystem.IsWindows() || File.Exists(file)) return;
            try
            {
                new FileStream(file, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }).Dispose();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // SQLite says in its own words what is wrong with the place.
            }
        }
    }
}

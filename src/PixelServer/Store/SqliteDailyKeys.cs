using System.Globalization;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>
/// Keys of days beside the embedded database: one server has them for itself, and finds its key again after a restart. A file of their own, which nobody
/// copies: whoever has a backup of the database and of <c>keys/</c> must not be able to open a day that is past.
/// </summary>
internal sealed class SqliteDailyKeys(string file) : IDailyKeys
{
    private readonly SqliteFile _file = new(file);

    public Task<byte[]> MeetAsync(DateOnly day, byte[] wrapped, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = Open();
        using var transaction = _file.BeginWrite(connection);
        using (var insert = SqliteFile.Command(connection, transaction,
            "insert into daily_keys (day, wrapped) values ($day, $wrapped) on conflict do nothing", ("$day", Text(day)), ("$wrapped", wrapped))) insert.ExecuteNonQuery();
        using var query = SqliteFile.Command(connection, transaction, "select wrapped from daily_keys where day = $day", ("$day", Text(day)));
        var found = (byte[])query.ExecuteScalar()!;
        transaction.Commit();
        return found;
    }, ct);

    public Task<bool> ForgetAsync(DateOnly day, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = Open();
        using (var delete = SqliteFile.Command(connection, null, "pragma secure_delete = on; delete from daily_keys where day < $day", ("$day", Text(day)))) delete.ExecuteNonQuery();

        // The log still holds the pages as they were; emptied, it is of no length. Busy where a reader needs it.
        using var empty = SqliteFile.Command(connection, null, "pragma wal_checkpoint(truncate)");
        using var row = empty.ExecuteReader();
        return row.Read() && row.GetInt64(0) == 0;
    }, ct);

    private SqliteConnection Open()
    {
        var connection = _file.Open();
        using var create = SqliteFile.Command(connection, null, "create table if not exists daily_keys (day text not null primary key, wrapped blob not null) strict, without rowid");
        create.ExecuteNonQuery();
        return connection;
    }

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}

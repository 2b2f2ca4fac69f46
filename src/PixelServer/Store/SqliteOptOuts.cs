using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Keeps in the embedded database whom signals opt out.</summary>
internal sealed class SqliteOptOuts(string file) : IOptOuts
{
    private const string Keep =
        """
        insert into opt_outs (site_id, kind, id, source, first_at, last_at)
        values ($site_id, $kind, $id, $source, $first_at, $last_at)
        on conflict (site_id, kind, id, source) do update
        set first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
        where excluded.first_at < first_at or excluded.last_at > last_at
        """;

    private readonly SqliteFile _file = new(file);

    public Task KeepAsync(IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> told, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        Write(connection, transaction, told);
        transaction.Commit();
    }, ct);

    /// <summary>Whom a batch opts out, in the caller's transaction; asks nothing of the database where no event opts out.</summary>
    public static void Save(SqliteConnection connection, SqliteTransaction transaction, IEnumerable<Event> events)
    {
        if (OptOutRows.Of(events) is { Count: > 0 } told) Write(connection, transaction, told);
    }

    private static void Write(SqliteConnection connection, SqliteTransaction transaction, IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> told)
    {
        using var keep = SqliteFile.Command(connection, transaction, Keep,
            ("$site_id", ""), ("$kind", ""), ("$id", ""), ("$source", ""), ("$first_at", ""), ("$last_at", ""));
        keep.Prepare();
        foreach (var (one, seen) in told)
        {
            string[] values = [one.SiteId, one.Kind, one.Id, one.Source, EventText.Time(seen.First), EventText.Time(seen.Last)];
            for (var i = 0; i < values.Length; i++) keep.Parameters[i].Value = values[i];
            keep.ExecuteNonQuery();
        }
    }
}

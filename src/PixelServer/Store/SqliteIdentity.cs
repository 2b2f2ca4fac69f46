using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Keeps in the embedded database what a batch tells about who is who.</summary>
internal static class SqliteIdentity
{
    private const string Keep =
        """
        insert into identity_edges (site_id, from_kind, from_id, to_kind, to_id, source, first_seen_at, last_seen_at)
        values ($site_id, $from_kind, $from_id, $to_kind, $to_id, $source, $first_seen_at, $last_seen_at)
        on conflict (site_id, from_kind, from_id, to_kind, to_id, source) do update
        set first_seen_at = min(first_seen_at, excluded.first_seen_at), last_seen_at = max(last_seen_at, excluded.last_seen_at)
        where excluded.first_seen_at < first_seen_at or excluded.last_seen_at > last_seen_at
        """;

    /// <summary>In the caller's transaction; asks nothing of the database where the events name nobody.</summary>
    public static void Save(SqliteConnection connection, SqliteTransaction transaction, IEnumerable<Event> events)
    {
        var told = IdentityEdges.Of(events);
        if (told.Count == 0) return;
        using var keep = SqliteFile.Command(connection, transaction, Keep,
            ("$site_id", ""), ("$from_kind", ""), ("$from_id", ""), ("$to_kind", ""), ("$to_id", ""), ("$source", ""),
            ("$first_seen_at", ""), ("$last_seen_at", ""));
        keep.Prepare();
        foreach (var (pair, seen) in told)
        {
            string[] values = [pair.SiteId, pair.FromKind, pair.FromId, pair.ToKind, pair.ToId, pair.Source, EventText.Time(seen.First), EventText.Time(seen.Last)];
            for (var i = 0; i < values.Length; i++) keep.Parameters[i].Value = values[i];
            keep.ExecuteNonQuery();
        }
    }
}

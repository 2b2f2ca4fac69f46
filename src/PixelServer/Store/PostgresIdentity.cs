using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Keeps in PostgreSQL what a batch tells about who is who.</summary>
internal static class PostgresIdentity
{
    // What is known already is left out first, for a conflict locks and so writes the row also where nothing changes. The order of the
    // rest is the order in which rows are locked.
    private const string Keep =
        """
        insert into identity_edges as kept (site_id, from_kind, from_id, to_kind, to_id, source, first_seen_at, last_seen_at)
        select told.site_id, told.from_kind, told.from_id, told.to_kind, told.to_id, told.source, told.first_seen_at, told.last_seen_at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8) with ordinality
          as told (site_id, from_kind, from_id, to_kind, to_id, source, first_seen_at, last_seen_at, place)
        where not exists (
          select 1 from identity_edges as known
          where known.site_id = told.site_id and known.from_kind = told.from_kind and known.from_id = told.from_id
            and known.to_kind = told.to_kind and known.to_id = told.to_id and known.source = told.source
            and known.first_seen_at <= told.first_seen_at and known.last_seen_at >= told.last_seen_at)
        order by told.place
        on conflict (site_id, from_kind, from_id, to_kind, to_id, source) do update
        set first_seen_at = least(kept.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(kept.last_seen_at, excluded.last_seen_at)
        where excluded.first_seen_at < kept.first_seen_at or excluded.last_seen_at > kept.last_seen_at
        """;

    /// <summary>In the caller's transaction; asks nothing of the database where the events name nobody.</summary>
    public static async Task SaveAsync(NpgsqlConnection connection, IReadOnlyList<Event> events, CancellationToken ct)
    {
        var told = IdentityEdges.Of(events);
        if (told.Count == 0) return;
        await using var keep = new NpgsqlCommand(Keep, connection);
        Add(pair => pair.SiteId);
        Add(pair => pair.FromKind);
        Add(pair => pair.FromId);
        Add(pair => pair.ToKind);
        Add(pair => pair.ToId);
        Add(pair => pair.Source);
        AddTimes(times => times.First);
        AddTimes(times => times.Last);
        await keep.ExecuteNonQueryAsync(ct);

        void Add(Func<IdentityPair, string> column) =>
            keep.Parameters.Add(new() { Value = told.Select(one => column(one.Key)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });

        void AddTimes(Func<IdentityTimes, DateTimeOffset> column) => keep.Parameters.Add(new()
        {
            Value = told.Select(one => column(one.Value).UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        });
    }
}

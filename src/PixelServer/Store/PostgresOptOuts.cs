using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Keeps in PostgreSQL whom a batch opts out.</summary>
internal static class PostgresOptOuts
{
    private const string Keep =
        """
        insert into opt_outs as kept (site_id, kind, id, source, first_at, last_at)
        select * from unnest($1, $2, $3, $4, $5, $6)
        on conflict (site_id, kind, id, source) do update
        set first_at = least(kept.first_at, excluded.first_at), last_at = greatest(kept.last_at, excluded.last_at)
        where excluded.first_at < kept.first_at or excluded.last_at > kept.last_at
        """;

    /// <summary>In the caller's transaction; asks nothing of the database where no event opts out.</summary>
    public static async Task SaveAsync(NpgsqlConnection connection, IReadOnlyList<Event> events, CancellationToken ct)
    {
        var told = OptOutRows.Of(events);
        if (told.Count == 0) return;
        await using var keep = new NpgsqlCommand(Keep, connection);
        Add(one => one.SiteId);
        Add(one => one.Kind);
        Add(one => one.Id);
        Add(one => one.Source);
        AddTimes(times => times.First);
        AddTimes(times => times.Last);
        await keep.ExecuteNonQueryAsync(ct);

        void Add(Func<OptOut, string> column) =>
            keep.Parameters.Add(new() { Value = told.Select(one => column(one.Key)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });

        void AddTimes(Func<OptOutTimes, DateTimeOffset> column) => keep.Parameters.Add(new()
        {
            Value = told.Select(one => column(one.Value).UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        });
    }
}

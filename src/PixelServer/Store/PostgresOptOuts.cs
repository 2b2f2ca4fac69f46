using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Keeps in PostgreSQL whom signals opt out.</summary>
internal sealed class PostgresOptOuts(NpgsqlDataSource source) : IOptOuts
{
    private const string Keep =
        """
        insert into opt_outs as kept (site_id, kind, id, source, first_at, last_at)
        select * from unnest($1, $2, $3, $4, $5, $6)
        on conflict (site_id, kind, id, source) do update
        set first_at = least(kept.first_at, excluded.first_at), last_at = greatest(kept.last_at, excluded.last_at)
        where excluded.first_at < kept.first_at or excluded.last_at > kept.last_at
        """;

    public async Task KeepAsync(IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> told, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await KeepAsync(connection, told, ct);
    }

    /// <summary>Whom a batch opts out, in the caller's transaction; asks nothing of the database where no event opts out.</summary>
    public static async Task SaveAsync(NpgsqlConnection connection, IReadOnlyList<Event> events, CancellationToken ct)
    {
        if (OptOutRows.Of(events) is { Count: > 0 } told) await KeepAsync(connection, told, ct);
    }

    private static async Task KeepAsync(NpgsqlConnection connection, IReadOnlyCollection<KeyValuePair<OptOut, OptOutTimes>> told, CancellationToken ct)
    {
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

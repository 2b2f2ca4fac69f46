using Npgsql;

namespace PixelServer.Store;

/// <summary>Reads the newest events.</summary>
internal static class PostgresRecent
{
    // The index on received_at is a coarse one: it finds a stretch of time, not an order. Most answers lie in the last minute.
    private static readonly TimeSpan[] Windows = [TimeSpan.FromMinutes(1), TimeSpan.FromHours(1), TimeSpan.FromDays(1), TimeSpan.FromDays(8)];

    private static readonly string Columns = string.Join(", ", EventColumns.All.Select(column => column.Kind switch
    {
        ColumnKind.Time => $"to_char({column.Name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        ColumnKind.Address => $"host({column.Name})",
        ColumnKind.List => $"array_to_json({column.Name})::text",
        ColumnKind.Flag => $"{column.Name}::int::text",
        ColumnKind.Text => column.Name,
        _ => $"{column.Name}::text",
    }));

    private static readonly string Sql =
        $"""
         select {Columns}
         from events
         where ($1::timestamptz is null or received_at > $1) and ($2::text is null or site_id = $2)
         order by received_at desc, event_id desc
         limit $3
         """;

    public static async Task<IReadOnlyList<string>> ReadAsync(
        NpgsqlDataSource source, string? siteId, int limit, DateTimeOffset now, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        if (siteId is not null && !EventText.IsStorable(siteId)) return []; // no row can have it, and the server would refuse the question
        await using var connection = await source.OpenConnectionAsync(ct);
        foreach (var window in Windows)
        {
            var found = await ReadAsync(connection, siteId, limit, now - window, ct);
            if (found.Count == limit) return found;
        }

        return await ReadAsync(connection, siteId, limit, null, ct);
    }

    private static async Task<IReadOnlyList<string>> ReadAsync(
        NpgsqlConnection connection, string? siteId, int limit, DateTimeOffset? after, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand(Sql, connection);
        query.Parameters.Add(new() { Value = (object?)after?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz });
        query.Parameters.Add(new() { Value = (object?)siteId ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = limit });
        await using var rows = await query.ExecuteReaderAsync(ct);
        return await RecentRows.ReadAsync(rows, ct);
    }
}

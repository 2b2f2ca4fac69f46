using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Deletes old events in PostgreSQL: whole partitions where it can, else rows.</summary>
internal sealed class PostgresRetention(NpgsqlDataSource source) : IRetention
{
    private const int BatchRows = 5_000;

    /// <summary>A partition is counted before it is dropped, when an operator asks.</summary>
    private const int CountSeconds = 600;

    private const string Sites = "(case when $2 then site_id <> all($1) else site_id = any($1) end)";

    // The time of arrival, unless a clock was so wrong that nothing can be told by it.
    private const string RejectedAge = "(case when received_at between '2020-01-01' and rejected_at then received_at else rejected_at end)";

    private const string Edge = "site_id, from_kind, from_id, to_kind, to_id, source";

    private static readonly DateOnly s_earliest = new(2020, 1, 1);

    public async Task<IAsyncDisposable?> TurnAsync(CancellationToken ct)
    {
        var connection = await source.OpenConnectionAsync(ct);
        try
        {
            var transaction = await connection.BeginTransactionAsync(ct);
            await PostgresLocks.BoundAsync(connection, ct);
            await PostgresLocks.StayAsync(connection, ct);
            if (await PostgresLocks.TryTakeRetentionAsync(connection, ct)) return new Turn(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }

        await connection.DisposeAsync();
        return null;
    }

    public async Task<RetentionPast> PastAsync(string rules, CancellationToken ct)
    {
        await using var query = source.CreateCommand(
            "select max(day), max(day) filter (where whole), max(finished_at) from retention_runs where rules = $1");
        query.Parameters.Add(new() { Value = rules });
        await using var row = await query.ExecuteReaderAsync(ct);
        await row.ReadAsync(ct);
        return new(
            row.IsDBNull(0) ? null : row.GetFieldValue<DateOnly>(0), row.IsDBNull(1) ? null : row.GetFieldValue<DateOnly>(1),
            row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2));
    }

    public async Task KeepAsync(RetentionRun run, CancellationToken ct)
    {
        await using var keep = source.CreateCommand(
            """
            with old as (delete from retention_runs where day < $1 - 1096)
            insert into retention_runs as kept (day, finished_at, rules, whole, partitions, rows) values ($1, $2, $3, $4, $5, $6)
            on conflict (day) do update
            set finished_at = excluded.finished_at, rules = excluded.rules, whole = excluded.whole or (kept.whole and kept.rules = excluded.rules),
                partitions = kept.partitions + excluded.partitions, rows = kept.rows + excluded.rows
            """);
        keep.Parameters.Add(new() { Value = run.Day });
        keep.Parameters.Add(new() { Value = run.FinishedAt.UtcDateTime });
        keep.Parameters.Add(new() { Value = run.Rules });
        keep.Parameters.Add(new() { Value = run.Whole });
        keep.Parameters.Add(new() { Value = run.Partitions });
        keep.Parameters.Add(new() { Value = run.Rows });
        await keep.ExecuteNonQueryAsync(ct);
    }

    public async Task<IReadOnlyList<EventStretch>> StretchesAsync(CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct); // bounds are read in UTC
        await using var query = new NpgsqlCommand(
            """
            select child.oid::regclass::text, pg_get_expr(child.relpartbound, child.oid)
            from pg_inherits
            join pg_class as child on child.oid = pg_inherits.inhrelid
            where pg_inherits.inhparent = 'events'::regclass
            """, connection);
        var found = new List<EventStretch>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            // Bounds that are not ours to judge, such as those of a default partition: only rows go from there.
            found.Add(Partition.Read(rows.GetString(1)) is { } partition
                ? new(rows.GetString(0), partition.From, partition.Until, CanDrop: true) : new(rows.GetString(0), s_earliest, DateOnly.MaxValue, CanDrop: false));
        }

        return [.. found.OrderBy(one => one.From).ThenBy(one => one.Name, StringComparer.Ordinal)];
    }

    public async Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty, CancellationToken ct)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(ct);
            if (onlyIfEmpty && await HoldsRowsAsync(connection, stretch, ct)) return Dropped.NotEmpty;
            await using var transaction = await connection.BeginTransactionAsync(ct);
            await PostgresLocks.BoundAsync(connection, ct);
            await PostgresLocks.HurryAsync(connection, ct);
            await PostgresLocks.TakeSchemaAsync(connection, ct);
            if (onlyIfEmpty)
            {
                // A row that comes late waits now, and finds no partition or a new one.
                await ExecuteAsync(connection, $"lock table {stretch.Name} in exclusive mode", ct);
                if (await HoldsRowsAsync(connection, stretch, ct)) return Dropped.NotEmpty;
            }

            // This locks out readers and writers of all events, but only for the moment of dropping: who waits for a long reader gives up soon.
            await ExecuteAsync(connection, $"alter table events detach partition {stretch.Name}; drop table {stretch.Name}", ct);
            await transaction.CommitAsync(ct);
            return Dropped.Gone;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
        {
            return Dropped.InUse;
        }
    }

    public async Task<long> CountEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct)
    {
        await using var count = source.CreateCommand($"select count(*) from {stretch.Name} where received_at >= $3 and received_at < $4 and {Sites}");
        count.CommandTimeout = CountSeconds;
        Add(count, sites, from, until);
        return (long)(await count.ExecuteScalarAsync(ct))!;
    }

    public async Task<long> DeleteEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await using var delete = new NpgsqlCommand($"delete from {stretch.Name} where received_at >= $3 and received_at < $4 and {Sites}", connection);
        Add(delete, sites, from, until);
        var rows = await delete.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
        return rows;
    }

    public async Task<long> CountRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct)
    {
        await using var count = source.CreateCommand(
            $"""
             select (select count(*) from events_rejected where {Sites} and {RejectedAge} < $3)
                  + (select count(*) from identity_edges where {Sites} and last_seen_at < $3)
             """);
        count.CommandTimeout = CountSeconds;
        Add(count, sites, before);
        return (long)(await count.ExecuteScalarAsync(ct))!;
    }

    public async Task<long> DeleteRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        var rows = 0L;
        // An edge that is told again at this moment is locked, or is found to be young once its lock is had.
        foreach (var sql in (string[])
        [
            $"delete from events_rejected where event_id in (select event_id from events_rejected where {Sites} and {RejectedAge} < $3 limit {BatchRows})",
            $"delete from identity_edges where ({Edge}) in (select {Edge} from identity_edges where {Sites} and last_seen_at < $3 limit {BatchRows} for update skip locked)",
        ])
        {
            await using var delete = new NpgsqlCommand(sql, connection);
            Add(delete, sites, before);
            rows += await delete.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
        return rows;
    }

    private static void Add(NpgsqlCommand command, RetentionSites sites, params ReadOnlySpan<DateTimeOffset> times)
    {
        command.Parameters.Add(new() { Value = sites.Sites.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = sites.IsAllBut });
        foreach (var time in times) command.Parameters.Add(new() { Value = time.UtcDateTime });
    }

    private static async Task<bool> HoldsRowsAsync(NpgsqlConnection connection, EventStretch stretch, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand($"select exists (select from {stretch.Name})", connection);
        return await query.ExecuteScalarAsync(ct) is true;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    private sealed class Turn(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}

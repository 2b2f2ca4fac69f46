using Npgsql;

namespace PixelServer.Store;

/// <summary>Makes partitions of <c>events</c> beside running writers, readers and other collectors.</summary>
internal static class PostgresPartitions
{
    /// <summary>Makes what <paramref name="days"/> lack, in one transaction. Safe to run from several collectors at once.</summary>
    /// <returns>The partitions that were made.</returns>
    public static async Task<IReadOnlyList<Partition>> CreateAsync(
        NpgsqlDataSource source, IReadOnlyCollection<DateOnly> days, PartitionBy by, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        if (Partition.Missing(await ExistingAsync(connection, ct), days, by).Count == 0) return [];

        await PostgresLocks.TakeSchemaAsync(connection, ct);
        var missing = Partition.Missing(await ExistingAsync(connection, ct), days, by); // a rival may have been quicker
        foreach (var partition in missing)
        {
            // Not "create table … partition of": that locks the parent against readers and writers, so one long report would
            // hold up the next day and everything queued behind. Attaching locks it only against other changes of the schema.
            var table = await FreeNameAsync(connection, partition.Table, ct);
            await using var create = new NpgsqlCommand(
                $"""
                 create table {table} (like events including defaults including constraints including storage);
                 alter table events attach partition {table} for values {partition.Sql}
                 """, connection);
            await create.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
        return missing;
    }

    // A partition that the operator detached and kept has the name: a late event of that day must not wait for its removal.
    private static async Task<string> FreeNameAsync(NpgsqlConnection connection, string wanted, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand(
            """
            select name from (select $1 as name, 1 as number union all select $1 || '_' || n, n from generate_series(2, 99) as n) as names
            where to_regclass(name) is null order by number limit 1
            """, connection);
        query.Parameters.Add(new() { Value = wanted });
        return (string?)await query.ExecuteScalarAsync(ct) ?? wanted;
    }

    /// <summary>Those with bounds that are ours; needs a session in UTC.</summary>
    public static async Task<IReadOnlyCollection<Partition>> ExistingAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand(
            """
            select pg_get_expr(child.relpartbound, child.oid)
            from pg_inherits
            join pg_class as child on child.oid = pg_inherits.inhrelid
            where pg_inherits.inhparent = 'events'::regclass
            """, connection);
        var found = new List<Partition>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
            if (Partition.Read(rows.GetString(0)) is { } partition) found.Add(partition);
        return found;
    }
}

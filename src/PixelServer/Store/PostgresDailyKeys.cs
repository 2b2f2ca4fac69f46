using Npgsql;

namespace PixelServer.Store;

/// <summary>Keys of days in PostgreSQL, where several collectors meet.</summary>
internal sealed class PostgresDailyKeys(NpgsqlDataSource source) : IDailyKeys
{
    public async Task<byte[]> MeetAsync(DateOnly day, byte[] wrapped, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        while (true)
        {
            await using var meet = new NpgsqlBatch(connection);
            meet.BatchCommands.Add(new("insert into daily_keys (day, wrapped) values ($1, $2) on conflict (day) do nothing"));
            meet.BatchCommands[0].Parameters.Add(new() { Value = day });
            meet.BatchCommands[0].Parameters.Add(new() { Value = wrapped });
            await meet.ExecuteNonQueryAsync(ct);

            // In a transaction of its own: it sees what another committed while the insert waited for them.
            await using var query = new NpgsqlCommand("select wrapped from daily_keys where day = $1", connection);
            query.Parameters.Add(new() { Value = day });
            if (await query.ExecuteScalarAsync(ct) is byte[] found) return found;
        }
    }

    public async Task<bool> ForgetAsync(DateOnly day, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await using (var old = new NpgsqlCommand("select exists (select from daily_keys where day < $1)", connection) { Parameters = { new() { Value = day } } })
            if (await old.ExecuteScalarAsync(ct) is false) return true;

        // A deleted row stays in its page until something else is written over it; truncating gives the table a new file.
        await using (var take = new NpgsqlCommand("lock table daily_keys in access exclusive mode", connection)) await take.ExecuteNonQueryAsync(ct);
        var kept = new List<(DateOnly Day, byte[] Wrapped)>();
        await using (var query = new NpgsqlCommand("select day, wrapped from daily_keys where day >= $1", connection) { Parameters = { new() { Value = day } } })
        await using (var rows = await query.ExecuteReaderAsync(ct))
            while (await rows.ReadAsync(ct)) kept.Add((rows.GetFieldValue<DateOnly>(0), rows.GetFieldValue<byte[]>(1)));

        await using var renew = new NpgsqlBatch(connection, transaction);
        renew.BatchCommands.Add(new("truncate daily_keys"));
        renew.BatchCommands.Add(new("insert into daily_keys (day, wrapped) select * from unnest($1, $2)"));
        renew.BatchCommands[1].Parameters.Add(new() { Value = kept.Select(one => one.Day).ToArray() });
        renew.BatchCommands[1].Parameters.Add(new() { Value = kept.Select(one => one.Wrapped).ToArray() });
        await renew.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
        return true;
    }
}

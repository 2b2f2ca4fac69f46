using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Refusal counts in PostgreSQL, where several collectors meet.</summary>
internal sealed class PostgresRefusals(NpgsqlDataSource source) : IRefusals
{
    public async Task KeepAsync(Guid run, IReadOnlyList<RefusalRow> sums, CancellationToken ct)
    {
        if (sums.Count == 0) return;
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var keep = new NpgsqlCommand(
            """
            with old as (delete from refusals where day < (select max(day) from unnest($2::date[]) as told (day)) - 1096)
            insert into refusals as kept (day, site_id, code, run, count)
            select day, site_id, code, $1, count from unnest($2::date[], $3::text[], $4::text[], $5::bigint[]) as told (day, site_id, code, count)
            on conflict (day, site_id, code, run) do update set count = excluded.count where excluded.count > kept.count
            """, connection);
        keep.Parameters.Add(new() { Value = run });
        keep.Parameters.Add(new() { Value = sums.Select(one => one.Day).ToArray() });
        keep.Parameters.Add(new() { Value = sums.Select(one => one.SiteId).ToArray() });
        keep.Parameters.Add(new() { Value = sums.Select(one => one.Code).ToArray() });
        keep.Parameters.Add(new() { Value = sums.Select(one => one.Count).ToArray() });
        await keep.ExecuteNonQueryAsync(ct);
    }

    public async Task<IReadOnlyList<RefusalRow>> AskAsync(string? site, DateOnly first, DateOnly last, int limit, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(
            """
            select day, site_id, code, sum(count)::bigint
            from refusals
            where day between $1 and $2 and ($3::text is null or site_id = $3)
            group by day, site_id, code
            order by day, site_id collate "C", code collate "C"
            limit $4
            """, connection);
        query.Parameters.Add(new() { Value = first });
        query.Parameters.Add(new() { Value = last });
        query.Parameters.Add(new() { Value = (object?)site ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = limit });
        var found = new List<RefusalRow>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(new(rows.GetFieldValue<DateOnly>(0), rows.GetString(1), rows.GetString(2), rows.GetInt64(3)));
        return found;
    }
}

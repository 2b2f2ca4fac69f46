using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Asks the function <c>two_sides</c> of the database, which operators can ask as well.</summary>
internal sealed class PostgresSides(NpgsqlDataSource source) : ISides
{
    /// <summary>Longer than any caller waits: it is the caller's deadline that stops the query.</summary>
    private const int ReadSeconds = 300;

    internal const string Sql =
        """
        select day, site_id, name, conversions, browser_only, server_only, both_sides, browser_only_human, copies, median_delay_seconds,
               browser_missing_event_id, with_server, missing_event_id, missing_email, missing_phone, missing_user_id, missing_click_id,
               missing_ip, missing_user_agent
        from two_sides($1, $2, $3)
        where $4::text is null or name = $4
        order by day, site_id collate "C", name collate "C"
        limit $5
        """;

    public async Task<IReadOnlyList<SidesRow>> AskAsync(SidesQuestion question, int limit, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        if (question.IsVain) return [];
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(Sql, connection) { CommandTimeout = ReadSeconds };
        query.Parameters.Add(new() { Value = (object?)question.Site ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = question.First });
        query.Parameters.Add(new() { Value = question.Last });
        query.Parameters.Add(new() { Value = (object?)question.Name ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        query.Parameters.Add(new() { Value = limit });
        var found = new List<SidesRow>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            found.Add(new SidesRow
            {
                Day = rows.GetFieldValue<DateOnly>(0),
                SiteId = rows.GetString(1),
                Name = rows.GetString(2),
                Conversions = rows.GetInt64(3),
                BrowserOnly = rows.GetInt64(4),
                ServerOnly = rows.GetInt64(5),
                BothSides = rows.GetInt64(6),
                BrowserOnlyHuman = rows.GetInt64(7),
                Copies = rows.GetInt64(8),
                MedianDelaySeconds = rows.IsDBNull(9) ? null : rows.GetDecimal(9),
                BrowserMissingEventId = rows.GetInt64(10),
                WithServer = rows.GetInt64(11),
                MissingEventId = rows.GetInt64(12),
                MissingEmail = rows.GetInt64(13),
                MissingPhone = rows.GetInt64(14),
                MissingUserId = rows.GetInt64(15),
                MissingClickId = rows.GetInt64(16),
                MissingIp = rows.GetInt64(17),
                MissingUserAgent = rows.GetInt64(18),
            });
        }

        return found;
    }
}

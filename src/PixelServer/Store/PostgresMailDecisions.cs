using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Decisions about mails in PostgreSQL, where several collectors meet.</summary>
internal sealed class PostgresMailDecisions(NpgsqlDataSource source) : IMailDecisions
{
    // A transaction may commit after a later one was read; none of these takes as long as this.
    private static readonly TimeSpan s_overlap = TimeSpan.FromMinutes(2);

    public async Task KeepAsync(IReadOnlyList<MailDecision> decisions, CancellationToken ct)
    {
        // In one order for all collectors, who would else wait for each other's rows in a circle.
        decisions = [.. decisions.OrderBy(one => one.SiteId, StringComparer.Ordinal).ThenBy(one => one.Subject).ThenBy(one => one.SubjectId, StringComparer.Ordinal)];
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await using var keep = new NpgsqlCommand(
            """
            insert into mail_decisions as kept (site_id, subject, subject_id, tracking, redirects, decided_at, decided_by, changed_at)
            select *, clock_timestamp()
            from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::timestamptz[], $7::text[])
            on conflict (site_id, subject, subject_id) do update
            set tracking = excluded.tracking, redirects = excluded.redirects, decided_at = excluded.decided_at,
                decided_by = excluded.decided_by, changed_at = excluded.changed_at
            where excluded.decided_at > kept.decided_at
               or (excluded.decided_at = kept.decided_at and (kept.tracking > excluded.tracking or kept.redirects > excluded.redirects))
            """, connection);
        Add(keep, decisions.Select(one => one.SiteId));
        Add(keep, decisions.Select(one => MailSubjects.Of(one.Subject)));
        Add(keep, decisions.Select(one => one.SubjectId));
        Add(keep, decisions.Select(one => one.Tracking));
        Add(keep, decisions.Select(one => one.Redirects));
        Add(keep, decisions.Select(one => one.DecidedAt.UtcDateTime));
        Add(keep, decisions.Select(one => one.DecidedBy));
        await keep.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
    }

    public async Task<(IReadOnlyList<MailDecision> Decisions, string Mark)> SinceAsync(string? mark, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(
            """
            select site_id, subject, subject_id, tracking, redirects, decided_at, decided_by
            from mail_decisions
            where $1::timestamptz is null or changed_at > $1
            """, connection);
        // By the database's clock, and before the rows are read: also where nothing is new the mark moves on.
        await using var clock = new NpgsqlCommand("select clock_timestamp()", connection);
        var next = new DateTimeOffset((DateTime)(await clock.ExecuteScalarAsync(ct))!) - s_overlap;
        DateTimeOffset? since = mark is null ? null : DateTimeOffset.Parse(mark, CultureInfo.InvariantCulture);
        if (next < since) since = null; // another machine's clock, or another database: nothing can be told by the mark
        query.Parameters.Add(new() { Value = (object?)since?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        var found = new List<MailDecision>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            found.Add(new(rows.GetString(0), MailSubjects.Read(rows.GetString(1)), rows.GetString(2), rows.GetBoolean(3), rows.GetBoolean(4),
                new DateTimeOffset(rows.GetDateTime(5)), rows.GetString(6)));
        }

        return (found, next.ToString("O", CultureInfo.InvariantCulture));
    }

    private static void Add<T>(NpgsqlCommand command, IEnumerable<T> values) => command.Parameters.Add(new() { Value = values.ToArray() });
}

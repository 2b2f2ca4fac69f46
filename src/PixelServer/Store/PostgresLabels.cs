using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using PixelServer.Enrich;

namespace PixelServer.Store;

/// <summary>Reads and corrects labels in PostgreSQL. Every statement names a stretch of <c>received_at</c>, so that other partitions are not touched.</summary>
internal sealed class PostgresLabels(NpgsqlDataSource source, TimeProvider clock) : ILabels
{
    /// <summary>A day of a large site is sorted before its first row comes.</summary>
    private const int ReadSeconds = 600;

    private const string Columns = "e.event_id, e.received_at, e.site_id, e.source, e.user_id, e.url, host(e.ip), e.user_agent, e.traffic, e.traffic_reasons";

    private const string Others =
        $"""
         select {Columns}, null
         from events as e
         where e.received_at >= $1 and e.received_at < $2 and e.source not in ('email', 'click')
         """;

    private const string Mail =
        $"""
         select {Columns}, e.properties::text
         from events as e
         where e.received_at >= $1 and e.received_at < $2 and e.source in ('email', 'click')
         order by e.site_id, e.properties->>'message_id', e.user_id, e.received_at, e.event_id
         """;

    /// <summary>What the background look asks, every few seconds; a test looks at its plan.</summary>
    internal const string TouchedMail =
        $"""
         with touched as (
           select distinct site_id, properties->>'message_id' as message_id, user_id
           from events
           where received_at >= $3 and received_at < $4 and source in ('email', 'click')
         )
         select {Columns}, e.properties::text
         from events as e
         join touched as t on t.site_id = e.site_id and t.message_id = e.properties->>'message_id' and t.user_id = e.user_id
         where e.received_at >= $1 and e.received_at < $2 and e.source in ('email', 'click')
         order by e.site_id, e.properties->>'message_id', e.user_id, e.received_at, e.event_id
         """;

    private const string Change =
        """
        update events as e
        set traffic = u.traffic, traffic_reasons = u.reasons
        from (
          select event_id, received_at, traffic, string_to_array(reasons, ' ') as reasons
          from unnest($1, $2, $3, $4) as u (event_id, received_at, traffic, reasons)
        ) as u
        where e.received_at >= $5 and e.received_at <= $6 and e.received_at = u.received_at and e.event_id = u.event_id
          and (e.traffic, e.traffic_reasons) is distinct from (u.traffic, u.reasons)
        """;

    public async Task<(DateOnly First, DateOnly Last)?> DaysAsync(CancellationToken ct)
    {
        // By the partitions: the oldest row itself is found only by reading all of them.
        var last = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime).AddDays(Partition.LatestDaysAhead);
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        var partitions = await PostgresPartitions.ExistingAsync(connection, ct);
        if (partitions.Count == 0) return null;
        var until = partitions.Max(one => one.Until).AddDays(-1);
        return (partitions.Min(one => one.From), until < last ? until : last);
    }

    public IAsyncEnumerable<LabelledRow> OthersAsync(Stretch within, CancellationToken ct) => ReadAsync(Others, [within], ct);

    public IAsyncEnumerable<LabelledRow> MailAsync(Stretch within, Stretch? touched, CancellationToken ct) =>
        touched is { } stretch ? ReadAsync(TouchedMail, [within, stretch], ct) : ReadAsync(Mail, [within], ct);

    public async Task<int> ChangeAsync(IReadOnlyCollection<Relabelled> rows, CancellationToken ct)
    {
        if (rows.Count == 0) return 0;
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await PostgresLocks.TakeLabelsAsync(connection, ct); // two that change the same rows in another order would lock each other up
        await using var change = new NpgsqlCommand(Change, connection);
        change.Parameters.Add(new() { Value = rows.Select(row => row.EventId).ToArray() });
        change.Parameters.Add(new()
        {
            Value = rows.Select(row => row.ReceivedAt.UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        });
        change.Parameters.Add(new() { Value = rows.Select(row => Names.Of(row.Label.Traffic)).ToArray() });
        change.Parameters.Add(new() { Value = rows.Select(row => string.Join(' ', row.Label.Reasons)).ToArray() });
        change.Parameters.Add(new() { Value = rows.Min(row => row.ReceivedAt).UtcDateTime });
        change.Parameters.Add(new() { Value = rows.Max(row => row.ReceivedAt).UtcDateTime });
        var changed = await change.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
        return changed;
    }

    private async IAsyncEnumerable<LabelledRow> ReadAsync(string sql, Stretch[] stretches, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(sql, connection) { CommandTimeout = ReadSeconds };
        foreach (var stretch in stretches)
        {
            query.Parameters.Add(new() { Value = stretch.From.UtcDateTime });
            query.Parameters.Add(new() { Value = stretch.Until.UtcDateTime });
        }

        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            if (Names.SourceNamed(rows.GetString(3)) is not { } door || Names.TrafficNamed(rows.GetString(8)) is not { } traffic) continue;
            yield return new LabelledRow(
                rows.GetGuid(0), rows.GetFieldValue<DateTimeOffset>(1), rows.GetString(2), door, Text(rows, 4), Text(rows, 5),
                Text(rows, 6) is { } address ? IPAddress.Parse(address) : null, Text(rows, 7),
                Text(rows, 10) is { } json ? MailFacts.Read(Encoding.UTF8.GetBytes(json)) : default,
                new Label(traffic, rows.GetFieldValue<string[]>(9)));
        }
    }

    private static string? Text(NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}

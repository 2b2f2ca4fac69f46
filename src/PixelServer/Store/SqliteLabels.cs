using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using PixelServer.Enrich;

namespace PixelServer.Store;

/// <summary>Reads and corrects labels in the embedded database, on connections of its own: a reader does not wait for the writer, nor the writer for it.</summary>
internal sealed class SqliteLabels(string file) : ILabels
{
    private const string Columns = "e.event_id, e.received_at, e.site_id, e.source, e.user_id, e.url, e.ip, e.user_agent, e.traffic, e.traffic_reasons";

    private const string Others =
        $"""
         select {Columns}, null
         from events as e
         where e.received_at >= $from0 and e.received_at < $until0 and e.source not in ('email', 'click')
         """;

    private const string Mail =
        $"""
         select {Columns}, e.properties
         from events as e
         where e.received_at >= $from0 and e.received_at < $until0 and e.source in ('email', 'click')
         order by e.site_id, e.properties->>'message_id', e.user_id, e.received_at, e.event_id
         """;

    /// <summary>What the background look asks, every few seconds; a test looks at its plan.</summary>
    internal const string TouchedMail =
        $"""
         with touched as (
           select distinct site_id, properties->>'message_id' as message_id, user_id
           from events
           where received_at >= $from1 and received_at < $until1 and source in ('email', 'click')
         )
         select {Columns}, e.properties
         from events as e
         join touched as t on t.site_id = e.site_id and t.message_id = e.properties->>'message_id' and t.user_id = e.user_id
         where e.received_at >= $from0 and e.received_at < $until0 and e.source in ('email', 'click')
         order by e.site_id, e.properties->>'message_id', e.user_id, e.received_at, e.event_id
         """;

    private const string Change =
        """
        update events set traffic = $traffic, traffic_reasons = $reasons
        where received_at = $received_at and event_id = $event_id and (traffic, traffic_reasons) is not ($traffic, $reasons)
        """;

    private readonly SqliteFile _file = new(file);

    public Task<(DateOnly First, DateOnly Last)?> DaysAsync(CancellationToken ct) => Task.Run<(DateOnly First, DateOnly Last)?>(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null, "select (select min(received_at) from events), (select max(received_at) from events)");
        using var row = query.ExecuteReader();
        row.Read();
        return row.IsDBNull(0) ? null : (Day(row.GetString(0)), Day(row.GetString(1)));
    }, ct);

    public IAsyncEnumerable<LabelledRow> OthersAsync(Stretch within, CancellationToken ct) => ReadAsync(Others, [within], ct);

    public IAsyncEnumerable<LabelledRow> MailAsync(Stretch within, Stretch? touched, CancellationToken ct) =>
        touched is { } stretch ? ReadAsync(TouchedMail, [within, stretch], ct) : ReadAsync(Mail, [within], ct);

    public Task<int> ChangeAsync(IReadOnlyCollection<Relabelled> rows, CancellationToken ct) => Task.Run(() =>
    {
        if (rows.Count == 0) return 0;
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        using var change = SqliteFile.Command(connection, transaction, Change,
            ("$traffic", ""), ("$reasons", ""), ("$received_at", ""), ("$event_id", ""));
        var changed = 0;
        foreach (var row in rows)
        {
            ct.ThrowIfCancellationRequested();
            change.Parameters[0].Value = Names.Of(row.Label.Traffic);
            change.Parameters[1].Value = JsonSerializer.Serialize(row.Label.Reasons, EventJson.Plain);
            change.Parameters[2].Value = EventText.Time(row.ReceivedAt);
            change.Parameters[3].Value = row.EventId.ToString("D");
            changed += change.ExecuteNonQuery();
        }

        transaction.Commit();
        return changed;
    }, ct);

    private async IAsyncEnumerable<LabelledRow> ReadAsync(string sql, Stretch[] stretches, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.Yield(); // SQLite is synchronous: not on the caller's thread
        await using var connection = _file.Open();
        await using var query = SqliteFile.Command(connection, null, sql);
        for (var i = 0; i < stretches.Length; i++)
        {
            query.Parameters.AddWithValue($"$from{i}", EventText.Time(stretches[i].From));
            query.Parameters.AddWithValue($"$until{i}", EventText.Time(stretches[i].Until));
        }

        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            ct.ThrowIfCancellationRequested();
            if (Names.SourceNamed(rows.GetString(3)) is not { } door || Names.TrafficNamed(rows.GetString(8)) is not { } traffic) continue;
            yield return new LabelledRow(
                Guid.Parse(rows.GetString(0)), DateTimeOffset.Parse(rows.GetString(1), CultureInfo.InvariantCulture), rows.GetString(2), door,
                Text(rows, 4), Text(rows, 5), Text(rows, 6) is { } address ? IPAddress.Parse(address) : null, Text(rows, 7),
                Text(rows, 10) is { } json ? MailFacts.Read(Encoding.UTF8.GetBytes(json)) : default,
                new Label(traffic, JsonSerializer.Deserialize<string[]>(rows.GetString(9)) ?? []));
        }
    }

    private static DateOnly Day(string time) => DateOnly.ParseExact(time.AsSpan(0, 10), "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string? Text(SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}

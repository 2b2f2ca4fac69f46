using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Deletes old events in the embedded database, and wipes the room that they took in its file.</summary>
internal sealed class SqliteRetention(string file) : IRetention
{
    private const int BatchRows = 5_000;
    private const string Sites = "((site_id in (select value from json_each($sites))) <> $all_but)";
    private const string RejectedAge = "(case when received_at between '2020-01-01' and rejected_at then received_at else rejected_at end)";
    private const string Edge = "site_id, from_kind, from_id, to_kind, to_id, source";

    private readonly SqliteFile _file = new(file);

    /// <summary>One server has the file for itself; a verb beside it deletes nothing else than the server would.</summary>
    public Task<IAsyncDisposable?> TurnAsync(CancellationToken ct) => Task.FromResult<IAsyncDisposable?>(new Turn());

    public Task<RetentionPast> PastAsync(string rules, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null,
            "select max(day), max(day) filter (where whole), max(finished_at) from retention_runs where rules = $rules", ("$rules", rules));
        using var row = query.ExecuteReader();
        row.Read();
        return new RetentionPast(Day(row, 0), Day(row, 1), row.IsDBNull(2) ? null : DateTimeOffset.Parse(row.GetString(2), CultureInfo.InvariantCulture));
    }, ct);

    public Task KeepAsync(RetentionRun run, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        using var keep = SqliteFile.Command(connection, transaction,
            """
            delete from retention_runs where day < date($day, '-1096 days');
            insert into retention_runs (day, finished_at, rules, whole, partitions, rows) values ($day, $finished_at, $rules, $whole, $partitions, $rows)
            on conflict (day) do update
            set finished_at = excluded.finished_at, rules = excluded.rules,
                whole = excluded.whole or (retention_runs.whole and retention_runs.rules = excluded.rules),
                partitions = retention_runs.partitions + excluded.partitions, rows = retention_runs.rows + excluded.rows
            """,
            ("$day", Text(run.Day)), ("$finished_at", EventText.Time(run.FinishedAt)), ("$rules", run.Rules), ("$whole", run.Whole ? 1 : 0),
            ("$partitions", run.Partitions), ("$rows", run.Rows));
        keep.ExecuteNonQuery();
        transaction.Commit();
        if (run.Rows == 0) return;

        // The log still holds the pages as they were; where a reader needs it, the next checkpoint takes it.
        using var empty = SqliteFile.Command(connection, null, "pragma wal_checkpoint(truncate)");
        empty.ExecuteNonQuery();
    }, ct);

    public Task<IReadOnlyList<EventStretch>> StretchesAsync(CancellationToken ct) => Task.Run<IReadOnlyList<EventStretch>>(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null, "select (select substr(min(received_at), 1, 10) from events), (select substr(max(received_at), 1, 10) from events)");
        using var row = query.ExecuteReader();
        row.Read();
        return Day(row, 0) is { } first && Day(row, 1) is { } last ? [new("events", first, last < DateOnly.MaxValue ? last.AddDays(1) : last, CanDrop: false)] : [];
    }, ct);

    public Task<Dropped> DropAsync(EventStretch stretch, bool onlyIfEmpty, CancellationToken ct) => throw new NotSupportedException("There is one table.");

    public Task<long> CountEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var count = Command(connection, $"select count(*) from events where received_at >= $from and received_at < $until and {Sites}", sites, ("$from", from), ("$until", until));
        return (long)count.ExecuteScalar()!;
    }, ct);

    public Task<long> DeleteEventsAsync(EventStretch stretch, RetentionSites sites, DateTimeOffset from, DateTimeOffset until, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = OpenToDelete();
        using var transaction = _file.BeginWrite(connection);
        using var delete = Command(connection, $"delete from events where received_at >= $from and received_at < $until and {Sites}", sites, ("$from", from), ("$until", until));
        var gone = (long)delete.ExecuteNonQuery();
        transaction.Commit();
        return gone;
    }, ct);

    public Task<long> CountRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var count = Command(connection,
            $"""
             select (select count(*) from events_rejected where {Sites} and {RejectedAge} < $before)
                  + (select count(*) from identity_edges where {Sites} and last_seen_at < $before)
             """, sites, ("$before", before));
        return (long)count.ExecuteScalar()!;
    }, ct);

    public Task<long> DeleteRestAsync(RetentionSites sites, DateTimeOffset before, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = OpenToDelete();
        using var transaction = _file.BeginWrite(connection);
        using var rejected = Command(connection,
            $"delete from events_rejected where rowid in (select rowid from events_rejected where {Sites} and {RejectedAge} < $before limit {BatchRows})", sites, ("$before", before));
        using var edges = Command(connection,
            $"delete from identity_edges where ({Edge}) in (select {Edge} from identity_edges where {Sites} and last_seen_at < $before limit {BatchRows})", sites, ("$before", before));
        var gone = (long)rejected.ExecuteNonQuery() + edges.ExecuteNonQuery();
        transaction.Commit();
        return gone;
    }, ct);

    private SqliteConnection OpenToDelete()
    {
        var connection = _file.Open();
        using var wipe = SqliteFile.Command(connection, null, "pragma secure_delete = on");
        wipe.ExecuteNonQuery();
        return connection;
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, RetentionSites sites, params ReadOnlySpan<(string Name, DateTimeOffset Time)> times)
    {
        var command = SqliteFile.Command(connection, null, sql, ("$sites", JsonSerializer.Serialize(sites.Sites)), ("$all_but", sites.IsAllBut ? 1 : 0));
        foreach (var (name, time) in times) command.Parameters.AddWithValue(name, EventText.Time(time));
        return command;
    }

    // Of a clock that was never set, too: any year is a day here.
    private static DateOnly? Day(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : DateOnly.ParseExact(row.GetString(column), "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Text(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private sealed class Turn : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

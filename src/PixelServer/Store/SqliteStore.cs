using System.Globalization;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Events in the embedded database: prepared inserts, one transaction per batch, with the journal's position in it.</summary>
/// <remarks>SQLite is synchronous: the work runs on a pool thread, one writer at a time.</remarks>
internal sealed class SqliteStore(string file, StoreOptions options, TimeProvider clock, ILogger<SqliteStore> logger) : IEventStore
{
    // Earlier versions can lose committed pages when a writer resets the log beside another connection (sqlite.org/wal.html#walresetbug).
    private static readonly Version Oldest = new(3, 51, 3);

    private const int ConstraintViolated = 19, TooBig = 18, Mismatch = 20; // sqlite.org/rescode.html

    private readonly SqliteFile _file = new(file);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private SqliteConnection? _writer;
    private SqliteCommand? _insert, _once;

    public string Name => "sqlite";

    public async Task PrepareAsync(CancellationToken ct)
    {
        await InTurnAsync(connection => CheckVersion(connection), ct);
        await Migrations.RunSqliteAsync(_file.ConnectionString, logger, ct);
        await InTurnAsync(connection =>
        {
            using var prune = SqliteFile.Command(connection, null,
                "delete from event_receipts where once_key in (select once_key from event_receipts where stored_at < $before limit 100000)", ("$before", EventText.Time(clock.GetUtcNow().AddDays(-options.OnceDays))));
            prune.ExecuteNonQuery();
        }, ct);
    }

    public async Task<long?> PositionAsync(Guid journal, CancellationToken ct)
    {
        long? position = null;
        await InTurnAsync(connection => position = Position(connection, null, journal), ct);
        return position;
    }

    public async Task<int> SaveAsync(EventBatch batch, CancellationToken ct)
    {
        var copies = 0;
        await InTransactionAsync(batch, (connection, transaction) =>
        {
            var stored = new List<Event>(batch.Events.Count);
            _insert ??= SqliteRows.Prepare(connection);
            _insert.Transaction = transaction;
            foreach (var e in batch.Events)
            {
                ct.ThrowIfCancellationRequested();
                if (e.Hit.OnceKey is { } key && !IsNew(connection, transaction, key, e.Hit)) continue;

                SqliteRows.Bind(_insert, e);
                _insert.ExecuteNonQuery();
                stored.Add(e);
            }

            SqliteIdentity.Save(connection, transaction, stored);
            SqliteOptOuts.Save(connection, transaction, stored);
            copies = batch.Events.Count - stored.Count;
        }, ct);
        return copies;
    }

    public Task RejectAsync(EventBatch batch, RefusedRowException reason, CancellationToken ct) => InTransactionAsync(batch, (connection, transaction) =>
    {
        var row = RejectedRow.Of(batch, reason);
        using var insert = SqliteFile.Command(connection, transaction,
            """
            insert into events_rejected (event_id, received_at, rejected_at, site_id, name, code, reason, payload)
            values ($event_id, $received_at, $rejected_at, $site_id, $name, $code, $reason, $payload)
            """,
            ("$event_id", row.EventId.ToString("D")), ("$received_at", EventText.Time(row.ReceivedAt)),
            ("$rejected_at", EventText.Time(clock.GetUtcNow())), ("$site_id", row.SiteId), ("$name", row.Name),
            ("$code", row.Code), ("$reason", row.Reason), ("$payload", row.Payload));
        insert.ExecuteNonQuery();
    }, ct);

    public Task<IReadOnlyList<string>> RecentAsync(string? siteId, int limit, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        return Task.Run(async () =>
        {
            await using var connection = _file.Open(); // its own: a reader does not wait for the writer
            await using var query = SqliteFile.Command(connection, null,
                $"""
                 select {EventColumns.Names}
                 from events
                 where $site_id is null or site_id = $site_id
                 order by received_at desc, event_id desc
                 limit $limit
                 """,
                ("$site_id", (object?)siteId ?? DBNull.Value), ("$limit", limit));
            await using var rows = await query.ExecuteReaderAsync(ct);
            return await RecentRows.ReadAsync(rows, ct);
        }, ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        Forget();
        _turn.Dispose();
    }

    private Task InTransactionAsync(EventBatch batch, Action<SqliteConnection, SqliteTransaction> work, CancellationToken ct) => InTurnAsync(connection =>
    {
        try
        {
            using var transaction = _file.BeginWrite(connection);
            if (batch.Epoch is { } epoch) SqliteStandings.Check(connection, transaction, epoch);
            work(connection, transaction);
            Move(connection, transaction, batch);
            transaction.Commit();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is ConstraintViolated or TooBig or Mismatch)
        {
            throw new RefusedRowException(e.SqliteExtendedErrorCode.ToString(CultureInfo.InvariantCulture), e.Message, e);
        }
    }, ct);

    private void Move(SqliteConnection connection, SqliteTransaction transaction, EventBatch batch)
    {
        var found = Position(connection, transaction, batch.Journal);
        var begins = found is null && (batch.From == 0 || batch.Begins);
        if (!begins && found != batch.From) throw new PositionMovedException(batch.Journal, batch.From, found);

        using var move = SqliteFile.Command(connection, transaction,
            """
            insert into journal_positions (journal_id, position, host, updated_at) values ($journal_id, $position, $host, $updated_at)
            on conflict (journal_id) do update set position = excluded.position, host = excluded.host, updated_at = excluded.updated_at
            """,
            ("$journal_id", batch.Journal.ToString("D")), ("$position", batch.To), ("$host", Environment.MachineName),
            ("$updated_at", EventText.Time(clock.GetUtcNow())));
        move.ExecuteNonQuery();
    }

    private bool IsNew(SqliteConnection connection, SqliteTransaction transaction, Guid onceKey, Hit hit)
    {
        if (_once is null)
        {
            _once = SqliteFile.Command(connection, transaction,
                "insert into event_receipts (once_key, event_id, stored_at) values ($once_key, $event_id, $stored_at) on conflict do nothing", ("$once_key", ""), ("$event_id", ""), ("$stored_at", ""));
            _once.Prepare();
        }

        _once.Transaction = transaction;
        string[] values = [onceKey.ToString("D"), hit.EventId.ToString("D"), EventText.Time(clock.GetUtcNow())];
        for (var i = 0; i < values.Length; i++) _once.Parameters[i].Value = values[i];
        return _once.ExecuteNonQuery() == 1;
    }

    private static long? Position(SqliteConnection connection, SqliteTransaction? transaction, Guid journal)
    {
        using var query = SqliteFile.Command(connection, transaction,
            "select position from journal_positions where journal_id = $journal_id", ("$journal_id", journal.ToString("D")));
        return (long?)query.ExecuteScalar();
    }

    private async Task InTurnAsync(Action<SqliteConnection> work, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            await Task.Run(() => work(_writer ??= _file.Open()), ct);
        }
        catch (SqliteException)
        {
            Forget(); // whatever is wrong with the file, the next try opens it afresh
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Forget()
    {
        _insert?.Dispose();
        _once?.Dispose();
        _writer?.Dispose();
        (_insert, _once, _writer) = (null, null, null);
    }

    private static void CheckVersion(SqliteConnection connection)
    {
        if (Version.Parse(connection.ServerVersion) < Oldest)
            throw new NotSupportedException($"SQLite {connection.ServerVersion} can corrupt its write-ahead log; {Oldest} or later is needed.");
    }
}

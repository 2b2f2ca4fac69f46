using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Events in PostgreSQL: binary COPY through the partitioned table, with the journal's position in the same transaction.</summary>
internal sealed class PostgresStore(
    NpgsqlDataSource source, string connectionString, StoreOptions options, TimeProvider clock, ILogger<PostgresStore> logger) : IEventStore
{
    private readonly PostgresLimits _limits = PostgresConnection.Limits(connectionString);

    public string Name => "postgresql";

    public async Task PrepareAsync(CancellationToken ct)
    {
        await Migrations.RunPostgresAsync(source, connectionString, logger, ct);
        var yesterday = Today.AddDays(-1); // the journal may hold hits of before midnight
        await MakePartitionsAsync([.. Enumerable.Range(0, options.PartitionsAhead + 2).Select(yesterday.AddDays)], ct);
        try
        {
            await PostgresReceipts.PruneAsync(source, clock.GetUtcNow().AddDays(-options.OnceDays), ct);
        }
        catch (NpgsqlException e)
        {
            logger.LogWarning("Old rows of event_receipts are not deleted: {Error}", e.Message); // no reason not to store events
        }
    }

    public async Task<long?> PositionAsync(Guid journal, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await using (var wait = new NpgsqlCommand(PostgresLocks.PositionSql(journal), connection)) await wait.ExecuteNonQueryAsync(ct);
        return await PositionAsync(connection, journal, ct);
    }

    public async Task<int> SaveAsync(EventBatch batch, CancellationToken ct)
    {
        var copies = 0;
        await BoundedAsync(async limited =>
        {
            try
            {
                copies = await SaveOnceAsync(batch, limited);
            }
            catch (PostgresException e) when (PostgresVerdicts.IsMissingPartition(e))
            {
                await MakePartitionsAsync(Partition.DaysOf(batch.Events, Today), limited);
                copies = await SaveOnceAsync(batch, limited);
            }
        }, ct);
        return copies;
    }

    public Task RejectAsync(EventBatch batch, RefusedRowException reason, CancellationToken ct) => BoundedAsync(async limited =>
    {
        var row = RejectedRow.Of(batch, reason);
        await using var connection = await source.OpenConnectionAsync(limited);
        await using var transaction = await connection.BeginTransactionAsync(limited);
        await PostgresLocks.BoundAsync(connection, limited);
        if (batch.Epoch is { } epoch) await PostgresStandings.CheckAsync(connection, epoch, limited);
        await using (var insert = new NpgsqlCommand(
            """
            insert into events_rejected (event_id, received_at, rejected_at, site_id, name, code, reason, payload)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            """, connection))
        {
            insert.Parameters.Add(new() { Value = row.EventId });
            insert.Parameters.Add(new() { Value = row.ReceivedAt.UtcDateTime });
            insert.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
            insert.Parameters.Add(new() { Value = row.SiteId });
            insert.Parameters.Add(new() { Value = row.Name });
            insert.Parameters.Add(new() { Value = row.Code });
            insert.Parameters.Add(new() { Value = row.Reason });
            insert.Parameters.Add(new() { Value = row.Payload });
            await insert.ExecuteNonQueryAsync(limited);
        }

        await MoveAsync(connection, batch, limited);
        await transaction.CommitAsync(limited);
    }, ct);

    public Task<IReadOnlyList<string>> RecentAsync(string? siteId, int limit, CancellationToken ct) =>
        PostgresRecent.ReadAsync(source, siteId, limit, clock.GetUtcNow(), ct);

    /// <summary>The data source belongs to the container.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    private async Task<int> SaveOnceAsync(EventBatch batch, CancellationToken ct)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(ct);
            await using var transaction = await connection.BeginTransactionAsync(ct);
            await PostgresLocks.BoundAsync(connection, ct);
            if (batch.Epoch is { } epoch) await PostgresStandings.CheckAsync(connection, epoch, ct);
            var events = await PostgresReceipts.NewAsync(connection, batch.Events, clock.GetUtcNow(), ct);
            if (events.Count > 0) await PostgresCopy.SendAsync(connection, events, _limits, ct); // before the position: Citus then opens its shards in parallel
            await PostgresIdentity.SaveAsync(connection, events, ct);
            await PostgresOptOuts.SaveAsync(connection, events, ct);
            await MoveAsync(connection, batch, ct);
            await transaction.CommitAsync(ct);
            return batch.Events.Count - events.Count;
        }
        catch (PostgresException e) when (PostgresVerdicts.JudgesARow(e))
        {
            throw new RefusedRowException(e.SqlState, e.MessageText, e);
        }
    }

    private static async Task MoveAsync(NpgsqlConnection connection, EventBatch batch, CancellationToken ct)
    {
        await using (var move = new NpgsqlBatch(connection))
        {
            move.BatchCommands.Add(new NpgsqlBatchCommand(PostgresLocks.PositionSql(batch.Journal)));
            move.BatchCommands.Add(new NpgsqlBatchCommand(
                "update journal_positions set position = $3, host = $4, updated_at = now() where journal_id = $1 and position = $2"));
            AddMove(move.BatchCommands[1].Parameters, batch);
            await move.ExecuteNonQueryAsync(ct);
            if (move.BatchCommands[1].RecordsAffected == 1) return;
        }

        var found = await PositionAsync(connection, batch.Journal, ct);
        if (found is null && (batch.From == 0 || batch.Begins))
        {
            await using var insert = new NpgsqlCommand(
                """
                insert into journal_positions (journal_id, position, host, updated_at)
                select $1, $3, $4, now() where $2 >= 0
                on conflict do nothing
                """, connection);
            AddMove(insert.Parameters, batch);
            if (await insert.ExecuteNonQueryAsync(ct) == 1) return;
            found = await PositionAsync(connection, batch.Journal, ct);
        }

        throw new PositionMovedException(batch.Journal, batch.From, found);
    }

    private static void AddMove(NpgsqlParameterCollection parameters, EventBatch batch)
    {
        parameters.Add(new() { Value = batch.Journal });
        parameters.Add(new() { Value = batch.From });
        parameters.Add(new() { Value = batch.To });
        parameters.Add(new() { Value = Environment.MachineName });
    }

    private static async Task<long?> PositionAsync(NpgsqlConnection connection, Guid journal, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand("select position from journal_positions where journal_id = $1", connection);
        query.Parameters.Add(new() { Value = journal, NpgsqlDbType = NpgsqlDbType.Uuid });
        return (long?)await query.ExecuteScalarAsync(ct);
    }

    private async Task MakePartitionsAsync(IReadOnlyCollection<DateOnly> days, CancellationToken ct)
    {
        foreach (var made in await PostgresPartitions.CreateAsync(source, days, options.PartitionBy, ct))
            logger.LogInformation("Partition {Partition} is ready", made.Table);
    }

    // Npgsql bounds commands and connecting, but neither every write of a COPY nor all of it together.
    private async Task BoundedAsync(Func<CancellationToken, Task> work, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(_limits.Batch, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            await work(either.Token);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException("The database took too long to take a batch.", e);
        }
    }
}

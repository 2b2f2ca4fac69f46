using Npgsql;

namespace PixelServer.Store;

/// <summary>Keeps a message that is sent twice one event: what came with a once key is only new where its key is.</summary>
internal static class PostgresReceipts
{
    private const int PruneRows = 20_000, PruneRounds = 50;

    /// <summary>The events that are to be stored, in their order; writes down the keys of those that have one, in the caller's transaction.</summary>
    public static async Task<IReadOnlyList<Event>> NewAsync(NpgsqlConnection connection, IReadOnlyList<Event> events, DateTimeOffset now, CancellationToken ct)
    {
        // Sorted, so that two collectors with the same messages wait for each other in one order; of copies in one batch the first counts.
        var keyed = new SortedDictionary<Guid, Event>();
        foreach (var e in events)
            if (e.Hit.OnceKey is { } key) keyed.TryAdd(key, e);
        if (keyed.Count == 0) return events;

        await using var insert = new NpgsqlCommand(
            """
            insert into event_receipts (once_key, event_id, stored_at)
            select *, $3::timestamptz from unnest($1::uuid[], $2::uuid[])
            on conflict (once_key) do nothing
            returning event_id
            """, connection);
        insert.Parameters.Add(new() { Value = keyed.Keys.ToArray() });
        insert.Parameters.Add(new() { Value = keyed.Values.Select(e => e.Hit.EventId).ToArray() });
        insert.Parameters.Add(new() { Value = now.UtcDateTime });
        var fresh = new HashSet<Guid>();
        await using (var rows = await insert.ExecuteReaderAsync(ct))
            while (await rows.ReadAsync(ct)) fresh.Add(rows.GetGuid(0));
        return [.. events.Where(e => e.Hit.OnceKey is null || fresh.Contains(e.Hit.EventId))];
    }

    /// <summary>Forgets old keys, a bounded number in a statement and in a call: the drain waits meanwhile. Leaves to another collector what that one is at.</summary>
    public static async Task PruneAsync(NpgsqlDataSource source, DateTimeOffset before, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        for (var round = 0; round < PruneRounds; round++)
        {
            await using var delete = new NpgsqlCommand(
                $"delete from event_receipts where once_key in (select once_key from event_receipts where stored_at < $1 limit {PruneRows} for update skip locked)", connection);
            delete.Parameters.Add(new() { Value = before.UtcDateTime });
            if (await delete.ExecuteNonQueryAsync(ct) < PruneRows) return;
        }
    }
}

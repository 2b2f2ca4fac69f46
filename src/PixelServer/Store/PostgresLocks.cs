using System.Globalization;
using Npgsql;

namespace PixelServer.Store;

/// <summary>Bounds how long a transaction of ours may wait for locks, and the one lock under which collectors change the schema.</summary>
internal static class PostgresLocks
{
    /// <summary>Key of the advisory lock for migrations and partitions: "pixel" in ASCII.</summary>
    private const long Schema = 0x70_69_78_65_6C;

    /// <summary>Key of the advisory lock for labels: "pixelL" in ASCII.</summary>
    private const long Labels = 0x70_69_78_65_6C_4C;

    /// <summary>Key of the advisory lock for barring: "pixelB" in ASCII.</summary>
    private const long Barring = 0x70_69_78_65_6C_42;

    /// <summary>Key of the advisory lock for deleting what is past: "pixelR" in ASCII.</summary>
    private const long Retention = 0x70_69_78_65_6C_52;

    private const int TimeoutMilliseconds = 10_000;
    private const int IdleMilliseconds = 60_000;

    /// <summary>
    /// For the running transaction only: a wait for a lock ends with an error after ten seconds, the server gives up a transaction whose
    /// client has been silent for a minute (its locks would keep out the next try), the session speaks UTC, and a commit is on disk even
    /// where the operator's default is <c>synchronous_commit = off</c>: the journal forgets what the store confirms.
    /// </summary>
    public static async Task BoundAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var bound = new NpgsqlCommand(
            $"""
             select set_config('lock_timeout', '{TimeoutMilliseconds}', true),
                    set_config('idle_in_transaction_session_timeout', '{IdleMilliseconds}', true),
                    set_config('timezone', 'UTC', true),
                    set_config('synchronous_commit',
                               case current_setting('synchronous_commit') when 'off' then 'on'
                                    else current_setting('synchronous_commit') end, true)
             """, connection);
        await bound.ExecuteNonQueryAsync(ct);
    }

    /// <summary>
    /// Whoever moves a journal's position holds this until the commit, and whoever asks for it waits: else, after a lost connection, the old
    /// position could be read while the server is still committing the new one.
    /// </summary>
    public static string PositionSql(Guid journal) =>
        string.Create(CultureInfo.InvariantCulture, $"select pg_advisory_xact_lock(hashtextextended('pixel journal {journal}', 0))");

    /// <summary>Held by every batch until its commit; whoever bars somebody waits for all of them, and they for him.</summary>
    public static readonly string UnbarredSql = $"select pg_advisory_xact_lock_shared({Barring})";

    public static Task BarAsync(NpgsqlConnection connection, CancellationToken ct) => TakeAsync(connection, Barring, ct);

    /// <summary>The running transaction only holds a lock while others work: its silence is no sign that its client is gone.</summary>
    public static async Task StayAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var stay = new NpgsqlCommand("set local idle_in_transaction_session_timeout = 0", connection);
        await stay.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The running transaction is about to lock out everybody: while it waits, all others wait behind it.</summary>
    public static async Task HurryAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var hurry = new NpgsqlCommand("set local lock_timeout = 2000", connection);
        await hurry.ExecuteNonQueryAsync(ct);
    }

    /// <summary>One at a time deletes what is past; whoever comes second has nothing to do.</summary>
    public static async Task<bool> TryTakeRetentionAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var take = new NpgsqlCommand($"select pg_try_advisory_xact_lock({Retention})", connection);
        return await take.ExecuteScalarAsync(ct) is true;
    }

    public static Task TakeSchemaAsync(NpgsqlConnection connection, CancellationToken ct) => TakeAsync(connection, Schema, ct);

    /// <summary>One at a time corrects labels.</summary>
    public static Task TakeLabelsAsync(NpgsqlConnection connection, CancellationToken ct) => TakeAsync(connection, Labels, ct);

    // Until the end of the transaction, so that it also works behind a pooler that hands out transactions.
    private static async Task TakeAsync(NpgsqlConnection connection, long key, CancellationToken ct)
    {
        await using var take = new NpgsqlCommand($"select pg_advisory_xact_lock({key})", connection);
        await take.ExecuteNonQueryAsync(ct);
    }
}

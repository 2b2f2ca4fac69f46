using System.Buffers.Binary;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Standings in PostgreSQL, where several collectors meet.</summary>
internal sealed class PostgresStandings(NpgsqlDataSource source) : IStandings
{
    private const int AtOnce = 10_000;

    // A transaction may commit after a later one was read; none of these takes as long as this.
    private static readonly TimeSpan s_overlap = TimeSpan.FromMinutes(2);

    private static readonly string[] s_words = ["kept", "processed", "shared", "storage", "measurement", "ads"];

    // The later word; of two at once the no.
    private static readonly string s_keep =
        $"""
         insert into standings as known (subject, {string.Join(", ", s_words)}, changed_at)
         select *, clock_timestamp() from unnest($1, $2, $3, $4, $5, $6, $7)
         on conflict (subject) do update
         set {string.Join(", ", s_words.Select(word => $"{word} = {Later(word)}"))}, changed_at = excluded.changed_at
         where ({string.Join(", ", s_words.Select(word => "known." + word))}) is distinct from ({string.Join(", ", s_words.Select(Later))})
         """;

    public async Task KeepAsync(IReadOnlyList<SubjectStanding> standings, bool bar, CancellationToken ct)
    {
        // In one order for all collectors, who would else wait for each other's rows in a circle; once each, as one statement must not touch a row twice.
        var rows = standings.GroupBy(one => one.Subject).Select(same => same.Aggregate((a, b) => a with { Standing = a.Standing.Merge(b.Standing) })).OrderBy(one => one.Subject);
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        if (bar) await PostgresLocks.BarAsync(connection, ct);
        foreach (var some in rows.Chunk(AtOnce))
        {
            await using var keep = new NpgsqlCommand(s_keep, connection);
            keep.Parameters.Add(new() { Value = some.Select(one => Bytes(one.Subject)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
            foreach (var word in (Func<Standing, Word>[])[one => one.Kept, one => one.Processed, one => one.Shared, one => one.Storage, one => one.Measurement, one => one.Ads])
                keep.Parameters.Add(new() { Value = some.Select(one => word(one.Standing).Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
            await keep.ExecuteNonQueryAsync(ct);
        }

        if (bar)
        {
            await using var move = new NpgsqlCommand("update standing_epoch set epoch = greatest(epoch + 1, (extract(epoch from now()) * 1000)::bigint)", connection);
            await move.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
    }

    public async Task<(IReadOnlyList<SubjectStanding> Standings, long Epoch, string Mark)> SinceAsync(string? mark, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);

        // Epoch and clock before the rows: what is read is then never less than they say.
        await using var start = new NpgsqlCommand("select epoch, clock_timestamp() from standing_epoch", connection);
        long epoch;
        DateTimeOffset next;
        await using (var row = await start.ExecuteReaderAsync(ct))
        {
            await row.ReadAsync(ct);
            (epoch, next) = (row.GetInt64(0), new DateTimeOffset(row.GetDateTime(1)) - s_overlap);
        }

        await using var query = new NpgsqlCommand(
            $"select subject, {string.Join(", ", s_words)} from standings where $1::timestamptz is null or changed_at > $1", connection);
        DateTimeOffset? since = mark is null ? null : DateTimeOffset.Parse(mark, CultureInfo.InvariantCulture);
        if (next < since) since = null; // another machine's clock, or another database: nothing can be told by the mark
        query.Parameters.Add(new() { Value = (object?)since?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        var found = new List<SubjectStanding>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            found.Add(new(BinaryPrimitives.ReadUInt128BigEndian(rows.GetFieldValue<byte[]>(0)),
                new(new(rows.GetInt64(1)), new(rows.GetInt64(2)), new(rows.GetInt64(3)), new(rows.GetInt64(4)), new(rows.GetInt64(5)), new(rows.GetInt64(6)))));
        }

        return (found, epoch, next.ToString("O", CultureInfo.InvariantCulture));
    }

    /// <summary>In a batch's transaction: it may go on only where its maker knows everybody who is barred, and of no other past. Whoever bars somebody waits for it.</summary>
    /// <exception cref="BatchBarredException">Somebody was barred since.</exception>
    public static async Task CheckAsync(NpgsqlConnection connection, long epoch, CancellationToken ct)
    {
        await using var check = new NpgsqlBatch(connection);
        check.BatchCommands.Add(new NpgsqlBatchCommand(PostgresLocks.UnbarredSql));
        check.BatchCommands.Add(new NpgsqlBatchCommand("select epoch from standing_epoch"));
        await using var results = await check.ExecuteReaderAsync(ct);
        await results.NextResultAsync(ct);
        await results.ReadAsync(ct);
        if (results.GetInt64(0) != epoch) throw new BatchBarredException();
    }

    private static string Later(string word) =>
        $"case when abs(excluded.{word}) > abs(known.{word}) or (abs(excluded.{word}) = abs(known.{word}) and excluded.{word} < known.{word}) then excluded.{word} else known.{word} end";

    private static byte[] Bytes(UInt128 subject)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, subject);
        return bytes;
    }
}

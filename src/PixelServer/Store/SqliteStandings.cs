using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Standings in the embedded database; one server has it for itself, and verbs beside it.</summary>
internal sealed class SqliteStandings(string file) : IStandings
{
    // Unix milliseconds: neither an epoch nor a mark comes twice in a file that was set back.
    private const string Now = "cast((julianday('now') - 2440587.5) * 86400000 as integer)";

    private static readonly string[] s_words = ["kept", "processed", "shared", "storage", "measurement", "ads"];

    private static readonly string s_keep =
        $"""
         insert into standings (subject, {string.Join(", ", s_words)}, changed_at)
         values ($subject, {string.Join(", ", s_words.Select(word => "$" + word))}, (select max(coalesce(max(changed_at), 0) + 1, {Now}) from standings))
         on conflict (subject) do update
         set {string.Join(", ", s_words.Select(word => $"{word} = {Later(word)}"))}, changed_at = excluded.changed_at
         where ({string.Join(", ", s_words.Select(word => "standings." + word))}) is not ({string.Join(", ", s_words.Select(Later))})
         """;

    private readonly SqliteFile _file = new(file);

    public Task KeepAsync(IReadOnlyList<SubjectStanding> standings, bool bar, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection); // one writer: a batch that is under way is stored before
        using var keep = SqliteFile.Command(connection, transaction, s_keep);
        foreach (var (subject, standing) in standings)
        {
            ct.ThrowIfCancellationRequested();
            var bytes = new byte[16];
            BinaryPrimitives.WriteUInt128BigEndian(bytes, subject);
            keep.Parameters.Clear();
            keep.Parameters.AddWithValue("$subject", bytes);
            keep.Parameters.AddWithValue("$kept", standing.Kept.Value);
            keep.Parameters.AddWithValue("$processed", standing.Processed.Value);
            keep.Parameters.AddWithValue("$shared", standing.Shared.Value);
            keep.Parameters.AddWithValue("$storage", standing.Storage.Value);
            keep.Parameters.AddWithValue("$measurement", standing.Measurement.Value);
            keep.Parameters.AddWithValue("$ads", standing.Ads.Value);
            keep.ExecuteNonQuery();
        }

        if (bar)
        {
            using var move = SqliteFile.Command(connection, transaction, $"update standing_epoch set epoch = max(epoch + 1, {Now})");
            move.ExecuteNonQuery();
        }

        transaction.Commit();
    }, ct);

    public Task<(IReadOnlyList<SubjectStanding> Standings, long Epoch, string Mark)> SinceAsync(string? mark, CancellationToken ct) => Task.Run(() =>
    {
        var since = mark is null ? 0 : long.Parse(mark, CultureInfo.InvariantCulture);
        using var connection = _file.Open();
        using var transaction = connection.BeginTransaction(deferred: true); // epoch and rows of one moment
        var epoch = Epoch(connection, transaction);
        var found = new List<SubjectStanding>();
        using var query = SqliteFile.Command(connection, transaction,
            $"select changed_at, subject, {string.Join(", ", s_words)} from standings where changed_at > $since order by changed_at", ("$since", since));
        using var rows = query.ExecuteReader();
        while (rows.Read())
        {
            ct.ThrowIfCancellationRequested();
            since = rows.GetInt64(0);
            found.Add(new(BinaryPrimitives.ReadUInt128BigEndian(rows.GetFieldValue<byte[]>(1)),
                new(new(rows.GetInt64(2)), new(rows.GetInt64(3)), new(rows.GetInt64(4)), new(rows.GetInt64(5)), new(rows.GetInt64(6)), new(rows.GetInt64(7)))));
        }

        return ((IReadOnlyList<SubjectStanding>)found, epoch, since.ToString(CultureInfo.InvariantCulture));
    }, ct);

    /// <summary>As <see cref="PostgresStandings.CheckAsync"/>; needs the write lock.</summary>
    /// <exception cref="BatchBarredException">Somebody was barred since.</exception>
    public static void Check(SqliteConnection connection, SqliteTransaction transaction, long epoch)
    {
        if (Epoch(connection, transaction) != epoch) throw new BatchBarredException();
    }

    private static long Epoch(SqliteConnection connection, SqliteTransaction transaction)
    {
        using var query = SqliteFile.Command(connection, transaction, "select epoch from standing_epoch");
        return (long)query.ExecuteScalar()!;
    }

    private static string Later(string word) =>
        $"case when abs(excluded.{word}) > abs(standings.{word}) or (abs(excluded.{word}) = abs(standings.{word}) and excluded.{word} < standings.{word}) then excluded.{word} else standings.{word} end";
}

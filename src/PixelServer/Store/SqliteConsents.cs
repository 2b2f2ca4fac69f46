using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Consent records in the embedded database; one server has it for itself, and a verb may look beside it.</summary>
internal sealed class SqliteConsents(string file) : IConsents
{
    private const string Find = $"select {ConsentColumns.Names} from consent_records where site_id = $site and record_id = $id";

    private const string Insert =
        $"""
        insert into consent_records ({ConsentColumns.Names})
        values ($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
        """;

    private readonly SqliteFile _file = new(file);

    public Task<int> KeepAsync(Guid chain, IReadOnlyList<ConsentRecord> records, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        var (sites, ids) = ConsentColumns.Ids(records);
        var news = ConsentColumns.New(records, sites.Zip(ids).SelectMany(one => Known(connection, transaction, one.First, one.Second)).DistinctBy(one => (one.SiteId, one.RecordId)));
        var (seq, hash) = End(connection, transaction, chain);
        foreach (var one in news)
        {
            var link = ConsentChain.Append(one, chain, ++seq, hash);
            hash = link.Hash;
            Keep(connection, transaction, link);
        }

        ct.ThrowIfCancellationRequested();
        transaction.Commit();
        return news.Count;
    }, ct);

    public Task<IReadOnlyList<ConsentRecord>> KnownAsync(string site, IReadOnlyList<string> recordIds, CancellationToken ct) => Task.Run<IReadOnlyList<ConsentRecord>>(() =>
    {
        using var connection = _file.Open();
        return [.. recordIds.SelectMany(id => Known(connection, null, site, id))];
    }, ct);

    public Task<IReadOnlyList<ConsentLink>> AboutAsync(string site, string kind, string id, int limit, CancellationToken ct) => Task.Run<IReadOnlyList<ConsentLink>>(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null,
            $"select {ConsentColumns.Names} from consent_records where site_id = $site and subject_kind = $kind and subject_id = $id order by {ConsentColumns.Order} limit $limit",
            ("$site", site), ("$kind", kind), ("$id", id), ("$limit", limit));
        return [.. Read(query)];
    }, ct);

    public Task<IReadOnlyList<ConsentLink>> ExpiredAsync(ConsentEnd after, DateTimeOffset until, int limit, CancellationToken ct) => Task.Run<IReadOnlyList<ConsentLink>>(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null, ConsentColumns.Expired("$at", "$chain", "$seq", "$until", "$limit"),
            ("$at", EventText.Time(after.At)), ("$chain", after.Chain.ToString("D")), ("$seq", after.Seq), ("$until", EventText.Time(until)), ("$limit", limit));
        return [.. Read(query)];
    }, ct);

    public async IAsyncEnumerable<ConsentLink> ChainsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = _file.Open();
        await using var query = SqliteFile.Command(connection, null, $"select {ConsentColumns.Names} from consent_records order by chain, seq");
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) yield return Read(rows);
    }

    public async IAsyncEnumerable<(string Hash, string Text)> TextsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = _file.Open();
        await using var query = SqliteFile.Command(connection, null, "select text_hash, text from consent_texts order by text_hash");
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) yield return (rows.GetString(0), rows.GetString(1));
    }

    private static List<ConsentRecord> Known(SqliteConnection connection, SqliteTransaction? transaction, string site, string id)
    {
        using var query = SqliteFile.Command(connection, transaction, Find, ("$site", site), ("$id", id));
        return [.. Read(query).Select(one => one.Record)];
    }

    private static (long Seq, string Hash) End(SqliteConnection connection, SqliteTransaction transaction, Guid chain)
    {
        using var query = SqliteFile.Command(connection, transaction, "select seq, hash from consent_records where chain = $chain order by seq desc limit 1", ("$chain", chain.ToString("D")));
        using var rows = query.ExecuteReader();
        return rows.Read() ? (rows.GetInt64(0), rows.GetString(1)) : (0, ConsentChain.Origin);
    }

    private static void Keep(SqliteConnection connection, SqliteTransaction transaction, ConsentLink link)
    {
        var (one, person) = (link.Record, link.Record.Person);
        if (one.Text is not null)
        {
            using var text = SqliteFile.Command(connection, transaction,
                "insert into consent_texts (text_hash, text, first_at) values ($hash, $text, $at) on conflict do nothing",
                ("$hash", one.TextHash!), ("$text", one.Text), ("$at", EventText.Time(one.RecordedAt)));
            text.ExecuteNonQuery();
        }

        using var insert = SqliteFile.Command(connection, transaction, Insert);
        object?[] values =
        [
            link.Chain.ToString("D"), link.Seq, one.RecordId, one.SiteId, link.Commitment, one.Purpose, ConsentDecisions.Of(one.Decision), EventText.Time(one.At),
            EventText.Time(one.RecordedAt), one.Method, one.TextId, one.TextHash, one.Locale, one.PolicyVersion, one.CmpId, one.CmpVersion, one.Actor,
            one.ExpiresAt is { } end ? EventText.Time(end) : null, link.PrevHash, link.Hash, person.Salt, person.Kind, person.Id, person.Signal, person.Page,
            person.Ip, person.UserAgent,
        ];
        for (var i = 0; i < values.Length; i++) insert.Parameters.AddWithValue($"${i}", values[i] ?? DBNull.Value);
        insert.ExecuteNonQuery();
    }

    private static IEnumerable<ConsentLink> Read(SqliteCommand query)
    {
        using var rows = query.ExecuteReader();
        while (rows.Read()) yield return Read(rows);
    }

    private static ConsentLink Read(SqliteDataReader row) => ConsentColumns.Read(row, (one, column) =>
        DateTimeOffset.Parse(one.GetString(column), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal));
}

using System.Runtime.CompilerServices;
using Npgsql;
using NpgsqlTypes;

namespace PixelServer.Store;

/// <summary>Consent records in PostgreSQL, where several collectors meet.</summary>
internal sealed class PostgresConsents(NpgsqlDataSource source) : IConsents
{
    /// <summary>A table that keeps everything may be long.</summary>
    private const int AuditSeconds = 3_600;

    public async Task<int> KeepAsync(Guid chain, IReadOnlyList<ConsentRecord> records, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        // One writer at a time: a chain has one end, and a record id that two collectors were given is kept once.
        await using (var turn = new NpgsqlCommand("lock table consent_records in share row exclusive mode", connection)) await turn.ExecuteNonQueryAsync(ct);
        var (sites, ids) = ConsentColumns.Ids(records);
        var news = ConsentColumns.New(records, await KnownAsync(connection, sites, ids, ct));
        var (seq, hash) = await EndAsync(connection, chain, ct);
        var links = new List<ConsentLink>(news.Count);
        foreach (var one in news)
        {
            var link = ConsentChain.Append(one, chain, ++seq, hash);
            hash = link.Hash;
            links.Add(link);
        }

        await KeepTextsAsync(connection, news, ct);
        await CopyAsync(connection, links, ct);
        await transaction.CommitAsync(ct);
        return news.Count;
    }

    public async Task<IReadOnlyList<ConsentRecord>> KnownAsync(string site, IReadOnlyList<string> recordIds, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        return await KnownAsync(connection, [.. Enumerable.Repeat(site, recordIds.Count)], [.. recordIds], ct);
    }

    public async Task<IReadOnlyList<ConsentLink>> AboutAsync(string site, string kind, string id, int limit, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(
            $"select {ConsentColumns.Names} from consent_records where site_id = $1 and subject_kind = $2 and subject_id = $3 order by {ConsentColumns.Order} limit $4", connection);
        query.Parameters.Add(new() { Value = site });
        query.Parameters.Add(new() { Value = kind });
        query.Parameters.Add(new() { Value = id });
        query.Parameters.Add(new() { Value = limit });
        return await ReadAsync(query, ct);
    }

    public async Task<IReadOnlyList<ConsentLink>> ExpiredAsync(ConsentEnd after, DateTimeOffset until, int limit, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand(ConsentColumns.Expired("$1", "$2", "$3", "$4", "$5"), connection);
        query.Parameters.Add(new() { Value = after.At.UtcDateTime });
        query.Parameters.Add(new() { Value = after.Chain });
        query.Parameters.Add(new() { Value = after.Seq });
        query.Parameters.Add(new() { Value = until.UtcDateTime });
        query.Parameters.Add(new() { Value = limit });
        return await ReadAsync(query, ct);
    }

    public async IAsyncEnumerable<ConsentLink> ChainsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand($"select {ConsentColumns.Names} from consent_records order by chain, seq", connection) { CommandTimeout = AuditSeconds };
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) yield return Read(rows);
    }

    public async IAsyncEnumerable<(string Hash, string Text)> TextsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var query = new NpgsqlCommand("select text_hash, text from consent_texts order by text_hash", connection) { CommandTimeout = AuditSeconds };
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) yield return (rows.GetString(0), rows.GetString(1));
    }

    private static async Task<IReadOnlyList<ConsentRecord>> KnownAsync(NpgsqlConnection connection, string[] sites, string[] ids, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand(
            $"select {ConsentColumns.Names} from consent_records where (site_id, record_id) in (select * from unnest($1::text[], $2::text[]))", connection);
        query.Parameters.Add(new() { Value = sites });
        query.Parameters.Add(new() { Value = ids });
        return [.. (await ReadAsync(query, ct)).Select(one => one.Record)];
    }

    private static async Task<(long Seq, string Hash)> EndAsync(NpgsqlConnection connection, Guid chain, CancellationToken ct)
    {
        await using var query = new NpgsqlCommand("select seq, hash from consent_records where chain = $1 order by seq desc limit 1", connection);
        query.Parameters.Add(new() { Value = chain });
        await using var rows = await query.ExecuteReaderAsync(ct);
        return await rows.ReadAsync(ct) ? (rows.GetInt64(0), rows.GetString(1)) : (0, ConsentChain.Origin);
    }

    private static async Task KeepTextsAsync(NpgsqlConnection connection, IEnumerable<ConsentRecord> records, CancellationToken ct)
    {
        foreach (var one in records.Where(one => one.Text is not null).DistinctBy(one => one.TextHash).OrderBy(one => one.TextHash, StringComparer.Ordinal))
        {
            await using var keep = new NpgsqlCommand("insert into consent_texts (text_hash, text, first_at) values ($1, $2, $3) on conflict do nothing", connection);
            keep.Parameters.Add(new() { Value = one.TextHash! });
            keep.Parameters.Add(new() { Value = one.Text! });
            keep.Parameters.Add(new() { Value = one.RecordedAt.UtcDateTime });
            await keep.ExecuteNonQueryAsync(ct);
        }
    }

    private static async Task CopyAsync(NpgsqlConnection connection, List<ConsentLink> links, CancellationToken ct)
    {
        if (links.Count == 0) return;
        await using var copy = await connection.BeginBinaryImportAsync($"copy consent_records ({ConsentColumns.Names}) from stdin (format binary)", ct);
        foreach (var (one, chain, seq, commitment, prevHash, hash) in links)
        {
            await copy.StartRowAsync(ct);
            await copy.WriteAsync(chain, NpgsqlDbType.Uuid, ct);
            await copy.WriteAsync(seq, NpgsqlDbType.Bigint, ct);
            foreach (var text in (string?[])[one.RecordId, one.SiteId, commitment, one.Purpose, ConsentDecisions.Of(one.Decision)]) await TextAsync(text);
            await copy.WriteAsync(one.At.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            await copy.WriteAsync(one.RecordedAt.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            foreach (var text in (string?[])[one.Method, one.TextId, one.TextHash, one.Locale, one.PolicyVersion, one.CmpId, one.CmpVersion, one.Actor]) await TextAsync(text);
            if (one.ExpiresAt is { } end) await copy.WriteAsync(end.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            else await copy.WriteNullAsync(ct);
            var person = one.Person;
            foreach (var text in (string?[])[prevHash, hash, person.Salt, person.Kind, person.Id, person.Signal, person.Page, person.Ip, person.UserAgent]) await TextAsync(text);
        }

        await copy.CompleteAsync(ct);

        Task TextAsync(string? text) => text is null ? copy.WriteNullAsync(ct) : copy.WriteAsync(text, NpgsqlDbType.Text, ct);
    }

    private static async Task<List<ConsentLink>> ReadAsync(NpgsqlCommand query, CancellationToken ct)
    {
        var found = new List<ConsentLink>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(Read(rows));
        return found;
    }

    private static ConsentLink Read(NpgsqlDataReader row) => ConsentColumns.Read(row, (one, column) => new(one.GetDateTime(column)));
}

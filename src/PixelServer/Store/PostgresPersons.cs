using System.Collections.Frozen;
using System.Data.Common;
using Npgsql;

namespace PixelServer.Store;

/// <summary>Persons in PostgreSQL.</summary>
internal sealed class PostgresPersons(NpgsqlDataSource source, ILogger<PostgresPersons> log) : PersonDialect
{
    private const string Events = "events", Receipts = "event_receipts";

    // A row of nobody for each table, under a site that cannot be: see ForgetAsync.
    private static readonly FrozenDictionary<string, string> s_nobody = new Dictionary<string, string>
    {
        [Events] =
            """
            (event_id, received_at, occurred_at, site_id, source, name, visitor_id, visitor_kind, traffic, traffic_reasons, consent_storage, consent_measurement, consent_ads, gpc)
            select gen_random_uuid(), first, first, '', '', '', gen_random_uuid(), '', '', '{}', false, false, false, false
            from (select (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz as first from pg_class where oid = '{relation}'::regclass) as bound
            """,
        ["events_rejected"] = "select gen_random_uuid(), now(), now(), '', '', '', '', ''",
        ["mail_decisions"] = "select '', 'recipient', '', false, false, now(), '', now()",
        ["identity_edges"] = "select '', 'visitor', '', 'user', '', '', now(), now()",
        ["identity_cuts"] = "select '', 'visitor', '', 'user', '', ''",
        ["identity_blocks"] = "select '', 'user', '', ''",
        ["opt_outs"] = "select '', 'user', '', '', now(), now()",
        [Receipts] = $"select '{Guid.Empty}', '{Guid.Empty}', now()",
    }.ToFrozenDictionary();

    /// <summary>Tables that may become empty, and whose statistics are made new then.</summary>
    public static IReadOnlyCollection<string> Emptied => s_nobody.Keys;

    public override string Name => "postgresql";

    public override async Task<DbConnection> OpenAsync(CancellationToken ct) => await source.OpenConnectionAsync(ct);

    public override async Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken ct)
    {
        var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync((NpgsqlConnection)connection, ct);
        return transaction;
    }

    public override async Task<DbTransaction?> BeginByIndexAsync(DbConnection connection, CancellationToken ct)
    {
        var transaction = await BeginAsync(connection, ct);
        await using var set = Command(connection, transaction, "set local enable_seqscan = off");
        await set.ExecuteNonQueryAsync(ct);
        return transaction;
    }

    /// <remarks>
    /// Dead rows go, and the statistics in which single values stand are made anew. What is left in the free space of a page is overwritten by the next
    /// rows; docs/rights.md says who may want more.
    /// </remarks>
    public override async Task CleanAsync(IReadOnlyCollection<string> relations, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        var there = await ThereAsync(connection, relations, ct);
        foreach (var relation in there)
        {
            await using var clean = Command(connection, null, $"vacuum (analyze, index_cleanup on, truncate off) {relation}");
            await clean.ExecuteNonQueryAsync(ct);
        }

        if (relations.Any(relation => TableOf(relation) == Events))
        {
            await using var analyze = Command(connection, null, "analyze events");
            await analyze.ExecuteNonQueryAsync(ct);
        }

        foreach (var relation in there) await ForgetAsync(connection, relation, ct);
        log.LogDebug("{Relations} relations are vacuumed.", there.Count);
    }

    // A partition may have become past meanwhile, and then it is gone with all that was in it.
    private async Task<IReadOnlyList<string>> ThereAsync(NpgsqlConnection connection, IReadOnlyCollection<string> relations, CancellationToken ct)
    {
        await using var query = Command(connection, null, "select to_regclass(name)::text from unnest(@names) as name where to_regclass(name) is not null", ("names", relations.ToArray()));
        var there = new List<string>();
        await using var names = await query.ExecuteReaderAsync(ct);
        while (await names.ReadAsync(ct)) there.Add(names.GetString(0));
        return there;
    }

    // The planner's statistics of a table that has become empty stay as they were, with values of its last rows in them. A row that
    // nobody else ever sees makes them new.
    private async Task ForgetAsync(NpgsqlConnection connection, string relation, CancellationToken ct)
    {
        if (TableOf(relation) is not { } table) return;
        await using (var ask = Command(connection, null, $"select exists (select 1 from {relation})"))
            if ((bool)(await ask.ExecuteScalarAsync(ct))!) return;

        await using var transaction = await BeginAsync(connection, ct);
        foreach (var sql in (string[])
            [$"insert into {relation} {s_nobody[table].Replace("{relation}", relation, StringComparison.Ordinal)}", $"analyze {relation}", $"analyze {table}", $"delete from {relation} where {(table == Receipts ? $"once_key = '{Guid.Empty}'" : "site_id = ''")}"])
        {
            await using var command = Command(connection, transaction, sql);
            await command.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
    }

    // Null where the table keeps no identifiers, or is never emptied.
    private static string? TableOf(string relation) =>
        s_nobody.ContainsKey(relation) ? relation : relation.StartsWith("events_", StringComparison.Ordinal) ? Events : null;

    public override async Task<(string Person, IReadOnlyList<(string Kind, string Id)> Members)> MembersAsync(
        DbConnection connection, string site, string kind, string id, CancellationToken ct)
    {
        await using var ask = Command(connection, null,
            """
            select coalesce((select person_id from identity_persons where site_id = @site and kind = @kind and id = @id limit 1), @kind || ':' || @id)
            """, ("site", site), ("kind", kind), ("id", id));
        var person = (string)(await ask.ExecuteScalarAsync(ct))!;
        await using var query = Command(connection, null, "select kind, id from identity_members(@site, @person)", ("site", site), ("person", person));
        var members = new List<(string, string)>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) members.Add((rows.GetString(0), rows.GetString(1)));
        return (person, members);
    }

    public override Task<string> SelectJsonAsync(DbConnection connection, string table, string where, CancellationToken ct) =>
        Task.FromResult($"select to_jsonb(t)::text from (select * from {table} where {where}) as t");

    public override object Of(Guid id) => id;

    public override object Of(DateTimeOffset at) => at.UtcDateTime;

    public override DateTimeOffset Time(DbDataReader row, int column) => new(row.GetDateTime(column), TimeSpan.Zero);

    protected override string Named =>
        $$"""
        ({{Hash("email_sha256", "@emails")}} or {{Hash("phone_sha256", "@phones")}} or {{Hash("external_id_sha256", "@external_ids")}}
         or (cardinality(@devices) > 0 and exists (
           select 1 from jsonb_each(case jsonb_typeof(properties -> '$device') when 'object' then properties -> '$device' end) as d
           where d.key in ({{PersonTables.DeviceIds}}) and d.value #>> '{}' = any(@devices)))
         or (name = 'alias' and exists (
           select 1
           from (values (properties ->> 'previous_id'), (properties ->> 'previousId')) as p (id)
           where p.id <> '' and (p.id {users} or {{VisitorOf("p.id")}} {visitors}))))
        """;

    private static string Hash(string member, string ids) =>
        $"(cardinality({ids}) > 0 and jsonb_path_exists(properties, '$.**.{member}[*] ? (@ == $ids[*])', jsonb_build_object('ids', {ids}), true))";

    protected override string Relation => "tableoid::regclass::text";

    // As VisitorIds makes it.
    protected override string VisitorOf(string id) =>
        $$"""
        (select case
           when {{id}} ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then lower({{id}})
           else encode(set_byte(set_byte(substr(h, 1, 16), 6, (get_byte(h, 6) & 15) | 128), 8, (get_byte(h, 8) & 63) | 128), 'hex')::uuid::text
         end from sha256(convert_to(E'visitor\n' || site_id || E'\n' || {{id}}, 'UTF8')) as h)
        """;

    protected override string In(string parameter) => $"= any(@{parameter})";

    protected override object List<T>(T[] values) => values;

    protected override object Ids(IReadOnlyList<Guid> ids) => ids.ToArray();
}

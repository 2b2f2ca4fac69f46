using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Persons in the embedded database. SQLite is synchronous: callers are on a thread that may wait.</summary>
internal sealed class SqlitePersons(string file, TimeProvider clock) : PersonDialect
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(50);

    private const int Busy = 5, Locked = 6; // sqlite.org/rescode.html

    private readonly SqliteFile _file = new(file);

    public override string Name => "sqlite";

    public override Task<DbConnection> OpenAsync(CancellationToken ct)
    {
        var connection = _file.Open();
        connection.CreateFunction("visitor_of", (string site, string id) => VisitorIds.Of(site, id).ToString("D"), isDeterministic: true);
        using var set = Command(connection, null, "pragma secure_delete = on");
        set.ExecuteNonQuery();
        return Task.FromResult<DbConnection>(connection);
    }

    public override Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken ct) =>
        Task.FromResult<DbTransaction>(_file.BeginWrite((SqliteConnection)connection));

    /// <remarks>
    /// Copies of rows are left in pages that were split long ago: the file is written anew, and then the log, which has the pages of before, is emptied.
    /// </remarks>
    public override async Task CleanAsync(IReadOnlyCollection<string> relations, CancellationToken ct)
    {
        if (relations.Count == 0) return;
        var started = clock.GetTimestamp();
        await using var connection = await OpenAsync(ct);
        foreach (var sql in (string[])["vacuum", "pragma wal_checkpoint(truncate)"])
        {
            while (!await TryAsync(connection, sql, ct))
            {
                if (clock.GetElapsedTime(started) > s_patience) throw new TimeoutException("The embedded database was too busy to be cleaned.");
                await Task.Delay(s_again, clock, ct);
            }
        }
    }

    public override async Task<(string Person, IReadOnlyList<(string Kind, string Id)> Members)> MembersAsync(
        DbConnection connection, string site, string kind, string id, CancellationToken ct)
    {
        await using var ask = Command(connection, null,
            """
            select coalesce((select person_id from identity_persons where site_id = @site and kind = @kind and id = @id limit 1), @kind || ':' || @id)
            """, ("site", site), ("kind", kind), ("id", id));
        var person = (string)(await ask.ExecuteScalarAsync(ct))!;
        await using var query = Command(connection, null,
            "select kind, id from identity_persons where site_id = @site and person_id = @person", ("site", site), ("person", person));
        var members = new List<(string, string)>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) members.Add((rows.GetString(0), rows.GetString(1)));
        return (person, members);
    }

    public override async Task<string> SelectJsonAsync(DbConnection connection, string table, string where, CancellationToken ct)
    {
        await using var ask = Command(connection, null, "select name, type from pragma_table_info(@table)", ("table", table));
        var members = new List<string>();
        await using var rows = await ask.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            var (name, type) = (rows.GetString(0), rows.GetString(1));
            var value = name is "properties" or "traffic_reasons" or "signal" ? $"json({name})" : type.Equals("blob", StringComparison.OrdinalIgnoreCase) ? $"hex({name})" : name;
            members.Add($"'{name}', {value}");
        }

        return $"select json_object({string.Join(", ", members)}) from {table} where {where}";
    }

    public override object Of(Guid id) => id.ToString("D");

    public override object Of(DateTimeOffset at) => EventText.Time(at);

    public override DateTimeOffset Time(DbDataReader row, int column) => DateTimeOffset.Parse(row.GetString(column), CultureInfo.InvariantCulture);

    protected override string VisitorOf(string id) => $"visitor_of(site_id, cast({id} as text))";

    protected override string Named =>
        $$"""
        ({{Hash("email_sha256", "emails")}} or {{Hash("phone_sha256", "phones")}} or {{Hash("external_id_sha256", "external_ids")}}
         or (json_array_length(@devices) > 0 and instr(properties, '"$device"') > 0 and exists (
           select 1 from json_each(properties, '$."$device"') as d where d.key in ({{PersonTables.DeviceIds}}) and d.value {{In("devices")}}))
         or (name = 'alias' and exists (
           select 1 from (select properties ->> '$.previous_id' as id union all select properties ->> '$.previousId') as p
           where p.id <> '' and (cast(p.id as text) {users} or {{VisitorOf("p.id")}} {visitors}))))
        """;

    protected override string Relation => "null";

    private string Hash(string member, string ids) =>
        $"""
        (json_array_length(@{ids}) > 0 and instr(properties, '"{member}"') > 0 and exists (
          select 1 from json_tree(properties) as m, json_each(case m.type when 'array' then m.value else json_array(m.value) end) as one
          where m.key = '{member}' and m.type in ('text', 'array') and one.value {In(ids)}))
        """;

    protected override string In(string parameter) => $"in (select value from json_each(@{parameter}))";

    protected override object List<T>(T[] values) => JsonSerializer.Serialize(values);

    protected override object Ids(IReadOnlyList<Guid> ids) => JsonSerializer.Serialize(ids.Select(id => id.ToString("D")));

    // False where others hold the file.
    private async Task<bool> TryAsync(DbConnection connection, string sql, CancellationToken ct)
    {
        try
        {
            await using var command = Command(connection, null, sql);
            await using var row = await command.ExecuteReaderAsync(ct);
            return !await row.ReadAsync(ct) || row.GetInt64(0) == 0; // the checkpoint's first column: 1 where somebody held it up
        }
        catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked)
        {
            return false;
        }
    }
}

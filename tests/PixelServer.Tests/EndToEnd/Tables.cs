using System.Data.Common;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A look into the store's tables as an operator has it: by SQL, past all of our own code.</summary>
internal sealed class Tables
{
    // What the embedded store has no type of its own for.
    private static readonly string[] s_truths = ["consent_storage", "consent_measurement", "consent_ads", "gpc"];
    private static readonly string[] s_json = ["traffic_reasons", "properties"];

    private readonly Func<DbConnection> _connect;
    private readonly Func<DbDataReader, JsonObject> _row;
    private readonly string _events;

    private Tables(Func<DbConnection> connect, string events, Func<DbDataReader, JsonObject> row) => (_connect, _events, _row) = (connect, events, row);

    public static Tables Postgres(string connectionString) => new(
        () => new NpgsqlConnection(connectionString + ";Pooling=false"), "select to_jsonb(e)::text from events e", row => JsonNode.Parse(row.GetString(0))!.AsObject());

    public static Tables Sqlite(string file) => new(
        () => new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False"), "select * from events",
        row => new(Enumerable.Range(0, row.FieldCount).Select(column => KeyValuePair.Create(row.GetName(column), Node(row.GetName(column), row.GetValue(column))))));

    public async Task<IReadOnlyList<T>> QueryAsync<T>(string query, Func<DbDataReader, T> row)
    {
        await using var connection = _connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync()) rows.Add(row(reader));
        return rows;
    }

    public async Task<long> CountAsync(string table) => (await QueryAsync($"select count(*) from {table}", row => row.GetInt64(0)))[0];

    /// <summary>All events in the order of their arrival; the same JSON from both stores.</summary>
    public Task<IReadOnlyList<JsonObject>> EventsAsync() => QueryAsync($"{_events} order by received_at, event_id", _row);

    private static JsonNode? Node(string column, object value) => value switch
    {
        DBNull => null,
        long truth when s_truths.Contains(column) => truth != 0,
        string json when s_json.Contains(column) => JsonNode.Parse(json),
        string text => text,
        _ => Convert.ToDecimal(value, CultureInfo.InvariantCulture),
    };
}

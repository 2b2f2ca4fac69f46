using System.Data.Common;
using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A look into the store's tables as an operator has it: by SQL, past all of our own code.</summary>
internal sealed class Tables(Func<DbConnection> connect)
{
    // What the embedded store has no type of its own for.
    private static readonly string[] s_truths = ["consent_storage", "consent_measurement", "consent_ads", "gpc"];
    private static readonly string[] s_json = ["traffic_reasons", "properties"];

    public static Tables Postgres(string connectionString) => new(() => new NpgsqlConnection(connectionString + ";Pooling=false"));

    public static Tables Sqlite(string file) => new(() => new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False"));

    public async Task<IReadOnlyList<T>> QueryAsync<T>(string query)
    {
        await using var connection = connect();
        return [.. await connection.QueryAsync<T>(query)];
    }

    public async Task<long> CountAsync(string table) => (await QueryAsync<long>($"select count(*) from {table}"))[0];

    /// <summary>All events in the order of their arrival; the same JSON from both stores.</summary>
    public async Task<IReadOnlyList<JsonObject>> EventsAsync()
    {
        await using var connection = connect();
        if (connection is NpgsqlConnection)
        {
            return [.. (await connection.QueryAsync<string>("select to_jsonb(e)::text from events e order by received_at, event_id"))
                .Select(row => JsonNode.Parse(row)!.AsObject())];
        }

        return [.. (await connection.QueryAsync("select * from events order by received_at, event_id"))
            .Select(row => new JsonObject(((IDictionary<string, object?>)row).Select(column => KeyValuePair.Create(column.Key, Node(column.Key, column.Value)))))];
    }

    private static JsonNode? Node(string column, object? value) => value switch
    {
        null => null,
        long truth when s_truths.Contains(column) => truth != 0,
        string json when s_json.Contains(column) => JsonNode.Parse(json),
        string text => JsonValue.Create(text),
        _ => JsonValue.Create(Convert.ToDecimal(value, CultureInfo.InvariantCulture)),
    };
}

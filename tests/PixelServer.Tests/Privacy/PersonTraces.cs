using System.Buffers;
using System.Data.Common;
using System.Text;
using Microsoft.Data.Sqlite;
using Npgsql;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Looks for identifiers everywhere: the bytes of every file of the data directory, and every column of every table of the store.</summary>
internal sealed class PersonTraces
{
    private readonly string _directory;
    private readonly Func<DbConnection> _connect;
    private readonly string _tables;
    private readonly string? _columns;

    private PersonTraces(string directory, Func<DbConnection> connect, string tables, string? columns) =>
        (_directory, _connect, _tables, _columns) = (directory, connect, tables, columns);

    /// <param name="directory">The data directory.</param>
    /// <param name="postgres">Connection string; empty for the embedded store.</param>
    public static PersonTraces Of(string directory, string postgres) => postgres.Length > 0 ? OfPostgres(directory, postgres) : OfSqlite(directory);

    public static PersonTraces OfSqlite(string directory) => new(
        directory, () => new SqliteConnection($"Data Source={Path.Combine(directory, "pixel.db")};Mode=ReadWrite;Pooling=False"),
        "select name from sqlite_schema where type = 'table'", null);

    // The statistics of the planner hold values of single rows.
    public static PersonTraces OfPostgres(string directory, string connectionString) => new(
        directory, () => new NpgsqlConnection(connectionString + ";Pooling=false"),
        "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace union all select 'pg_catalog.pg_stats'",
        """
        select string_agg(case when atttypid = 'bytea'::regtype then quote_ident(attname) else quote_ident(attname) || '::text' end, ', ' order by attnum)
        from pg_attribute where attrelid = '{0}'::regclass and attnum > 0 and not attisdropped
        """);

    /// <summary>Where something of the person still is: file or table, and what.</summary>
    public async Task<IReadOnlyList<string>> FindAsync(params IEnumerable<string> identifiers)
    {
        var needles = new Needles(identifiers.SelectMany(Forms));
        return [.. await InFilesAsync(_directory, needles), .. await InTablesAsync(needles)];
    }

    public static Task<IReadOnlyList<string>> InFilesAsync(string directory, IEnumerable<(string Name, byte[] Bytes)> needles) => InFilesAsync(directory, new Needles(needles));

    private static async Task<IReadOnlyList<string>> InFilesAsync(string directory, Needles needles)
    {
        using var copy = await DirectoryCopy.OfAsync(directory);
        return [.. from file in Directory.EnumerateFiles(copy.Path, "*", SearchOption.AllDirectories)
                   from name in needles.In(File.ReadAllBytes(file))
                   select $"{Path.GetRelativePath(copy.Path, file)}: {name}"];
    }

    /// <summary>As text, and where it is a UUID as its bytes and without hyphens too.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Forms(string identifier)
    {
        yield return (identifier, Encoding.UTF8.GetBytes(identifier));
        if (!Guid.TryParse(identifier, out var id)) yield break;
        yield return (identifier + " (bytes)", id.ToByteArray(bigEndian: true));
        yield return (identifier + " (digits)", Encoding.ASCII.GetBytes(id.ToString("N")));
    }

    private async Task<IReadOnlyList<string>> InTablesAsync(Needles needles)
    {
        var found = new List<string>();
        await using var connection = _connect();
        await connection.OpenAsync();
        foreach (var table in await TablesAsync(connection))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"select {await ColumnsAsync(connection, table)} from {table}";
            await using var rows = await command.ExecuteReaderAsync();
            while (await rows.ReadAsync())
            {
                for (var column = 0; column < rows.FieldCount; column++)
                {
                    if (rows.IsDBNull(column)) continue;
                    var bytes = rows.GetFieldType(column) == typeof(byte[]) ? rows.GetFieldValue<byte[]>(column)
                        : rows.GetFieldType(column) == typeof(string) || rows.GetDataTypeName(column) is "text" ? Encoding.UTF8.GetBytes(rows.GetString(column)) : [];
                    found.AddRange(needles.In(bytes).Select(name => $"{table}.{rows.GetName(column)}: {name}"));
                }
            }
        }

        return [.. found.Distinct()];
    }

    public async Task DoAsync(string sql)
    {
        await using var connection = _connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Rows of texts.</summary>
    public async Task<IReadOnlyList<string[]>> AskAsync(string sql)
    {
        await using var connection = _connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync();
        var found = new List<string[]>();
        while (await rows.ReadAsync()) found.Add([.. Enumerable.Range(0, rows.FieldCount).Select(column => Convert.ToString(rows.GetValue(column), System.Globalization.CultureInfo.InvariantCulture)!)]);
        return found;
    }

    /// <summary>Whether a table has it somewhere.</summary>
    public async Task<bool> InStoreAsync(string table, string identifier) =>
        (await InTablesAsync(new Needles(Forms(identifier)))).Any(one => one.StartsWith(table + ".", StringComparison.Ordinal));

    public async Task<IReadOnlyList<string>> TablesAsync()
    {
        await using var connection = _connect();
        await connection.OpenAsync();
        return await TablesAsync(connection);
    }

    private async Task<string> ColumnsAsync(DbConnection connection, string table)
    {
        if (_columns is null) return "*";
        await using var command = connection.CreateCommand();
        command.CommandText = _columns.Replace("{0}", table, StringComparison.Ordinal);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private async Task<List<string>> TablesAsync(DbConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = _tables;
        await using var rows = await command.ExecuteReaderAsync();
        var tables = new List<string>();
        while (await rows.ReadAsync()) tables.Add(rows.GetString(0));
        return tables;
    }

    /// <summary>Byte sequences that are looked for all at once: there may be hundreds, in hundreds of megabytes.</summary>
    private sealed class Needles(IEnumerable<(string Name, byte[] Bytes)> needles)
    {
        private readonly List<(string Name, byte[] Bytes)> _all = [.. needles];
        private SearchValues<string>? _any;

        public IEnumerable<string> In(byte[] content)
        {
            // As text with a character for each byte, for that is what can be searched for many texts.
            _any ??= SearchValues.Create([.. _all.Select(needle => Encoding.Latin1.GetString(needle.Bytes))], StringComparison.Ordinal);
            return Encoding.Latin1.GetString(content).AsSpan().ContainsAny(_any) ? [.. _all.Where(needle => content.AsSpan().IndexOf(needle.Bytes) >= 0).Select(needle => needle.Name)] : [];
        }
    }
}

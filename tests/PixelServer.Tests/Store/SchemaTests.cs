using System.Runtime.CompilerServices;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>The schema as it stands in the database is the one that was agreed and the one that is documented.</summary>
public sealed class SchemaTests(SharedPostgres postgres) : IAsyncDisposable
{
    private const string Columns =
        """
        select concat_ws(' | ', '', '`' || a.attname || '`', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'no' else 'yes' end,
                         coalesce(col_description(a.attrelid, a.attnum), ''), '')
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        where c.relname = '{0}' and a.attnum > 0 and not a.attisdropped
        order by a.attnum
        """;

    private static readonly string[] Tables =
    [
        "events", "events_rejected", "journal_positions", "mail_decisions", "email_opens", "event_receipts", "daily_keys", "retention_runs", "conversion_names", "conversions",
        "consent_texts", "consent_records", "consents", "opt_outs", "opted_out", "refusals",
        "identity_edges", "identity_cuts", "identity_blocks", "identity_links", "identity_visitors", "identity_emails", "identity_persons", "persons", "identity_refused", "person_events",
    ];

    private const string Functions =
        "select format('| `%s(%s)` | %s |', proname, pg_get_function_arguments(oid), obj_description(oid)) from pg_proc where pronamespace = 'public'::regnamespace order by proname";

    private readonly PostgresTestStore _test = new(postgres);

    [Fact]
    public async Task The_schema_is_the_golden_one()
    {
        await _test.FreshAsync();
        var lines = new List<string>();
        foreach (var table in Tables)
        {
            lines.Add($"{table}: {(await _test.AskAsync($"select obj_description('{table}'::regclass)"))[0]}");
            lines.Add($"partition key: {(await _test.AskAsync($"select pg_get_partkeydef('{table}'::regclass)"))[0]}");
            lines.AddRange((await _test.AskAsync(Columns.Replace("{0}", table, StringComparison.Ordinal)))!);
            lines.AddRange((await _test.AskAsync($"select indexdef from pg_indexes where tablename = '{table}' order by 1"))!);
            lines.Add("");
        }

        lines.AddRange((await _test.AskAsync(Functions))!);
        lines.Add("");

        var golden = Source("../Golden/schema.postgres.txt");
        var schema = string.Join('\n', lines).Replace(" \n", "\n", StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") await File.WriteAllTextAsync(golden, schema);
        Assert.Equal(await File.ReadAllTextAsync(golden), schema);
    }

    [Fact]
    public async Task The_columns_are_those_of_the_contract_in_its_order()
    {
        await _test.FreshAsync();

        Assert.Equal(EventColumns.All.Select(column => column.Name),
            await _test.AskAsync("select attname from pg_attribute where attrelid = 'events'::regclass and attnum > 0 order by attnum"));
    }

    [Fact]
    public async Task Every_table_and_column_has_a_comment()
    {
        await _test.FreshAsync();

        foreach (var table in Tables)
        {
            Assert.NotNull((await _test.AskAsync($"select obj_description('{table}'::regclass)"))[0]);
            Assert.All(await _test.AskAsync(
                $"select coalesce(col_description(attrelid, attnum), '') from pg_attribute where attrelid = '{table}'::regclass and attnum > 0"), comment => Assert.NotEqual("", comment));
        }
    }

    [Fact]
    public async Task Every_function_and_aggregate_of_ours_has_a_comment()
    {
        await _test.FreshAsync();

        var functions = await _test.AskAsync("select proname || ': ' || coalesce(obj_description(oid, 'pg_proc'), '') from pg_proc where pronamespace = 'public'::regnamespace order by 1");

        Assert.Contains(functions, function => function!.StartsWith("two_sides: How", StringComparison.Ordinal));
        Assert.All(functions, function => Assert.False(function!.EndsWith(": ", StringComparison.Ordinal), function));
    }

    [Fact]
    public async Task Nothing_is_unique_in_events_so_that_it_can_be_distributed()
    {
        await _test.FreshAsync();

        Assert.Equal("0", (await _test.AskAsync("select count(*) from pg_index where indrelid = 'events'::regclass and indisunique"))[0]);
    }

    [Fact]
    public async Task The_document_lists_the_columns_as_the_database_does()
    {
        await _test.FreshAsync();
        var documented = await File.ReadAllLinesAsync(Source("../../../docs/schema.md"));

        foreach (var table in Tables)
        {
            var section = documented.SkipWhile(line => line != $"## {table}").Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal));
            Assert.Equal((await _test.AskAsync(Columns.Replace("{0}", table, StringComparison.Ordinal))).Select(line => line!.Trim()),
                section.Where(line => line.StartsWith("| `", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task The_document_lists_the_functions_as_the_database_does_and_each_says_what_it_gives()
    {
        await _test.FreshAsync();
        var functions = await _test.AskAsync(Functions);
        var documented = await File.ReadAllLinesAsync(Source("../../../docs/schema.md"));

        Assert.NotEmpty(functions);
        Assert.DoesNotContain(functions, line => line!.EndsWith("|  |", StringComparison.Ordinal));
        Assert.Equal(functions, documented.SkipWhile(line => line != "## Functions").TakeWhile(line => line != "## SQLite").Where(line => line.StartsWith("| `", StringComparison.Ordinal)));
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    private static string Source(string relative, [CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, relative));
}

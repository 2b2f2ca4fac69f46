using Microsoft.Extensions.DependencyInjection;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>
/// Whatever holds something of persons has to be known to those who erase: a table, a column or a file that nobody has judged fails here. Add it to
/// <see cref="PersonTables"/> or <see cref="PersonFiles"/> with a rule, or with the reason why it needs none.
/// </summary>
public sealed class SqliteHoldersTests : HoldersContract
{
    private protected override Task<string> PostgresAsync() => Task.FromResult("");

    private protected override string ColumnsQuery =>
        "select t.name, c.name from sqlite_schema as t, pragma_table_info(t.name) as c where t.type = 'table' and t.name not like 'sqlite_%'";

    // In days.db, so that no backup holds it.
    private protected override string[] Elsewhere => ["daily_keys"];
}

public sealed class PostgresHoldersTests(SharedPostgres postgres) : HoldersContract
{
    private protected override Task<string> PostgresAsync() => postgres.Cluster.CreateDatabaseAsync();

    // Partitions are their table's.
    private protected override string ColumnsQuery =>
        """
        select t.relname::text, c.attname::text from pg_class as t join pg_attribute as c on c.attrelid = t.oid
        where t.relkind in ('r', 'p') and not t.relispartition and t.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
          and c.attnum > 0 and not c.attisdropped
        """;
}

public abstract class HoldersContract
{
    private protected abstract Task<string> PostgresAsync();

    private protected abstract string ColumnsQuery { get; }

    private protected virtual string[] Elsewhere => [];

    [Fact]
    public async Task Every_table_and_column_of_the_store_is_somebodys_to_erase_or_said_to_hold_nothing_of_anybody()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        var tables = (await shop.Traces.AskAsync(ColumnsQuery)).GroupBy(row => row[0], row => row[1]).ToDictionary(table => table.Key, table => table.ToHashSet());
        Assert.True(tables.Count > 8);

        foreach (var (table, columns) in tables)
        {
            var erased = PersonTables.All.SingleOrDefault(one => one.Name == table);
            if (table == PersonTables.Rejected || erased is { Set: null }) continue; // whole rows go
            if (erased is not null)
            {
                var set = erased.Set!.Split(',').Select(one => one.Split('=')[0].Trim());
                Assert.Equal(columns.Order(), set.Concat(erased.Kept.Split(' ')).Order());
                continue;
            }

            Assert.True(PersonTables.Impersonal.TryGetValue(table, out var judged), $"Nobody has said what becomes of a person's rows in {table}");
            Assert.Empty(columns.Select(one => one.ToLowerInvariant()).Except(judged.Columns.Split(' ')));
            Assert.NotEmpty(judged.Reason);
        }

        Assert.Empty(PersonTables.All.Select(one => one.Name).Except(tables.Keys));
        Assert.Empty(PersonTables.Impersonal.Keys.Except(tables.Keys).Except(Elsewhere));
    }

    [Fact]
    public async Task Every_file_of_a_busy_server_is_somebodys_to_erase_or_said_to_hold_nothing_of_anybody_and_what_names_a_person_is_found()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.BusyAsync("markerperson", Guid.NewGuid(), "marker@example.org");
        await shop.DrainedAsync();
        var holders = shop.App.Services.GetServices<IHolder>().Select(one => one.Name).ToHashSet();
        Assert.True(holders.Count >= 2);

        var files = Directory.EnumerateFiles(shop.App.DataDirectory, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(shop.App.DataDirectory, file).Replace('\\', '/')).ToList();
        foreach (var file in files)
        {
            var judged = PersonFiles.Of(file);
            Assert.True(judged is not null, $"Nobody has said what becomes of a person in {file}");
            if (judged.Value.Holder is { } holder) Assert.Contains(holder, holders.Append(PersonFiles.Store));
            else Assert.NotEmpty(judged.Value.Reason);
        }

        // Every place that names them is one that find counts.
        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = "markerperson" });
        var counted = found.GetProperty("rows").EnumerateObject().Select(one => one.Name).ToHashSet();
        var records = found.GetProperty("collectors")[0].GetProperty("records").EnumerateObject().Select(one => one.Name).ToHashSet();
        var traces = await shop.Traces.FindAsync("markerperson", PersonShop.Sha256("marker@example.org"));
        Assert.NotEmpty(traces);
        foreach (var trace in traces.Select(one => one[..one.IndexOf(':', StringComparison.Ordinal)]))
        {
            if (files.Contains(trace.Replace('\\', '/')))
            {
                var holder = PersonFiles.Of(trace.Replace('\\', '/'))!.Value.Holder;
                Assert.True(holder == PersonFiles.Store || records.Contains(holder!), $"{trace} names somebody whom find does not count there");
                continue;
            }

            var table = trace[..trace.IndexOf('.', StringComparison.Ordinal)];
            if (table == "pg_catalog") continue; // the planner's statistics are made of the tables
            Assert.True(counted.Contains(table) || (table.StartsWith("events_2", StringComparison.Ordinal) && counted.Contains("events")), $"{trace} names somebody whom find does not count there");
        }
    }

    [Fact]
    public void A_file_of_another_kind_is_not_taken_for_one_that_is_known()
    {
        Assert.Null(PersonFiles.Of("forwards.db"));
        Assert.Null(PersonFiles.Of("journal/index/1.seg"));
        Assert.Null(PersonFiles.Of("keys/old/cookie"));
        Assert.Equal("journal", PersonFiles.Of("journal/00000000000000000007.seg")?.Holder);
    }
}

using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>An erasure whose ways are crossed: by a login, by a reader of the database, by another erasure, by an early question.</summary>
public sealed class SqlitePersonFlowTests : PersonFlowContract
{
    private protected override Task<string> PostgresAsync() => Task.FromResult("");

    private protected override async Task<DbConnection> HoldUpAsync(PersonShop shop)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(shop.App.DataDirectory, "pixel.db")};Pooling=False");
        await connection.OpenAsync();
        return await DoAsync(connection, "begin; select count(*) from events");
    }
}

/// <inheritdoc cref="SqlitePersonFlowTests"/>
public sealed class PostgresPersonFlowTests(SharedPostgres postgres) : PersonFlowContract
{
    private protected override Task<string> PostgresAsync() => postgres.Cluster.CreateDatabaseAsync();

    private protected override Task<DbConnection> HoldUpAsync(PersonShop shop) => LockAsync(shop, "begin; lock table events in share update exclusive mode");

    [Fact]
    public async Task There_is_no_receipt_before_the_last_look_for_what_came_late()
    {
        var holder = new Endless("ada");
        await using var shop = await PersonShop.StartWithAsync(services => services.AddSingleton<IHolder>(holder), await PostgresAsync());
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        var erasing = shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        await Eventually.TrueAsync(() => holder.Asked > 0, () => "the rows are gone, the collectors are at it\n" + shop.App.Output);

        // The second look comes as far as this table.
        await using (await LockAsync(shop, "begin; lock table identity_blocks in share mode"))
        {
            holder.Ends = true;
            await Eventually.TrueAsync(async () => (await shop.Traces.AskAsync("select host from person_request_parts")).Count == 1, () => "the collector has done its part\n" + shop.App.Output);
            var id = Guid.Parse((await shop.Traces.AskAsync("select request_id from person_requests"))[0][0]);
            var state = await shop.App.Services.GetRequiredService<Persons>().StateAsync(id, TimeSpan.FromSeconds(1), default);
            Assert.Equal((true, null), (state!.IsInterrupted, state.Receipt));
        }

        Assert.Equal("complete", (await erasing).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Rows_that_are_deleted_while_the_database_is_cleaned_of_earlier_ones_are_still_to_be_cleaned()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        var (rows, requests) = (shop.App.Services.GetRequiredService<PersonRows>(), shop.App.Services.GetRequiredService<PersonRequests>());
        var (id, ada) = (Guid.CreateVersion7(), new PersonIds(PersonShop.Site, [], ["ada"], []));
        await requests.AddAsync(new(id, "find", PersonShop.Site, [], TimeProvider.System.GetUtcNow()), default); // no collector does anything about it
        Assert.Equal(1, (await rows.EraseAsync(id, ada, default))["events"]);
        Task<bool> cleaning;
        await using (await HoldUpAsync(shop))
        {
            cleaning = rows.CleanAsync(default);
            await Eventually.TrueAsync(
                async () => (await shop.Traces.AskAsync("select pid from pg_stat_activity where wait_event_type = 'Lock' and query like 'vacuum%' and datname = current_database()")).Count > 0,
                () => "the cleaning is under way\n" + shop.App.Output);
            await shop.PixelAsync("u=ada");
            await shop.DrainedAsync();
            Assert.Equal(1, (await rows.EraseAsync(id, ada, default))["events"]);
        }

        Assert.True(await cleaning);
        Assert.False((await requests.FindAsync(id, default))!.IsClean);
        Assert.True(await rows.CleanAsync(default));
        Assert.True((await requests.FindAsync(id, default))!.IsClean);
    }

    [Fact]
    public async Task A_table_that_becomes_empty_leaves_nothing_in_the_statistics_of_the_planner()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (device, second, user) = (Guid.NewGuid(), Guid.NewGuid(), "somebody-of-the-statistics");
        await shop.BusyAsync(user, device, "ada@example.org");
        await shop.DrainedAsync();
        await shop.Traces.DoAsync(
            $"""
             insert into identity_cuts (site_id, from_kind, from_id, to_kind, to_id, reason)
             select 'shop', 'visitor', '{second}', 'user', one, '' from unnest(array['{user}', '{user}-2']) as one;
             insert into identity_blocks (site_id, kind, id) values ('shop', 'visitor', '{second}'), ('shop', 'user', '{user}-2');
             analyze;
             """);
        var before = (await shop.Traces.FindAsync(user, device.ToString(), second.ToString())).Where(one => one.StartsWith("pg_catalog", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(before);

        var erased = await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = user, also = new[] { "visitor:" + second, $"user:{user}-2" } });
        Assert.Equal(
            ["consent_records", "event_receipts", "events", "events_rejected", "identity_blocks", "identity_cuts", "identity_edges", "mail_decisions", "opt_outs"],
            erased.GetProperty("rows").EnumerateObject().Select(one => one.Name).Order(StringComparer.Ordinal));
        Assert.Empty(await shop.Traces.FindAsync(user, device.ToString(), second.ToString()));

        // Every table of which rows are deleted is judged.
        Assert.Equal(PersonTables.All.Where(one => one.Set is null).Select(one => one.Name).Append(PersonTables.Rejected).Order(StringComparer.Ordinal), PostgresPersons.Emptied.Order(StringComparer.Ordinal));
    }

    private static async Task<DbConnection> LockAsync(PersonShop shop, string sql)
    {
        var connection = new NpgsqlConnection(shop.Postgres + ";Pooling=false");
        await connection.OpenAsync();
        return await DoAsync(connection, sql);
    }
}

public abstract class PersonFlowContract
{
    private protected abstract Task<string> PostgresAsync();

    /// <summary>Keeps the database from being cleaned, but not from being written to, until it is disposed.</summary>
    private protected abstract Task<DbConnection> HoldUpAsync(PersonShop shop);

    [Fact]
    public async Task A_device_on_which_the_person_logs_in_while_they_are_erased_goes_with_them()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (known, late, shared) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await shop.PixelAsync("u=ada", known);
        await shop.PixelAsync("title=looked+at+before+the+login", late);
        await shop.PixelAsync("u=bob", shared);
        await shop.DrainedAsync();
        var persons = shop.App.Services.GetRequiredService<Persons>();
        var found = await AdaAsync(persons);
        Assert.Equal([known], found.Ids.Visitors);

        // Between the question and the word that bars her.
        Assert.Null(await shop.PixelAsync("u=ada", late));
        Assert.Null(await shop.PixelAsync("u=ada", shared));
        await shop.DrainedAsync();

        var erased = await persons.EraseAsync(found, TimeSpan.FromSeconds(20), default);
        Assert.NotNull(erased.Receipt);
        Assert.Equal([("visitor", shared.ToString())], erased.Shared);
        Assert.Equal(4, erased.Rows["events"]);
        Assert.Empty(await shop.Traces.FindAsync(known.ToString(), late.ToString()));
        Assert.Single(await shop.Traces.AskAsync("select name from events where user_id = 'bob'"));
        Assert.Null(await shop.PixelAsync("", late)); // as a stranger
        await shop.DrainedAsync();
        Assert.Empty(await shop.Traces.FindAsync(late.ToString()));
    }

    [Fact]
    public async Task A_device_of_which_only_the_journal_knows_whose_it_is_goes_too_and_one_that_others_use_stays()
    {
        UnreliableStore? store = null;
        await using var shop = await PersonShop.StartWithAsync(services =>
        {
            var real = services.Last(one => one.ServiceType == typeof(IEventStore)).ImplementationFactory!;
            services.AddSingleton<IEventStore>(provider => store = new((IEventStore)real(provider)));
        }, await PostgresAsync());
        var (late, shared, sharedLater, email) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid(), "ada@example.org");
        await shop.PixelAsync("title=looked+at+before+the+login", late);
        await shop.PixelAsync("u=bob", shared);
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        store!.KeepFailing = true;
        store.BeforeSave = _ => throw new TimeoutException("a test");
        var persons = shop.App.Services.GetRequiredService<Persons>();
        var found = await AdaAsync(persons);

        Assert.Null(await shop.PixelAsync("u=ada", late));
        Assert.Null(await shop.PixelAsync("u=ada", shared));
        Assert.Null(await shop.PixelAsync("u=ada", sharedLater));
        Assert.Null(await shop.PixelAsync("u=cid", sharedLater));
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "purchase", user_id = "ada", identity = new { email } })).Status);
        var erased = await persons.EraseAsync(found, TimeSpan.FromSeconds(20), default);

        Assert.NotNull(erased.Receipt);
        Assert.Equal(new[] { shared, sharedLater }.Select(one => ("visitor", one.ToString())).Order(), erased.Shared.Order());
        Assert.Equal(2, erased.Rows["events"]);
        (store.KeepFailing, store.BeforeSave) = (false, null);
        await shop.DrainedAsync();
        Assert.Empty(await shop.Traces.FindAsync(late.ToString(), PersonShop.Sha256(email)));
        Assert.Equal(["bob", "cid"], (await shop.Traces.AskAsync("select user_id from events order by user_id")).Select(row => row[0]));
        Assert.Contains("person_erased", (await shop.BackendAsync(new { @event = "x", identity = new { email } })).Body, StringComparison.Ordinal);
        var page = shop.App.Ledger.Read();
        Assert.True(page.Balances, page.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_export_has_a_hit_once_that_is_stored_while_it_is_made(bool isBeforeTheRowsAreRead)
    {
        UnreliableStore? store = null;
        await using var shop = await PersonShop.StartWithAsync(services =>
        {
            var real = services.Last(one => one.ServiceType == typeof(IEventStore)).ImplementationFactory!;
            services.AddSingleton<IEventStore>(provider => store = new((IEventStore)real(provider)));
        }, await PostgresAsync());
        await shop.PixelAsync("u=ada&title=first");
        await shop.DrainedAsync();
        store!.KeepFailing = true;
        store.BeforeSave = _ => throw new TimeoutException("a test");
        await shop.PixelAsync("u=ada&title=second");
        var persons = shop.App.Services.GetRequiredService<Persons>();
        var (found, keys) = (await AdaAsync(persons), shop.App.Services.GetRequiredService<SubjectKeys>());

        using var written = new MemoryStream();
        await PersonExport.WriteAsync(
            written, found, RowsAsync(), shop.App.Services.GetRequiredService<PersonJournal>().WaitingAsync(new(keys, PersonShop.Site, found.Ids.Subjects(keys)), default), TimeProvider.System.GetUtcNow(), default);
        var export = System.Text.Json.JsonDocument.Parse(written.ToArray()).RootElement;
        Assert.Equal(["first", "second"], export.GetProperty("events").EnumerateArray().Concat(export.GetProperty("not_yet_stored").EnumerateArray())
            .Select(one => one.GetProperty("title").GetString()).Order());

        async IAsyncEnumerable<(string, string)> RowsAsync()
        {
            if (isBeforeTheRowsAreRead) await StoredAsync();
            await foreach (var row in persons.ExportAsync(found.Ids, default)) yield return row;
            if (!isBeforeTheRowsAreRead) await StoredAsync();
        }

        Task StoredAsync()
        {
            (store.KeepFailing, store.BeforeSave) = (false, null);
            return shop.DrainedAsync();
        }
    }

    [Fact]
    public async Task What_is_named_alone_is_not_followed_to_the_others_who_use_it()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var device = Guid.NewGuid();
        await shop.PixelAsync("u=bob", device);
        await shop.PixelAsync("u=bob");
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();

        var erased = await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada", also = new[] { "visitor:" + device } });
        Assert.Equal(2, erased.GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Single(await shop.Traces.AskAsync("select name from events where user_id = 'bob'"));
    }

    [Fact]
    public async Task A_database_that_could_not_be_cleaned_is_cleaned_later_also_by_another_process_and_not_before_that_is_there_a_receipt()
    {
        var connection = await PostgresAsync();
        using var folder = new TempFolder();
        var (device, id) = (Guid.NewGuid(), Guid.Empty);
        await using (var shop = await PersonShop.StartAsync(connection, folder.Path))
        {
            await shop.BusyAsync("ada", device, "ada@example.org");
            await shop.DrainedAsync();
            await using var reader = await HoldUpAsync(shop);
            var persons = shop.App.Services.GetRequiredService<Persons>();
            var found = await AdaAsync(persons);
            var erased = await persons.EraseAsync(found, TimeSpan.FromSeconds(3), default);
            id = erased.Request.Id;

            Assert.Equal((6, false, null), (erased.Rows["events"], erased.IsClean, erased.Receipt));
            await Eventually.TrueAsync(async () => (await shop.Traces.AskAsync("select host from person_request_parts")).Count == 1, () => "the collector has done its part\n" + shop.App.Output);
            var state = await persons.StateAsync(id, TimeSpan.FromSeconds(1), default);
            Assert.Equal((false, null), (state!.IsClean, state.Receipt));
        }

        await using var again = await PersonShop.StartAsync(connection, folder.Path);
        await again.PixelAsync("u=bob");
        await again.App.StoredAsync(1);
        using var answer = await again.App.AdminAsync($"/api/persons/requests/{id}");
        var complete = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(("complete", true), (complete.GetProperty("state").GetString(), complete.GetProperty("database_cleaned").GetBoolean()));
        Assert.Equal(6, complete.GetProperty("receipt").GetProperty("receipt").GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Empty(await again.Traces.FindAsync(device.ToString(), PersonShop.Sha256("ada@example.org")));
    }

    [Fact]
    public async Task An_erasure_that_comes_to_no_end_keeps_nobody_else_waiting()
    {
        var holder = new Endless("ada");
        await using var shop = await PersonShop.StartWithAsync(services => services.AddSingleton<IHolder>(holder), await PostgresAsync());
        foreach (var user in (string[])["ada", "bob", "cid"]) await shop.PixelAsync("u=" + user);
        await shop.DrainedAsync();
        var endless = shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        await Eventually.TrueAsync(() => holder.Asked > 1, () => "it is under way\n" + shop.App.Output);

        Assert.Equal("complete", (await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "bob" })).GetProperty("state").GetString());
        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = "cid" });
        Assert.Single(found.GetProperty("collectors").EnumerateArray());
        Assert.False(endless.IsCompleted);

        holder.Ends = true;
        var erased = await endless;
        Assert.Equal("complete", erased.GetProperty("state").GetString());
        Assert.True(erased.GetProperty("collectors")[0].GetProperty("records").GetProperty("endless").GetInt64() > 1);
    }

    private static async Task<PersonFound> AdaAsync(Persons persons) => (await persons.PersonAsync(PersonShop.Site, new(SubjectKinds.User, "ada"), [], default))!;

    private protected static async Task<DbConnection> DoAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    /// <summary>Always has something more of one person.</summary>
    private protected sealed class Endless(string user) : IHolder
    {
        private int _asked;

        public string Name => "endless";

        public bool Ends { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public Task FindAsync(PersonCrowd persons, CancellationToken ct) => Task.CompletedTask;

        public Task EraseAsync(PersonCrowd persons, CancellationToken ct)
        {
            if (!Ends && persons.Name(PersonShop.Site, SubjectKind.User, user, TimeProvider.System.GetUtcNow())) Interlocked.Increment(ref _asked);
            return Task.CompletedTask;
        }
    }
}

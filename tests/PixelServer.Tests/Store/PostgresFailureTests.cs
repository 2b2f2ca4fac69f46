using System.Text;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What goes wrong between the writer and PostgreSQL: each ends in nothing stored, or in all, and in an answer that tells which.</summary>
public sealed class PostgresFailureTests(SharedPostgres postgres) : IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);
    private readonly Guid _journal = Guid.NewGuid();

    [Fact]
    public async Task A_row_that_the_schema_forbids_is_refused_without_its_data_in_the_message()
    {
        var store = await _test.FreshAsync();
        await _test.AskAsync("alter table events add constraint no_purchases check (name <> 'purchase')");

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() =>
            store.SaveAsync(Events.Batch(_journal, 0, Events.Minimal(1), Events.Full(2), Events.Minimal(3)), default));

        Assert.Equal("23514", refused.Code);
        Assert.Contains("no_purchases", refused.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("user123", refused.ToString(), StringComparison.Ordinal);
        await NothingIsStoredAsync(store);
        await store.SaveAsync(Events.Batch(_journal, 0, Events.Minimal(1)), default);
    }

    [Theory]
    [InlineData("""{"a":"\u0000"}""", "22P05")]
    [InlineData("""{"a":1e200000}""", "22003")]
    public async Task JSON_that_jsonb_cannot_hold_is_refused(string json, string code)
    {
        var store = await _test.FreshAsync();
        var e = Events.Full();
        var poison = new Event
        {
            Hit = new Hit
            {
                EventId = e.Hit.EventId,
                ReceivedAt = e.Hit.ReceivedAt,
                OccurredAt = e.Hit.OccurredAt,
                SiteId = "s",
                Source = Source.Pixel,
                Name = "n",
                VisitorId = e.Hit.VisitorId,
                VisitorKind = VisitorKind.Cookie,
                Properties = Encoding.UTF8.GetBytes(json),
                ConsentStorage = true,
                ConsentMeasurement = true,
                ConsentAds = true,
            },
            Traffic = Traffic.Human,
            TrafficReasons = [],
        };
        var batch = Events.Batch(_journal, 0, poison);

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() => store.SaveAsync(batch, default));
        Assert.Equal(code, refused.Code);
        await store.RejectAsync(batch, refused, default);

        Assert.Equal("1", (await _test.AskAsync("select count(*) from events_rejected"))[0]);
    }

    [Fact]
    public async Task A_missing_table_or_column_is_the_store_being_away_not_the_row()
    {
        var store = await _test.FreshAsync();
        await _test.AskAsync("alter table events rename column gpc to gone");

        var e = await Assert.ThrowsAsync<PostgresException>(() => store.SaveAsync(Events.Batch(_journal, 0, Events.Full()), default));

        Assert.Equal(PostgresErrorCodes.UndefinedColumn, e.SqlState);
    }

    [Fact]
    public async Task A_session_that_is_killed_in_the_middle_of_a_COPY_stores_nothing_and_the_next_try_succeeds()
    {
        await _test.FreshAsync();
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, async sent =>
        {
            if (!Contains(sent, "PGCOPY")) return Cut.Nothing;
            await _test.AskAsync($"select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy events%' and datname = current_database()");
            return Cut.Nothing;
        });
        await using var source = NpgsqlDataSource.Create(Through(proxy));
        var store = Store(source);

        var e = await Assert.ThrowsAnyAsync<NpgsqlException>(() => store.SaveAsync(Many(), default));

        Assert.IsNotType<RefusedRowException>(e);
        await using var direct = _test.Open();
        await NothingIsStoredAsync(direct);
        await direct.SaveAsync(Many(), default);
        Assert.Equal("3000", (await _test.AskAsync("select count(*) from events"))[0]);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_a_COPY_stores_nothing()
    {
        await _test.FreshAsync();
        var pieces = 0;
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent =>
            Task.FromResult((pieces > 0 || Contains(sent, "PGCOPY")) && ++pieces == 4 ? Cut.Before : Cut.Nothing));
        await using var source = NpgsqlDataSource.Create(Through(proxy));

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => Store(source).SaveAsync(Many(), default));

        Assert.Equal(4, pieces);
        await NothingIsStoredAsync(_test.Open());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_COMMIT_without_an_answer_the_position_tells_what_happened(bool serverSawIt)
    {
        await _test.FreshAsync();
        var commits = 0;
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent =>
        {
            if (!Contains(sent, "COMMIT\0")) return Task.FromResult(Cut.Nothing);
            commits++;
            return Task.FromResult(serverSawIt ? Cut.Answer : Cut.Before);
        });
        await using var source = NpgsqlDataSource.Create(Through(proxy));
        var batch = Events.Batch(_journal, 0, Events.Full(1), Events.Full(2));

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => Store(source).SaveAsync(batch, default));

        Assert.Equal(1, commits);
        var direct = _test.Open();
        Assert.Equal(serverSawIt ? 20L : null, await direct.PositionAsync(_journal, default));
        if (serverSawIt) await Assert.ThrowsAsync<PositionMovedException>(() => direct.SaveAsync(batch, default));
        else await direct.SaveAsync(batch, default);
        Assert.Equal("2", (await _test.AskAsync("select count(*) from events"))[0]);
    }

    [Fact]
    public async Task The_position_is_not_told_while_a_commit_is_still_under_way()
    {
        await _test.FreshAsync();
        var (reached, go) = (new TaskCompletionSource(), new TaskCompletionSource<Cut>());
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent =>
        {
            if (!Contains(sent, "COMMIT\0")) return Task.FromResult(Cut.Nothing);
            reached.SetResult();
            return go.Task;
        });
        await using var source = NpgsqlDataSource.Create(Through(proxy));
        var save = Store(source).SaveAsync(Events.Batch(_journal, 0, Events.Full()), default);
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20));

        var position = _test.Open().PositionAsync(_journal, default);
        await Eventually.TrueAsync(
            async () => (await _test.AskAsync(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())"))[0] != "0",
            () => "somebody waits");
        Assert.False(position.IsCompleted);
        go.SetResult(Cut.Answer);

        Assert.Equal(10, await position);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => save);
    }

    [Fact]
    public async Task A_database_that_takes_the_rows_and_never_answers_ends_in_a_timeout()
    {
        await _test.FreshAsync();
        var held = new TaskCompletionSource<Cut>();
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent => Contains(sent, "PGCOPY") ? held.Task : Task.FromResult(Cut.Nothing));
        var impatient = Through(proxy) + ";Command Timeout=1";
        await using var source = NpgsqlDataSource.Create(impatient);

        await EndsInATimeoutAsync(Store(source, impatient).SaveAsync(Many(100), default));

        held.SetResult(Cut.Before);
        await NothingIsStoredAsync(_test.Open());
    }

    [Fact]
    public async Task A_database_that_stops_reading_ends_in_a_timeout()
    {
        await _test.FreshAsync();
        var held = new TaskCompletionSource<Cut>();
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent => Contains(sent, "PGCOPY") ? held.Task : Task.FromResult(Cut.Nothing));
        var impatient = Through(proxy) + ";Command Timeout=1";
        await using var source = NpgsqlDataSource.Create(impatient);

        // 30 MB: more than the sockets on the way keep.
        await EndsInATimeoutAsync(Store(source, impatient).SaveAsync(Many(60_000), default));

        held.SetResult(Cut.Before);
        await NothingIsStoredAsync(_test.Open());
    }

    [Fact]
    public async Task A_database_that_answers_everything_too_slowly_ends_in_a_timeout_too()
    {
        await _test.FreshAsync();
        await using var proxy = new CuttingProxy(postgres.Cluster.Port, sent =>
        {
            if (Contains(sent, "PGCOPY")) _test.Clock.Advance(TimeSpan.FromSeconds(61)); // a batch may take twice the 30 s of one command
            return Task.FromResult(Cut.Nothing);
        });
        await using var source = NpgsqlDataSource.Create(Through(proxy));

        await Assert.ThrowsAsync<TimeoutException>(() => Store(source).SaveAsync(Many(), default));

        await NothingIsStoredAsync(_test.Open());
    }

    [Fact]
    public async Task A_commit_is_on_disk_even_where_the_operator_turned_that_off()
    {
        var store = await _test.FreshAsync();
        await using (var off = _test.Source.CreateCommand("do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$"))
            await off.ExecuteNonQueryAsync();
        await _test.AskAsync(
            """
            create function tell() returns trigger language plpgsql as $$ begin new.host := current_setting('synchronous_commit'); return new; end $$;
            create trigger tell before insert on journal_positions for each row execute function tell()
            """);
        await using var source = NpgsqlDataSource.Create(_test.ConnectionString + ";Application Name=fresh-sessions");

        await Store(source).SaveAsync(Events.Batch(_journal, 0, Events.Full()), default);

        Assert.Equal("on", (await _test.AskAsync("select host from journal_positions"))[0]);
        await store.DisposeAsync();
    }

    // What proves something leaves the collector's disk when the store has it, or is handed out.
    [Fact]
    public async Task So_are_consent_records_decisions_about_mails_and_receipts()
    {
        await (await _test.FreshAsync()).DisposeAsync();
        await _test.AskAsync("do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$");
        await _test.AskAsync(
            """
            create table told (what text, commits text, idle text);
            create function tell() returns trigger language plpgsql as $$
            begin
              insert into told values (tg_table_name, current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout'));
              return new;
            end $$;
            create trigger tell before insert on consent_records for each row execute function tell();
            create trigger tell before insert on mail_decisions for each row execute function tell();
            create trigger tell before insert on person_requests for each row execute function tell()
            """);
        await using var source = NpgsqlDataSource.Create(_test.ConnectionString + ";Application Name=fresh-sessions");

        await new PostgresConsents(source).KeepAsync(Guid.NewGuid(), [ConsentsContract.One("r1")], default);
        await new PostgresMailDecisions(source).KeepAsync([new("shop", MailSubject.Recipient, "r1", Tracking: false, Redirects: true, Events.Noon, "recipient")], default);
        await new PersonRequests(new PostgresPersons(source, Microsoft.Extensions.Logging.Abstractions.NullLogger<PostgresPersons>.Instance))
            .AddAsync(new(Guid.NewGuid(), "erase", "shop", [1], Events.Noon), default);

        Assert.Equal(["consent_records on 1min", "mail_decisions on 1min", "person_requests on 1min"], await _test.AskAsync("select what || ' ' || commits || ' ' || idle from told order by what"));
    }

    [Fact]
    public async Task A_stopped_server_is_the_store_being_away_and_a_started_one_is_back()
    {
        await using var cluster = SharedPostgres.NewCluster();
        var connectionString = await cluster.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(connectionString);
        var store = new PostgresStore(source, connectionString, new StoreOptions(), _test.Clock,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<PostgresStore>.Instance);
        await store.PrepareAsync(default);
        await store.SaveAsync(Events.Batch(_journal, 0, Events.Full(1)), default);

        await cluster.StopHardAsync();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => store.SaveAsync(Events.Batch(_journal, 10, Events.Full(2)), default));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => store.PositionAsync(_journal, default));
        await cluster.StartAsync();

        Assert.Equal(10, await store.PositionAsync(_journal, default));
        await store.SaveAsync(Events.Batch(_journal, 10, Events.Full(2)), default);
        Assert.Equal(20, await store.PositionAsync(_journal, default));
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    private async Task NothingIsStoredAsync(IEventStore store)
    {
        Assert.Null(await store.PositionAsync(_journal, default));
        Assert.Equal("0", (await _test.AskAsync("select count(*) from events"))[0]);
    }

    private static async Task EndsInATimeoutAsync(Task save)
    {
        var e = await Record.ExceptionAsync(() => save.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(save.IsFaulted, "the store did not end by itself");
        Assert.IsType<TimeoutException>(e is NpgsqlException ? e.InnerException : e);
    }

    // 3,000 are about 1.5 MB, so a dozen pieces.
    private EventBatch Many(int count = 3_000) => Events.Batch(_journal, 0, [.. Enumerable.Range(1, count).Select(i => Events.Full(i))]);

    private string Through(CuttingProxy proxy) =>
        new NpgsqlConnectionStringBuilder(_test.ConnectionString) { Port = proxy.Port }.ConnectionString;

    private PostgresStore Store(NpgsqlDataSource source, string? connectionString = null) =>
        new(source, connectionString ?? _test.ConnectionString, new StoreOptions(), _test.Clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<PostgresStore>.Instance);

    private static bool Contains(byte[] bytes, string text) => bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;
}

using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;
using static PixelServer.Tests.Store.IdentityEvents;

namespace PixelServer.Tests.Store;

/// <summary>Who is who on real PostgreSQL, and the functions that operators call.</summary>
public sealed class PostgresIdentityTests(SharedPostgres postgres) : IdentityContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    /// <summary>Each takes longer here, and each run draws another.</summary>
    private protected override int Orders => 1;

    [Fact]
    public async Task The_person_behind_a_visitor_is_one_row_with_all_that_is_known_of_them()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA v2+eX eX+uA v3+uA v3+uB v4+eY"));

        Assert.Equal([$"user:A told A [{Email("X")}] [{Visitor(1)},{Visitor(2)}] 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z"], await PersonOfAsync(1));
        Assert.Equal([$"user:A through_email A [{Email("X")}] [{Visitor(1)},{Visitor(2)}] 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z"], await PersonOfAsync(2));
        Assert.Equal([$"visitor:{Visitor(3)} shared_device  [] [{Visitor(3)}] 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z"], await PersonOfAsync(3));
        Assert.Equal([$"email:{Email("Y")} through_email  [{Email("Y")}] [{Visitor(4)}] 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z"], await PersonOfAsync(4));
        Assert.Equal([$"visitor:{Visitor(5)} anonymous  [] [{Visitor(5)}]  "], await PersonOfAsync(5));
        Assert.Equal([$"visitor:{Visitor(1)} anonymous  [] [{Visitor(1)}]  "], await AskAsync($"select * from person_of_visitor('blog', '{Visitor(1)}')"));
    }

    [Fact]
    public async Task Everything_of_a_person_is_found_by_any_of_their_identifiers_newest_first()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1 v1+uA v2 v2+eX eX+uA eX v3+uA v3+uB v3 uB v4 v1+uB"));

        string[] expected = ["v3+uA", "eX", "eX+uA", "v2+eX", "v2", "v1+uA"]; // v1 itself turned out to be shared at the end
        foreach (var identifier in new[] { "A", "user:A", Email("X"), Email("X").ToUpperInvariant(), Visitor(2).ToString(), Visitor(2).ToString().ToUpperInvariant() })
            Assert.Equal(expected, await EverythingOfAsync(identifier));
        Assert.Equal(["v1+uB", "uB", "v3+uB"], await EverythingOfAsync("B"));
        Assert.Equal(["v1"], await EverythingOfAsync(Visitor(1).ToString()));
        Assert.Equal(["v4"], await EverythingOfAsync(Visitor(4).ToString()));
        foreach (var nobody in new[] { "a", "C", "", "'", "visitor:A", "email:", Email("Z"), Visitor(9).ToString() }) Assert.Empty(await EverythingOfAsync(nobody));
        Assert.Equal(["eX+uA", "v2+eX"], await EverythingOfAsync("A", ", '2026-11-23 12:03', '2026-11-23 12:05'"));
        Assert.Equal(["v2", "v1+uA"], await EverythingOfAsync("A", ", until_at => '2026-11-23 12:03'"));
    }

    [Fact]
    public async Task A_user_whose_id_is_a_UUID_is_found_also_where_only_events_name_them()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Make(null, null, Visitor(7).ToString(), name: "order"));

        Assert.Equal(["order"], await AskAsync($"select name from everything_of_person('shop', '{Visitor(7)}')"));
    }

    [Fact]
    public async Task Everything_of_every_person_together_is_every_event_once()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Calls(600, seed: 11));

        Assert.Equal(["0"], await AskAsync(
            """
            select count(*)
            from (select site_id, person_id, count(*) as events from person_events where person_id is not null group by site_id, person_id) as p
            where events <> (select count(*) from everything_of_person(p.site_id, p.person_id) as e where e.person_id = p.person_id)
            """));
        Assert.Equal(["0"], await AskAsync(
            """
            select count(*)
            from identity_persons as p
            where not exists (select 1 from identity_members(p.site_id, p.person_id) as m where m.kind = p.kind and m.id = p.id and m.reason = p.reason)
            """));
    }

    [Fact]
    public async Task Neither_function_reads_a_table_of_events_from_end_to_end()
    {
        var store = await FreshAsync();
        for (var day = 0; day < 3; day++) await SaveAsync(store, [.. Calls(3_000, seed: 13).Select((e, i) => Make(Events.Noon.AddDays(-day), Visitor(i % 700), e.Hit.UserId, e.Hit.EmailSha256))]);
        await AskAsync("analyze");

        var plans = await PlansAsync($"select * from everything_of_person('shop', 'user 17')");
        Assert.Contains(plans, plan => plan.Contains("Bitmap Index Scan on events_20261123_visitor_id_user_id_email_sha256_idx", StringComparison.Ordinal));
        Assert.DoesNotContain(plans, plan => plan.Contains("Seq Scan on events_", StringComparison.Ordinal));

        plans = await PlansAsync($"select * from everything_of_person('shop', 'user 17', '2026-11-23')");
        Assert.Contains(plans, plan => plan.Contains("on events_20261122", StringComparison.Ordinal) && plan.Contains("never executed", StringComparison.Ordinal)
            || !plan.Contains("on events_20261122", StringComparison.Ordinal));
        plans = await PlansAsync($"select * from person_of_visitor('shop', '{Visitor(17)}')");
        Assert.DoesNotContain(plans, plan => plan.Contains("on events_", StringComparison.Ordinal) || plan.Contains("Seq Scan on identity_edges", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_functions_can_do_what_their_caller_can_and_are_not_led_astray_by_a_search_path()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA"));

        Assert.Equal(["0"], await AskAsync("select count(*) from pg_proc where (proname like 'identity%' or proname in ('person_of_visitor', 'everything_of_person')) and (prosecdef or prosqlbody is null)"));
        Assert.Equal(["identity_is_nobody i", "everything_of_person s", "identity_members s", "identity_person_of s", "person_of_visitor s", "identity_cut v", "identity_heal v"],
            await AskAsync("select proname, provolatile from pg_proc where proname like 'identity%' or proname in ('person_of_visitor', 'everything_of_person') order by provolatile, proname"));
        Assert.Equal(["6"], await AskAsync("select count(*) from pg_proc, unnest(proconfig) as setting where setting = 'search_path=pg_catalog, pg_temp'"));

        await using var connection = await _test.Source.OpenConnectionAsync();
        await using var hostile = new NpgsqlCommand(
            """
            create schema evil;
            create table evil.identity_edges (like public.identity_edges);
            create function evil.lower(text) returns text language sql as 'select ''owned''';
            set search_path = evil, pg_catalog, public;
            select person_id from public.person_of_visitor('shop', '00005eed-0001-4000-9000-000000000001')
            """, connection);
        Assert.Equal("user:A", await hostile.ExecuteScalarAsync());

        await using var stranger = new NpgsqlCommand($"reset search_path; create role stranger_{connection.ProcessID}; set role stranger_{connection.ProcessID}; select * from person_of_visitor('shop', '{Visitor(1)}')", connection);
        var denied = await Assert.ThrowsAsync<PostgresException>(() => stranger.ExecuteNonQueryAsync());
        Assert.Equal("42501", denied.SqlState);
    }

    [Fact]
    public async Task What_is_cut_says_how_many_edges_that_are_and_the_order_of_the_two_does_not_matter()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA eX+uA"));

        Assert.Equal(["1"], await AskAsync($"select identity_cut('shop', 'user', 'A', 'visitor', '{Visitor(1)}', 'one')"));
        Assert.Equal(["1"], await AskAsync($"select identity_cut('shop', 'visitor', '{Visitor(1)}', 'user', 'A', 'again')"));
        Assert.Equal(["0"], await AskAsync($"select identity_cut('shop', 'user', 'B', 'visitor', '{Visitor(1)}', 'never told')"));
        Assert.Equal(["one", "never told"], await AskAsync("select reason from identity_cuts order by to_id"));
        Assert.Equal(["1"], await AskAsync($"select identity_heal('shop', 'user', 'A', 'visitor', '{Visitor(1)}')"));
        Assert.Equal(["never told"], await AskAsync("select reason from identity_cuts"));
    }

    [Fact]
    public async Task A_pair_that_stays_is_not_written_again_within_its_hour()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA v1+eX+uA"));
        var written = await AskAsync("select xmin, xmax, ctid::text from identity_edges order by ctid");
        Assert.Equal(3, written.Count);

        await SaveAsync(store, Tell("v1+eX+uA v1+uA"));
        Assert.Equal(written, await AskAsync("select xmin, xmax, ctid::text from identity_edges order by ctid"));

        await SaveAsync(store, Tell("v1+uA", Events.Noon.AddHours(1)));
        Assert.NotEqual(written, await AskAsync("select xmin, xmax, ctid::text from identity_edges order by ctid"));
    }

    [Fact]
    public async Task Persons_list_what_is_known_of_each()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v2+uA v1+uA v1+eX v3+eY"));

        Assert.Equal([$"email:{Email("Y")}  [{Email("Y")}] [{Visitor(3)}]", $"user:A A [{Email("X")}] [{Visitor(1)},{Visitor(2)}]"],
            await AskAsync("select person_id, user_id, email_sha256s, visitor_ids from persons order by person_id"));
    }

    [Fact]
    public async Task The_statements_of_the_document_run_as_they_stand()
    {
        _test.Clock.SetUtcNow(DateTimeOffset.UtcNow);
        var answers = await DocumentAsync("sql");

        Assert.Equal(8, answers.Count);
        Assert.StartsWith("user:user123 told user123 [] [0199e0a1-0000-4000-8000-000000000001] ", answers[0], StringComparison.Ordinal);
        Assert.EndsWith(" login  user:user123", answers[1], StringComparison.Ordinal);
        Assert.EndsWith(" login", answers[2], StringComparison.Ordinal);
        Assert.Equal(["", "user:user123 2 1", "1", "1", ""], answers.Skip(3));
        Assert.Equal(["till-7"], await AskAsync("select id from identity_blocks"));
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    private protected override IEventStore Open() => _test.Open();

    private protected override Task<IEventStore> FreshAsync() => _test.FreshAsync();

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var command = _test.Source.CreateCommand(sql);
        return await ReadAsync(command);
    }

    private protected override async Task CutAsync(string site, string oneKind, string oneId, string otherKind, string otherId) =>
        Assert.Equal(["1"], await AskAsync($"select identity_cut('{site}', '{oneKind}', '{oneId}', '{otherKind}', '{otherId}', 'a test')"));

    private protected override async Task HealAsync(string site, string oneKind, string oneId, string otherKind, string otherId) =>
        Assert.Equal(["1"], await AskAsync($"select identity_heal('{site}', '{oneKind}', '{oneId}', '{otherKind}', '{otherId}')"));

    private Task<IReadOnlyList<string>> PersonOfAsync(int visitor) => AskAsync($"select * from person_of_visitor('shop', '{Visitor(visitor)}')");

    // Each event as the word it was told with.
    private async Task<IReadOnlyList<string>> EverythingOfAsync(string identifier, string times = "") => await AskAsync(
        $"""
         select concat_ws('+',
           case visitor_kind when 'client' then 'v' || right(visitor_id::text, 1) end, case email_sha256 when '{Email("X")}' then 'eX' end, 'u' || user_id)
         from everything_of_person('shop', '{identifier.Replace("'", "''")}'{times})
         """);

    // The plans of the statements inside the functions, with what was really done.
    private async Task<IReadOnlyList<string>> PlansAsync(string sql)
    {
        await using var connection = await _test.Source.OpenConnectionAsync();
        var plans = new List<string>();
        connection.Notice += (_, e) => plans.Add(e.Notice.MessageText);
        await using var command = new NpgsqlCommand(
            $"load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on; set client_min_messages = log; {sql}",
            connection);
        await command.ExecuteNonQueryAsync();
        Assert.NotEmpty(plans);
        return plans;
    }
}

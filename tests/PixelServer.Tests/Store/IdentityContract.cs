using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using CsCheck;
using PixelServer.Store;
using static PixelServer.Tests.Store.IdentityEvents;

namespace PixelServer.Tests.Store;

/// <summary>Who is who, on both stores: the rules, and that they know no order. A class for each store runs all of it on a database of its own.</summary>
public abstract class IdentityContract
{
    private static readonly (string Story, string Persons)[] s_rules =
    [
        // One told the other.
        ("v1+uA", "uA=uA told; v1=uA told"),
        ("v1+uA v2+uA", "uA=uA told; v1=uA told; v2=uA told"),
        ("eX+uA", "eX=uA told; uA=uA told"),
        ("v1+eX", "eX=eX no_user; v1=eX through_email"),
        ("v1+eX v2+eX", "eX=eX no_user; v1=eX through_email; v2=eX through_email"),
        // Chains: one tells of the next.
        ("v1+eX eX+uA", "eX=uA told; uA=uA told; v1=uA through_email"),
        ("v1+eX v1+uA", "eX=uA through_visitor; uA=uA told; v1=uA told"),
        ("v2+eX v1+eX v1+uA", "eX=uA through_visitor; uA=uA told; v1=uA told; v2=uA through_email"),
        ("v1+eX v1+eY eX+uA eY+uA", "eX=uA told; eY=uA told; uA=uA told; v1=uA through_email"),
        // A shared device is nobody's, and what its users did with it stays with them.
        ("v1+uA v1+uB", "uA=uA told; uB=uB told; v1=v1 shared_device"),
        ("v1+uA v1+uB v1+eX", "eX=eX no_user; uA=uA told; uB=uB told; v1=v1 shared_device"),
        ("v1+uA v1+uB v1+eX eX+uA", "eX=uA told; uA=uA told; uB=uB told; v1=v1 shared_device"),
        // So is a shared mailbox.
        ("eX+uA eX+uB", "eX=eX shared_mailbox; uA=uA told; uB=uB told"),
        ("v1+eX eX+uA eX+uB", "eX=eX shared_mailbox; uA=uA told; uB=uB told; v1=v1 shared_mailbox"),
        ("v1+eX v1+uA v2+eX v2+uB v3+eX", "eX=eX shared_mailbox; uA=uA told; uB=uB told; v1=uA told; v2=uB told; v3=v3 shared_mailbox"),
        ("v1+eX v1+eY eX+uA eX+uB eY+uC", "eX=eX shared_mailbox; eY=uC told; uA=uA told; uB=uB told; uC=uC told; v1=uC through_email"),
        // Two known users never merge, whatever lies between them.
        ("v1+uA v1+eX eX+uB", "eX=uB told; uA=uA told; uB=uB told; v1=uA told"),
        ("v1+eX eX+uA v1+eY eY+uB", "eX=uA told; eY=uB told; uA=uA told; uB=uB told; v1=v1 several_emails"),
        // Several e-mails of nobody are nobody's.
        ("v1+eX v1+eY", "eX=eX no_user; eY=eY no_user; v1=v1 several_emails"),
        ("v1+eX v1+eY v1+uA", "eX=eX no_user; eY=eY no_user; uA=uA told; v1=uA told"),
        ("v1+eX v1+eY eX+uA", "eX=uA told; eY=eY no_user; uA=uA told; v1=v1 several_emails"),
        // Aliases.
        ("uA<v1", "uA=uA told; v1=uA alias"),
        ("v1+uA uB<v1", "uA=uA told; uB=uB told; v1=uA told"),
        ("uA<v1 uB<v1", "uA=uA told; uB=uB told; v1=v1 shared_device"),
        ("uA<v1 v1+eX", "eX=uA through_visitor; uA=uA told; v1=uA alias"),
    ];

    private static readonly string[] s_nobodies =
    [
        "", "  \t", "Anonymous", "GUEST", "distinctId", "distinct_id", "ID", "not_authenticated", "email", "undefined", " true ",
        "False", "[object Object]", "NaN", "None", "none", "null", "0", "00000000-0000-0000-0000-000000000000", "-", "-1",
    ];

    private static readonly string[] s_lookalikes =
    [
        "ANONYMOUS1", "nan", "NULL", "[Object object]", "-2", "01",
        "ſalſe", // long s: an s in capitals
        "\u2003", // a wide blank is an id, if a strange one
        "\u0130d",
    ];

    private readonly Guid _journal = Guid.NewGuid();
    private long _position;

    /// <summary>Another collector on the same database.</summary>
    private protected abstract IEventStore Open();

    /// <summary>In how many orders ten thousand calls are told.</summary>
    private protected virtual int Orders => 3;

    /// <summary>A prepared store on a database without events.</summary>
    private protected abstract Task<IEventStore> FreshAsync();

    /// <summary>Answers of a query, the columns of a row with spaces between them; times as SQLite keeps them.</summary>
    private protected abstract Task<IReadOnlyList<string>> AskAsync(string sql);

    [Fact]
    public async Task The_rules_whatever_comes_first()
    {
        var store = await FreshAsync();
        foreach (var (story, expected) in s_rules)
        {
            var events = Tell(story);
            foreach (var order in new[] { [.. events.Reverse()], events })
            {
                await AskAsync("delete from identity_edges");
                await SaveAsync(store, order);

                Assert.Equal($"{story}: {expected}", $"{story}: {Short(await PersonsAsync())}");
                Assert.Equal(new IdentityModel(events).Persons(), await PersonsAsync());
            }
        }
    }

    [Fact]
    public async Task Ten_thousand_calls_give_the_same_graph_and_the_same_persons_in_any_order_any_batches_and_of_two_collectors()
    {
        var store = await FreshAsync();
        await using var other = Open();
        var calls = Calls(10_000, seed: 20261124).OrderBy(e => e.Hit.ReceivedAt).ToArray();
        await SaveAsync(store, calls);
        var (edges, persons, refused) = await GraphAsync();
        Assert.Equal(new IdentityModel(calls).Persons(), persons);
        foreach (var reason in new[] { "told", "alias", "through_email", "through_visitor", "no_user", "shared_device", "shared_mailbox", "several_emails" })
            Assert.Contains(persons, row => row.EndsWith(" " + reason, StringComparison.Ordinal)); // else the calls would show nothing
        foreach (var reason in new[] { "shared_device", "shared_mailbox", "several_emails", "another_person", "visitor_has_a_user", "two_users" })
            Assert.Contains(refused, row => row.EndsWith(" " + reason, StringComparison.Ordinal));

        await Gen.Select(Gen.Shuffle(calls), Gen.Int[1, 900].Array[4, 30]).SampleAsync(async (shuffled, sizes) =>
        {
            foreach (var table in new[] { "events", "identity_edges" }) await AskAsync($"delete from {table}");
            var half = shuffled.Length / 2;
            await Task.WhenAll(SaveInPiecesAsync(store, shuffled[..half], sizes), SaveInPiecesAsync(other, shuffled[half..], sizes));

            var again = await GraphAsync();
            Assert.Equal(edges, again.Edges);
            Assert.Equal(persons, again.Persons);
            Assert.Equal(refused, again.Refused);
        }, iter: Orders, threads: 1);
    }

    [Fact]
    public async Task Two_collectors_that_tell_the_same_pairs_in_opposite_order_do_not_lock_each_other_up()
    {
        var store = await FreshAsync();
        await using var other = Open();
        for (var round = 0; round < 12; round++)
        {
            // A new hour each time: every pair is there already and every row changes, or, the first time, is new.
            var events = Enumerable.Range(0, 2_000).Select(i => Make(Events.Noon.AddHours(-11 + round), Visitor(i), $"u{i}", Email($"{i}"))).ToArray();
            await Task.WhenAll(
                store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, events), default),
                other.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. events.Reverse()]), default));
        }

        Assert.Equal(["6000 2026-11-23T01:00:00.000000Z 2026-11-23T12:00:00.000000Z"],
            await AskAsync("select count(*), min(first_seen_at), max(last_seen_at) from identity_edges where first_seen_at < last_seen_at"));
    }

    [Fact]
    public async Task An_edge_knows_its_door_and_from_which_hour_to_which_it_was_told()
    {
        var store = await FreshAsync();
        await SaveAsync(store,
            Make(Events.Noon.AddMinutes(-1), Visitor(1), "A", source: Source.Beacon), Make(Events.Noon.AddHours(-5).AddMinutes(59), Visitor(1), "A", source: Source.Beacon),
            Make(Events.Noon.AddMinutes(3), Visitor(1), "A", source: Source.Server));

        Assert.Equal(
            [$"shop visitor {Visitor(1)} user A beacon 2026-11-23T07:00:00.000000Z 2026-11-23T11:00:00.000000Z", $"shop visitor {Visitor(1)} user A server 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z"],
            (await GraphAsync()).Edges);
    }

    [Fact]
    public async Task Nothing_is_tied_to_an_id_that_changes_or_may_not_be_kept()
    {
        var store = await FreshAsync();
        foreach (var (kind, consent) in new[] { (VisitorKind.Daily, true), (VisitorKind.None, true), (VisitorKind.Cookie, false), (VisitorKind.Client, false) })
            await SaveAsync(store, Make(null, Visitor(1), "A", Email("x"), kind: kind, consent: consent));

        Assert.Equal([$"shop email {Email("x")} user A"], (await GraphAsync()).Edges.Select(row => string.Join(' ', row.Split(' ')[..5])));
        Assert.Equal(["user:A 4"], await AskAsync("select person_id, count(*) from person_events group by person_id"));
    }

    [Fact]
    public async Task A_mail_ties_nobody_for_it_may_have_been_forwarded()
    {
        var store = await FreshAsync();
        foreach (var door in new[] { Source.Email, Source.Click })
            await SaveAsync(store, Make(null, Visitor(1), "reader", Email("x"), kind: VisitorKind.Cookie, source: door));

        Assert.Empty((await GraphAsync()).Edges);
    }

    [Fact]
    public async Task Sites_are_worlds_of_their_own()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Make(null, Visitor(1), "A", site: "shop"), Make(null, Visitor(1), "B", site: "blog"));

        Assert.Equal([$"blog user B user:B told", $"blog visitor {Visitor(1)} user:B told", $"shop user A user:A told", $"shop visitor {Visitor(1)} user:A told"], await PersonsAsync());
    }

    [Fact]
    public async Task An_id_that_programs_send_for_nobody_ties_nobody_and_the_event_keeps_it()
    {
        var store = await FreshAsync();
        for (var i = 0; i < s_nobodies.Length; i++)
        {
            var id = s_nobodies[i];
            await SaveAsync(store, Make(null, Visitor(2 * i), id, Email("x")), Make(null, Visitor(2 * i + 1), id),
                Make(null, Visitor(999), "A", name: "alias", properties: $$"""{"previous_id":"{{id.Replace("\t", "\\t")}}"}"""));

            Assert.True(BlockedIds.IsNobody(id), id);
            Assert.Equal(["2"], await AskAsync($"select count(*) from events where user_id = '{id}'"));
            Assert.Equal([$"email:{Email("x")}", $"visitor:{Visitor(2 * i + 1)}"], await AskAsync($"select person_id from person_events where user_id = '{id}' order by person_id"));
        }

        Assert.All((await GraphAsync()).Edges, row => Assert.Equal(["email", Email("x")], row.Split(' ')[3..5]));
        Assert.Equal(["user:A"], await AskAsync("select distinct person_id from person_events where user_id = 'A'"));
    }

    [Fact]
    public async Task An_id_that_only_looks_like_one_of_them_is_a_user()
    {
        var store = await FreshAsync();
        await SaveAsync(store, [.. s_lookalikes.Select((id, i) => Make(Events.Noon.AddMinutes(i), Visitor(i), id))]);

        Assert.Equal(s_lookalikes.Select(id => "user:" + id), await OwnersAsync());
        Assert.Equal(2 * s_lookalikes.Length, (await PersonsAsync()).Count);
    }

    [Fact]
    public async Task An_anonymous_id_that_is_nobodys_makes_no_visitor_of_all_strangers()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Make(null, VisitorIds.Of("shop", "undefined"), "A", properties: """{"anonymous_id":"undefined"}"""));

        Assert.Empty((await GraphAsync()).Edges);
    }

    [Fact]
    public async Task An_id_of_any_length_is_stored_and_one_that_no_index_holds_ties_nothing()
    {
        var store = await FreshAsync();
        string[] ids = [new('ä', 256), new('\uFFFD', 640), new('x', 3_000), string.Concat(Enumerable.Repeat("👢", 700))];
        await SaveAsync(store, [.. ids.Select((id, i) => Make(null, Visitor(i), id))]);

        Assert.Equal(["4"], await AskAsync("select count(*) from events"));
        Assert.Equal(["2"], await AskAsync("select count(*) from identity_edges"));
    }

    [Fact]
    public async Task A_blocked_id_is_nobodys_at_once_and_without_the_block_all_is_as_before()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+ukiosk v2+ukiosk v2+uA v3+eX eX+uB v4+eX v1"));
        var (before, events) = (await GraphAsync(), await OwnersAsync());
        Assert.Equal("user:kiosk", events[0]);

        await AskAsync($"insert into identity_blocks (site_id, kind, id, reason) values ('shop', 'user', 'kiosk', 'tills'), ('shop', 'email', '{Email("X")}', 'info@')");
        Assert.Equal("uA=uA told; v2=uA told", Short(await PersonsAsync()));
        Assert.Equal([$"visitor:{Visitor(1)}", "user:A", "user:A", $"visitor:{Visitor(3)}", "user:B", $"visitor:{Visitor(4)}", $"visitor:{Visitor(1)}"], await OwnersAsync());

        await AskAsync($"insert into identity_blocks (site_id, kind, id) values ('shop', 'visitor', '{Visitor(2)}'), ('blog', 'user', 'A')");
        Assert.Empty(await PersonsAsync());

        await AskAsync("delete from identity_blocks");
        Assert.Equal(events, await OwnersAsync());
        Assert.Equal(before.Persons, await PersonsAsync());
    }

    [Fact]
    public async Task A_cut_holds_also_when_the_pair_is_told_again_and_healed_all_is_as_before()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1 v1+uA v1+uB v2+eX eX+uA"));
        var (before, events) = (await GraphAsync(), await OwnersAsync());
        Assert.Equal($"visitor:{Visitor(1)}", events[0]);

        await CutAsync("shop", "visitor", Visitor(1).ToString(), "user", "B");
        await CutAsync("shop", "email", Email("X"), "user", "A");
        Assert.Equal("eX=eX no_user; uA=uA told; v1=uA told; v2=eX through_email", Short(await PersonsAsync()));
        Assert.Equal("user:A", (await OwnersAsync())[0]);
        await SaveAsync(store, Tell("v1+uB eX+uA", Events.Noon.AddHours(1)));
        Assert.Equal("eX=eX no_user; uA=uA told; v1=uA told; v2=eX through_email", Short(await PersonsAsync()));

        await HealAsync("shop", "visitor", Visitor(1).ToString(), "user", "B");
        await HealAsync("shop", "email", Email("X"), "user", "A");
        Assert.Equal(before.Persons, await PersonsAsync());
        Assert.Equal(events, (await OwnersAsync()).Take(events.Count));
    }

    [Fact]
    public async Task An_alias_of_a_known_user_merges_nothing_and_says_so()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA v2+uB uB<uA uC<v1"));

        Assert.Equal("uA=uA told; uB=uB told; uC=uC told; v1=uA told; v2=uB told",
            Short([.. (await PersonsAsync()).Where(row => !row.Contains(VisitorIds.Of("shop", "A").ToString(), StringComparison.Ordinal))]));
        Assert.Equal(["user A user B alias two_users", $"visitor {Visitor(1)} user C alias visitor_has_a_user"],
            await AskAsync("select from_kind, from_id, to_kind, to_id, source, reason from identity_refused order by from_kind"));
    }

    [Fact]
    public async Task What_was_told_and_ties_nothing_is_listed_with_the_rule_that_refused_it()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1+uA v1+uB eX+uA eX+uB v2+eX v3+uA v3+eY eY+uB v4+eV v4+eW v5+uC"));

        Assert.Equal(
            [$"email {Email("X")} user A shared_mailbox", $"email {Email("X")} user B shared_mailbox",
             $"visitor {Visitor(1)} user A shared_device", $"visitor {Visitor(1)} user B shared_device",
             $"visitor {Visitor(2)} email {Email("X")} shared_mailbox", $"visitor {Visitor(3)} email {Email("Y")} another_person",
             $"visitor {Visitor(4)} email {Email("V")} several_emails", $"visitor {Visitor(4)} email {Email("W")} several_emails"],
            (await AskAsync("select from_kind, from_id, to_kind, to_id, reason from identity_refused")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_an_anonymous_visitor_did_is_found_under_the_person_they_turned_out_to_be()
    {
        var store = await FreshAsync();
        await SaveAsync(store,
            Make(Events.Noon, Visitor(1), name: "first"), Make(Events.Noon.AddMinutes(1), Visitor(1), name: "refused", consent: false),
            Make(Events.Noon.AddMinutes(2), Visitor(1), kind: VisitorKind.Daily, name: "daily"), Make(Events.Noon.AddMinutes(3), Visitor(1), "A", name: "login"),
            Make(Events.Noon.AddMinutes(4), Visitor(2), name: "phone"), Make(Events.Noon.AddMinutes(5), Visitor(2), email: Email("a"), name: "form"),
            Make(Events.Noon.AddMinutes(6), null, "A", Email("a"), name: "crm"), Make(Events.Noon.AddMinutes(7), null, email: Email("a"), name: "mail"),
            Make(Events.Noon.AddMinutes(8), name: "nobody"), Make(Events.Noon.AddMinutes(9), Visitor(3), name: "stranger"));

        Assert.Equal(
            ["first user:A", $"refused visitor:{Visitor(1)}", $"daily visitor:{Visitor(1)}", "login user:A", "phone user:A", "form user:A", "crm user:A", "mail user:A",
             "nobody -", $"stranger visitor:{Visitor(3)}"],
            await AskAsync("select name, coalesce(person_id, '-') from person_events order by received_at"));
        Assert.Equal([$"user:A A"], await AskAsync("select person_id, user_id from persons"));
    }

    [Fact]
    public async Task On_a_shared_device_each_users_events_are_theirs_and_the_rest_is_nobodys()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("v1 v1+uA v1 v1+uB v1"));

        Assert.Equal([$"visitor:{Visitor(1)}", "user:A", $"visitor:{Visitor(1)}", "user:B", $"visitor:{Visitor(1)}"], await OwnersAsync());
    }

    [Fact]
    public async Task Mail_to_a_shared_mailbox_is_the_visitors_else_the_mailboxs()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Tell("eX+uA eX+uB v1+uC v1+eX v2+eX eX"));

        Assert.Equal(["user:A", "user:B", "user:C", "user:C", $"visitor:{Visitor(2)}", $"email:{Email("X")}"], await OwnersAsync());
    }

    [Fact]
    public async Task Every_event_has_a_row_and_only_one()
    {
        var store = await FreshAsync();
        await SaveAsync(store, Calls(1_000, seed: 7));
        await AskAsync($"insert into identity_blocks (site_id, kind, id) select distinct 'shop', 'user', user_id from events where user_id like '%1'");

        Assert.Equal(["1000 1000"], await AskAsync("select count(*), count(distinct event_id) from person_events"));
        Assert.Equal(["0"], await AskAsync("select count(*) from person_events where person_id is null and visitor_kind <> 'none'"));
    }

    private protected static async Task<IReadOnlyList<string>> ReadAsync(DbCommand command)
    {
        var answers = new List<string>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) answers.Add(string.Join(' ', Enumerable.Range(0, rows.FieldCount).Select(i => Text(rows.GetValue(i)))));
        return answers;

        static string Text(object value) => value switch
        {
            DateTime time => EventText.Time(new DateTimeOffset(time)),
            Array values => $"[{string.Join(',', values.Cast<object>().Select(Text))}]",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
    }

    /// <summary>First answers to the statements of docs/identity.md in their order, on a visitor and a user that it names.</summary>
    private protected async Task<IReadOnlyList<string>> DocumentAsync(string language, [CallerFilePath] string file = "")
    {
        var at = DateTimeOffset.UtcNow.AddMinutes(-5); // the document speaks of now()
        var visitor = Guid.Parse("0199e0a1-0000-4000-8000-000000000001");
        await SaveAsync(await FreshAsync(), Make(at, visitor, name: "page_view"), Make(at.AddSeconds(1), visitor, "user123", name: "login"));
        var document = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(file)!, "../../../docs/identity.md"));
        var answers = new List<string>();
        foreach (var block in document.Split($"```{language}\n").Skip(1))
            answers.Add(await AskAsync(block[..block.IndexOf("```", StringComparison.Ordinal)]) is [var first, ..] ? first : "");
        return answers;
    }

    private protected abstract Task CutAsync(string site, string oneKind, string oneId, string otherKind, string otherId);

    private protected abstract Task HealAsync(string site, string oneKind, string oneId, string otherKind, string otherId);

    private protected async Task SaveAsync(IEventStore store, params Event[] events)
    {
        foreach (var piece in events.Chunk(5_000))
        {
            var batch = Events.Batch(_journal, _position, piece);
            await store.SaveAsync(batch, default);
            _position = batch.To;
        }
    }

    private protected async Task<(IReadOnlyList<string> Edges, SortedSet<string> Persons, SortedSet<string> Refused)> GraphAsync() =>
        (await AskAsync("select site_id, from_kind, from_id, to_kind, to_id, source, first_seen_at, last_seen_at from identity_edges order by 1, 2, 3, 4, 5, 6"),
         await PersonsAsync(),
         new(await AskAsync("select site_id, from_kind, from_id, to_kind, to_id, source, reason from identity_refused"), StringComparer.Ordinal));

    private protected async Task<SortedSet<string>> PersonsAsync() =>
        new(await AskAsync("select site_id, kind, id, person_id, reason from identity_persons"), StringComparer.Ordinal);

    private async Task<IReadOnlyList<string>> OwnersAsync() => await AskAsync("select person_id from person_events order by received_at, event_id");

    // A journal of its own; each batch is offered twice, as after an answer that got lost.
    private static async Task SaveInPiecesAsync(IEventStore store, Event[] events, int[] sizes)
    {
        var (journal, position, next) = (Guid.NewGuid(), 0L, 0);
        for (var i = 0; next < events.Length; i++)
        {
            var batch = Events.Batch(journal, position, events[next..Math.Min(events.Length, next + sizes[i % sizes.Length])]);
            await store.SaveAsync(batch, default);
            await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(batch, default));
            position = batch.To;
            next += batch.Events.Count;
        }
    }

    // "shop visitor 00005eed-… user:A told" as "v1=uA told"; the site is shop.
    private static string Short(IEnumerable<string> persons)
    {
        return string.Join("; ", persons.Select(row => row.Split(' ')).Select(row => $"{Name(row[1], row[2])}={Name(row[3].Split(':')[0], row[3].Split(':')[1])} {row[4]}").Order(StringComparer.Ordinal));

        static string Name(string kind, string id) => kind switch
        {
            "user" => "u" + id,
            "email" => "e" + "VWXY".First(name => Email($"{name}") == id),
            _ => "v" + int.Parse(id[^4..], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        };
    }
}

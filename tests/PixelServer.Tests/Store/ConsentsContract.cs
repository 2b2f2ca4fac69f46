using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise about consent records. A class for each store runs all of it on a database of its own.</summary>
public abstract class ConsentsContract
{
    private static readonly DateTimeOffset s_at = Events.Noon;
    private static readonly Guid s_chain = Guid.Parse("01937c5e-0000-4000-8000-00000000000a"), s_other = Guid.Parse("01937c5e-0000-4000-8000-00000000000b");

    private protected abstract Task<IConsents> FreshAsync();

    /// <summary>As an operator with a database client does it, past all of our own code.</summary>
    private protected abstract Task<IReadOnlyList<string>> AskAsync(string sql);

    [Fact]
    public async Task A_record_comes_back_as_it_went_in_and_its_text_is_kept_once()
    {
        var store = await FreshAsync();
        var full = One("r1") with
        {
            Decision = ConsentDecision.Withdrawn,
            At = s_at.AddMilliseconds(-1),
            Person = new("a1", "user", "ü'\"👢", """{"tc":"CQ"}""", "https://shop.example/", "203.0.113.0", "Chrome, Windows"),
            TextId = "banner-7",
            Text = "May we?",
            TextHash = ConsentChain.HashOf("May we?"),
            Locale = "de-DE",
            PolicyVersion = "2026-11",
            CmpId = "880",
            CmpVersion = "3",
            ExpiresAt = s_at.AddYears(1),
        };
        Assert.Equal(2, await store.KeepAsync(s_chain, [full, full with { RecordId = "r2" }], default));

        var links = await store.AboutAsync("shop", "user", "ü'\"👢", 10, default);
        Assert.Equal(["r1", "r2"], links.Select(one => one.Record.RecordId));
        Assert.Equal(full with { Text = null }, links[0].Record);
        Assert.Equal("May we?", Assert.Single(await store.TextsAsync(default).ToListAsync()).Text);
        Assert.Empty(await store.AboutAsync("other", "user", "ü'\"👢", 10, default));
    }

    [Fact]
    public async Task A_record_is_kept_once_however_often_it_comes_and_no_decision_is_lost_to_an_id_that_was_used()
    {
        var store = await FreshAsync();
        var first = One("r1");
        var another = One("r1") with { Decision = ConsentDecision.Withdrawn };
        Assert.Equal(1, await store.KeepAsync(s_chain, [first, first with { Person = first.Person with { Salt = "b2" } }], default));
        Assert.Equal(0, await store.KeepAsync(s_other, [first with { At = s_at.AddHours(1) }], default));
        Assert.Equal(1, await store.KeepAsync(s_other, [another], default));
        Assert.Equal(0, await store.KeepAsync(s_other, [another], default)); // the answer to a commit was lost
        Assert.Equal(1, await store.KeepAsync(s_other, [One("r1") with { SiteId = "blog" }], default));

        Assert.Equal([ConsentDecision.Withdrawn, ConsentDecision.Granted], (await store.AboutAsync("shop", "user", "ann", 10, default)).Select(one => one.Record.Decision));
        Assert.Equal("r1", Assert.Single(await store.KnownAsync("shop", ["r1", "r2"], default)).RecordId);
        Assert.Empty((await AuditAsync(store)).Faults);
    }

    [Fact]
    public async Task Collectors_that_write_at_once_make_chains_without_gaps()
    {
        var store = await FreshAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => store.KeepAsync(i % 2 == 0 ? s_chain : s_other, [.. Enumerable.Range(0, 25).Select(n => One($"r{i}-{n}"))], default)));

        var audit = await AuditAsync(store);
        Assert.Empty(audit.Faults);
        Assert.Equal([100L, 100L], audit.Heads.Select(one => one.Seq));
        Assert.Equal(200, audit.Records);
    }

    [Fact]
    public async Task An_erasure_leaves_decision_and_hash_and_the_chain_still_verifies()
    {
        var store = await FreshAsync();
        await store.KeepAsync(s_chain, [One("r1"), One("r2", "bob"), One("r3")], default);

        await AskAsync("update consent_records set salt = null, subject_kind = null, subject_id = null, signal = null, page = null, ip = null, user_agent = null where subject_id = 'ann'");

        Assert.Empty(await store.AboutAsync("shop", "user", "ann", 10, default));
        var links = await store.ChainsAsync(default).ToListAsync();
        Assert.Equal([true, false, true], links.Select(one => one.Record.Person.IsErased));
        Assert.Equal(ConsentPerson.Erased, links[0].Record.Person);
        Assert.NotEqual(links[0].Commitment, links[2].Commitment); // nobody sees that they were one person's
        var audit = await AuditAsync(store);
        Assert.Empty(audit.Faults);
        Assert.Equal(2, audit.Erased);
        Assert.Equal(0, await store.KeepAsync(s_chain, [One("r1")], default)); // and it does not come back
    }

    [Theory]
    [InlineData("delete from consent_records where seq = 2")]
    [InlineData("delete from consent_records")]
    [InlineData("update consent_records set decision = 'withdrawn' where seq = 2")]
    [InlineData("update consent_records set at = recorded_at, seq = seq + 10")]
    [InlineData("update consent_records set hash = prev_hash")]
    [InlineData("update consent_records set subject_id = 'bob' where seq = 1")]
    [InlineData("update consent_records set salt = null where seq = 1")]
    [InlineData("update consent_records set salt = null, subject_kind = null, subject_id = null, signal = null, page = null, ip = null, user_agent = null, method = 'form'")]
    public async Task The_database_itself_refuses_every_change_that_is_not_an_erasure(string change)
    {
        var store = await FreshAsync();
        await store.KeepAsync(s_chain, [One("r1"), One("r2"), One("r3")], default);

        var refused = await Assert.ThrowsAnyAsync<DbException>(() => AskAsync(change));

        Assert.Contains("append-only", refused.Message, StringComparison.Ordinal);
        Assert.Equal(3, (await AuditAsync(store)).Records);
        Assert.Empty((await AuditAsync(store)).Faults);
    }

    [Theory]
    [InlineData("delete from consent_texts")]
    [InlineData("update consent_texts set text = 'May we sell you?'")]
    [InlineData("update consent_texts set text_hash = '0'")]
    public async Task Nor_does_it_change_or_lose_the_words_that_people_agreed_to(string change)
    {
        var store = await FreshAsync();
        await store.KeepAsync(s_chain, [One("r1") with { Text = "May we?", TextHash = ConsentChain.HashOf("May we?") }], default);

        Assert.Contains("append-only", (await Assert.ThrowsAnyAsync<DbException>(() => AskAsync(change))).Message, StringComparison.Ordinal);

        Assert.Equal((ConsentChain.HashOf("May we?"), "May we?"), Assert.Single(await store.TextsAsync(default).ToListAsync()));
    }

    [Theory]
    [InlineData("update consent_records set decision = 'withdrawn' where seq = 2", "record 2: r2 was changed")]
    [InlineData("update consent_records set expires_at = at where seq = 3", "record 3: r3 was changed")]
    [InlineData("update consent_records set person = hash where seq = 1", "record 1: r1 was changed")]
    [InlineData("update consent_records set subject_id = 'bob' where seq = 2", "record 2: whose record r2 is was changed")]
    [InlineData("update consent_records set salt = null where seq = 2", "record 2: whose record r2 is was changed")]
    [InlineData("delete from consent_records where seq = 2", "record 2: missing; the next that is there is 3.")]
    [InlineData("delete from consent_records where seq = 1", "record 1: missing")]
    [InlineData("update consent_records set prev_hash = hash where seq = 3", "record 3: r3 does not hold the hash of the record before it.")]
    public async Task Whoever_gets_past_the_triggers_is_found_out_by_the_first_record_that_is_not_right(string change, string fault)
    {
        var store = await FreshAsync();
        await store.KeepAsync(s_chain, [One("r1"), One("r2"), One("r3"), One("r4")], default);
        await store.KeepAsync(s_other, [One("q1")], default);
        await AskAsync("drop trigger consent_records_rows" + (this is PostgresConsentsTests ? " on consent_records" : ""));
        if (this is SqliteConsentsTests) await AskAsync("drop trigger consent_records_all");
        await AskAsync(change + $" and chain = '{s_chain:D}'");

        var audit = await AuditAsync(store);

        Assert.StartsWith($"chain {s_chain:D}, {fault}", Assert.Single(audit.Faults), StringComparison.Ordinal);
        Assert.Equal((s_other, 1L), Assert.Single(audit.Heads.Where(one => !one.IsBroken).Select(one => (one.Chain, one.Seq))));
    }

    [Fact]
    public async Task What_holds_is_the_latest_decision_and_of_two_at_once_the_no_in_whatever_order_they_came()
    {
        var store = await FreshAsync();
        var random = new Random(5);
        string[] subjects = ["ann", "bob", "cid"], purposes = ["ads", "storage", "own"];
        var records = Enumerable.Range(0, 400).Select(n => One($"r{n}", subjects[random.Next(3)]) with
        {
            Purpose = purposes[random.Next(3)],
            Decision = (ConsentDecision)random.Next(3),
            At = s_at.AddSeconds(random.Next(40)),
        }).ToArray();
        foreach (var some in records.Chunk(37)) await store.KeepAsync(random.Next(2) == 0 ? s_chain : s_other, some, default);

        // By a plain loop over all of them: a later one holds, and a no beats a yes of the same moment.
        var expected = new Dictionary<(string, string), ConsentRecord>();
        foreach (var one in records)
        {
            var key = (one.Person.Id!, one.Purpose);
            if (!expected.TryGetValue(key, out var held) || one.At > held.At || (one.At == held.At && held.Decision == ConsentDecision.Granted)) expected[key] = one;
        }

        var found = await AskAsync("select subject_id || ' ' || purpose || ' ' || case when decision = 'granted' then 'yes' else 'no' end from consents order by 1");
        Assert.Equal(expected.Select(one => $"{one.Key.Item1} {one.Key.Item2} {(one.Value.Decision == ConsentDecision.Granted ? "yes" : "no")}").Order(StringComparer.Ordinal), found);
        var asked = (await store.AboutAsync("shop", "user", "ann", 1_000, default)).DistinctBy(one => one.Record.Purpose);
        Assert.All(asked, one => Assert.Equal(expected[("ann", one.Record.Purpose)].Decision == ConsentDecision.Granted, one.Record.Decision == ConsentDecision.Granted));
    }

    [Fact]
    public async Task Yeses_that_are_over_come_a_page_at_a_time_and_each_once()
    {
        var store = await FreshAsync();
        var records = Enumerable.Range(0, 30).Select(n => One($"r{n}") with
        {
            Decision = n == 3 ? ConsentDecision.Denied : ConsentDecision.Granted,
            ExpiresAt = n % 5 == 4 ? null : s_at.AddHours(n / 10),
        }).ToList();
        foreach (var some in records.Chunk(4)) await store.KeepAsync(some[0].RecordId.Length % 2 == 0 ? s_chain : s_other, some, default);

        var found = new List<ConsentRecord>();
        var after = new ConsentEnd(s_at.AddHours(-1), Guid.Empty, 0);
        for (var page = 0; page < records.Count; page++)
        {
            var some = await store.ExpiredAsync(after, s_at.AddHours(1), 3, default);
            if (some.Count == 0) break;
            Assert.True(some.Count <= 3);
            found.AddRange(some.Select(one => one.Record));
            after = new(some[^1].Record.ExpiresAt!.Value, some[^1].Chain, some[^1].Seq);
        }

        Assert.Equal(found.OrderBy(one => one.ExpiresAt), found);
        Assert.Equal(records.Where(one => one.Decision == ConsentDecision.Granted && one.ExpiresAt <= s_at.AddHours(1)).Select(one => one.RecordId).Order(), found.Select(one => one.RecordId).Order());
    }

    private static async Task<ConsentAudit> AuditAsync(IConsents store)
    {
        var audit = new ConsentAudit();
        await foreach (var link in store.ChainsAsync(default)) audit.Add(link);
        return audit;
    }

    internal static ConsentRecord One(string id, string user = "ann") => new()
    {
        RecordId = id,
        SiteId = "shop",
        Person = new(ConsentPerson.NewSalt(), "user", user, null, null, null, null),
        Purpose = "ads",
        Decision = ConsentDecision.Granted,
        At = s_at,
        RecordedAt = s_at,
        Method = "banner",
        Actor = "person",
    };
}

public sealed class PostgresConsentsTests(SharedPostgres postgres) : ConsentsContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    [Theory]
    [InlineData("consent_records")]
    [InlineData("consent_texts")]
    public async Task Nor_can_the_tables_be_emptied_at_once(string table)
    {
        await FreshAsync();
        Assert.Contains("append-only", (await Assert.ThrowsAnyAsync<DbException>(() => AskAsync($"truncate {table}"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_database_can_check_a_link_by_the_words_of_the_document_alone()
    {
        var store = await FreshAsync();
        await store.KeepAsync(Guid.NewGuid(), [One("r1"), One("ü") with { Locale = "de", ExpiresAt = Events.Noon.AddDays(1), TextHash = ConsentChain.HashOf("x") }], default);

        // Written from docs/proof.md, not from the code: netstrings, "-," for what is not there.
        var wrong = await AskAsync(
            """
            create function net(t text) returns bytea language sql as $$ select coalesce(convert_to(octet_length(t) || ':' || t || ',', 'UTF8'), '-,'::bytea) $$;
            create function ms(t timestamptz) returns text language sql as $$ select to_char(t at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
            select record_id from consent_records where
              hash <> encode(sha256(net(prev_hash) || net(chain::text) || net(seq::text) || net(record_id) || net(site_id) || net(person) || net(purpose) || net(decision)
                || net(ms(at)) || net(ms(recorded_at)) || net(method) || net(text_id) || net(text_hash) || net(locale) || net(policy_version) || net(cmp_id)
                || net(cmp_version) || net(actor) || net(ms(expires_at))), 'hex')
              or person <> encode(sha256(net(salt) || net(subject_kind) || net(subject_id) || net(signal) || net(page) || net(ip) || net(user_agent)), 'hex')
            """);
        Assert.Empty(wrong);
    }

    private protected override async Task<IConsents> FreshAsync()
    {
        await _test.FreshAsync();
        return new PostgresConsents(_test.Source);
    }

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql) => [.. (await _test.AskAsync(sql)).OfType<string>()];

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

public sealed class SqliteConsentsTests : ConsentsContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private SqliteStore? _store;

    private protected override async Task<IConsents> FreshAsync()
    {
        _store = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<SqliteStore>.Instance);
        await _store.PrepareAsync(default);
        return new SqliteConsents(_folder.File("pixel.db"));
    }

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync();
        var found = new List<string>();
        while (await rows.ReadAsync()) found.Add(Convert.ToString(rows.GetValue(0), CultureInfo.InvariantCulture)!);
        return found;
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _folder.Dispose();
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Store;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise. A class for each store runs all of it on a database of its own.</summary>
public abstract class StoreContract
{
    /// <summary>Another collector on the same database.</summary>
    private protected abstract IEventStore Open();

    /// <summary>A prepared store on a database without events.</summary>
    private protected abstract Task<IEventStore> FreshAsync();

    /// <summary>Answers of a query in the store's own SQL, as text.</summary>
    private protected abstract Task<IReadOnlyList<string?>> AskAsync(string sql);

    [Fact]
    public async Task Every_column_comes_back_as_it_went_in()
    {
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default);

        var row = await OnlyAsync(store);

        Assert.Equal(
            """
            {"event_id":"00000001-0007-7000-8001-020304050607","received_at":"2026-11-23T12:00:00.123457Z","occurred_at":"2026-11-23T11:59:57.000000Z",
            "site_id":"shop","source":"beacon","name":"purchase","client_event_id":"order-1","visitor_id":"00005eed-0000-4000-9000-000000000001",
            "visitor_kind":"cookie","user_id":"user123","email_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "url":"https://shop.example/cart?utm_source=meta","host":"shop.example","path":"/cart","title":"Cart","referrer":"https://l.facebook.com/",
            "referrer_host":"l.facebook.com","utm_source":"meta","utm_medium":"cpc","utm_campaign":"autumn","utm_term":"boots","utm_content":"video",
            "click_id_kind":"fbclid","click_id":"IwAR0AbC","value":49.9,"currency":"EUR","ip":"203.0.113.0","country":"AT",
            "user_agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0","browser":"Chrome","os":"Linux","device":"desktop","traffic":"human",
            "traffic_reasons":["datacenter","says \u0022hello\u0022"],"consent_storage":true,"consent_measurement":true,"consent_ads":false,"gpc":true,
            "properties":{"deep":{"a":null,"b":1},"size":42,"tags":["new","sale"]}}
            """.ReplaceLineEndings(""), row);
    }

    [Fact]
    public async Task What_was_not_said_is_null_and_lists_and_properties_are_empty()
    {
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Minimal()), default);

        var row = JsonNode.Parse(await OnlyAsync(store))!.AsObject();

        Assert.Equal("[]", row["traffic_reasons"]!.ToJsonString());
        Assert.Equal("{}", row["properties"]!.ToJsonString());
        Assert.Equal(
            ["event_id", "received_at", "occurred_at", "site_id", "source", "name", "visitor_id", "visitor_kind", "traffic", "traffic_reasons",
             "consent_storage", "consent_measurement", "consent_ads", "gpc", "properties"],
            row.Where(column => column.Value is not null).Select(column => column.Key));
        Assert.Equal(EventColumns.All.Select(column => column.Name), row.Select(column => column.Key));
    }

    [Fact]
    public async Task Any_event_comes_back_as_it_went_in()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        var position = 0L;
        await Events.Any.Array[1, 20].SampleAsync(async events =>
        {
            events = [.. events.DistinctBy(e => e.Hit.EventId)];
            var batch = Events.Batch(journal, position, events);
            await store.SaveAsync(batch, default);
            position = batch.To;

            var rows = (await store.RecentAsync(null, 1000, default)).ToDictionary(row => (string)JsonNode.Parse(row)!["event_id"]!);
            foreach (var e in events)
                Assert.Equal(Encoding.UTF8.GetString(EventJson.Of(EventText.Of(e))), rows[e.Hit.EventId.ToString()]);
            await AskAsync("delete from events");
        }, iter: 60, threads: 1);
    }

    [Fact]
    public async Task An_amount_is_exact_and_adds_up()
    {
        var store = await FreshAsync();
        decimal[] amounts = [0.10m, 0.20m, 19.99m, -5.29m, 1_000_000m];
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. amounts.Select((amount, i) => WithValue(Events.Full(i), amount))]), default);

        var sum = decimal.Parse((await AskAsync("select sum(value) from events"))[0]!, CultureInfo.InvariantCulture);
        var above = await AskAsync("select count(*) from events where value > 10");

        Assert.Equal(1_000_015.00m, Math.Round(sum, 6));
        Assert.Equal("2", above[0]);
    }

    [Fact]
    public async Task An_amount_of_fifteen_digits_comes_back_digit_by_digit()
    {
        // SQLite's own rendering of this number is -8953286428370.8691.
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, WithValue(Events.Full(), -8953286428370.87m)), default);

        Assert.Contains("\"value\":-8953286428370.87,", await OnlyAsync(store));
    }

    [Fact]
    public async Task A_batch_moves_the_position_and_its_repetition_is_refused()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        Assert.Null(await store.PositionAsync(journal, default));

        var batch = Events.Batch(journal, 0, Events.Full(1), Events.Full(2));
        await store.SaveAsync(batch, default);
        Assert.Equal(20, await store.PositionAsync(journal, default));

        var moved = await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(batch, default));
        Assert.Equal(20, moved.Found);
        Assert.Equal("2", await CountAsync());
        Assert.Equal(20, await store.PositionAsync(journal, default));
    }

    [Fact]
    public async Task A_batch_from_elsewhere_stores_nothing()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        await store.SaveAsync(Events.Batch(journal, 0, Events.Full()), default);

        var moved = await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(Events.Batch(journal, 500, Events.Full(2)), default));

        Assert.Equal(10, moved.Found);
        Assert.Equal("1", await CountAsync());
    }

    [Fact]
    public async Task Only_a_batch_that_says_so_begins_a_journal_in_the_middle_whoever_asked_for_its_position()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        Assert.Null(await store.PositionAsync(journal, default));
        var moved = await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(Events.Batch(journal, 500, Events.Full()), default));
        Assert.Null(moved.Found);
        Assert.Equal("0", await CountAsync());

        await store.SaveAsync(Events.Batch(journal, 500, Events.Full()) with { Begins = true }, default);
        Assert.Equal(510, await store.PositionAsync(journal, default));

        await AskAsync("delete from journal_positions"); // a database that was set back to before it knew the journal
        await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(Events.Batch(journal, 510, Events.Full(2)), default));
        Assert.Equal("1", await CountAsync());
    }

    [Fact]
    public async Task An_empty_batch_moves_only_the_position()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        await store.SaveAsync(Events.Batch(journal, 0), default);
        await store.SaveAsync(Events.Batch(journal, 10), default);

        Assert.Equal(20, await store.PositionAsync(journal, default));
        Assert.Equal("0", await CountAsync());
    }

    [Fact]
    public async Task The_halves_of_a_batch_store_what_the_whole_would()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        var whole = Events.Batch(journal, 0, [.. Enumerable.Range(1, 5).Select(i => Events.Full(i))]) with { To = 99 };
        var (first, second) = whole.Split();

        await store.SaveAsync(first, default);
        Assert.Equal(20, await store.PositionAsync(journal, default));
        await store.SaveAsync(second, default);

        Assert.Equal(99, await store.PositionAsync(journal, default));
        Assert.Equal("5", await CountAsync());
    }

    [Fact]
    public async Task Two_journals_do_not_mind_each_other()
    {
        var store = await FreshAsync();
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        await store.SaveAsync(Events.Batch(one, 0, Events.Full(1)), default);
        await store.SaveAsync(Events.Batch(other, 0, Events.Full(2), Events.Full(3)), default);

        Assert.Equal(10, await store.PositionAsync(one, default));
        Assert.Equal(20, await store.PositionAsync(other, default));
    }

    [Fact]
    public async Task Of_two_writers_of_one_journal_exactly_one_wins_each_stretch()
    {
        var store = await FreshAsync();
        await using var rival = Open();
        var journal = Guid.NewGuid();
        for (var from = 0L; from < 100; from += 10)
        {
            var batch = Events.Batch(journal, from, Events.Full((int)from));
            var outcomes = await Task.WhenAll(TryAsync(store, batch), TryAsync(rival, batch));
            Assert.Single(outcomes, won => won);
        }

        Assert.Equal("10", await CountAsync());
        Assert.Equal(100, await store.PositionAsync(journal, default));
    }

    [Theory]
    [InlineData('\0')]
    [InlineData('\uD800')]
    public async Task Text_that_no_database_takes_refuses_the_batch_and_stores_nothing(char poison)
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() =>
            store.SaveAsync(Events.Batch(journal, 0, Events.Full(1), WithTitle($"before {poison} behind"), Events.Full(2)), default));

        Assert.Equal("22021", refused.Code);
        Assert.Equal("0", await CountAsync());
        Assert.Null(await store.PositionAsync(journal, default));
        await store.SaveAsync(Events.Batch(journal, 0, Events.Full(1)), default); // the store is as good as before
        Assert.Equal("1", await CountAsync());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{\"a\":")]
    [InlineData("{\"a\":\"\xFF\xFE\"}")]
    public async Task Properties_that_are_not_JSON_in_UTF8_are_refused(string bytes)
    {
        var store = await FreshAsync();

        await Assert.ThrowsAsync<RefusedRowException>(() =>
            store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, WithProperties(Encoding.Latin1.GetBytes(bytes))), default));

        Assert.Equal("0", await CountAsync());
    }

    [Fact]
    public async Task A_value_of_a_later_version_is_refused()
    {
        var store = await FreshAsync();
        var later = Events.Full();
        later = new Event { Hit = later.Hit, Traffic = (Traffic)200, TrafficReasons = [] };
        var batch = Events.Batch(Guid.NewGuid(), 0, later);

        var refused = await Assert.ThrowsAsync<RefusedRowException>(() => store.SaveAsync(batch, default));
        await store.RejectAsync(batch, refused, default);

        Assert.Equal("1", (await AskAsync("select count(*) from events_rejected"))[0]);
    }

    [Fact]
    public async Task A_rejected_event_is_kept_with_its_reason_whatever_it_holds()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        var batch = Events.Batch(journal, 0, WithTitle("NUL \0, lone \uD800, 'quote'"));

        await store.RejectAsync(batch, new RefusedRowException("22021", "invalid \0 byte \uDC00", null), default);

        Assert.Equal(10, await store.PositionAsync(journal, default));
        Assert.Equal("0", await CountAsync());
        Assert.Equal("22021|invalid \uFFFD byte \uFFFD|shop|purchase",
            (await AskAsync("select code || '|' || reason || '|' || site_id || '|' || name from events_rejected"))[0]);
        var payload = JsonNode.Parse((await AskAsync(PayloadQuery))[0]!)!;
        Assert.Equal("NUL \0, lone \uFFFD, 'quote'", (string?)payload["title"]);
        Assert.Equal(49.9m, (decimal?)payload["value"]);

        await Assert.ThrowsAsync<PositionMovedException>(() => store.RejectAsync(batch, new RefusedRowException("x", "y", null), default));
        Assert.Equal("1", (await AskAsync("select count(*) from events_rejected"))[0]);
    }

    [Fact]
    public async Task Recent_events_are_the_newest_first_of_one_site_or_of_all()
    {
        var store = await FreshAsync();
        Event[] events =
        [
            Events.Full(1, Events.Noon.AddDays(-3)), Events.Minimal(2, Events.Noon.AddHours(-2)),
            Events.Full(3, Events.Noon.AddSeconds(-1)), Events.Minimal(4, Events.Noon.AddSeconds(-2)),
        ];
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, events), default);

        Assert.Equal([3, 4, 2, 1], Numbers(await store.RecentAsync(null, 100, default)));
        Assert.Equal([3, 4], Numbers(await store.RecentAsync(null, 2, default)));
        Assert.Equal([3, 1], Numbers(await store.RecentAsync("shop", 100, default)));
        Assert.Empty(await store.RecentAsync("' or ''='", 100, default));
        Assert.Empty(await store.RecentAsync("a\0b", 100, default));
        Assert.Empty(await store.RecentAsync("\uD800", 100, default));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => store.RecentAsync(null, 0, default));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => store.RecentAsync(null, 1001, default));
    }

    [Fact]
    public async Task Preparing_twice_changes_nothing()
    {
        var store = await FreshAsync();
        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, Events.Full()), default);
        var scripts = await AskAsync("select count(*) from schema_versions");

        await store.PrepareAsync(default);

        Assert.Equal("1", await CountAsync());
        Assert.Equal(scripts, await AskAsync("select count(*) from schema_versions"));
    }

    [Fact]
    public async Task A_message_that_comes_again_makes_no_second_row()
    {
        var store = await FreshAsync();
        var journal = Guid.NewGuid();
        var (a, b, c) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());

        Assert.Equal(1, await store.SaveAsync(Events.Batch(journal, 0, Events.Full(1, onceKey: a), Events.Full(2), Events.Full(3, onceKey: a), Events.Full(4, onceKey: b)), default));
        Assert.Equal(2, await store.SaveAsync(Events.Batch(journal, 40, Events.Full(5, onceKey: b), Events.Full(6, onceKey: a), Events.Full(7, onceKey: c)), default));
        Assert.Equal(1, await store.SaveAsync(Events.Batch(journal, 70, Events.Full(8, onceKey: c)), default)); // nothing but a copy: the position moves all the same

        Assert.Equal(["order-1", "order-2", "order-4", "order-7"], await AskAsync("select client_event_id from events order by 1"));
        Assert.Equal(80, await store.PositionAsync(journal, default));
        Assert.Equal("3", (await AskAsync("select count(*) from event_receipts join events on events.event_id = event_receipts.event_id"))[0]);
    }

    [Fact]
    public async Task A_message_of_a_batch_that_failed_is_new_when_it_is_tried_again()
    {
        var store = await FreshAsync();
        var (journal, key) = (Guid.NewGuid(), Guid.NewGuid());
        await Assert.ThrowsAsync<RefusedRowException>(() => store.SaveAsync(Events.Batch(journal, 0, Events.Full(1, onceKey: key), WithTitle("\0")), default));
        await Assert.ThrowsAsync<PositionMovedException>(() => store.SaveAsync(Events.Batch(journal, 500, Events.Full(1, onceKey: key)), default));

        Assert.Equal(0, await store.SaveAsync(Events.Batch(journal, 0, Events.Full(1, onceKey: key)), default));

        Assert.Equal("1", await CountAsync());
    }

    [Fact]
    public async Task A_message_is_known_again_for_as_many_days_as_the_setting_says()
    {
        var store = await FreshAsync();
        var (journal, key) = (Guid.NewGuid(), Guid.NewGuid());
        await store.SaveAsync(Events.Batch(journal, 0, Events.Full(1, Clock.GetUtcNow(), key)), default);

        Clock.Advance(TimeSpan.FromDays(7));
        await store.PrepareAsync(default);
        Assert.Equal(1, await store.SaveAsync(Events.Batch(journal, 10, Events.Full(2, Clock.GetUtcNow(), key)), default));

        Clock.Advance(TimeSpan.FromSeconds(1));
        await store.PrepareAsync(default);
        Assert.Equal(0, await store.SaveAsync(Events.Batch(journal, 20, Events.Full(3, Clock.GetUtcNow(), key)), default));
    }

    [Fact]
    public async Task Collectors_that_store_the_same_messages_at_once_store_each_once()
    {
        var store = await FreshAsync();
        await using var rival = Open();
        Guid[] keys = [.. Enumerable.Range(0, 200).Select(_ => Guid.NewGuid())];
        for (var round = 0; round < 5; round++)
        {
            var mine = round;
            await Task.WhenAll(SaveAsync(store, keys.Skip(mine * 40).Take(40)), SaveAsync(rival, keys.Skip(mine * 40).Take(40).Reverse()));
        }

        Assert.Equal("200", await CountAsync());

        static Task<int> SaveAsync(IEventStore store, IEnumerable<Guid> keys) =>
            store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. keys.Select((key, i) => Events.Full(i, onceKey: key))]), default);
    }

    private protected abstract string PayloadQuery { get; }
    private protected abstract FakeTimeProvider Clock { get; }

    private protected async Task<string> CountAsync() => (await AskAsync("select count(*) from events"))[0]!;

    private protected static Event WithTitle(string title) => With(Events.Full(77), title: title);
    private protected static Event WithProperties(byte[] properties) => With(Events.Full(78), properties: properties);
    private protected static Event WithValue(Event e, decimal value) => With(e, value: value);

    private static Event With(Event e, string? title = null, byte[]? properties = null, decimal? value = null) => new()
    {
        Hit = new Hit
        {
            EventId = e.Hit.EventId,
            ReceivedAt = e.Hit.ReceivedAt,
            OccurredAt = e.Hit.OccurredAt,
            SiteId = e.Hit.SiteId,
            Source = e.Hit.Source,
            Name = e.Hit.Name,
            VisitorId = e.Hit.VisitorId,
            VisitorKind = e.Hit.VisitorKind,
            Title = title,
            Value = value ?? e.Hit.Value,
            Properties = properties,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = true,
        },
        Traffic = e.Traffic,
        TrafficReasons = e.TrafficReasons,
    };

    private static async Task<string> OnlyAsync(IEventStore store) => Assert.Single(await store.RecentAsync(null, 10, default));

    private static IEnumerable<int> Numbers(IReadOnlyList<string> rows) =>
        rows.Select(row => int.Parse(((string)JsonNode.Parse(row)!["event_id"]!)[..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    private static async Task<bool> TryAsync(IEventStore store, EventBatch batch)
    {
        try
        {
            await store.SaveAsync(batch, default);
            return true;
        }
        catch (PositionMovedException)
        {
            return false;
        }
    }
}

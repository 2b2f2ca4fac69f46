using Npgsql;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>What is past goes, on both stores, and nothing else does.</summary>
public sealed class RetentionSweepTests(SharedPostgres postgres)
{
    public static TheoryData<string> Stores => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task After_any_days_of_any_settings_exactly_what_a_plain_filter_keeps_is_stored(string name)
    {
        for (var seed = 1; seed <= 4; seed++)
        {
            var random = new Random(seed);
            await using var store = await PastStore.FreshAsync(name, postgres, new() { PartitionBy = seed % 2 == 0 ? PartitionBy.Month : PartitionBy.Day });
            string[] sites = ["a", "b", "c", "Ü '\"", "default"];
            var rules = AnyRules(random, sites);
            List<Event> all = [.. Enumerable.Range(0, 600).Select(_ => store.At(sites[random.Next(sites.Length)], store.Now.AddSeconds(-random.NextDouble() * 45 * 86_400)))];
            await store.SaveAsync(all);

            for (var round = 0; round < 6; round++)
            {
                await store.SweepAsync(rules);
                all = [.. all.Where(e => IsKept(rules, e, store.Now))];
                Assert.Equal(all.Select(e => e.Hit.Name).Order(StringComparer.Ordinal), await store.NamesAsync());
                Assert.Equal(default, await store.SweepAsync(rules)); // and a second run finds nothing

                if (round == 3) rules = AnyRules(random, sites);
                store.Clock.Advance(TimeSpan.FromDays(random.Next(1, 12)));
                Event[] some = [.. Enumerable.Range(0, 50).Select(_ => store.At(sites[random.Next(sites.Length)], store.Now.AddMinutes(-random.Next(700))))];
                await store.SaveAsync(some);
                all.AddRange(some);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_last_moment_that_is_past_goes_and_the_first_that_is_not_stays(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        var cut = new DateTimeOffset(2026, 10, 24, 0, 0, 0, TimeSpan.Zero); // 30 days before the test's today
        await store.SaveAsync(store.At("a", cut.AddTicks(-10)), store.At("a", cut), store.At("b", cut.AddTicks(-10)));

        await store.SweepAsync(Rules(null, ("a", 30)));

        Assert.Equal(["n2", "n3"], await store.NamesAsync());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_row_that_comes_late_into_a_day_that_was_cleared_goes_within_a_week(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        var rules = Rules(null, ("a", 10));
        await store.SaveAsync(store.At("b", store.Now.AddDays(-20)));
        await store.SweepAsync(rules);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-20)));

        store.Clock.Advance(TimeSpan.FromDays(8));
        await store.SweepAsync(rules);

        Assert.Equal(["n1"], await store.NamesAsync());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Rejected_rows_and_identity_edges_go_with_the_events_and_decisions_stay(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        var (old, young) = (store.Now.AddDays(-40), store.Now.AddDays(-3));
        await store.SaveAsync(store.At("a", old, "old"), store.At("a", young, "young"), store.At("b", old, "other"));
        var first = store.At("a", old, "both");
        await store.SaveAsync(first, Again(first, store.At("a", young)));
        await store.RejectAsync(store.At("a", old));
        await store.RejectAsync(store.At("a", young));
        await store.RejectAsync(store.At("b", old));
        await store.RejectAsync(store.At("a", new DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero))); // of a clock gone wild: aged by when it was refused

        await store.SweepAsync(Rules(null, ("a", 30)));

        Assert.Equal(["both", "other", "young"], (await store.AskAsync("select to_id from identity_edges order by to_id")));
        Assert.Equal(3, (await store.AskAsync("select name from events_rejected")).Count);
        Assert.Empty(await store.AskAsync("select name from events_rejected where name = 'n6'"));

        store.Clock.Advance(TimeSpan.FromDays(31));
        await store.SweepAsync(Rules(null, ("a", 30)));
        Assert.Equal(["b"], await store.AskAsync("select site_id from events_rejected"));
    }

    [Fact]
    public async Task Partitions_in_which_all_is_past_are_gone_and_those_of_a_site_that_is_kept_stay()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(Enumerable.Range(0, 50).Select(day => store.At(day == 45 ? "kept" : "a", store.Now.AddDays(-day))));

        // While anything is kept for ever a partition goes when it is empty.
        var tally = await store.SweepAsync(Rules(null, ("a", 30)));
        Assert.Equal((18, 18L), (tally.Partitions, tally.Rows)); // 19 days are past, one of them holds the other site's row
        Assert.Equal(["events_20261009", "events_20261024"], (await store.PartitionsAsync())[..2]);
        Assert.Equal("0", (await store.AskAsync("select count(*) from pg_class where relname in ('events_20261008', 'events_20261023')"))[0]);

        // Once nothing is, whole days go without a row being touched.
        tally = await store.SweepAsync(Rules(20, ("a", 10)));
        Assert.Equal((21, 10L), (tally.Partitions, tally.Rows)); // 11 whole, until the 2nd of November, and 10 that a's rows leave empty
        Assert.Equal("events_20261113", (await store.PartitionsAsync())[0]);
        Assert.Equal(["n1", "n10", "n11", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"], await store.NamesAsync());
    }

    [Fact]
    public async Task A_month_goes_row_by_row_while_it_lasts_and_then_as_a_whole()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres, new() { PartitionBy = PartitionBy.Month });
        await store.SaveAsync(Enumerable.Range(0, 80).Select(day => store.At("a", store.Now.AddDays(-day))));
        Assert.Equal(["events_202609", "events_202610", "events_202611"], (await store.PartitionsAsync())[..3]);

        var tally = await store.SweepAsync(Rules(30));

        Assert.Equal((1, 23L), (tally.Partitions, tally.Rows)); // September; and the first 23 days of October
        Assert.Equal("events_202610", (await store.PartitionsAsync())[0]);
        Assert.Equal(31, (await store.NamesAsync()).Count);

        store.Clock.Advance(TimeSpan.FromDays(8)); // the 1st of December: the 31st of October is the last day that is past
        tally = await store.SweepAsync(Rules(30));
        Assert.Equal((1, 0L), (tally.Partitions, tally.Rows));
        Assert.Equal("events_202611", (await store.PartitionsAsync())[0]);
    }

    [Fact]
    public async Task A_long_reader_keeps_its_partition_but_holds_nobody_up_and_in_the_end_the_rows_go_without_it()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)), store.At("a", store.Now.AddDays(-1)));
        var (rules, partitions) = (Rules(30), await store.PartitionsAsync());
        await using (var report = await store.Postgres.Source.OpenConnectionAsync())
        await using (var transaction = await report.BeginTransactionAsync())
        {
            await using (var query = new NpgsqlCommand("select count(*) from events", report)) await query.ExecuteScalarAsync();

            var blocked = await store.Sweep(rules).RunAsync(byRow: false, all: false, default).WaitAsync(TimeSpan.FromSeconds(9));
            Assert.Equal(new RetentionTally(0, 0, 1), blocked);
            Assert.Null((await store.Retention.PastAsync(rules.Text, default)).FinishedAt); // that was no success
            await store.SaveAsync(store.At("a", store.Now)).WaitAsync(TimeSpan.FromSeconds(9));

            var tally = await store.Sweep(rules).RunAsync(byRow: true, all: false, default);
            Assert.Equal(new RetentionTally(0, 1, 0), tally);
            Assert.Equal(["n2", "n3"], await store.NamesAsync());
            Assert.Equal(partitions, await store.PartitionsAsync());
        }

        Assert.Equal(1, (await store.SweepAsync(rules)).Partitions);
        Assert.Equal(partitions.Skip(1), await store.PartitionsAsync());
    }

    [Fact]
    public async Task After_one_partition_that_is_being_read_no_other_is_waited_for_in_the_same_run()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(Enumerable.Range(30, 12).Select(day => store.At("a", store.Now.AddDays(-day))));
        var crossed = new CrossedRetention(store.Retention) { InUse = true };

        var tally = await new RetentionSweep(Rules(25), crossed, store.Clock).RunAsync(byRow: false, all: false, default);
        Assert.Equal((12, 1), (tally?.Blocked, crossed.Drops));
        tally = await new RetentionSweep(Rules(25), crossed, store.Clock).RunAsync(byRow: true, all: false, default);
        Assert.Equal((12L, 2), (tally?.Rows, crossed.Drops));
        Assert.Empty(await store.NamesAsync());
    }

    [Fact]
    public async Task A_partition_that_cannot_be_dropped_loses_its_rows_and_keeps_none_of_the_younger_ones()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(Enumerable.Range(30, 5).Select(day => store.At("a", store.Now.AddDays(-day))).Append(store.At("a", store.Now)));
        var oldest = (await store.PartitionsAsync())[0];
        await store.AskAsync($"create view somebodys as select name from {oldest}");

        var refused = await Assert.ThrowsAsync<PostgresException>(() => store.SweepAsync(Rules(25)));
        Assert.Equal(PostgresErrorCodes.DependentObjectsStillExist, refused.SqlState);
        Assert.Equal(["n1"], await store.NamesAsync()); // today's, which was made first
        Assert.Equal([oldest], (await store.PartitionsAsync()).Where(name => string.CompareOrdinal(name, "events_20261029") < 0));
        Assert.Null((await store.Retention.PastAsync(Rules(25).Text, default)).FinishedAt); // that was no success

        await store.AskAsync("drop view somebodys");
        Assert.Equal(1, (await store.SweepAsync(Rules(25))).Partitions);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task More_than_a_command_can_delete_is_deleted_in_smaller_stretches(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        var busy = new DateTimeOffset(store.Now.AddDays(-40).Date, TimeSpan.Zero);
        await store.SaveAsync([
            store.At("a", busy.AddDays(-60)), store.At("a", busy), // quiet, and then everybody at once
            .. Enumerable.Range(0, 1_200).Select(i => store.At("a", busy.AddHours(20).AddMilliseconds(i * 50))), store.At("kept", busy.AddHours(20))]);
        var crossed = new CrossedRetention(store.Retention) { MostRows = 100 };

        var tally = await new RetentionSweep(Rules(null, ("a", 30)), crossed, store.Clock).RunAsync(byRow: false, all: false, default);
        Assert.Equal(1_202, tally?.Rows);
        Assert.True(crossed.TooMuch > 0);
        Assert.Equal(["n1203"], await store.NamesAsync());
    }

    [Fact]
    public async Task Writers_go_on_while_partitions_go_and_not_one_young_row_is_lost()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(Enumerable.Range(0, 60).Select(day => store.At("a", store.Now.AddDays(-day))));
        using var stop = new CancellationTokenSource();
        var written = 0;
        var writer = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await store.SaveAsync(store.At("a", store.Now.AddDays(-(written % 20))), store.At("b", store.Now));
                written++;
            }
        });

        var rules = Rules(25, ("b", 40));
        for (var i = 0; i < 12; i++)
        {
            await store.SweepAsync(rules);
            await Eventually.TrueAsync(() => written > i * 3 || writer.IsCompleted, () => "the writer writes");
        }

        await stop.CancelAsync();
        await writer;

        var kept = await store.AskAsync("select count(*) from events where received_at >= timestamptz '2026-10-29 00:00Z'");
        Assert.Equal((26 + 2 * written).ToString(System.Globalization.CultureInfo.InvariantCulture), kept[0]);
        Assert.Equal(kept, await store.AskAsync("select count(*) from events"));
    }

    [Fact]
    public async Task A_late_row_whose_partition_is_gone_gets_a_new_one_that_goes_too()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)));
        await store.SweepAsync(Rules(30));
        var partitions = await store.PartitionsAsync();

        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)));
        Assert.Equal(1, (await store.SweepAsync(Rules(30))).Partitions); // in the next hour of the same day

        Assert.Equal(partitions, await store.PartitionsAsync());
    }

    [Fact]
    public async Task Two_collectors_do_not_do_it_at_once()
    {
        await using var store = await PastStore.FreshAsync("postgresql", postgres);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)));
        await using (await store.Retention.TurnAsync(default))
            Assert.Null(await store.Sweep(Rules(30)).RunAsync(byRow: false, all: false, default));

        var tallies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => store.Sweep(Rules(30)).RunAsync(byRow: false, all: true, default))));

        Assert.Equal(1, tallies.Sum(tally => tally?.Partitions));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_preview_says_what_would_go_and_deletes_nothing(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)), store.At("b", store.Now.AddDays(-40)), store.At("a", store.Now.AddDays(-15), "u"), store.At("b", store.Now.AddDays(-15)));
        await store.RejectAsync(store.At("a", store.Now.AddDays(-15)));
        var lines = new List<string>();

        await store.Sweep(Rules(30, ("a", 10))).PreviewAsync(lines.Add, default);

        Assert.Equal(
            name == "postgresql"
                ? ["partition events_20261014 would be dropped: 2 events", "events_20261108: 1 events of a before 2026-11-13 would be deleted",
                   "2 rejected events and identity edges of a before 2026-11-13 would be deleted", "1 partitions would be dropped, 3 rows deleted."]
                : ["events: 2 events of a before 2026-11-13 would be deleted", "events: 1 events of all other sites before 2026-10-24 would be deleted",
                   "2 rejected events and identity edges of a before 2026-11-13 would be deleted", "0 partitions would be dropped, 5 rows deleted."],
            lines);
        Assert.Equal(["n1", "n2", "n3", "n4"], await store.NamesAsync());
    }

    [Fact]
    public async Task What_was_deleted_from_the_embedded_store_is_wiped_but_for_remains_in_pages_that_are_still_in_use()
    {
        await using var store = await PastStore.FreshAsync("sqlite", postgres);
        await store.SaveAsync(Enumerable.Range(0, 3_000).Select(i => store.At("a", store.Now.AddDays(-40).AddSeconds(i), $"person-who-is-past-{i}")));
        Assert.True(await FoundAsync() > 6_000); // events, edges and the index of edges

        await store.SweepAsync(Rules(30));

        Assert.True(await FoundAsync() < 60);

        async Task<int> FoundAsync()
        {
            var found = 0;
            using var copy = await DirectoryCopy.OfAsync(Path.GetDirectoryName(store.Database)!);
            foreach (var file in Directory.EnumerateFiles(copy.Path)) found += (await File.ReadAllBytesAsync(file)).AsSpan().Count("person-who-is-past"u8);

            return found;
        }
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Every_day_leaves_a_row_that_says_what_was_done(string name)
    {
        await using var store = await PastStore.FreshAsync(name, postgres);
        await store.SaveAsync(store.At("a", store.Now.AddDays(-40)), store.At("b", store.Now.AddDays(-12)));
        await store.SweepAsync(Rules(30, ("b", 10)));
        await store.SweepAsync(Rules(30, ("b", 10)));
        store.Clock.Advance(TimeSpan.FromDays(1));
        await store.SweepAsync(Rules(30, ("b", 10)));

        Assert.Equal(
            [$$"""2026-11-23 {"*":30,"b":10} {{(name == "sqlite" ? "0 2" : "2 1")}}""", """2026-11-24 {"*":30,"b":10} 0 0"""],
            await store.AskAsync("select cast(day as text) || ' ' || rules || ' ' || partitions || ' ' || rows from retention_runs order by day"));
    }

    private static Event Again(Event first, Event next) => new()
    {
        Hit = new Hit
        {
            EventId = next.Hit.EventId,
            ReceivedAt = next.Hit.ReceivedAt,
            OccurredAt = next.Hit.OccurredAt,
            SiteId = next.Hit.SiteId,
            Source = next.Hit.Source,
            Name = next.Hit.Name,
            VisitorId = first.Hit.VisitorId,
            VisitorKind = next.Hit.VisitorKind,
            UserId = first.Hit.UserId,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = false,
        },
        Traffic = next.Traffic,
        TrafficReasons = [],
    };

    private static bool IsKept(RetentionRules rules, Event e, DateTimeOffset now) => !rules.All.Any(rule =>
        rule.Sites.Sites.Contains(e.Hit.SiteId) != rule.Sites.IsAllBut && e.Hit.ReceivedAt < new DateTimeOffset(now.UtcDateTime.Date.AddDays(-rule.Days), TimeSpan.Zero));

    private static RetentionRules AnyRules(Random random, string[] sites)
    {
        var listed = sites.Where(_ => random.Next(2) == 0).Append(sites[0]).Distinct().ToDictionary(site => site, _ => random.Next(4) == 0 ? (int?)null : random.Next(1, 40));
        listed[sites[0]] = random.Next(1, 40);
        return new(listed, random.Next(3) == 0 ? null : random.Next(1, 40));
    }

    private static RetentionRules Rules(int? others, params (string Site, int Days)[] listed) => new(listed.ToDictionary(one => one.Site, one => (int?)one.Days), others);
}

using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>What both stores promise of their labels, and what is made of it: rows judged again.</summary>
public sealed class LabelsTests(SharedPostgres postgres)
{
    private const string Outlook = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)";
    private static readonly DateTimeOffset Noon = Events.Noon;
    private static readonly Label Human = Label.Human, BotList = Label.Of(Verdict.BotList);

    public static TheoryData<string> Stores => ["sqlite", "postgresql"];

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Mail_rows_come_copy_by_copy_in_the_order_of_time_and_other_rows_by_themselves(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            LabelStore.Mail(Noon.AddSeconds(1), "b", 2), LabelStore.Mail(Noon.AddSeconds(2), "a"), LabelStore.Mail(Noon.AddSeconds(3), "b"),
            LabelStore.Page(Noon.AddSeconds(4), "curl/8.5.0", BotList), LabelStore.Mail(Noon.AddSeconds(5), "a", 1, message: "m-2"),
            LabelStore.Mail(Noon.AddSeconds(6), null, 1), LabelStore.Mail(Noon.AddMinutes(9), "a", 3), LabelStore.Mail(Noon.AddHours(2), "a", 4));
        var hour = new Stretch(Noon, Noon.AddHours(1));

        var mail = await store.Labels.MailAsync(hour, null, default).ToListAsync();
        var touched = await store.Labels.MailAsync(hour, new(Noon.AddSeconds(2), Noon.AddSeconds(3)), default).ToListAsync();
        var others = await store.Labels.OthersAsync(hour, default).ToListAsync();

        Assert.Equal(["a m-1 2", "a m-1 540", "b m-1 1", "b m-1 3", "a m-2 5"],
            mail.Where(row => row.UserId is not null).Select(row => $"{row.UserId} {row.Facts.Message} {(row.ReceivedAt - Noon).TotalSeconds}"));
        Assert.Equal(6, mail.Count);
        Assert.Equal(["a m-1 2", "a m-1 540"], touched.Select(row => $"{row.UserId} {row.Facts.Message} {(row.ReceivedAt - Noon).TotalSeconds}"));
        var click = mail.Single(row => row.UserId == "b" && row.Source == Source.Click);
        Assert.Equal((2, 9, "https://shop.example/2", "203.0.113.0", SomeHit.ChromeOnWindows, "letters"),
            (click.Facts.Link, click.Facts.LinkCount, click.Url, click.Ip!.ToString(), click.UserAgent, click.SiteId));
        var other = Assert.Single(others);
        Assert.Equal((Source.Pixel, "curl/8.5.0", BotList), (other.Source, other.UserAgent, other.Label));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Only_rows_whose_label_differs_are_written_and_counted(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        Event[] events = [.. Enumerable.Range(0, 4).Select(i => LabelStore.Mail(Noon.AddTicks(1_234_567 * i), "a", i))];
        await store.SaveAsync(events);
        var rows = await store.Labels.MailAsync(Stretch.Day(DateOnly.FromDateTime(Noon.UtcDateTime)), null, default).ToListAsync();
        var burst = Label.Of(Verdict.LinkFlood, Verdict.LinkBurst);
        Relabelled[] changes =
        [
            new(rows[0].EventId, rows[0].ReceivedAt, burst), new(rows[1].EventId, rows[1].ReceivedAt, Human),
            new(rows[2].EventId, rows[2].ReceivedAt, burst), new(Guid.NewGuid(), rows[3].ReceivedAt, burst),
        ];

        Assert.Equal(2, await store.Labels.ChangeAsync(changes, default));
        Assert.Equal(0, await store.Labels.ChangeAsync(changes, default));
        Assert.Equal(0, await store.Labels.ChangeAsync([], default));

        Assert.Equal(["bot link_flood link_burst", "human", "bot link_flood link_burst", "human"], await store.LabelsAsync());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_row_with_a_word_of_a_later_version_is_passed_over_and_one_with_a_later_reason_keeps_it(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        await store.SaveAsync([.. Enumerable.Range(0, 6).Select(i => LabelStore.Mail(Noon.AddSeconds(i * 0.1), "a", i, label: i == 2 ? new(Traffic.Bot, ["mind_reading"]) : Human))]);
        await store.AskAsync("update events set traffic = 'alien' where url like '%/1'");

        await new Relabelling(store.Labels).MailAsync(new(Noon, Noon.AddSeconds(1)), default);

        const string Flood = "bot link_flood link_burst";
        Assert.Equal([Flood, "alien", "bot mind_reading", Flood, Flood, Flood], await store.LabelsAsync());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_burst_that_is_complete_only_later_corrects_the_rows_before_it_and_no_others(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        var relabelling = new Relabelling(store.Labels);
        await store.SaveAsync(LabelStore.Mail(Noon.AddSeconds(-40), "a"), LabelStore.Mail(Noon.AddSeconds(-30), "b", userAgent: Outlook), LabelStore.Mail(Noon, "a", 0));
        var first = await relabelling.MailAsync(new(Noon.AddSeconds(-40), Noon.AddSeconds(1)), default);
        await store.SaveAsync([LabelStore.Mail(Noon.AddSeconds(0.3), "a", 1), LabelStore.Mail(Noon.AddSeconds(300), "a", 5, Outlook), LabelStore.Mail(Noon.AddSeconds(0.4), "b", 1, Outlook)]);

        var second = await relabelling.MailAsync(new(Noon.AddSeconds(0.3), Noon.AddSeconds(301)), default);
        var third = await relabelling.MailAsync(new(Noon.AddSeconds(0.3), Noon.AddSeconds(301)), default);

        Assert.Equal((0, 3, 0), (first.Written, second.Written, third.Written));
        Assert.Equal(["bot scanner_open", "human", "bot link_burst", "bot link_burst", "human", "human"], await store.LabelsAsync());
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_day_is_judged_by_todays_rules_and_keeps_what_only_headers_told(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        var day = DateOnly.FromDateTime(Noon.UtcDateTime);
        await store.SaveAsync(
            LabelStore.Page(Noon.AddSeconds(1), "curl/8.5.0", Human),                                                     // a rule that came later
            LabelStore.Page(Noon.AddSeconds(2), SomeHit.ChromeOnWindows, BotList),                                       // a token that was wrong
            LabelStore.Page(Noon.AddSeconds(3), SomeHit.ChromeOnWindows, Label.Of(Verdict.PrefetchHeader)),
            LabelStore.Page(Noon.AddSeconds(4), "Googlebot/2.1", Label.Of(Verdict.FetchMetadata)),
            LabelStore.Page(Noon.AddSeconds(5), SomeHit.ChromeOnWindows, Label.Of(Verdict.Automation)),                  // told by its brand
            LabelStore.Page(Noon.AddSeconds(6), null, Label.Of(Verdict.OpenedAsPage, Verdict.NoUserAgent)),
            LabelStore.Page(Noon.AddSeconds(7), "okhttp/4.12.0", Human, Source.Server),
            LabelStore.Page(Noon.AddSeconds(8), "curl/8.5.0", new(Traffic.Bot, ["mind_reading"])),
            LabelStore.Mail(Noon.AddHours(12).AddSeconds(-0.4), "a", 1), LabelStore.Mail(Noon.AddHours(12).AddSeconds(0.4), "a", 2)); // over midnight

        var dry = await new Relabelling(store.Labels).DayAsync(day, new Enricher(new EnrichOptions()).Again, dryRun: true, default);
        Assert.Equal("human", (await store.LabelsAsync())[0]);
        var first = await new Relabelling(store.Labels).DayAsync(day, new Enricher(new EnrichOptions()).Again, dryRun: false, default);
        var again = await new Relabelling(store.Labels).DayAsync(day, new Enricher(new EnrichOptions()).Again, dryRun: false, default);

        Assert.Equal(
            ["bot http_library", "human", "prefetch prefetch_header", "bot bot_word fetch_metadata", "bot automation", "unknown opened_as_page no_user_agent",
             "unknown sender", "bot mind_reading", "bot link_burst", "human"],
            await store.LabelsAsync());
        Assert.Equal((9, 5, 0), (dry.Read, dry.Changed, dry.Written));
        Assert.Equal((9, 5, 5), (first.Read, first.Changed, first.Written));
        Assert.Equal((9, 0, 0), (again.Read, again.Changed, again.Written));
        Assert.Equal(
            [(Traffic.Human, Traffic.Bot, 2L), (Traffic.Bot, Traffic.Bot, 1L), (Traffic.Bot, Traffic.Human, 1L), (Traffic.Human, Traffic.Unknown, 1L)],
            first.Moves.OrderByDescending(move => move.Rows).ThenBy(move => Names.Of(move.From), StringComparer.Ordinal).ThenBy(move => Names.Of(move.To), StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Thousands_of_rows_are_judged_again_by_two_at_once_while_others_are_stored(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        for (var batch = 0; batch < 3; batch++)
        {
            var from = batch;
            await store.SaveAsync([.. Enumerable.Range(0, 1_000).SelectMany(i => (Event[])
                [LabelStore.Mail(Noon.AddSeconds((from * 1_000) + i), $"r{i}", 1), LabelStore.Mail(Noon.AddSeconds((from * 1_000) + i + 0.5), $"r{i}", 2)])]);
        }

        var day = DateOnly.FromDateTime(Noon.UtcDateTime);
        var passes = Enumerable.Range(0, 2).Select(_ => Task.Run(() => new Relabelling(store.Labels).DayAsync(day, row => row.Label.Alone, false, default))).ToList();
        for (var i = 0; i < 20; i++) await store.SaveAsync(LabelStore.Page(Noon.AddMinutes(i), SomeHit.ChromeOnWindows, Human));
        var tallies = await Task.WhenAll(passes);

        Assert.Equal(6_000, tallies.Sum(tally => tally.Written)); // each row once, by whoever was first
        Assert.Equal(["bot link_burst", "human"], (await store.LabelsAsync()).Distinct().Order());
        Assert.Equal(6_020, (await store.LabelsAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_look_reads_mail_rows_of_its_days_and_no_others(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        await store.SaveAsync([.. Enumerable.Range(0, 4_000).Select(i => i % 100 == 0
            ? LabelStore.Mail(Noon.AddSeconds(i), $"r{i}", 1)
            : LabelStore.Page(Noon.AddSeconds(i), SomeHit.ChromeOnWindows, Human))]);
        await store.AskAsync("analyze");

        var plan = await store.PlanAsync(new(Noon, Noon.AddMinutes(40)), new(Noon.AddMinutes(10), Noon.AddMinutes(20)));

        if (name == "sqlite")
        {
            Assert.Equal(2, plan.Count(line => line.Contains("USING INDEX events_mail (received_at>? AND received_at<?)", StringComparison.Ordinal)));
            Assert.DoesNotContain(plan, line => line.Contains("SCAN e", StringComparison.Ordinal));
            return;
        }

        Assert.DoesNotContain(plan, line => line.Contains("Seq Scan on events_", StringComparison.Ordinal));
        Assert.All(plan.Where(line => line.Contains(" on events_", StringComparison.Ordinal)), line => Assert.Contains("events_20261123", line, StringComparison.Ordinal));
        var partial = (await store.AskAsync("select indexrelid::regclass::text from pg_index where indrelid = 'events_20261123'::regclass and indpred is not null"))[0];
        Assert.Equal(2, plan.Count(line => line.Contains($"{partial} ", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_days_that_can_have_rows_are_known(string name)
    {
        await using var store = await LabelStore.FreshAsync(name, postgres);
        if (name == "sqlite") Assert.Null(await store.Labels.DaysAsync(default));
        await store.SaveAsync(LabelStore.Page(Noon.AddDays(-40), null, Human), LabelStore.Page(Noon, null, Human));

        var (first, last) = (await store.Labels.DaysAsync(default))!.Value;

        Assert.Equal(DateOnly.FromDateTime(Noon.AddDays(-40).UtcDateTime), first);
        Assert.InRange(last, DateOnly.FromDateTime(Noon.UtcDateTime), DateOnly.FromDateTime(Noon.AddDays(2).UtcDateTime));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Opens_are_counted_once_and_again_after_half_an_hour_people_apart_from_machines(string name)
    {
        const string GmailProxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
        await using var store = await LabelStore.FreshAsync(name, postgres);
        await store.SaveAsync(
            LabelStore.Mail(Noon, "anna", userAgent: "Mozilla/5.0"),                                             // Apple, ahead
            LabelStore.Mail(Noon.AddMinutes(5), "anna", userAgent: Outlook),                                     // 1
            LabelStore.Mail(Noon.AddMinutes(6), "anna", userAgent: "Mozilla/5.0"),
            LabelStore.Mail(Noon.AddMinutes(35).AddTicks(-10), "anna", userAgent: GmailProxy),                   // a microsecond too soon
            LabelStore.Mail(Noon.AddMinutes(65).AddTicks(-10), "anna", userAgent: Outlook),                      // 2: half an hour behind the last
            LabelStore.Mail(Noon.AddMinutes(70), "anna", 3), LabelStore.Mail(Noon.AddMinutes(70), "anna", 3), LabelStore.Mail(Noon.AddMinutes(80), "anna", 1, "curl/8.5.0"),
            LabelStore.Mail(Noon.AddDays(1), "anna", message: "m-2"),
            LabelStore.Mail(Noon.AddMinutes(2), "ben", userAgent: "Mozilla/5.0"),
            LabelStore.Mail(Noon.AddMinutes(3), "anna", site: "other"),
            LabelStore.Mail(Noon.AddMinutes(4), null));                                                          // a mail without recipients

        var time = name == "sqlite" ? "substr({0}, 1, 19)" : "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')";
        string Text(string column) => "coalesce(" + string.Format(System.Globalization.CultureInfo.InvariantCulture, time, column) + ", '-')";
        var rows = await store.AskAsync(
            $"""
             select site_id || ' ' || message_id || ' ' || recipient_id || ' ' || campaign || ' ' || {Text("first_open_at")} || ' ' || {Text("last_open_at")}
                    || ' opens ' || opens || ' machine ' || machine_opens || ' hits ' || open_hits
                    || ' ' || {Text("first_click_at")} || ' clicks ' || clicks || ' machine ' || machine_clicks || ' hits ' || click_hits
             from email_opens order by site_id, message_id, recipient_id
             """);

        Assert.Equal(
            [
                "letters m-1 anna spring 2026-11-23T12:05:00 2026-11-23T13:04:59 opens 2 machine 2 hits 5 2026-11-23T13:10:00 clicks 2 machine 1 hits 3",
                "letters m-1 ben spring - - opens 0 machine 1 hits 1 - clicks 0 machine 0 hits 0",
                "letters m-2 anna spring 2026-11-24T12:00:00 2026-11-24T12:00:00 opens 1 machine 0 hits 1 - clicks 0 machine 0 hits 0",
                "other m-1 anna spring 2026-11-23T12:03:00 2026-11-23T12:03:00 opens 1 machine 0 hits 1 - clicks 0 machine 0 hits 0",
            ], rows);
    }
}

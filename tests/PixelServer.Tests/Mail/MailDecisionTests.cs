using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PixelServer.Mail;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>Decisions in memory and on the server's own disk, and between collectors.</summary>
public sealed class MailDecisionTests(SharedPostgres postgres) : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);
    private readonly TempFolder _folder = new();

    private string FilePath => _folder.File("mail-decisions.jsonl");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_was_decided_is_there_after_a_restart()
    {
        using (var decisions = Open())
        {
            Assert.True(await decisions.DecideAsync(Recipient("r1", tracking: false)));
            Assert.False(await decisions.DecideAsync(Recipient("r1", tracking: false, s_now.AddDays(1)))); // it was so already
            Assert.True(await decisions.DecideAsync(Recipient("r2", tracking: true)));
            Assert.True(await decisions.DecideAsync(new("shop", MailSubject.Message, "m", false, false, s_now, "operator")));
        }

        using var again = Open();
        Assert.Equal((false, true, null), (Tracking(again, "r1"), Tracking(again, "r2"), Tracking(again, "r3")));
        Assert.False(again.MayRedirect(new("shop", "r1") { Message = "m" }));
        Assert.True(again.MayRedirect(new("other", "r1") { Message = "m" }));
        Assert.Equal(3, again.Unshared(10).Count);
    }

    // The clock of the collector that granted was an hour ahead; who withdraws now must not wait an hour for it to hold.
    [Fact]
    public async Task Who_withdraws_does_not_lose_to_a_clock_that_was_ahead()
    {
        using var decisions = Open();
        await decisions.LearnAsync([Recipient("r1", tracking: true, s_now.AddHours(1))]);

        Assert.True(await decisions.DecideAsync(Recipient("r1", tracking: false)));

        Assert.False(Tracking(decisions, "r1"));
        Assert.True(Assert.Single(decisions.Unshared(10)).DecidedAt > s_now.AddHours(1));
    }

    // Withdrawn, agreed again at another collector that we have not heard yet, withdrawn once more: the last word holds.
    [Fact]
    public async Task Who_withdraws_again_does_not_lose_to_a_yes_that_came_between()
    {
        using var decisions = Open();
        await decisions.DecideAsync(Recipient("r1", tracking: false));

        Assert.False(await decisions.DecideAsync(Recipient("r1", tracking: false, s_now.AddHours(2))));
        await decisions.LearnAsync([Recipient("r1", tracking: true, s_now.AddHours(1))]);

        Assert.False(Tracking(decisions, "r1"));
        Assert.Equal(s_now.AddHours(2), Assert.Single(decisions.Unshared(10)).DecidedAt);
    }

    [Fact]
    public async Task What_is_learnt_late_changes_nothing_that_is_newer_and_at_one_moment_the_stricter_holds()
    {
        using var decisions = Open();
        await decisions.DecideAsync(Recipient("r1", tracking: false));

        await decisions.LearnAsync([Recipient("r1", tracking: true, s_now.AddDays(-1))]);
        Assert.False(Tracking(decisions, "r1"));
        await decisions.LearnAsync([Recipient("r1", tracking: true)]);
        Assert.False(Tracking(decisions, "r1"));
        Assert.Single(decisions.Unshared(10)); // the store has something older, so it is still to be told
        await decisions.LearnAsync([Recipient("r1", tracking: true, s_now.AddDays(1))]);
        Assert.True(Tracking(decisions, "r1"));
        Assert.Empty(decisions.Unshared(10));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_withdrawal_that_could_not_be_written_is_written_with_what_comes_next(bool byStore)
    {
        using (var decisions = Open())
        {
            Directory.CreateDirectory(FilePath); // nothing can be written there
            await Assert.ThrowsAnyAsync<Exception>(() => decisions.LearnAsync([Recipient("r1", tracking: false), Recipient("r2", tracking: true)]));
            Assert.Equal((false, null), (Tracking(decisions, "r1"), Tracking(decisions, "r2")));

            Directory.Delete(FilePath);
            if (byStore) await decisions.LearnAsync([Recipient("r1", tracking: false), Recipient("r2", tracking: true)]); // it is asked again
            else await decisions.DecideAsync(Recipient("r3", tracking: false));
        }

        using var again = Open();
        Assert.Equal((false, byStore ? true : null), (Tracking(again, "r1"), Tracking(again, "r2")));
    }

    [Fact]
    public async Task What_is_erased_is_not_written_later_either()
    {
        using var decisions = Open();
        Directory.CreateDirectory(FilePath);
        await Assert.ThrowsAnyAsync<Exception>(() => decisions.LearnAsync([Recipient("r1", tracking: false)]));
        Directory.Delete(FilePath);

        await decisions.EraseAsync(one => one.SubjectId == "r1");
        await decisions.DecideAsync(Recipient("r2", tracking: false));

        Assert.DoesNotContain("r1", await File.ReadAllTextAsync(FilePath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_fails_because_the_file_cannot_be_made_smaller()
    {
        Directory.CreateDirectory(FilePath + ".new"); // nothing can be put in its place
        using (var decisions = Open())
            for (var i = 0; i < 1_200; i++) await decisions.DecideAsync(Recipient("r1", tracking: i % 2 == 0, s_now.AddSeconds(i)));

        using var again = Open();

        Assert.False(Tracking(again, "r1"));
        Assert.Equal(1_200, (await File.ReadAllLinesAsync(FilePath)).Length);
    }

    [Fact]
    public async Task A_line_that_a_crash_cut_off_is_cut_off_and_the_others_stand()
    {
        using (var decisions = Open()) await decisions.DecideAsync(Recipient("r1", tracking: false));
        var whole = await File.ReadAllBytesAsync(FilePath);
        using (var decisions = Open()) await decisions.DecideAsync(Recipient("r2-ä", tracking: false));
        var both = await File.ReadAllBytesAsync(FilePath);

        for (var length = whole.Length; length < both.Length; length++)
        {
            await File.WriteAllBytesAsync(FilePath, both[..length]);
            using var decisions = Open();
            Assert.Equal((false, null), (Tracking(decisions, "r1"), Tracking(decisions, "r2-ä")));
            Assert.True(await decisions.DecideAsync(Recipient("r3", tracking: false)));
            using var again = Open();
            Assert.Equal((false, false), (Tracking(again, "r1"), Tracking(again, "r3")));
        }
    }

    // Files of running servers hold these bytes: a member that is renamed in the code must not change them.
    [Fact]
    public async Task The_lines_on_disk_stay_what_they_are()
    {
        const string Line = """{"SiteId":"shop","Subject":1,"SubjectId":"autumn","Tracking":false,"Redirects":true,"DecidedAt":"2026-11-24T10:00:00+00:00","DecidedBy":"operator"}""";
        using (var decisions = Open()) await decisions.DecideAsync(new("shop", MailSubject.Message, "autumn", Tracking: false, Redirects: true, s_now, "operator"));
        Assert.Equal(Line + "\n", await File.ReadAllTextAsync(FilePath));

        await File.WriteAllTextAsync(FilePath, Line.Replace("\"DecidedBy\"", "\"Later\":1,\"DecidedBy\"", StringComparison.Ordinal) + "\n");
        using var again = Open();
        Assert.Equal(new("shop", MailSubject.Message, "autumn", false, true, s_now, "operator"), again.About("shop", MailSubject.Message, "autumn"));
    }

    [Fact]
    public async Task A_damaged_line_stops_the_start_with_its_number()
    {
        using (var decisions = Open()) await decisions.DecideAsync(Recipient("r1", tracking: false));
        await File.AppendAllTextAsync(FilePath, "nonsense\n{}\n");

        Assert.Contains("line 2", Assert.Throws<InvalidDataException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_does_not_grow_with_people_who_change_their_minds()
    {
        using (var decisions = Open())
            for (var i = 0; i < 1_200; i++) await decisions.DecideAsync(Recipient("r1", tracking: i % 2 == 0, s_now.AddSeconds(i)));
        Assert.InRange((await File.ReadAllLinesAsync(FilePath)).Length, 1, 1_002);

        using var again = Open();
        Assert.False(Assert.Single(again.Unshared(10)).Tracking); // the last word
    }

    [Fact]
    public async Task Hundreds_at_once_are_all_kept()
    {
        using (var decisions = Open())
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => Task.Run(() => decisions.DecideAsync(Recipient($"r{i % 250}", tracking: false)))));
            Assert.Equal(250, outcomes.Count(changed => changed));
        }

        Assert.Equal(250, (await File.ReadAllLinesAsync(FilePath)).Length);
        using var again = Open();
        Assert.All(Enumerable.Range(0, 250), i => Assert.False(Tracking(again, $"r{i}")));
    }

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Decisions_reach_the_table(string store)
    {
        await using var app = await PixelApp.StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "", settings: ["--Pixel:Mail:SyncEvery=00:00:01"]);
        (await app.OneClickAsync((await app.LinksAsync()).Withdraw)).Dispose();
        (await app.PostJsonAsync("/api/mail/stop", """{"site_id":"shop","message_id":"m","redirects":false}""")).Dispose();

        var table = app.Services.GetRequiredService<IMailDecisions>();
        await Eventually.TrueAsync(async () => await CountAsync() == 2, () => app.Output);
        var (rows, _) = await table.SinceAsync(null, default);
        Assert.Equal([(MailSubject.Recipient, "4711", false, true, "recipient"), (MailSubject.Message, "m", false, false, "operator")],
            rows.OrderBy(row => row.Subject).Select(row => (row.Subject, row.SubjectId, row.Tracking, row.Redirects, row.DecidedBy)));

        async Task<int> CountAsync()
        {
            try
            {
                return (await table.SinceAsync(null, default)).Decisions.Count;
            }
            catch (System.Data.Common.DbException)
            {
                return 0; // the drain has not made the tables yet
            }
        }
    }

    [Fact]
    public async Task A_withdrawal_at_one_collector_holds_at_the_others_and_after_their_restart_without_the_database()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        string[] settings = ["--Pixel:Mail:SyncEvery=00:00:01", "--Pixel:Mail:KeyId=a", "--Pixel:Mail:Keys:a=0123456789abcdef0123456789abcdef"];
        MailPaths paths;
        await using (var one = await PixelApp.StartAsync(database, settings: settings))
        await using (var two = await PixelApp.StartAsync(database, directory: _folder.Path, settings: settings))
        {
            paths = await one.LinksAsync();
            (await one.OneClickAsync(paths.Withdraw)).Dispose();
            await Eventually.TrueAsync(() => two.Services.GetRequiredService<MailDecisions>().About("shop", MailSubject.Recipient, "4711") is { Tracking: false }, () => two.Output);
            (await two.GetAsync(paths.Open)).Dispose();
            Assert.Equal(0, two.Ledger.Read().Received);
        }

        await using var alone = await PixelApp.StartAsync("Host=127.0.0.1;Port=1;Username=nobody;Database=none;Timeout=1", directory: _folder.Path, settings: settings);
        (await alone.GetAsync(paths.Open)).Dispose();
        Assert.Equal(0, alone.Ledger.Read().Received);
    }

    // A standby that was behind took over, or a backup was restored.
    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task A_store_that_was_set_back_is_told_again_what_it_has_lost(string store)
    {
        var database = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        await using var app = await PixelApp.StartAsync(database, directory: _folder.Path, settings: ["--Pixel:Mail:SyncEvery=00:00:01"]);
        foreach (var message in (string[])["m1", "m2"]) (await app.PostJsonAsync("/api/mail/stop", $$"""{"site_id":"shop","message_id":"{{message}}"}""")).Dispose();
        var decisions = app.Services.GetRequiredService<MailDecisions>();
        await Eventually.TrueAsync(() => decisions.Unshared(1).Count == 0, () => app.Output);

        await Privacy.PersonTraces.Of(_folder.Path, database).DoAsync("delete from mail_decisions where subject_id = 'm1'");
        app.Services.GetRequiredService<StandingExchange>().StoreWasSetBack();

        var table = app.Services.GetRequiredService<IMailDecisions>();
        await Eventually.TrueAsync(async () => (await table.SinceAsync(null, default)).Decisions.Any(one => one.SubjectId == "m1"), () => app.Output);
        await Eventually.TrueAsync(() => decisions.Unshared(1).Count == 0, () => app.Output);
    }

    [Fact]
    public async Task Decisions_of_the_time_without_a_database_are_told_when_it_is_back()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        await using (var away = await PixelApp.StartAsync("Host=127.0.0.1;Port=1;Username=nobody;Database=none;Timeout=1", directory: _folder.Path))
            (await away.OneClickAsync((await away.LinksAsync()).Withdraw)).Dispose();

        await using var back = await PixelApp.StartAsync(database, directory: _folder.Path, settings: ["--Pixel:Mail:SyncEvery=00:00:01"]);
        await Eventually.TrueAsync(() => back.Services.GetRequiredService<MailDecisions>().Unshared(1).Count == 0, () => back.Output);
        var (rows, _) = await back.Services.GetRequiredService<IMailDecisions>().SinceAsync(null, default);
        Assert.Equal("4711", Assert.Single(rows).SubjectId);
        Assert.Contains(back.Services.GetServices<IHostedService>(), service => service is MailDecisionSync);
    }

    private MailDecisions Open() => new(new MailDecisionFile(FilePath));

    private static bool? Tracking(MailDecisions decisions, string recipient) => decisions.About("shop", MailSubject.Recipient, recipient)?.Tracking;

    private static MailDecision Recipient(string id, bool tracking, DateTimeOffset? at = null) =>
        new("shop", MailSubject.Recipient, id, tracking, Redirects: true, at ?? s_now, "recipient");
}

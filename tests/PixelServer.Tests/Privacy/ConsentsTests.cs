using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Mail;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Records on our own disk and what they mean there, without a server around them.</summary>
public sealed class ConsentsTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
    private readonly TempFolder _folder = new();
    private readonly List<IDisposable> _open = [];
    private readonly Standings _standings = new();
    private Func<string, string, bool> _isErased = (_, _) => false;

    private string FilePath => _folder.File("consents.jsonl");

    public void Dispose()
    {
        foreach (var one in _open) one.Dispose();
        _folder.Dispose();
    }

    // Both wait for the disk at the same moment: the record was compared with what was known before the other.
    [Fact]
    public async Task An_old_yes_does_not_undo_a_withdrawal_that_is_written_with_it()
    {
        var entered = new TaskCompletionSource();
        using var go = new ManualResetEventSlim();
        _isErased = (_, recipient) =>
        {
            if (recipient != "first" || go.IsSet) return false;
            entered.TrySetResult();
            Assert.True(go.Wait(TimeSpan.FromSeconds(30)));
            return false;
        };
        var (_, effects, mails) = Open();
        var first = mails.DecideAsync(new("shop", MailSubject.Recipient, "first", Tracking: false, Redirects: true, s_now, "recipient"));
        await entered.Task;

        var withdrawal = mails.DecideAsync(new("shop", MailSubject.Recipient, "r1", Tracking: false, Redirects: true, s_now, "recipient"));
        var record = effects.ApplyAsync([Mails("r1", ConsentDecision.Granted, s_now.AddDays(-30))]);
        go.Set();
        await Task.WhenAll(first, withdrawal, record);

        Assert.Equal((false, s_now), Known(mails, "r1"));
    }

    [Fact]
    public async Task A_record_keeps_its_own_moment_and_the_latest_holds_whatever_the_order()
    {
        var (_, effects, mails) = Open();
        foreach (var (decision, hour) in ((ConsentDecision, int)[])[(ConsentDecision.Granted, 1), (ConsentDecision.Granted, 3), (ConsentDecision.Withdrawn, 2), (ConsentDecision.Withdrawn, 1)])
        {
            await effects.ApplyAsync([Mails("r1", decision, s_now.AddHours(hour))]);
            await effects.ApplyAsync([Mails("r2", decision, s_now.AddHours(-hour))]);
        }

        Assert.Equal((true, s_now.AddHours(3)), Known(mails, "r1"));
        Assert.Equal((false, s_now.AddHours(-1)), Known(mails, "r2"));
    }

    [Fact]
    public async Task A_yes_that_was_over_when_it_was_told_is_a_no()
    {
        var (_, effects, mails) = Open();

        await effects.ApplyAsync([Mails("r1", ConsentDecision.Granted, s_now.AddDays(-2)) with { ExpiresAt = s_now.AddDays(-1) }]);
        Assert.False(Known(mails, "r1").Tracking);

        await effects.ApplyAsync([Mails("r1", ConsentDecision.Granted, s_now.AddDays(-2).AddMilliseconds(1))]);
        Assert.True(Known(mails, "r1").Tracking); // said later, and not over
    }

    [Fact]
    public async Task Who_agreed_again_does_not_lose_that_when_the_first_yes_is_over()
    {
        var (_, effects, mails) = Open();
        var first = Mails("r1", ConsentDecision.Granted, s_now.AddDays(-2));
        await effects.ApplyAsync([first]);
        await mails.DecideAsync(new("shop", MailSubject.Recipient, "r1", Tracking: true, Redirects: true, s_now.AddDays(-1), "operator"));

        await effects.ApplyAsync([first with { ExpiresAt = s_now }]);

        Assert.True(Known(mails, "r1").Tracking);
    }

    [Fact]
    public async Task Catching_up_does_not_write_the_file_anew_with_each_batch()
    {
        var (consents, _, _) = Open();
        await consents.KeepAsync([.. Enumerable.Range(0, 100).Select(i => Mails($"r{i}", ConsentDecision.Denied, s_now))]);
        var whole = new FileInfo(FilePath).Length;

        await consents.SharedAsync(consents.Waiting(10));
        Assert.Equal((90, whole), (consents.Waiting().Count, new FileInfo(FilePath).Length));
        await consents.SharedAsync(consents.Waiting(40));
        Assert.Equal(50, (await File.ReadAllLinesAsync(FilePath)).Length); // half of it is of no use any more
        await consents.SharedAsync(consents.Waiting(10));
        Assert.Equal((40, 50), (consents.Waiting().Count, (await File.ReadAllLinesAsync(FilePath)).Length));
        await consents.SharedAsync(consents.Waiting());
        Assert.Equal(0, new FileInfo(FilePath).Length);
    }

    [Fact]
    public async Task An_erasure_takes_out_of_the_file_also_what_the_store_has_already()
    {
        var (consents, _, _) = Open();
        await consents.KeepAsync([.. Enumerable.Range(0, 10).Select(i => Mails($"recipient-{i}", ConsentDecision.Denied, s_now))]);
        await consents.SharedAsync(consents.Waiting(2));

        await consents.EraseAsync(one => one.Person.Id is "recipient-1" or "recipient-5");

        var file = await File.ReadAllTextAsync(FilePath);
        Assert.DoesNotContain("recipient-1\"", file, StringComparison.Ordinal);
        Assert.DoesNotContain("recipient-5\"", file, StringComparison.Ordinal);
        Assert.Contains("recipient-9\"", file, StringComparison.Ordinal);
        Assert.Equal(8, consents.Waiting().Count);
    }

    [Fact]
    public async Task What_the_store_has_already_takes_up_no_room_of_what_waits()
    {
        var (consents, _, _) = Open();
        for (var i = 0; i < 64; i++) await consents.KeepAsync([Large()]);
        await Assert.ThrowsAnyAsync<IOException>(() => consents.KeepAsync([Large()]));

        await consents.SharedAsync(consents.Waiting(20)); // less than half: the file is as it was
        await consents.KeepAsync([Large()]);

        Assert.Equal(45, consents.Waiting().Count);
        Assert.Equal(45, (await File.ReadAllLinesAsync(FilePath)).Length);

        static ConsentRecord Large() => Mails("r1", ConsentDecision.Denied, s_now) with { Text = new string('x', 1 << 20), TextHash = Guid.NewGuid().ToString() };
    }

    [Fact]
    public async Task Records_reach_the_store_though_the_disk_refuses_the_standings()
    {
        await using var events = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, NullLogger<SqliteStore>.Instance);
        await events.PrepareAsync(default);
        var (consents, effects, _) = Open();
        using var exchange = new StandingExchange(_standings, new StandingFile(_folder.File("not there/standings")), new SqliteStandings(_folder.File("pixel.db")));
        _standings.Tell(1, new() { Shared = Word.No(s_now) });
        var store = new SqliteConsents(_folder.File("pixel.db"));
        using var sync = new ConsentSync(consents, store, effects, exchange, new(_folder.Path), () => default!, new(), TimeProvider.System, NullLogger<ConsentSync>.Instance);
        await consents.KeepAsync([Mails("r1", ConsentDecision.Denied, s_now)]);

        await sync.ShareAsync(default);

        Assert.Single(await store.AboutAsync("shop", "recipient", "r1", 10, default));
        Assert.Empty(consents.Waiting());
    }

    private (Consents Consents, ConsentEffects Effects, MailDecisions Mails) Open()
    {
        var mails = new MailDecisions(new MailDecisionFile(_folder.File("mail-decisions.jsonl")), (site, recipient) => _isErased(site, recipient));
        var exchange = new StandingExchange(_standings, new StandingFile(_folder.File("standings")), null!);
        var effects = new ConsentEffects(new SubjectKeys(new byte[32]), _standings, exchange, mails, new FakeTimeProvider(s_now));
        var consents = new Consents(new ConsentFile(FilePath), effects);
        _open.AddRange([mails, exchange, consents]);
        return (consents, effects, mails);
    }

    private static (bool Tracking, DateTimeOffset At) Known(MailDecisions mails, string recipient)
    {
        var known = mails.About("shop", MailSubject.Recipient, recipient)!;
        return (known.Tracking, known.DecidedAt);
    }

    private static ConsentRecord Mails(string recipient, ConsentDecision decision, DateTimeOffset at) => new()
    {
        RecordId = Guid.NewGuid().ToString("D"),
        SiteId = "shop",
        Person = new(ConsentPerson.NewSalt(), ConsentPersons.Recipient, recipient, null, null, null, null),
        Purpose = "email",
        Decision = decision,
        At = at,
        RecordedAt = at,
        Method = "form",
        Actor = "person",
    };
}

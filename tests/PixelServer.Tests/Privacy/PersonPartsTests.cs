using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Store;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>A collector's part of what was asked before it knew: long ago, or before it was there. On the embedded store.</summary>
public sealed class PersonPartsTests : IAsyncDisposable
{
    private const string Site = "shop";

    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero));
    private readonly SubjectKeys _keys = new(new byte[32]);
    private readonly Standings _standings = new();
    private readonly SqliteStore _store;
    private readonly PersonRequests _requests;
    private readonly PersonRows _rows;
    private readonly StandingExchange _exchange;

    public PersonPartsTests()
    {
        var file = _folder.File("pixel.db");
        var dialect = new SqlitePersons(file, _clock);
        _store = new(file, new StoreOptions(), _clock, NullLogger<SqliteStore>.Instance);
        _requests = new(dialect);
        _rows = new(dialect, _clock, NullLogger<PersonRows>.Instance);
        _exchange = new(_standings, new StandingFile(_folder.File("standings")), new SqliteStandings(file));
    }

    public async ValueTask DisposeAsync()
    {
        _exchange.Dispose();
        await _store.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_late_part_of_an_erasure_leaves_what_came_after_the_release()
    {
        await _store.PrepareAsync(default);
        foreach (var user in (string[])["ada", "bob"]) await _requests.AddAsync(Erasure(user, daysAgo: 20), default);
        await _exchange.DecideAsync([new(Of("ada"), new() { Kept = Word.Yes(Ago(10)) }), new(Of("bob"), new() { Kept = Word.Yes(Ago(10)) })]);
        using var mails = new MailDecisions(new MailDecisionFile(_folder.File("mail-decisions.jsonl")));
        await mails.LearnAsync([Withdrawal("ada", daysAgo: 5), Withdrawal("bob", daysAgo: 15)]);

        var me = Me(daysAgo: 30);
        await LookAsync(me, new MailHolder(mails));

        Assert.Empty(await OpenAsync(me));
        Assert.NotNull(mails.About(Site, MailSubject.Recipient, "ada"));
        Assert.Null(mails.About(Site, MailSubject.Recipient, "bob"));
    }

    [Fact]
    public async Task What_was_erased_before_a_collector_was_made_is_no_part_of_it_and_waits_for_nothing_there()
    {
        await _store.PrepareAsync(default);
        await _requests.AddAsync(Erasure("ada", daysAgo: 20), default);
        var erasure = Erasure("bob", daysAgo: 0.5);
        await _requests.AddAsync(erasure, default);

        Assert.Equal([erasure.Id], (await OpenAsync(Me(daysAgo: 0))).Select(one => one.Id)); // clocks differ
        Assert.Equal(2, (await OpenAsync(Me(daysAgo: 30))).Count);
        Assert.Equal(2, (await OpenAsync(Guid.NewGuid())).Count); // of an id that does not say when it was made
    }

    [Fact]
    public async Task What_a_failing_journal_erased_before_it_failed_counts()
    {
        await _store.PrepareAsync(default);
        var (erasure, disk, creations) = (Erasure("user123", daysAgo: 0), new SimulatedDisk(), 0);
        await _requests.AddAsync(erasure, default);
        Directory.CreateDirectory(_folder.File("journal")); // the lock is on the real disk
        using var journal = PixelServer.Journal.Journal.Open(
            _folder.File("journal"), new PixelServer.Journal.JournalOptions(), PixelServer.Journal.Acknowledge.Flushed, _clock, new Ledger(), NullLogger.Instance, disk: disk);
        foreach (var number in (int[])[1, 2])
        {
            await journal.AppendAsync(Events.Full(number).Hit);
            await journal.EraseAsync(_ => false, default); // each in a segment of its own
        }

        disk.Before = what =>
        {
            if (what == "create" && ++creations == 2) throw new IOException("a test");
        };
        using var parts = Parts(Me(daysAgo: 30), new PersonJournal(journal, _store, _clock));
        for (var pass = 0; pass < 2; pass++)
        {
            await parts.LookAsync(default);
            Assert.Empty(await _requests.PartsAsync(erasure.Id, default));
            _clock.Advance(PersonParts.Apart);
        }

        await parts.LookAsync(default);
        Assert.Equal(2, Assert.Single(await _requests.PartsAsync(erasure.Id, default)).Counts["journal"]);
    }

    private async Task LookAsync(Guid me, IHolder holder)
    {
        using var parts = Parts(me, holder);
        for (var pass = 0; pass < 3; pass++)
        {
            await parts.LookAsync(default);
            _clock.Advance(PersonParts.Apart);
        }
    }

    private PersonParts Parts(Guid me, IHolder holder) =>
        new(_requests, _rows, [holder], _standings, _exchange, _keys, new PersonCollector(me, "check"), () => default!, _clock, NullLogger<PersonParts>.Instance);

    private Task<IReadOnlyList<PersonRequest>> OpenAsync(Guid me) => _requests.OpenAsync(me, _clock.GetUtcNow(), default);

    private PersonRequest Erasure(string user, double daysAgo) => new(Guid.CreateVersion7(Ago(daysAgo)), "erase", Site, [Of(user)], Ago(daysAgo));

    private UInt128 Of(string user) => _keys.Of(Site, SubjectKind.User, user);

    private Guid Me(double daysAgo) => Guid.CreateVersion7(Ago(daysAgo));

    private MailDecision Withdrawal(string recipient, double daysAgo) => new(Site, MailSubject.Recipient, recipient, false, true, Ago(daysAgo), "recipient");

    private DateTimeOffset Ago(double days) => _clock.GetUtcNow() - TimeSpan.FromDays(days);
}

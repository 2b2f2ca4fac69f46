using System.Globalization;
using Microsoft.Data.Sqlite;
using PixelServer.Store;
using PixelServer.Tests.Support;
using static PixelServer.Tests.Store.IdentityEvents;

namespace PixelServer.Tests.Store;

/// <summary>Whom an opt-out reaches, on both stores. A class for each store runs all of it on a database of its own.</summary>
public abstract class OptOutsContract
{
    private readonly Guid _journal = Guid.NewGuid();
    private long _position;

    private protected abstract Task<(IEventStore Events, IConsents Consents)> FreshAsync();

    /// <summary>Answers of a query, the columns of a row with spaces between them; times as SQLite keeps them.</summary>
    private protected abstract Task<IReadOnlyList<string>> AskAsync(string sql);

    [Fact]
    public async Task A_signal_marks_all_that_the_event_names_once_with_its_first_and_last_moment()
    {
        var (store, _) = await FreshAsync();
        await SaveAsync(store,
            Make(Events.Noon.AddMinutes(1), Visitor(1), "A", Email("X"), optedOut: true, gpc: true), Make(Events.Noon, Visitor(1), optedOut: true, gpc: true),
            Make(Events.Noon, Visitor(1), "A", optedOut: true), Make(Events.Noon, Visitor(2), "B", gpc: true),
            Make(Events.Noon, Visitor(3), "guest", kind: VisitorKind.Daily, optedOut: true));
        await SaveAsync(store, Make(Events.Noon.AddMinutes(2), Visitor(1), optedOut: true, gpc: true));

        Assert.Equal(
        [
            $"shop email {Email("X")} gpc 2026-11-23T12:01:00.000000Z 2026-11-23T12:01:00.000000Z",
            "shop user A consent_string 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z",
            "shop user A gpc 2026-11-23T12:01:00.000000Z 2026-11-23T12:01:00.000000Z",
            $"shop visitor {Visitor(1)} consent_string 2026-11-23T12:00:00.000000Z 2026-11-23T12:00:00.000000Z",
            $"shop visitor {Visitor(1)} gpc 2026-11-23T12:00:00.000000Z 2026-11-23T12:02:00.000000Z",
        ], await AskAsync("select site_id, kind, id, source, first_at, last_at from opt_outs order by kind, id, source"));
    }

    [Fact]
    public async Task It_reaches_every_identifier_of_the_person_and_everybody_on_the_device()
    {
        var (store, consents) = await FreshAsync();
        await SaveAsync(store, [Make(Events.Noon, Visitor(1), optedOut: true, gpc: true), .. Tell("v1+uA v2+uA uA+eX v3+eX v4+uB", Events.Noon.AddHours(1))]);

        Assert.Equal(["email", "user", "visitor", "visitor", "visitor"], await AskAsync("select kind from opted_out where person_id = 'user:A' order by 1"));
        Assert.Empty(await AskAsync("select id from opted_out where person_id <> 'user:A'"));

        await SaveAsync(store, Tell("v1+uB", Events.Noon.AddHours(2))); // a shared device is nobody's, and both were on it
        Assert.Equal(["user:A", "user:B", $"visitor:{Visitor(1)}"], await AskAsync("select distinct person_id from opted_out order by 1"));

        await consents.KeepAsync(Guid.NewGuid(), [Said("user", "A", ConsentDecision.Granted, Events.Noon.AddSeconds(1))], default);
        Assert.Equal(["user:B", $"visitor:{Visitor(1)}"], await AskAsync("select distinct person_id from opted_out order by 1"));
        await SaveAsync(store, Make(Events.Noon.AddSeconds(2), Visitor(2), optedOut: true)); // a signal after the consent, from another of their devices
        Assert.Equal(["user:A", "user:B", $"visitor:{Visitor(1)}"], await AskAsync("select distinct person_id from opted_out order by 1"));
    }

    [Fact]
    public async Task A_consent_that_is_over_lifts_nothing_any_more()
    {
        var (store, consents) = await FreshAsync();
        await SaveAsync(store, Make(Events.Noon, Visitor(1), "A", optedOut: true), Make(Events.Noon, Visitor(2), "B", optedOut: true), Make(Events.Noon, Visitor(3), "C", optedOut: true));
        var (over, lasts) = (DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddDays(1)); // by the database's own clock
        await consents.KeepAsync(Guid.NewGuid(),
        [
            Said("user", "A", ConsentDecision.Granted, Events.Noon.AddSeconds(1)) with { ExpiresAt = over }, Said("user", "B", ConsentDecision.Granted, Events.Noon.AddSeconds(1)) with { ExpiresAt = lasts },
            Said("visitor", $"{Visitor(3)}", ConsentDecision.Granted, Events.Noon.AddSeconds(1)), Said("user", "C", ConsentDecision.Granted, Events.Noon.AddSeconds(2)) with { ExpiresAt = over },
        ], default);

        Assert.Equal(["user:A", "user:C"], await AskAsync("select distinct person_id from opted_out order by 1"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_view_says_what_a_plain_loop_over_all_events_and_records_says(int seed)
    {
        var (store, consents) = await FreshAsync();
        var random = new Random(seed);
        var events = Enumerable.Range(0, 1_500).Select(_ =>
        {
            var person = random.Next(120);
            var kind = random.Next(8) switch { 0 => VisitorKind.Daily, 1 => VisitorKind.None, < 4 => VisitorKind.Cookie, _ => VisitorKind.Client };
            return Make(Events.Noon.AddSeconds(random.Next(1_000)), Visitor(random.Next(10) == 0 ? random.Next(240) : person * 2 + random.Next(2)),
                random.Next(3) == 0 ? null : random.Next(20) == 0 ? "guest" : $"u{(random.Next(12) == 0 ? random.Next(120) : person)}",
                random.Next(3) > 0 ? null : Email($"{(random.Next(12) == 0 ? random.Next(120) : person)}"), random.Next(4) == 0 ? "blog" : "shop", kind,
                optedOut: random.Next(12) == 0, gpc: random.Next(2) == 0);
        }).ToArray();
        var records = Enumerable.Range(0, 200).Select(_ =>
        {
            var (kind, id) = random.Next(3) switch { 0 => ("user", $"u{random.Next(120)}"), 1 => ("visitor", $"{Visitor(random.Next(240))}"), _ => ("email_sha256", Email($"{random.Next(120)}")) };
            return Said(kind, id, (ConsentDecision)random.Next(3), Events.Noon.AddSeconds(random.Next(1_000)), random.Next(4) == 0 ? "blog" : "shop", random.Next(5) == 0 ? "storage" : "ads");
        }).ToArray();
        foreach (var some in events.Chunk(400)) await SaveAsync(store, some);
        await consents.KeepAsync(Guid.NewGuid(), records, default);

        var expected = Model(events, records);
        Assert.InRange(expected.Count, 50, 400); // neither nobody nor everybody
        Assert.Equal(expected, new SortedSet<string>(await AskAsync("select site_id, person_id, kind, id, opted_out_at from opted_out"), StringComparer.Ordinal));
    }

    private static SortedSet<string> Model(Event[] events, ConsentRecord[] records)
    {
        var owners = new IdentityModel(events).Persons().Select(row => row.Split(' ')).ToDictionary(row => (row[0], row[1], row[2]), row => row[3]);
        var signals = new Dictionary<(string Site, string Kind, string Id), DateTimeOffset>();
        foreach (var hit in events.Select(e => e.Hit).Where(hit => hit.OptedOut))
            foreach (var name in NamesOf(hit)) Later(signals, name, hit.ReceivedAt);
        foreach (var hit in events.Select(e => e.Hit))
        {
            var names = NamesOf(hit).ToArray();
            foreach (var device in names.Where(name => name.Kind == "visitor" && events.Any(e => e.Hit.OptedOut && NamesOf(e.Hit).Contains(name))))
                foreach (var other in names.Where(name => name.Kind != "visitor"))
                    Later(signals, other, events.Where(e => e.Hit.OptedOut && NamesOf(e.Hit).Contains(device)).Max(e => e.Hit.ReceivedAt));
        }

        var rows = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var person in signals.GroupBy(one => (one.Key.Site, Owner: Owner(one.Key))))
        {
            var at = person.Max(one => one.Value);
            var last = records.Where(one => one.Purpose == "ads" && (one.SiteId, Owner((one.SiteId, one.Person.Kind!.Replace("email_sha256", "email"), one.Person.Id!))) == person.Key)
                .OrderBy(one => one.At).ThenBy(one => one.Decision != ConsentDecision.Granted).LastOrDefault();
            if (last is { Decision: ConsentDecision.Granted } && last.At > at) continue;
            foreach (var (site, kind, id) in owners.Where(one => (one.Key.Item1, one.Value) == person.Key).Select(one => one.Key).Concat(person.Select(one => one.Key)))
                rows.Add($"{site} {person.Key.Owner} {kind} {id} {at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'}");
        }

        return rows;

        string Owner((string, string Kind, string Id) name) => owners.GetValueOrDefault(name) ?? $"{name.Kind}:{name.Id}";

        static void Later(Dictionary<(string, string, string), DateTimeOffset> signals, (string, string, string) name, DateTimeOffset at) =>
            signals[name] = signals.TryGetValue(name, out var known) && known > at ? known : at;

        static IEnumerable<(string Site, string Kind, string Id)> NamesOf(Hit hit)
        {
            if (hit.VisitorKind is VisitorKind.Cookie or VisitorKind.Client) yield return (hit.SiteId, "visitor", hit.VisitorId.ToString());
            if (hit.UserId is { } user and not "guest") yield return (hit.SiteId, "user", user);
            if (hit.EmailSha256 is { } email) yield return (hit.SiteId, "email", email);
        }
    }

    private static ConsentRecord Said(string kind, string id, ConsentDecision decision, DateTimeOffset at, string site = "shop", string purpose = "ads") => new()
    {
        RecordId = Guid.NewGuid().ToString(),
        SiteId = site,
        Person = new(ConsentPerson.NewSalt(), kind, id, null, null, null, null),
        Purpose = purpose,
        Decision = decision,
        At = at,
        RecordedAt = at,
        Method = "banner",
        Actor = "person",
    };

    private async Task SaveAsync(IEventStore store, params Event[] events)
    {
        var batch = Events.Batch(_journal, _position, events);
        await store.SaveAsync(batch, default);
        _position = batch.To;
    }
}

public sealed class PostgresOptOutsTests(SharedPostgres postgres) : OptOutsContract, IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    private protected override async Task<(IEventStore Events, IConsents Consents)> FreshAsync() => (await _test.FreshAsync(), new PostgresConsents(_test.Source));

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var command = _test.Source.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync();
        var found = new List<string>();
        while (await rows.ReadAsync())
        {
            found.Add(string.Join(' ', Enumerable.Range(0, rows.FieldCount).Select(i => rows.GetValue(i) is DateTime at
                ? at.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture) : Convert.ToString(rows.GetValue(i), CultureInfo.InvariantCulture))));
        }

        return found;
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();
}

public sealed class SqliteOptOutsTests : OptOutsContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private SqliteStore? _store;

    private protected override async Task<(IEventStore Events, IConsents Consents)> FreshAsync()
    {
        _store = new SqliteStore(_folder.File("pixel.db"), new StoreOptions(), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<SqliteStore>.Instance);
        await _store.PrepareAsync(default);
        return (_store, new SqliteConsents(_folder.File("pixel.db")));
    }

    private protected override async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync();
        var found = new List<string>();
        while (await rows.ReadAsync()) found.Add(string.Join(' ', Enumerable.Range(0, rows.FieldCount).Select(i => Convert.ToString(rows.GetValue(i), CultureInfo.InvariantCulture))));
        return found;
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _folder.Dispose();
    }
}

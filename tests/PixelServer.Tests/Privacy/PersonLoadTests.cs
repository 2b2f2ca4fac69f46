using System.Collections.Concurrent;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>Persons are erased while events of them and of others pour in; afterwards every byte on disk and every column of the store is searched.</summary>
[Collection(nameof(Alone))]
public sealed class PersonLoadTests(SharedPostgres postgres, ITestOutputHelper output)
{
    private const int Clients = 6, Persons = 30, Erased = 4;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_of_an_erased_person_is_left_anywhere_and_everything_of_the_others_is_there_once(bool isPostgres)
    {
        // Small segments, so that many of them are closed, read and written anew meanwhile.
        await using var shop = await PersonShop.StartAsync(isPostgres ? await postgres.Cluster.CreateDatabaseAsync() : "", null, "--Pixel:Journal:SegmentBytes=1048576", "--Pixel:Keys:RequestsPerSecond=10000");
        var persons = Enumerable.Range(0, Persons).Select(_ => new Somebody(Letters(), Guid.NewGuid(), $"{Letters()}@example.org")).ToList();
        var (accepted, devices) = (new ConcurrentBag<(Somebody Who, string Id)>(), new ConcurrentBag<(Somebody Who, Guid Device)>());
        using var over = new CancellationTokenSource();
        var clients = Enumerable.Range(0, Clients).Select(client => Task.Run(() => SendAsync(shop, client, persons, accepted, devices, over.Token))).ToList();
        try
        {
            for (var round = 0; round < Erased; round++)
            {
                var before = accepted.Count;
                await Eventually.TrueAsync(() => (accepted.Count > before + 200 && shop.App.Ledger.Read().Stored > before + 100) || clients.Any(one => one.IsFaulted), () => $"events are taken\n{shop.App.Output}");
                var gone = persons[round];
                object body = round % 3 == 0 ? new { site_id = PersonShop.Site, user_id = gone.User }
                    : round % 3 == 1 ? new { site_id = PersonShop.Site, email = gone.Email } : new { site_id = PersonShop.Site, visitor_id = gone.Device };
                var erased = await shop.AskAsync("erase", body);
                Assert.Equal("complete", erased.GetProperty("state").GetString());
                Assert.True(erased.GetProperty("rows").GetProperty("events").GetInt64() > 0);
                output.WriteLine($"{erased.GetProperty("rows")} {erased.GetProperty("collectors")}");

                // At once, and not only when the noise is over.
                Assert.Empty(await shop.Traces.FindAsync(NamesOf(gone)));
            }
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(clients);
        }

        await shop.DrainedAsync();
        Assert.Empty(await shop.Traces.FindAsync(persons.Take(Erased).SelectMany(NamesOf)));
        Assert.Contains(devices, one => persons.IndexOf(one.Who) < Erased);

        var stored = (await shop.Traces.AskAsync("select client_event_id, user_id from events where user_id is not null and client_event_id like 'c%-%'")).ToList();
        Assert.Equal(stored.Count, stored.Select(row => row[0]).Distinct().Count());
        var others = persons.Skip(Erased).Select(one => one.User).ToHashSet();
        var sent = accepted.Where(one => others.Contains(one.Who.User)).Select(one => one.Id).ToHashSet();
        Assert.True(sent.Count > 500);
        Assert.Empty(sent.Except(stored.Select(row => row[0])));
        Assert.All(await shop.Traces.AskAsync("select distinct user_id from events where user_id is not null"), row => Assert.Contains(row[0], others));
        var page = shop.App.Ledger.Read();
        Assert.True(page.Balances, page.ToString());
        output.WriteLine($"{accepted.Count} events taken, {devices.Count} logins on new devices, {stored.Count} rows of others, {page}");

        // Also the devices on which they logged in for the first time while they were erased, with what was looked at there before.
        IEnumerable<string> NamesOf(Somebody gone) => gone.Names.Concat(devices.Where(one => one.Who == gone).Select(one => one.Device.ToString()));
    }

    private static async Task SendAsync(PersonShop shop, int client, List<Somebody> persons, ConcurrentBag<(Somebody, string)> accepted, ConcurrentBag<(Somebody, Guid)> devices, CancellationToken over)
    {
        var random = new Random(client);

        // As fast as it can a client would make more than anybody can search: some events a moment, all the time.
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(15));
        for (var n = 0; !over.IsCancellationRequested; n++)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            // Those who are erased are the busiest.
            var who = persons[random.Next(3) == 0 ? random.Next(Erased) : random.Next(Persons)];
            var id = $"c{client}-{n}";
            switch (random.Next(12))
            {
                case 0 or 1: // a new device: looks at something, and logs in
                    var device = Guid.NewGuid();
                    Assert.Null(await shop.PixelAsync("title=before+the+login", device));
                    if (await shop.PixelAsync($"u={who.User}&eid={id}", device) is null)
                    {
                        accepted.Add((who, id));
                        devices.Add((who, device));
                    }

                    continue;
                case 2:
                    Assert.InRange((await shop.BeaconAsync(new { site_id = PersonShop.Site, user_id = who.User, properties = new { note = who.User } })).Status, 200, 499);
                    continue;
                case 3:
                    Assert.InRange((await shop.SegmentAsync("track", new { @event = "seen", userId = who.User, messageId = Guid.NewGuid() })).Status, 200, 499);
                    continue;
                case 4 when n % 5 == 0:
                    Assert.Equal(204, await shop.DecideAsync(who.User, tracking: n % 2 == 0));
                    Assert.Equal(200, await shop.ConsentAsync("email_sha256", PersonShop.Sha256(who.Email)));
                    continue;
            }

            if (random.Next(4) > 0)
            {
                if (await shop.PixelAsync($"u={who.User}&eid={id}&title=page+of+{who.User}", who.Device) is null) accepted.Add((who, id));
                continue;
            }

            var (status, body) = await shop.BackendAsync(new { @event = "purchase", event_id = id, user_id = who.User, identity = new { email = who.Email } });
            Assert.True(status == 200 || body.Contains("person_erased", StringComparison.Ordinal), body);
            if (!body.Contains("person_erased", StringComparison.Ordinal)) accepted.Add((who, id));
        }
    }

    private static string Letters() => new([.. Guid.NewGuid().ToString("N").Select(digit => (char)('a' + Convert.ToInt32(digit.ToString(), 16)))]);

    private sealed record Somebody(string User, Guid Device, string Email)
    {
        public IEnumerable<string> Names => [User, Device.ToString(), Email, PersonShop.Sha256(Email)];
    }
}

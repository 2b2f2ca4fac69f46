using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>By which names somebody is found and erased, and by which nobody, on both stores.</summary>
public sealed class SqlitePersonNamesTests : PersonNamesContract
{
    private protected override Task<string> PostgresAsync() => Task.FromResult("");
}

public sealed class PostgresPersonNamesTests(SharedPostgres postgres) : PersonNamesContract
{
    private protected override Task<string> PostgresAsync() => postgres.Cluster.CreateDatabaseAsync();
}

public abstract class PersonNamesContract
{
    private protected abstract Task<string> PostgresAsync();

    [Fact]
    public async Task The_previous_id_of_an_alias_is_an_identifier_too()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (old, now) = ("old-" + Letters(), "new-" + Letters());
        await AliasAsync(shop, now, old);
        Assert.InRange((await shop.BeaconAsync(new { site_id = PersonShop.Site, @event = "alias", user_id = now, properties = new { previous_id = old } })).Status, 200, 204);
        await shop.PixelAsync("u=bob&title=page+of+bob");
        await shop.DrainedAsync();

        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = old });
        Assert.Equal(2, found.GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Equal(2, found.GetProperty("collectors")[0].GetProperty("records").GetProperty("journal").GetInt64());
        Assert.Contains("user:" + now, Texts(found.GetProperty("shared")));
        Assert.Equal(2, (await shop.AskAsync("export", new { site_id = PersonShop.Site, user_id = old })).GetProperty("events").GetArrayLength());

        Assert.Contains((PersonShop.Site, "user", old), await IdentifiersAsync(shop)); // a sweep after a restore sees it

        await EraseAsync(shop, new { site_id = PersonShop.Site, user_id = old });
        Assert.Empty(await shop.Traces.FindAsync(old));
        Assert.NotEmpty(await shop.Traces.FindAsync("page of bob"));

        Assert.Contains("person_erased", (await AliasAsync(shop, now, old)).Body, StringComparison.Ordinal);
        Assert.Contains("person_erased", (await shop.BeaconAsync(new { site_id = PersonShop.Site, @event = "alias", user_id = now, properties = new { previousId = old } })).Body, StringComparison.Ordinal);
        Assert.Null(await shop.PixelAsync($"u={now}"));
        await shop.DrainedAsync();
        Assert.Empty(await shop.Traces.FindAsync(old));
    }

    [Theory]
    [InlineData("anon-ä-")]
    [InlineData("")]
    public async Task And_so_is_the_visitor_that_the_previous_id_stands_for(string prefix)
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var previous = prefix.Length > 0 ? prefix + Letters() : Guid.NewGuid().ToString().ToUpperInvariant();
        foreach (var user in (string[])["bob", "eve"]) await AliasAsync(shop, user, previous, anonymousId: "device-of-" + user); // two users: nobody's visitor
        await shop.PixelAsync("u=bob&title=page+of+bob");
        await shop.DrainedAsync();

        await EraseAsync(shop, new { site_id = PersonShop.Site, anonymous_id = previous });
        Assert.Empty(await shop.Traces.FindAsync(previous, previous.ToLowerInvariant()));
        Assert.NotEmpty(await shop.Traces.FindAsync("page of bob"));
        Assert.Contains("person_erased", (await AliasAsync(shop, "bob", previous, "device-of-bob")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_address_of_an_event_finds_and_erases_it_and_is_refused_later()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync(), null, "--Pixel:Sites:shop:Identity:KeepRaw=true");
        var (first, second) = (Letters() + "@example.org", Letters() + "@example.org");
        var hash = PersonShop.Sha256(second);
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "purchase", user_id = "ada", identity = new { email = new[] { first, second } } })).Status);
        await shop.BeaconAsync(new { site_id = PersonShop.Site, @event = "signup", properties = new { traits = new { company = new { email_sha256 = hash } } } });
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "purchase", user_id = "bob", identity = new { email = "bob@example.org" } })).Status);
        await shop.DrainedAsync();

        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, email = second });
        Assert.Equal("""{"events":2}""", found.GetProperty("rows").GetRawText());
        Assert.Equal(2, found.GetProperty("collectors")[0].GetProperty("records").GetProperty("journal").GetInt64());
        Assert.Contains((PersonShop.Site, "email", hash), await IdentifiersAsync(shop));
        await EraseAsync(shop, new { site_id = PersonShop.Site, email = second });
        Assert.Empty(await shop.Traces.FindAsync(second, hash));
        Assert.NotEmpty(await shop.Traces.FindAsync("bob@example.org"));

        Assert.Contains("person_erased", (await shop.BackendAsync(new { @event = "x", identity = new { email = new[] { "new@example.org", second } } })).Body, StringComparison.Ordinal);
        Assert.Contains("person_erased", (await shop.BeaconAsync(new { site_id = PersonShop.Site, properties = new { traits = new { email_sha256 = hash } } })).Body, StringComparison.Ordinal);
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "x", identity = new { email = first } })).Status);
    }

    [Fact]
    public async Task A_number_another_systems_id_and_a_device_of_an_app_are_names_too()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (external, gaid, vendor) = (Letters(), Guid.NewGuid(), Letters());
        var hash = PersonShop.Sha256(external);
        object Event(object identity, object device) => new { @event = "purchase", source = "app", identity, device };
        object none = new { };
        object[] theirs =
        [
            Event(new { phone = "+1 (415) 555-0123" }, none), Event(new { external_id = external }, none), Event(none, new { gaid }), Event(none, new { appsflyer_id = vendor }),
        ];
        foreach (var one in theirs) Assert.Equal(200, (await shop.BackendAsync(one)).Status);
        object other = Event(new { phone = "+1 (415) 555-0199", external_id = external + "x" }, new { gaid = Guid.NewGuid() });
        Assert.Equal(200, (await shop.BackendAsync(other)).Status);
        await shop.DrainedAsync();

        object[] names =
        [
            new { site_id = PersonShop.Site, phone = "001 415 555 0123" }, new { site_id = PersonShop.Site, external_id_sha256 = hash },
            new { site_id = PersonShop.Site, device_id = gaid.ToString("N").ToUpperInvariant() }, new { site_id = PersonShop.Site, device_id = vendor },
        ];
        foreach (var (name, one) in names.Zip(theirs))
        {
            var found = await shop.AskAsync("find", name);
            Assert.Equal("""{"events":1}""", found.GetProperty("rows").GetRawText());
            Assert.Equal(1, found.GetProperty("collectors")[0].GetProperty("records").GetProperty("journal").GetInt64());
            await shop.AskAsync("restrict", name, 204);
            Assert.Contains("person_restricted", (await shop.BackendAsync(one)).Body, StringComparison.Ordinal);
            Assert.Equal(1, (await EraseAsync(shop, name)).GetProperty("rows").GetProperty("events").GetInt64());
            Assert.Contains("person_erased", (await shop.BackendAsync(one)).Body, StringComparison.Ordinal);
        }

        Assert.Empty(await shop.Traces.FindAsync(PersonShop.Sha256("+14155550123"), hash, gaid.ToString(), vendor));
        Assert.Equal("1", Assert.Single(await shop.Traces.AskAsync("select count(*) from events"))[0]);
        var identifiers = await IdentifiersAsync(shop);
        Assert.Contains((PersonShop.Site, "phone", PersonShop.Sha256("+14155550199")), identifiers);
        Assert.Contains((PersonShop.Site, "external_id", PersonShop.Sha256(external + "x")), identifiers);
        Assert.Contains(identifiers, one => one.Kind == "device");
    }

    [Fact]
    public async Task A_cookie_leads_to_whoever_was_claimed_on_it_unless_it_alone_is_asked_for()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (mine, victims) = (Guid.NewGuid(), Guid.NewGuid());
        await shop.PixelAsync("u=victim&title=page+of+the+victim", victims);
        await shop.PixelAsync("title=my+page", mine);
        await shop.PixelAsync("u=victim&title=my+claim", mine);
        await shop.DrainedAsync();

        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, visitor_id = mine });
        Assert.Equal(["victim"], Texts(found.GetProperty("identifiers").GetProperty("user_ids")));
        Assert.Contains($$"""{"from":"visitor:{{mine}}","to":"user:victim","source":"pixel"}""", found.GetProperty("pairs").EnumerateArray().Select(one => one.GetRawText()));

        foreach (var verb in (string[])["find", "export"])
        {
            var alone = await shop.AskAsync(verb, new { site_id = PersonShop.Site, visitor_id = mine, only = true });
            Assert.Equal("visitor:" + mine, alone.GetProperty("person_id").GetString());
            Assert.DoesNotContain("page of the victim", alone.GetRawText(), StringComparison.Ordinal);
        }

        await EraseAsync(shop, new { site_id = PersonShop.Site, visitor_id = mine, only = true });
        Assert.Equal(["page of the victim"], (await shop.Traces.AskAsync("select title from events")).Select(row => row[0]));
        Assert.Null(await shop.PixelAsync("u=victim", victims));
    }

    [Fact]
    public async Task An_id_of_the_day_is_nobodys()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/p.gif?id={PersonShop.Site}&title=a+stranger&eid=order-1") { Headers = { { "DNT", "1" }, { "User-Agent", "Firefox" } } };
        (await shop.App.Client.SendAsync(request)).Dispose();
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        var stranger = Assert.Single(await shop.Traces.AskAsync("select cast(event_id as text), cast(visitor_id as text) from events where visitor_kind = 'daily'"));

        foreach (var body in (object[])
            [new { site_id = PersonShop.Site, event_id = stranger[0] }, new { site_id = PersonShop.Site, visitor_id = stranger[1] },
             new { site_id = PersonShop.Site, user_id = "ada", also = new[] { "visitor:" + stranger[1] } }])
        {
            var answer = await shop.AskAsync("erase", body, 409);
            Assert.Equal("person_unclear", answer.GetProperty("code").GetString());
            Assert.StartsWith("This id is nobody's alone", answer.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        Assert.NotEmpty(await shop.Traces.FindAsync("a stranger"));
    }

    [Fact]
    public async Task An_event_of_a_visitor_without_a_name_does_not_lead_to_all_who_have_none()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.SegmentAsync("track", new { @event = "seen", anonymousId = " Undefined", messageId = "m1" });
        await shop.DrainedAsync();
        var id = Assert.Single(await shop.Traces.AskAsync("select cast(event_id as text), cast(visitor_id as text) from events"));
        Assert.Equal("person_unclear", (await shop.AskAsync("erase", new { site_id = PersonShop.Site, event_id = id[0] }, 409)).GetProperty("code").GetString());
        Assert.Equal("person_unclear", (await shop.AskAsync("erase", new { site_id = PersonShop.Site, visitor_id = id[1] }, 409)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task What_was_shared_with_an_erased_person_does_not_become_the_others()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (device, own, mailbox) = (Guid.NewGuid(), Guid.NewGuid(), "family@example.org");
        await shop.PixelAsync("title=nobody+was+logged+in", device);
        foreach (var user in (string[])["ada", "bob"])
        {
            await shop.PixelAsync($"u={user}", device);
            Assert.Equal(200, (await shop.BackendAsync(new { @event = "x", user_id = user, identity = new { email = mailbox } })).Status);
        }

        Assert.Equal(200, (await shop.BackendAsync(new { @event = "letter", identity = new { email = mailbox } })).Status);
        await shop.PixelAsync("u=bob", own);
        await shop.DrainedAsync();
        Assert.Equal(3, (await shop.AskAsync("export", new { site_id = PersonShop.Site, user_id = "bob" })).GetProperty("events").GetArrayLength());

        await EraseAsync(shop, new { site_id = PersonShop.Site, user_id = "ada" });
        var bob = await shop.AskAsync("export", new { site_id = PersonShop.Site, user_id = "bob" });
        Assert.Equal(3, bob.GetProperty("events").GetArrayLength());
        Assert.Equal([own.ToString()], Texts(bob.GetProperty("visitor_ids")));
        Assert.Equal([$"visitor:{device}"], (await shop.Traces.AskAsync("select person_id from person_events where title = 'nobody was logged in'")).Select(row => row[0]));
        Assert.DoesNotContain("user:bob", (await shop.Traces.AskAsync("select person_id from person_events where name = 'letter'")).Select(row => row[0]));
    }

    [Fact]
    public async Task An_erasure_can_be_released_as_a_whole_when_nobody_knows_any_more_what_was_the_persons()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var email = new { @event = "x", identity = new { email = "ada@example.org" } };
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "x", user_id = "ada", visitor_id = "device-1", identity = new { email = "ada@example.org" } })).Status);
        await shop.DrainedAsync();
        var erased = await EraseAsync(shop, new { site_id = PersonShop.Site, user_id = "ada" });

        await shop.AskAsync("release", new { site_id = PersonShop.Site, user_id = "ada" }, 204);
        Assert.Contains("person_erased", (await shop.BackendAsync(email)).Body, StringComparison.Ordinal);
        Assert.Contains("person_erased", (await shop.BackendAsync(new { @event = "x", visitor_id = "device-1" })).Body, StringComparison.Ordinal);

        var request = erased.GetProperty("request_id").GetString();
        Assert.Equal("invalid_parameter", (await shop.AskAsync("release", new { site_id = PersonShop.Site, user_id = "ada", request_id = request }, 400)).GetProperty("code").GetString());
        Assert.Equal("not_found", (await shop.AskAsync("release", new { request_id = Guid.NewGuid() }, 404)).GetProperty("code").GetString());
        await shop.AskAsync("release", new { request_id = request }, 204);
        Assert.Equal(200, (await shop.BackendAsync(email)).Status);
        Assert.Equal(200, (await shop.BackendAsync(new { @event = "x", visitor_id = "device-1" })).Status);
    }

    [Fact]
    public async Task What_is_said_now_holds_against_a_word_of_a_machine_whose_clock_is_ahead()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        var ahead = Word.No(TimeProvider.System.GetUtcNow().AddHours(1));
        await shop.App.Services.GetRequiredService<StandingExchange>().DecideAsync(
            [new(shop.App.Services.GetRequiredService<SubjectKeys>().Of(PersonShop.Site, SubjectKind.User, "ada"), new() { Kept = ahead, Processed = ahead })]);
        Assert.Equal("person_erased", await shop.PixelAsync("u=ada"));

        await shop.AskAsync("release", new { site_id = PersonShop.Site, user_id = "ada" }, 204);
        Assert.Equal("person_restricted", await shop.PixelAsync("u=ada"));
        await shop.AskAsync("restrict", new { site_id = PersonShop.Site, user_id = "ada", lift = true }, 204);
        Assert.Null(await shop.PixelAsync("u=ada"));
        await shop.AskAsync("restrict", new { site_id = PersonShop.Site, user_id = "ada" }, 204);
        Assert.Equal("person_restricted", await shop.PixelAsync("u=ada"));
        await EraseAsync(shop, new { site_id = PersonShop.Site, user_id = "ada" });
        Assert.Equal("person_erased", await shop.PixelAsync("u=ada"));
    }

    private static Task<(int Status, string Body)> AliasAsync(PersonShop shop, string user, string previous, string? anonymousId = null) =>
        shop.SegmentAsync("alias", new { userId = user, previousId = previous, anonymousId, messageId = Guid.NewGuid() });

    private static async Task<List<(string Site, string Kind, string Id)>> IdentifiersAsync(PersonShop shop)
    {
        var found = new List<(string, string, string)>();
        await foreach (var one in shop.App.Services.GetRequiredService<PersonRows>().IdentifiersAsync(CancellationToken.None)) found.Add(one);
        return found;
    }

    private static async Task<JsonElement> EraseAsync(PersonShop shop, object body)
    {
        var erased = await shop.AskAsync("erase", body);
        Assert.True(erased.GetProperty("state").GetString() == "complete", erased.GetRawText() + shop.App.Output);
        return erased;
    }

    // Digits would look like a telephone number.
    private static string Letters() => new([.. Guid.NewGuid().ToString("N").Select(digit => (char)('a' + Convert.ToInt32(digit.ToString(), 16)))]);

    private static IEnumerable<string?> Texts(JsonElement array) => array.EnumerateArray().Select(one => one.GetString());
}

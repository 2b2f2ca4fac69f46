using System.Text.Json;
using PixelServer.Privacy;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>A person's rights at the real server, on both stores.</summary>
public sealed class SqlitePersonsTests : PersonsContract
{
    private protected override Task<string> PostgresAsync() => Task.FromResult("");
}

public sealed class PostgresPersonsTests(SharedPostgres postgres) : PersonsContract
{
    private protected override Task<string> PostgresAsync() => postgres.Cluster.CreateDatabaseAsync();
}

public abstract class PersonsContract
{
    private protected abstract Task<string> PostgresAsync();

    [Fact]
    public async Task Everything_of_a_person_is_found_exported_and_erased_and_nothing_of_anybody_else()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (device, other) = (Guid.NewGuid(), Guid.NewGuid());
        var (user, neighbour, email) = ("user-" + Word(), "neighbour-" + Word(), "Ada@Example.org");
        var hash = PersonShop.Sha256("ada@example.org");
        await shop.BusyAsync(user, device, email);
        await shop.BusyAsync(neighbour, other, "bob@example.org");
        await shop.DrainedAsync();

        var found = await shop.AskAsync("find", new { site_id = PersonShop.Site, email });
        Assert.Equal("user:" + user, found.GetProperty("person_id").GetString());
        Assert.Contains(device.ToString(), Texts(found.GetProperty("identifiers").GetProperty("visitor_ids")));
        Assert.Equal([hash], Texts(found.GetProperty("identifiers").GetProperty("email_sha256s")));
        Assert.Equal(["consent_records", "event_receipts", "events", "events_rejected", "identity_edges", "mail_decisions", "opt_outs"], found.GetProperty("rows").EnumerateObject().Select(one => one.Name).Order());
        Assert.Equal(6, found.GetProperty("rows").GetProperty("events").GetInt64());
        var records = Assert.Single(found.GetProperty("collectors").EnumerateArray()).GetProperty("records");
        Assert.Equal((6, 1), (records.GetProperty("journal").GetInt64(), records.GetProperty("mail-decisions.jsonl").GetInt64()));

        var export = await shop.AskAsync("export", new { site_id = PersonShop.Site, user_id = user });
        Assert.Equal(6, export.GetProperty("events").GetArrayLength());
        Assert.Equal("the page of ada", export.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("title").GetString()).First(title => title is not null));
        Assert.Equal(0, export.GetProperty("not_yet_stored").GetArrayLength());
        Assert.DoesNotContain(neighbour, export.GetRawText(), StringComparison.Ordinal);

        var erased = await shop.AskAsync("erase", new { site_id = PersonShop.Site, visitor_id = shop.Cookie(device)[6..] });
        Assert.Equal("complete", erased.GetProperty("state").GetString());
        Assert.Equal(found.GetProperty("rows").GetRawText(), erased.GetProperty("rows").GetRawText());
        Assert.True(erased.GetProperty("database_cleaned").GetBoolean());
        Assert.Empty(await shop.Traces.FindAsync(device.ToString(), user, hash));
        Assert.NotEmpty(await shop.Traces.FindAsync(other.ToString()));
        Assert.Equal(found.GetProperty("rows").GetRawText(), (await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = neighbour })).GetProperty("rows").GetRawText());

        // The receipt tells how much, and not whose; it is what was signed.
        var receipt = erased.GetProperty("receipt");
        Assert.DoesNotContain(user, receipt.GetRawText(), StringComparison.Ordinal);
        var key = JsonDocument.Parse(await (await shop.App.AdminAsync("/api/persons/receipt-key")).Content.ReadAsStringAsync()).RootElement.GetProperty("key").GetString()!;
        Assert.Null(ReceiptKey.Fault(receipt.GetRawText(), key));
        Assert.NotNull(ReceiptKey.Fault(receipt.GetRawText().Replace("\"events\":6", "\"events\":5", StringComparison.Ordinal), key));

        // The same again is harmless, and the request can be asked for.
        var again = await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = user });
        Assert.Equal(("complete", "{}"), (again.GetProperty("state").GetString(), again.GetProperty("rows").GetRawText()));
        var state = JsonDocument.Parse(await (await shop.App.AdminAsync($"/api/persons/requests/{erased.GetProperty("request_id").GetString()}")).Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(receipt.GetRawText(), state.GetProperty("receipt").GetRawText());
        Assert.True(shop.App.Ledger.Read().Balances);
    }

    [Fact]
    public async Task What_is_sent_of_an_erased_person_later_is_refused_at_every_door_until_the_identifier_is_released()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var (device, user, hash) = (Guid.NewGuid(), "user-" + Word(), PersonShop.Sha256("ada@example.org"));
        await shop.BusyAsync(user, device, "ada@example.org");
        await shop.DrainedAsync();
        await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = user });

        Assert.Equal("person_erased", await shop.PixelAsync($"u={user}"));
        Assert.Contains("person_erased", (await shop.BeaconAsync(new { site_id = PersonShop.Site, user_id = user })).Body, StringComparison.Ordinal);
        Assert.Contains("person_erased", (await shop.BackendAsync(new { @event = "x", identity = new { email_sha256 = hash } })).Body, StringComparison.Ordinal);
        Assert.Contains("person_erased", (await shop.SegmentAsync("track", new { @event = "x", userId = user, messageId = "m1" })).Body, StringComparison.Ordinal);
        Assert.Null(await shop.PixelAsync("e=anonymous", device)); // a new visitor: the device is somebody's whom we do not know
        await shop.DrainedAsync();
        Assert.Empty(await shop.Traces.FindAsync(device.ToString(), user, hash));
        Assert.Equal("{}", (await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = user })).GetProperty("rows").GetRawText());

        await shop.AskAsync("release", new { site_id = PersonShop.Site, user_id = user }, status: 204);
        Assert.Null(await shop.PixelAsync($"u={user}"));
        await shop.DrainedAsync();
        Assert.Equal("""{"events":1,"identity_edges":1}""", (await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = user })).GetProperty("rows").GetRawText());
    }

    [Fact]
    public async Task A_restricted_person_keeps_what_is_there_and_gets_nothing_new_until_it_is_lifted()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.PixelAsync("u=ada");
        await shop.DrainedAsync();
        await shop.AskAsync("restrict", new { site_id = PersonShop.Site, user_id = "ada" }, status: 204);

        Assert.Equal("person_restricted", await shop.PixelAsync("u=ada"));
        Assert.Equal(1, (await shop.AskAsync("find", new { site_id = PersonShop.Site, user_id = "ada" })).GetProperty("rows").GetProperty("events").GetInt64());
        await shop.AskAsync("restrict", new { site_id = PersonShop.Site, user_id = "ada", lift = true }, status: 204);
        Assert.Null(await shop.PixelAsync("u=ada"));
    }

    [Fact]
    public async Task A_shared_device_stays_unless_it_is_named()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        var device = Guid.NewGuid();
        foreach (var user in (string[])["ada", "bob"]) await shop.PixelAsync($"u={user}", device);
        await shop.PixelAsync("e=anonymous", device);
        await shop.DrainedAsync();

        var erased = await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        Assert.Equal(["visitor:" + device], Texts(erased.GetProperty("stays_because_shared")));
        Assert.Equal(1, erased.GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Null(await shop.PixelAsync("u=bob", device));
        await shop.DrainedAsync();

        erased = await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada", also = new[] { "visitor:" + device } });
        Assert.Equal(3, erased.GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Empty(await shop.Traces.FindAsync(device.ToString()));
    }

    [Fact]
    public async Task An_event_leads_to_its_person_and_one_that_several_sent_to_nobody()
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        await shop.PixelAsync("u=ada&eid=order-1");
        await shop.PixelAsync("u=bob&eid=order-2");
        await shop.PixelAsync("u=cid&eid=order-2");
        await shop.DrainedAsync();

        Assert.Equal("user:ada", (await shop.AskAsync("find", new { site_id = PersonShop.Site, client_event_id = "order-1" })).GetProperty("person_id").GetString());
        Assert.Equal("person_unclear", (await shop.AskAsync("find", new { site_id = PersonShop.Site, client_event_id = "order-2" }, 409)).GetProperty("code").GetString());
        Assert.Equal("person_not_found", (await shop.AskAsync("find", new { site_id = PersonShop.Site, client_event_id = "order-3" }, 404)).GetProperty("code").GetString());
        var id = (await shop.AskAsync("export", new { site_id = PersonShop.Site, user_id = "ada" })).GetProperty("events")[0].GetProperty("event_id").GetString();
        Assert.Equal("user:ada", (await shop.AskAsync("find", new { site_id = PersonShop.Site, event_id = id })).GetProperty("person_id").GetString());
    }

    [Theory]
    [InlineData("""{"site_id":"shop"}""", "Exactly one of")]
    [InlineData("""{"site_id":"shop","user_id":"a","visitor_id":"b"}""", "Exactly one of")]
    [InlineData("""{"site_id":"shop","email":"nobody"}""", "email:")]
    [InlineData("""{"site_id":"shop","visitor_id":"x"}""", "visitor_id:")]
    [InlineData("""{"site_id":"shop","user_id":"a","also":["x"]}""", "also:")]
    [InlineData("""{"site_id":"shop","user_id":"a","also":[null]}""", "also:")]
    [InlineData("""{"site_id":"shop","user_id":"a\u0000b"}""", "user_id:")]
    [InlineData("""{"site_id":"shop","client_event_id":"\u0000"}""", "client_event_id:")]
    [InlineData("""{"site_id":"shop","request_id":"0199f000-0000-7000-8000-000000000001"}""", "request_id:")]
    [InlineData("""{"site_id":"shop","user_id":"undefined"}""", "user_id: this is what programs send when there is nobody")]
    [InlineData("""{"site_id":"shop","user_id":" Guest "}""", "user_id:")]
    [InlineData("""{"site_id":"shop","user_id":"0"}""", "user_id:")]
    [InlineData("""{"site_id":"shop","recipient_id":"null"}""", "recipient_id:")]
    [InlineData("""{"site_id":"shop","anonymous_id":"NaN"}""", "anonymous_id:")]
    [InlineData("""{"site_id":"shop","person_id":"user:guest"}""", "person_id:")]
    [InlineData("""{"site_id":"shop","phone":"0415 555 0123"}""", "phone: a number with")]
    [InlineData("""{"site_id":"shop","phone_sha256":"x"}""", "phone_sha256: 64 hex digits")]
    [InlineData("""{"site_id":"shop","external_id":"null"}""", "external_id: this is what programs send")]
    [InlineData("""{"site_id":"shop","device_id":"00000000-0000-0000-0000-000000000000"}""", "device_id:")]
    [InlineData("""{"site_id":"shop","user_id":"a","also":["user:null"]}""", "also:")]
    [InlineData("""{"site_id":"no site","user_id":"a"}""", "site_id:")]
    [InlineData("""{"site_id":"shop","userid":"a"}""", "The body is not the JSON")]
    public async Task What_names_nobody_is_told_without_repeating_it(string body, string detail)
    {
        await using var shop = await PersonShop.StartAsync(await PostgresAsync());
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        Assert.StartsWith(detail, (await shop.AskAsync("find", content, 400)).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    // Digits would look like a telephone number to the mail's door.
    private static string Word() => new([.. Guid.NewGuid().ToString("N").Select(digit => (char)('a' + Convert.ToInt32(digit.ToString(), 16)))]);

    private static IEnumerable<string?> Texts(JsonElement array) => array.EnumerateArray().Select(one => one.GetString());
}

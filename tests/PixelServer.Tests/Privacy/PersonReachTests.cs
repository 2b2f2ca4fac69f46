using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>An erasure reaches every collector of a store, whichever process was asked, and whatever comes back afterwards stays out.</summary>
public sealed class PersonReachTests(SharedPostgres postgres)
{
    private const string Key = "--Pixel:CookieKey=collectors-share-this-secret-0123456789";
    private const string Away = "Host=127.0.0.1;Port=1;Username=nobody;Timeout=1";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_verbs_work_beside_a_running_server(bool isPostgres)
    {
        var connection = isPostgres ? await postgres.Cluster.CreateDatabaseAsync() : "";
        await using var shop = await PersonShop.StartAsync(connection);
        var device = Guid.NewGuid();
        await shop.BusyAsync("ada", device, "ada@example.org");
        await shop.BusyAsync("bob", Guid.NewGuid(), "bob@example.org");
        await shop.DrainedAsync();
        string[] where = ["--site", PersonShop.Site, $"--Pixel:DataDirectory={shop.App.DataDirectory}", $"--ConnectionStrings:Postgres={connection}"];

        var (code, found, error) = await Executable.RunAsync(["person", "find", "ada@example.org", .. where]);
        Assert.True(code == 0, error);
        Assert.Equal(6, JsonDocument.Parse(found).RootElement.GetProperty("rows").GetProperty("events").GetInt64());
        Assert.Equal(6, JsonDocument.Parse(found).RootElement.GetProperty("collectors")[0].GetProperty("records").GetProperty("journal").GetInt64());

        (code, var export, _) = await Executable.RunAsync(["person", "export", "user:ada", .. where]);
        Assert.Equal((0, 6), (code, JsonDocument.Parse(export).RootElement.GetProperty("events").GetArrayLength()));

        (code, var receipt, error) = await Executable.RunAsync(["person", "erase", "user:ada", .. where]);
        Assert.True(code == 0, error + receipt);
        Assert.Empty(await shop.Traces.FindAsync(device.ToString(), PersonShop.Sha256("ada@example.org")));
        Assert.Equal("person_erased", await shop.PixelAsync("u=ada"));
        Assert.Null(await shop.PixelAsync("u=bob"));

        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("receipt.json"), receipt);
        Assert.Equal(0, (await Executable.RunAsync(["person", "verify-receipt", folder.File("receipt.json"), .. where[2..]])).Code);
        var answer = await shop.StateAsync(JsonDocument.Parse(receipt).RootElement.GetProperty("receipt")); // as the API gives it, around the receipt
        await File.WriteAllTextAsync(folder.File("answer.json"), answer.GetRawText());
        Assert.Equal(0, (await Executable.RunAsync(["person", "verify-receipt", folder.File("answer.json"), .. where[2..]])).Code);
        await File.WriteAllTextAsync(folder.File("receipt.json"), receipt.Replace("\"events\":6", "\"events\":7", StringComparison.Ordinal));
        Assert.Equal(1, (await Executable.RunAsync(["person", "verify-receipt", folder.File("receipt.json"), .. where[2..]])).Code);
        Assert.True(shop.App.Ledger.Read().Balances);
    }

    [Fact]
    public async Task Without_a_server_the_verb_does_what_is_on_the_disk_itself()
    {
        using var folder = new TempFolder();
        await using (var shop = await PersonShop.StartAsync(directory: folder.Path))
        {
            foreach (var user in (string[])["ada", "bob"]) await shop.PixelAsync($"u={user}&title=page+of+{user}");
            await shop.DrainedAsync();
        }

        // What is not undone is not done to whom a word looks like.
        foreach (var verb in (string[])["erase", "restrict", "release"])
        {
            var (unclear, _, why) = await Executable.RunAsync("person", verb, "ada", "--site", PersonShop.Site, $"--Pixel:DataDirectory={folder.Path}");
            Assert.Equal(2, unclear);
            Assert.Contains("user:ID", why, StringComparison.Ordinal);
        }

        var (code, receipt, error) = await Executable.RunAsync("person", "erase", "user:ada", "--site", PersonShop.Site, $"--Pixel:DataDirectory={folder.Path}");
        Assert.True(code == 0, error);
        Assert.Empty(await PersonTraces.OfSqlite(folder.Path).FindAsync("page of ada"));
        Assert.NotEmpty(await PersonTraces.OfSqlite(folder.Path).FindAsync("page of bob"));

        await using var again = await PersonShop.StartAsync(directory: folder.Path);
        Assert.Equal("person_erased", await again.PixelAsync("u=ada"));
        Assert.Equal(0, (await Executable.RunAsync("person", "restrict", "user:bob", "--site", PersonShop.Site, $"--Pixel:DataDirectory={folder.Path}")).Code);
        await Eventually.TrueAsync(async () => await again.PixelAsync("u=bob") == "person_restricted", () => "the server has heard of it");
        var request = JsonDocument.Parse(receipt).RootElement.GetProperty("receipt").GetProperty("request_id").GetString();
        (code, _, error) = await Executable.RunAsync("person", "release", $"request:{request}", "--site", PersonShop.Site, $"--Pixel:DataDirectory={folder.Path}");
        Assert.True(code == 0, error);
        await Eventually.TrueAsync(async () => await again.PixelAsync("u=ada") is null, () => "and of the release");
    }

    [Fact]
    public async Task Every_collector_of_a_store_does_its_part_and_one_that_was_away_when_it_comes_back()
    {
        var connection = await postgres.Cluster.CreateDatabaseAsync();
        using var folder = new TempFolder();
        await using var one = await PersonShop.StartAsync(connection, settings: Key);
        var other = await PersonShop.StartAsync(connection, folder.Path, Key);
        foreach (var shop in (PersonShop[])[one, other])
        {
            await shop.PixelAsync("u=ada&title=first+page+of+ada");
            await shop.PixelAsync("u=eve&title=first+page+of+eve");
            await shop.DrainedAsync();
        }

        var erased = await one.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        Assert.Equal(("complete", 2), (erased.GetProperty("state").GetString(), erased.GetProperty("collectors").GetArrayLength()));
        Assert.All(erased.GetProperty("collectors").EnumerateArray(), part => Assert.Equal(1, part.GetProperty("records").GetProperty("journal").GetInt64()));
        Assert.Empty(await one.Traces.FindAsync("first page of ada"));
        Assert.Empty(await other.Traces.FindAsync("first page of ada"));
        Assert.NotEmpty(await other.Traces.FindAsync("first page of eve"));
        Assert.Equal("person_erased", await other.PixelAsync("u=ada"));

        await other.DisposeAsync();
        // As if it had been away for longer than others wait.
        await using (var source = NpgsqlDataSource.Create(connection)) await source.CreateCommand("update collectors set seen_at = seen_at - interval '1 hour'").ExecuteNonQueryAsync();
        erased = await one.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "eve" });
        Assert.Equal("waiting", erased.GetProperty("state").GetString());
        Assert.Single(erased.GetProperty("waiting_for").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, erased.GetProperty("receipt").ValueKind);

        await using var back = await PersonShop.StartAsync(connection, folder.Path, Key);
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await one.App.AdminAsync($"/api/persons/requests/{erased.GetProperty("request_id").GetString()}");
            return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("state").GetString() == "complete";
        }, () => "the collector that came back has done its part\n" + back.App.Output);
        Assert.Empty(await back.Traces.FindAsync("first page of eve"));
    }

    [Fact]
    public async Task A_collector_with_another_key_would_not_recognise_the_person_and_the_erasure_is_refused()
    {
        var connection = await postgres.Cluster.CreateDatabaseAsync();
        await using var one = await PersonShop.StartAsync(connection, settings: Key);
        await using var other = await PersonShop.StartAsync(connection, settings: Key + "-other");
        await one.PixelAsync("u=ada");
        await one.DrainedAsync();
        await Eventually.TrueAsync(async () => (await one.Traces.AskAsync("select host from collectors")).Count == 2, () => "both are known");

        foreach (var verb in (string[])["erase", "restrict", "release"])
            Assert.Equal("collector_keys_differ", (await one.AskAsync(verb, new { site_id = PersonShop.Site, user_id = "ada" }, 409)).GetProperty("code").GetString());
        Assert.Null(await one.PixelAsync("u=ada"));
    }

    [Fact]
    public async Task A_collector_that_nobody_waited_for_does_its_part_all_the_same_when_it_comes_back_after_months()
    {
        var connection = await postgres.Cluster.CreateDatabaseAsync();
        using var folder = new TempFolder();
        await using var one = await PersonShop.StartAsync(connection, settings: Key);
        await using (var other = await PersonShop.StartAsync(connection, folder.Path, Key))
        {
            await other.PixelAsync("u=ada&title=first+page+of+ada");
            await other.DrainedAsync();
            await Eventually.TrueAsync(async () => (await one.Traces.AskAsync("select host from collectors")).Count == 2, () => "both are known\n" + other.App.Output);
        }

        await one.Traces.DoAsync("update collectors set seen_at = seen_at - interval '31 days'");
        var erased = await one.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        Assert.Equal("complete", erased.GetProperty("state").GetString());
        Assert.Single(erased.GetProperty("receipt").GetProperty("receipt").GetProperty("not_reached").EnumerateArray());
        Assert.NotEmpty(await PersonTraces.InFilesAsync(folder.Path, PersonTraces.Forms("first page of ada")));

        await using var back = await PersonShop.StartAsync(connection, folder.Path, Key);
        await Eventually.TrueAsync(async () => (await PersonTraces.InFilesAsync(folder.Path, PersonTraces.Forms("first page of ada"))).Count == 0, () => "nothing of the person is on its disk\n" + back.App.Output);
    }

    [Fact]
    public async Task A_collector_whose_disk_goes_with_it_holds_no_receipt_up()
    {
        var connection = await postgres.Cluster.CreateDatabaseAsync();
        await using var one = await PersonShop.StartAsync(connection, settings: Key);
        await one.PixelAsync("u=ada");
        await one.DrainedAsync();
        await using (var other = await PersonShop.StartAsync(connection, settings: [Key, "--Pixel:Privacy:TemporaryDisk=true"]))
        {
            await other.PixelAsync("u=ada");
            Assert.Equal(204, await other.DecideAsync("bob", tracking: false));
            await other.DrainedAsync();
            await Eventually.TrueAsync(async () => (await one.Traces.AskAsync("select host from collectors")).Count == 2, () => "both are known\n" + other.App.Output);
        }

        Assert.Single(await one.Traces.AskAsync("select host from collectors"));
        var erased = await one.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        Assert.Equal(("complete", 2), (erased.GetProperty("state").GetString(), erased.GetProperty("rows").GetProperty("events").GetInt64()));
    }

    [Fact]
    public async Task A_collector_that_was_away_puts_no_decision_of_an_erased_person_back()
    {
        var connection = await postgres.Cluster.CreateDatabaseAsync();
        using var folder = new TempFolder();
        // Its clock's loops are slow: nothing but the exchange of decisions itself asks who was erased.
        string[] slow = [Key, "--Pixel:Privacy:SyncEvery=00:10:00", "--Pixel:Mail:SyncEvery=00:00:01"];
        await using (var away = await PersonShop.StartAsync(Away, folder.Path, slow))
        {
            foreach (var person in (string[])["erasedrecipient", "otherrecipient"])
            {
                Assert.Equal(204, await away.DecideAsync(person, tracking: false));
                Assert.Equal(200, await away.ConsentAsync("user", person));
            }
        }

        await using var shop = await PersonShop.StartAsync(connection, settings: Key);
        await shop.PixelAsync("u=erasedrecipient");
        await shop.DrainedAsync();
        await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "erasedrecipient" });

        var (sync, consents) = (new List<string>(), 0);
        await using var back = await PersonShop.StartAsync(connection, folder.Path, slow);
        await Eventually.TrueAsync(async () =>
        {
            sync = [.. (await shop.Traces.AskAsync("select subject_id from mail_decisions")).Select(row => row[0])];
            consents = (await shop.Traces.AskAsync("select record_id from consent_records")).Count;
            return sync.Count > 0 && consents == 4;
        }, () => $"what waited there is in the store: {sync.Count} {consents}\n{back.App.Output}");
        Assert.Equal(["otherrecipient"], sync);
        Assert.Equal("2", (await shop.Traces.AskAsync("select count(*) from consent_records where subject_id is null"))[0][0]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_another_machine_left_behind_brings_nothing_of_an_erased_person_back(bool isPostgres)
    {
        var connection = isPostgres ? await postgres.Cluster.CreateDatabaseAsync() : "";
        using var gone = new TempFolder();
        await using (var machine = await PersonShop.StartAsync(Away, gone.Path, Key))
        {
            foreach (var person in (string[])["erasedperson", "otherperson"])
            {
                await machine.PixelAsync($"u={person}&title=page+of+{person}");
                Assert.Equal(204, await machine.DecideAsync(person, tracking: false));
                Assert.Equal(200, await machine.ConsentAsync("user", person));
            }
        }

        await using var shop = await PersonShop.StartAsync(connection, settings: Key);
        await shop.PixelAsync("u=erasedperson");
        await shop.DrainedAsync();
        await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "erasedperson" });

        using var folder = new TempFolder();
        var directory = isPostgres ? folder.Path : shop.App.DataDirectory;
        var (code, told, error) = await Executable.RunAsync("drain", "--dir", gone.Path, $"--Pixel:DataDirectory={directory}", $"--ConnectionStrings:Postgres={connection}", Key);
        Assert.True(code == 0, told + error);
        Assert.Empty(await shop.Traces.FindAsync("erasedperson"));
        Assert.NotEmpty(await shop.Traces.FindAsync("page of otherperson"));
        Assert.Equal(["otherperson"], (await shop.Traces.AskAsync("select subject_id from mail_decisions")).Select(row => row[0]));
        Assert.Equal("4", (await shop.Traces.AskAsync("select count(*) from consent_records"))[0][0]); // each decision about mails leaves one too
        Assert.Equal("2", (await shop.Traces.AskAsync("select count(*) from consent_records where subject_id is null"))[0][0]);
    }

    [Fact]
    public async Task What_another_machine_left_behind_opts_out_without_touching_the_files_of_the_server_beside_which_it_is_delivered()
    {
        using var gone = new TempFolder();
        string[] slow = [Key, "--Pixel:Privacy:SyncEvery=00:10:00"];
        await using (var machine = await PersonShop.StartAsync(Away, gone.Path, slow))
        {
            using var first = await machine.App.Client.GetAsync($"/p.gif?id={PersonShop.Site}");
            var cookie = first.Headers.GetValues("Set-Cookie").Single(one => one.StartsWith("px_id=", StringComparison.Ordinal)).Split(';')[0];
            using var optOut = new HttpRequestMessage(HttpMethod.Get, $"/p.gif?id={PersonShop.Site}&u=ada") { Headers = { { "Sec-GPC", "1" }, { "Cookie", cookie } } };
            (await machine.App.Client.SendAsync(optOut)).Dispose();
            await machine.PixelAsync("u=bob");
            await machine.App.Services.GetRequiredService<StandingExchange>().DecideAsync( // its store never heard of it
                [new(machine.App.Services.GetRequiredService<SubjectKeys>().Of(PersonShop.Site, SubjectKind.User, "bob"), new() { Kept = Word.No(TimeProvider.System.GetUtcNow()) })]);
        }

        using var folder = new TempFolder();
        await using var shop = await PersonShop.StartAsync(directory: folder.Path, settings: slow);
        await shop.PixelAsync("u=eve");
        await shop.DrainedAsync();
        await File.WriteAllBytesAsync(folder.File("standings"), [.. "PXSTND01"u8, .. new byte[40]]); // the server is in the middle of an append
        var before = await File.ReadAllBytesAsync(folder.File("standings"));

        var (code, told, error) = await Executable.RunAsync("drain", "--dir", gone.Path, $"--Pixel:DataDirectory={folder.Path}", Key);
        Assert.True(code == 0, told + error);
        Assert.Equal(before, await File.ReadAllBytesAsync(folder.File("standings")));
        Assert.Equal(["ada", "eve"], (await shop.Traces.AskAsync("select user_id from events where user_id is not null order by user_id")).Select(row => row[0]));
        await shop.App.Services.GetRequiredService<StandingExchange>().ExchangeAsync(default);
        var keys = shop.App.Services.GetRequiredService<SubjectKeys>();
        Assert.True(shop.App.Services.GetRequiredService<Standings>().Of(keys.Of(PersonShop.Site, SubjectKind.User, "ada")).IsOptedOut);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_store_that_is_set_back_gets_everything_again_but_the_erased_person(bool isPostgres)
    {
        var connection = isPostgres ? await postgres.Cluster.CreateDatabaseAsync() : "";
        using var folder = new TempFolder();
        await using (var shop = await PersonShop.StartAsync(connection, folder.Path))
        {
            foreach (var user in (string[])["ada", "bob", "ada", "cid"]) await shop.PixelAsync($"u={user}&title=page+of+{user}");
            await shop.DrainedAsync();
            await shop.AskAsync("erase", new { site_id = PersonShop.Site, user_id = "ada" });
        }

        await PersonTraces.Of(folder.Path, connection).DoAsync("delete from events; delete from identity_edges; update journal_positions set position = 0");
        await using var again = await PersonShop.StartAsync(connection, folder.Path);
        await again.App.StoredAsync(2);
        await again.DrainedAsync();
        Assert.Empty(await again.Traces.FindAsync("page of ada"));
        Assert.Equal(["bob", "cid"], (await again.Traces.AskAsync("select user_id from events order by user_id")).Select(row => row[0]));
        var page = again.App.Ledger.Read();
        Assert.True(page.Balances, page.ToString());
        Assert.Equal(2, page.Refused["person_erased"]);
    }

    [Fact]
    public async Task After_a_backup_was_restored_a_sweep_erases_again_whoever_was_erased_since()
    {
        using var folder = new TempFolder();
        await using (var shop = await PersonShop.StartAsync(directory: folder.Path))
        {
            await shop.BusyAsync("ada", Guid.NewGuid(), "ada@example.org");
            await shop.BusyAsync("bob", Guid.NewGuid(), "bob@example.org");
            await shop.DrainedAsync();
        }

        File.Copy(folder.File("pixel.db"), folder.File("backup.db"));
        string[] where = [$"--Pixel:DataDirectory={folder.Path}"];
        Assert.Equal(0, (await Executable.RunAsync(["person", "erase", "user:ada", "--site", PersonShop.Site, .. where])).Code);
        File.Move(folder.File("backup.db"), folder.File("pixel.db"), overwrite: true);
        Assert.NotEmpty(await PersonTraces.OfSqlite(folder.Path).FindAsync(PersonShop.Sha256("ada@example.org")));

        var (code, receipt, error) = await Executable.RunAsync(["person", "sweep", .. where]);
        Assert.True(code == 0, error);
        Assert.Contains("\"events\":6", receipt, StringComparison.Ordinal);
        Assert.Empty(await PersonTraces.OfSqlite(folder.Path).FindAsync(PersonShop.Sha256("ada@example.org"), "shop.example/ada"));
        Assert.NotEmpty(await PersonTraces.OfSqlite(folder.Path).FindAsync(PersonShop.Sha256("bob@example.org")));
        Assert.Empty((await Executable.RunAsync(["person", "sweep", .. where])).Out);
    }
}

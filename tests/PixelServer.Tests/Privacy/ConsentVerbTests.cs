using Microsoft.Extensions.DependencyInjection;
using PixelServer.Store;
using PixelServer.Tests.Mail;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>The verbs as an operator types them.</summary>
public sealed class ConsentVerbTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_file_is_taken_over_beside_a_running_server_and_never_brings_a_consent_back()
    {
        await using var app = await PixelApp.StartAsync(directory: _folder.Path);
        await ConsentApiTests.SharedAsync(app);
        await app.PostJsonAsync("/api/consents", ConsentApiTests.One("withdrawn", id: "w-1", at: "2026-11-20T10:00:00Z"));
        await ConsentApiTests.SharedAsync(app);
        var file = _folder.File("old.jsonl");
        await File.WriteAllLinesAsync(file,
        [
            ConsentApiTests.One("granted", at: "2026-11-20T09:00:00Z"), ConsentApiTests.One("granted", at: "2026-11-20T10:00:00Z"), "",
            ConsentApiTests.One("granted", id: "b-1", at: "2026-11-19T09:00:00Z", subject: "bob"),
            ConsentApiTests.One("denied", at: "2026-11-19T09:00:00Z", kind: "recipient", subject: "4711", purpose: "email"),
        ]);

        Assert.Equal((0, "4 records: 4 new, 0 were there. A running server follows within seconds.\n", ""), await VerbAsync("import", file));
        Assert.Equal((0, "4 records: 0 new, 4 were there. A running server follows within seconds.\n", ""), await VerbAsync("import", file));

        var (standings, keys) = (app.Services.GetRequiredService<Standings>(), app.Services.GetRequiredService<SubjectKeys>());
        await Eventually.TrueAsync(() => standings.Of(keys.Of("shop", SubjectKind.User, "bob")).Ads.IsYes, () => "the server follows");
        Assert.True(standings.Of(keys.Of("shop", SubjectKind.User, "ann")).Ads.IsNo);
        var about = await app.Services.GetRequiredService<IConsents>().AboutAsync("shop", "user", "ann", 10, default);
        Assert.Equal((3, ConsentDecision.Withdrawn), (about.Count, about[0].Record.Decision));
        var imported = Assert.Single(await app.Services.GetRequiredService<IConsents>().AboutAsync("shop", "user", "bob", 10, default)).Record;
        Assert.Equal(("import", "import"), (imported.Method, imported.Actor));
        Assert.Equal(0, (await VerbAsync("verify")).Code);
    }

    [Theory]
    [InlineData("""{"subject":{"kind":"user","id":"bob"},"purpose":"ads","decision":"granted","at":"2099-01-01T00:00:00Z"}""", "Line 2: at: lies in the future.")]
    [InlineData("""{"subject":{"kind":"user","id":"bob"},"purpose":"ads","decision":"granted"}""", "Line 2: at: when the person decided.")]
    [InlineData("not JSON", "Line 2: not a JSON object")]
    public async Task A_file_with_a_wrong_line_is_not_taken_over_at_all(string line, string fault)
    {
        var file = _folder.File("old.jsonl");
        await File.WriteAllLinesAsync(file, [ConsentApiTests.One("granted", at: "2026-11-20T09:00:00Z"), line]);

        var (code, said, error) = await VerbAsync("import", file);

        Assert.Equal((2, ""), (code, said));
        Assert.StartsWith("Cannot start: " + fault, error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("pixel.db")));
    }

    [Theory]
    [InlineData(true, false, "")]
    [InlineData(true, false, "journal")] // its data directory stands around it
    [InlineData(true, true, "")] // it was given the shared key after it had made one of its own
    [InlineData(false, true, "")]
    public async Task What_a_machine_that_is_gone_was_told_holds_at_the_others(bool sameKeys, bool hasKeyFile, string inner)
    {
        const string Key = "--Pixel:CookieKey=collectors-share-this-secret-0123456789";
        using var gone = new TempFolder();
        await using (var machine = await PixelApp.StartAsync("Host=127.0.0.1;Port=1;Username=nobody;Timeout=1", directory: gone.Path, settings: sameKeys ? [Key] : []))
        {
            (await machine.GetAsync("/p.gif?id=shop&u=erased")).Dispose(); // waits in its journal
            foreach (var record in (string[])
            [
                ConsentApiTests.One("withdrawn", subject: "ann", purpose: "measurement", at: "2026-11-20T10:00:00Z"),
                ConsentApiTests.One("granted", subject: "bob", at: "2020-11-20T10:00:00Z").Replace("\"decision\"", "\"expires_at\":\"2020-12-20T10:00:00Z\",\"decision\"", StringComparison.Ordinal),
                ConsentApiTests.One("denied", kind: "recipient", subject: "4711", purpose: "email", at: "2026-11-20T10:00:00Z"),
            ]) Assert.Equal(System.Net.HttpStatusCode.OK, (await machine.PostJsonAsync("/api/consents", record)).StatusCode);
            var subjects = machine.Services.GetRequiredService<SubjectKeys>();
            await machine.Services.GetRequiredService<StandingExchange>().DecideAsync([new(subjects.Of("shop", SubjectKind.User, "gpc"), new() { Shared = new(-7) })]);
            await machine.Services.GetRequiredService<StandingExchange>().DecideAsync([new(subjects.Of("shop", SubjectKind.User, "erased"), new() { Kept = new(-7) })]);
        }

        if (sameKeys && hasKeyFile) await File.WriteAllBytesAsync(gone.File("keys/subjects"), new byte[32]);
        Assert.Equal(hasKeyFile, File.Exists(gone.File("keys/subjects")));
        File.Delete(gone.File("mail-decisions.jsonl")); // the record alone brings it
        var (code, told, error) = await Executable.RunAsync("drain", "--dir", gone.File(inner), $"--Pixel:DataDirectory={_folder.Path}", Key);
        Assert.True(code == 0, told + error);

        var keys = SubjectKeys.Of(Key.Split('=')[1], () => null!);
        var (standings, epoch, _) = await new SqliteStandings(_folder.File("pixel.db")).SinceAsync(null, default);
        var known = standings.ToDictionary(one => one.Subject, one => one.Standing);
        Assert.True(known[keys.Of("shop", SubjectKind.User, "ann")].Measurement.IsNo);
        Assert.True(known[keys.Of("shop", SubjectKind.User, "bob")].Ads.IsNo); // a yes that is over
        Assert.Equal(("4711", false), Assert.Single((await new SqliteMailDecisions(_folder.File("pixel.db")).SinceAsync(null, default)).Decisions.Select(one => (one.SubjectId, one.Tracking))));
        Assert.Equal(sameKeys, known.TryGetValue(keys.Of("shop", SubjectKind.User, "gpc"), out var gpc) && gpc.Shared.IsNo);
        Assert.True(epoch > 1); // batches that do not know of them are not stored
        Assert.Equal(hasKeyFile, error.Contains("keys/subjects", StringComparison.Ordinal));
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var count = connection.CreateCommand();
        count.CommandText = "select count(*) from events";
        Assert.Equal(sameKeys ? 0L : 1L, await count.ExecuteScalarAsync()); // of whoever was erased there nothing is stored
    }

    [Fact]
    public async Task Nothing_is_touched_of_a_machine_that_still_runs()
    {
        using var alive = new TempFolder();
        await using var machine = await PixelApp.StartAsync(directory: alive.Path);
        byte[] halfway = [.. "PXSTND01"u8, .. new byte[40]]; // it is in the middle of an append
        await File.WriteAllBytesAsync(alive.File("standings"), halfway);

        var (code, _, error) = await Executable.RunAsync("drain", "--dir", alive.Path, $"--Pixel:DataDirectory={_folder.Path}");

        Assert.Equal(2, code);
        Assert.Contains("in use by another server", error, StringComparison.Ordinal);
        Assert.Equal(halfway, await File.ReadAllBytesAsync(alive.File("standings")));
    }

    [Fact]
    public async Task Every_chain_is_checked_and_the_first_broken_record_named()
    {
        var file = _folder.File("old.jsonl");
        await File.WriteAllLinesAsync(file, Enumerable.Range(1, 3).Select(i => ConsentApiTests.One("granted", id: $"r-{i}", at: "2026-11-20T09:00:00Z")));
        await VerbAsync("import", file);
        var (code, said, _) = await VerbAsync("verify");
        Assert.Equal(0, code);
        Assert.EndsWith("3 records, 0 of them without their person, in 1 chains: all in order.\n", said, StringComparison.Ordinal);
        var head = said.Split('\n')[0];
        Assert.Matches("^[0-9a-f-]{36}:3:[0-9a-f]{64}$", head);
        Assert.Equal(0, (await VerbAsync("verify", "--expect", head)).Code);

        await ExecuteAsync("drop trigger consent_records_all; delete from consent_records where seq = 3");
        Assert.Equal(0, (await VerbAsync("verify")).Code); // an end that was cut off is only seen by whoever knows it
        var (cut, _, missing) = await VerbAsync("verify", "--expect", head);
        Assert.Equal((1, $"Broken: {head}: expected, and not there.\n"), (cut, missing));

        await ExecuteAsync("drop trigger consent_records_rows; update consent_records set at = '2020-01-01T00:00:00.000000Z' where seq = 2");
        var (broken, _, named) = await VerbAsync("verify");
        Assert.Equal(1, broken);
        Assert.Contains("record 2: r-2 was changed after it was written.", named, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_that_was_changed_is_named()
    {
        var file = _folder.File("old.jsonl");
        await File.WriteAllLinesAsync(file, [ConsentApiTests.One("granted", at: "2026-11-20T09:00:00Z").Replace("\"purpose\"", "\"text\":\"May we?\",\"purpose\"", StringComparison.Ordinal)]);
        await VerbAsync("import", file);
        Assert.Equal(0, (await VerbAsync("verify")).Code);
        await ExecuteAsync("drop trigger consent_texts_rows; update consent_texts set text = 'May we sell you?'");

        Assert.Contains($"text {ConsentChain.HashOf("May we?")}: was changed", (await VerbAsync("verify")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_that_is_not_there_is_listed()
    {
        var (file, hash, never) = (_folder.File("old.jsonl"), ConsentChain.HashOf("May we?"), new string('a', 64));
        await File.WriteAllLinesAsync(file,
        [
            ConsentApiTests.One("granted", at: "2026-11-20T09:00:00Z").Replace("\"purpose\"", "\"text\":\"May we?\",\"purpose\"", StringComparison.Ordinal),
            ConsentApiTests.One("granted", at: "2026-11-20T09:00:01Z").Replace("\"purpose\"", $"\"text_hash\":\"{hash}\",\"purpose\"", StringComparison.Ordinal),
            ConsentApiTests.One("granted", at: "2026-11-20T09:00:02Z").Replace("\"purpose\"", $"\"text_hash\":\"{never}\",\"purpose\"", StringComparison.Ordinal),
        ]);
        await VerbAsync("import", file);
        Assert.Equal([$"Text {never}: not here."], await MissingAsync());
        await ExecuteAsync("drop trigger consent_texts_all; delete from consent_texts");
        Assert.Equal(((string[])[$"Text {hash}: not here.", $"Text {never}: not here."]).Order(StringComparer.Ordinal), await MissingAsync());

        async Task<IEnumerable<string>> MissingAsync() =>
            (await VerbAsync("verify")).Out.Split('\n').Where(line => line.StartsWith("Text ", StringComparison.Ordinal)).Select(line => line[..(line.IndexOf('.', StringComparison.Ordinal) + 1)]);
    }

    [Fact]
    public async Task The_id_that_a_line_gets_tells_nothing_without_the_key()
    {
        var (file, line) = (_folder.File("old.jsonl"), ConsentApiTests.One("granted", at: "2026-11-20T09:00:00Z"));
        await File.WriteAllLinesAsync(file, [line]);
        await VerbAsync("import", file);
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var query = connection.CreateCommand();
        query.CommandText = "select record_id from consent_records";
        var id = (string)(await query.ExecuteScalarAsync())!;

        Assert.Matches("^import-[0-9a-f]{32}$", id);
        Assert.NotEqual("import-" + ConsentChain.HashOf(line)[..32], id); // whoever guesses the line could try it
    }

    private Task<(int Code, string Out, string Error)> VerbAsync(params string[] args) =>
        Executable.RunAsync(["consents", args[0], .. args[1..], $"--Pixel:DataDirectory={_folder.Path}"]);

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File("pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }
}

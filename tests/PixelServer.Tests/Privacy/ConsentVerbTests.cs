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

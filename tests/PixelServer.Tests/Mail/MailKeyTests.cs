using System.Net;
using System.Text.Json.Nodes;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>The verbs as an operator types them, and a running server that follows them.</summary>
public sealed class MailKeyTests
{
    private const string Secret = "0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task Old_links_outlive_a_rotation_and_die_with_their_key_while_the_server_runs()
    {
        using var folder = new TempFolder();
        await using var app = await PixelApp.StartAsync(directory: folder.Path);
        var first = await app.LinksAsync(recipient: "r1");
        Assert.StartsWith("/o/k1.", first.Open, StringComparison.Ordinal);

        Assert.Equal("k2\n", await VerbAsync(folder, "mail-keys", "rotate"));
        MailPaths? second = null;
        await Eventually.TrueAsync(async () => (second = await app.LinksAsync(recipient: "r2")).Open.StartsWith("/o/k2.", StringComparison.Ordinal), () => "new links have the new key");
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(first.Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(second!.Clicks[0])).StatusCode);
        Assert.Equal("k1 old\nk2 current\n", await VerbAsync(folder, "mail-keys", "list"));

        Assert.Equal("", await VerbAsync(folder, "mail-keys", "retire", "--key", "k1"));
        await Eventually.TrueAsync(async () => (await app.GetAsync(first.Clicks[0])).StatusCode == HttpStatusCode.NotFound, () => "links of the retired key are dead");
        Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(second.Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(first.Open)).StatusCode);
        Assert.Equal("k1 retired\nk2 current\n", await VerbAsync(folder, "mail-keys", "list"));
        Assert.Equal("k3\n", await VerbAsync(folder, "mail-keys", "rotate")); // a retired id is not given again
    }

    [Fact]
    public async Task Whoever_changes_the_keys_waits_for_whoever_is_about_it()
    {
        using var folder = new TempFolder();
        var file = new MailKeyFile(folder.File("mail"));
        await file.MakeAsync(CancellationToken.None);
        Task<MailKey> rotation;
        using (await FileLock.TakeAsync(folder.File("mail"), CancellationToken.None))
        {
            rotation = file.RotateAsync(CancellationToken.None);
            Assert.False(rotation.IsCompleted);
        }

        Assert.Equal("k2", (await rotation).Id);
        Assert.Equal(["k3", "k4"], (await Task.WhenAll(file.RotateAsync(CancellationToken.None), file.RotateAsync(CancellationToken.None))).Select(key => key.Id).Order());
    }

    [Fact]
    public async Task Secrets_are_shown_only_when_they_are_asked_for_and_the_file_is_its_owners_alone()
    {
        using var folder = new TempFolder();
        Assert.Equal("k1 current\n", await VerbAsync(folder, "mail-keys", "list"));
        var shown = (await VerbAsync(folder, "mail-keys", "show", "--key", "k1")).Trim();
        Assert.Matches("^[A-Za-z0-9_-]{43}$", shown);
        Assert.Contains(shown, await File.ReadAllTextAsync(folder.File("keys/mail")), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.File("keys/mail")));

        await VerbAsync(folder, "mail-keys", "rotate");
        await VerbAsync(folder, "mail-keys", "retire", "--key", "k1");
        Assert.DoesNotContain(shown, await File.ReadAllTextAsync(folder.File("keys/mail")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mail-keys retire --key k1", "signs")]
    [InlineData("mail-keys retire --key k9", "no key k9")]
    [InlineData("mail-keys show --key k9", "no key k9")]
    [InlineData("mail-link --message m --recipient reader@mail.example", "recipient_id")]
    [InlineData("mail-link --message m --recipient r --link javascript:alert(1)", "links[0]")]
    [InlineData("mail-keys list --Pixel:Mail:KeyId=a --Pixel:Mail:Keys:a=0123456789abcdef0123456789abcdef", "configured")]
    [InlineData("mail-link --message m --recipient r --Pixel:Mail:KeyId=a --Pixel:Mail:Keys:a=short", "32 to 512")]
    [InlineData("mail-link --message m --recipient r --Pixel:Mail:KeyId=b --Pixel:Mail:Keys:a=0123456789abcdef0123456789abcdef", "Pixel:Mail:KeyId")]
    public async Task What_cannot_be_done_is_told_on_one_line_without_a_secret(string arguments, string told)
    {
        using var folder = new TempFolder();
        var (code, output, error) = await Executable.RunAsync([.. arguments.Split(' '), $"--Pixel:DataDirectory={folder.Path}"]);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(told, Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error, StringComparison.Ordinal);
        Assert.DoesNotContain("short'", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_verb_prints_links_that_the_server_takes()
    {
        using var folder = new TempFolder();
        var printed = JsonNode.Parse(await VerbAsync(folder, "mail-link", "--site", "shop", "--message", "m-1", "--recipient", "4711", "--campaign", "autumn",
            "--sent-at", "2026-11-24T10:00:00Z", "--link", "https://shop.example/a", "--link", "https://shop.example/b", "--Pixel:Mail:BaseUrl=https://t.example.com"))!;
        Assert.StartsWith("https://t.example.com/o/k1.", printed["open"]!.ToString(), StringComparison.Ordinal);

        await using var app = await PixelApp.StartAsync(directory: folder.Path);
        foreach (var address in (string[])[printed["open"]!.ToString(), printed["links"]![1]!["tracked"]!.ToString()])
            (await app.GetAsync(new Uri(address).AbsolutePath)).Dispose();

        var events = await app.EventsAsync(2);
        Assert.Equal("2026-11-24T10:00:00Z", (string?)events[0]["properties"]!["sent_at"]);
        Assert.Equal((1, 2, "https://shop.example/b"), ((int)events[1]["properties"]!["link_index"]!, (int)events[1]["properties"]!["link_count"]!, (string?)events[1]["url"]));
    }

    [Fact]
    public async Task Collectors_that_share_keys_take_each_others_links()
    {
        string[] shared = [$"--Pixel:Mail:Keys:new={Secret}", "--Pixel:Mail:Keys:old=old-old-old-old-old-old-old-old-old-old"];
        await using var one = await PixelApp.StartAsync(settings: [.. shared, "--Pixel:Mail:KeyId=old"]);
        await using var two = await PixelApp.StartAsync(settings: [.. shared, "--Pixel:Mail:KeyId=new"]);
        await using var stranger = await PixelApp.StartAsync();

        Assert.Equal(HttpStatusCode.Redirect, (await two.GetAsync((await one.LinksAsync()).Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await one.GetAsync((await two.LinksAsync()).Clicks[0])).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await stranger.GetAsync((await two.LinksAsync()).Clicks[0])).StatusCode);
        Assert.False(File.Exists(Path.Combine(one.DataDirectory, "keys", "mail")));
    }

    [Fact]
    public async Task A_key_file_that_is_no_such_thing_stops_the_start_and_not_a_running_server()
    {
        using var folder = new TempFolder();
        await using (var app = await PixelApp.StartAsync(directory: folder.Path))
        {
            var paths = await app.LinksAsync();
            await File.WriteAllTextAsync(folder.File("keys/mail"), "nonsense\n");
            Assert.Equal(HttpStatusCode.Redirect, (await app.GetAsync(paths.Clicks[0])).StatusCode);
        }

        var (code, _, error) = await Executable.RunAsync($"--Pixel:DataDirectory={folder.Path}", "--urls=http://127.0.0.1:0");
        Assert.Equal(2, code);
        Assert.Contains("keys/mail", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<string> VerbAsync(TempFolder folder, params string[] arguments)
    {
        var (code, output, error) = await Executable.RunAsync([.. arguments, $"--Pixel:DataDirectory={folder.Path}"]);
        Assert.Equal((0, ""), (code, error));
        return output;
    }
}

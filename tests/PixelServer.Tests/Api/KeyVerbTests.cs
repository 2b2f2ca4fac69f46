using System.Text.RegularExpressions;
using PixelServer.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>The verbs as an operator types them, beside a server that runs.</summary>
public sealed partial class KeyVerbTests
{
    [Fact]
    public async Task A_key_is_made_used_listed_rotated_and_revoked_while_the_server_runs()
    {
        using var folder = new TempFolder();
        await using var host = await KeyHost.StartAsync(directory: folder.Path);

        var (made, hint) = await VerbAsync(folder, "create", "--kind", "secret", "--site", "shop", "--name", "the till");
        Assert.Matches("^pxs_[a-z2-7]{8}_[A-Za-z0-9_-]{43}\n$", made);
        Assert.DoesNotContain(made.Trim()[13..], hint, StringComparison.Ordinal);
        var (old, id) = (made.Trim(), made[4..12]);
        await SaysAsync(host, old, $"Secret shop {id}");

        var (next, told) = await VerbAsync(folder, "rotate", "--key", id);
        Assert.Matches("^pxs_[a-z2-7]{8}_[A-Za-z0-9_-]{43}\n$", next);
        Assert.Contains(id, told, StringComparison.Ordinal);
        await SaysAsync(host, next.Trim(), $"Secret shop {next[4..12]}");
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(old))).Status); // for a day

        Assert.Equal(("", ""), await VerbAsync(folder, "revoke", "--key", id));
        await SaysAsync(host, old, "key_revoked");
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(next.Trim()))).Status);

        var (third, _) = await VerbAsync(folder, "rotate", "--key", next[4..12], "--keep", "0");
        await SaysAsync(host, next.Trim(), "key_expired");
        await SaysAsync(host, third.Trim(), $"Secret shop {third[4..12]}");

        var (list, _) = await VerbAsync(folder, "list");
        var rows = list.TrimEnd('\n').Split('\n').Select(line => TwoSpaces().Split(line)).ToArray();
        Assert.Equal(["id", "kind", "site", "state", "created", "expires", "last used", "name"], rows[0]);
        Assert.Equal([(id, "revoked"), (next[4..12], "expired"), (third[4..12], "active")], rows[1..].Select(row => (row[0], row[3])));
        Assert.All(rows[1..], row => Assert.Equal(("secret", "shop", "the till"), (row[1], row[2], row[^1])));
        Assert.Equal("never", rows[3][5]);
        foreach (var text in (string[])[made, next, third]) Assert.DoesNotContain(text.Trim()[13..], list, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_shows_the_last_use_while_the_server_runs()
    {
        using var folder = new TempFolder();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero));
        await using var host = await KeyHost.StartAsync(clock, folder.Path);
        var (_, text) = await host.MakeAsync();
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain("2026-11-24T10:00:01Z", (await VerbAsync(folder, "list")).Out, StringComparison.Ordinal);

        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(text))).Status);
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(KeyUse.WriteEvery);
            return File.Exists(folder.File("keys/api-used"));
        }, () => "the use is written");

        Assert.Contains("2026-11-24T10:00:01Z", (await VerbAsync(folder, "list")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Processes_that_change_the_keys_at_once_lose_nothing()
    {
        using var folder = new TempFolder();
        var (first, _) = await VerbAsync(folder, "create", "--kind", "write", "--site", "shop");

        var done = await Task.WhenAll(
            VerbAsync(folder, "create", "--kind", "write", "--site", "shop"), VerbAsync(folder, "create", "--kind", "secret", "--site", "shop"),
            VerbAsync(folder, "revoke", "--key", first[4..12]), VerbAsync(folder, "create", "--kind", "write", "--site", "blog"));

        var keys = new ApiKeyFile(folder.File("keys/api")).Read();
        Assert.Equal(done.Select(one => one.Out).Append(first).Where(key => key.Length > 0).Select(key => key[4..12]).Order(), keys.Select(key => key.Id).Order());
        Assert.Equal(first[4..12], Assert.Single(keys, key => key.RevokedAt is not null).Id);
    }

    [Fact]
    public async Task Collectors_that_share_a_file_take_each_others_keys()
    {
        using var folder = new TempFolder();
        var shared = $"--Pixel:Keys:File={folder.File("shared/keys")}";
        Directory.CreateDirectory(folder.File("shared"));
        var (made, _) = await VerbAsync(folder, "create", "--kind", "write", "--site", "shop", shared);
        await using var one = await KeyHost.StartAsync(settings: [shared]);
        await using var two = await KeyHost.StartAsync(settings: [shared]);

        Assert.Equal(200, (await one.AskAsync(KeyHost.Basic(made.Trim()))).Status);
        await VerbAsync(folder, "revoke", "--key", made[4..12], shared);

        await SaysAsync(one, made.Trim(), "key_revoked");
        await SaysAsync(two, made.Trim(), "key_revoked");
        Assert.False(File.Exists(folder.File("keys/api")));
        await one.App.StopAsync();
        Assert.Contains(made[4..12], await File.ReadAllTextAsync(folder.File("shared/keys-used")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_asked_for_is_what_the_key_has()
    {
        using var folder = new TempFolder();
        var (made, hint) = await VerbAsync(folder, "create", "--kind", "write", "--site", "shop", "--name", "evil\u001b[31m\u202e", "--expires", "2099-01-01T00:00Z",
            "--origin", "https://shop.example", "--origin", "https://*.shop.example", "--rate", "7", "--Pixel:UnknownSites=Refuse");
        var (list, _) = await VerbAsync(folder, "list");

        var key = Assert.Single(new ApiKeyFile(folder.File("keys/api")).Read());
        Assert.Equal((made[4..12], KeyKind.Write, "shop", 7), (key.Id, key.Kind, key.Site, key.RequestsPerSecond));
        Assert.Equal(new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero), key.ExpiresAt);
        Assert.Equal(["https://shop.example", "https://*.shop.example"], key.Origins);
        Assert.Contains("Pixel:UnknownSites", hint, StringComparison.Ordinal); // the site is not listed
        Assert.Contains("2099-01-01T00:00:00Z", list, StringComparison.Ordinal);
        Assert.Contains(@"evil\u001b[31m\u202e", list, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("create --site shop", "--kind")]
    [InlineData("create --kind admin --site shop", "admin")]
    [InlineData("create --kind write", "--site")]
    [InlineData("create --kind write --site my/shop", "site")]
    [InlineData("create --kind secret --site shop --origin https://shop.example", "origins")]
    [InlineData("create --kind write --site shop --origin shop.example", "origin")]
    [InlineData("create --kind write --site shop --rate 0", "rate")]
    [InlineData("create --kind write --site shop --rate 100001", "rate")]
    [InlineData("create --kind write --site shop --expires 2020-01-01", "over")]
    [InlineData("create --kind write --site shop --expires 01/02/2099", "--expires")]
    [InlineData("revoke --key aaaaaaaa", "no key aaaaaaaa")]
    [InlineData("rotate --key aaaaaaaa", "no key aaaaaaaa")]
    [InlineData("rotate --key aaaaaaaa --keep tomorrow", "--keep")]
    [InlineData("rotate --key aaaaaaaa --keep 5dd", "--keep")]
    [InlineData("rotate --key aaaaaaaa --keep -5h", "--keep")]
    [InlineData("revoke --key pxw_aaaaaaaa_0123456789012345678901234567890123456789012", "no key of this id")] // never repeated: it may be a key
    [InlineData("list --Pixel:Keys:RequestsPerSecond=0", "RequestsPerSecond")]
    public async Task What_cannot_be_done_is_told_on_one_line(string arguments, string told)
    {
        using var folder = new TempFolder();
        var (code, output, error) = await Executable.RunAsync(["keys", .. arguments.Split(' '), $"--Pixel:DataDirectory={folder.Path}"]);

        Assert.Equal((2, ""), (code, output));
        Assert.Contains(told, Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789", error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("keys/api")));
    }

    [Theory]
    [InlineData("nonsense\n", "keys/api: line 1")]
    [InlineData(null, "Pixel:Keys:File")]
    public async Task A_start_without_usable_keys_says_what_is_wrong(string? content, string told)
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("keys"));
        if (content is not null) await File.WriteAllTextAsync(folder.File("keys/api"), content);
        string[] elsewhere = content is null ? [$"--Pixel:Keys:File={folder.File("nowhere")}"] : [];

        var (code, _, error) = await Executable.RunAsync([$"--Pixel:DataDirectory={folder.Path}", "--urls=http://127.0.0.1:0", .. elsewhere]);

        Assert.Equal(2, code);
        Assert.Contains(told, Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    private static Task SaysAsync(KeyHost host, string key, string said) =>
        Eventually.TrueAsync(async () => (await host.AskAsync(KeyHost.Basic(key))).Said == said, () => $"{key[..12]} is answered with {said}");

    private static async Task<(string Out, string Error)> VerbAsync(TempFolder folder, params string[] arguments)
    {
        var (code, output, error) = await Executable.RunAsync(["keys", .. arguments, $"--Pixel:DataDirectory={folder.Path}"]);
        Assert.True(code == 0, error);
        return (output, error);
    }

    [GeneratedRegex("  +")]
    private static partial Regex TwoSpaces();
}

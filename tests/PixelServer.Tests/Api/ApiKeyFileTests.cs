using System.Text;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>What stands on disk, and what becomes of a file that is changed by several or broken by hand.</summary>
public sealed class ApiKeyFileTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Good = $$"""{"id":"abcdefgh","kind":"write","site":"shop","sha256":"{{Hash}}","created":"2026-11-24T10:00:00+00:00"}""";

    private static readonly DateTimeOffset s_start = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(s_start);

    [Fact]
    public async Task No_secret_reaches_the_disk_and_the_file_is_its_owners_alone()
    {
        using var folder = new TempFolder();
        var secrets = new List<string>();
        await using (var host = await KeyHost.StartAsync(_clock, folder.Path))
        {
            var first = await host.MakeAsync(KeyKind.Secret);
            var (_, _, second) = await host.File.RotateAsync(first.Key.Id, TimeSpan.FromHours(1), null, s_start, CancellationToken.None);
            secrets.AddRange([first.Text, second]);
            _clock.Advance(TimeSpan.FromSeconds(1));
            foreach (var text in secrets)
            {
                Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(text))).Status);
                Assert.Equal(400, (await host.AskAsync(query: "?writeKey=" + text)).Status);
                Assert.Equal(401, (await host.AskAsync("Bearer " + text + "x")).Status);
            }
        }

        var files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories);
        Assert.Contains(folder.File("keys/api"), files);
        Assert.Contains(folder.File("keys/api-used"), files);
        foreach (var file in files)
        {
            var content = Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file));
            foreach (var text in secrets)
            {
                Assert.DoesNotContain(text[13..], content, StringComparison.Ordinal);
                Assert.DoesNotContain(Convert.ToBase64String(Encoding.ASCII.GetBytes(text))[20..60], content, StringComparison.Ordinal);
            }

            if (!OperatingSystem.IsWindows() && Path.GetFileName(file).StartsWith("api", StringComparison.Ordinal))
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task A_key_is_read_as_it_was_made()
    {
        using var folder = new TempFolder();
        var file = new ApiKeyFile(folder.File("api"));
        var like = new ApiKey
        {
            Id = "",
            Sha256 = default,
            CreatedAt = default,
            Kind = KeyKind.Write,
            Site = "shop-1.de",
            Name = "App \"für\"\n<iOS>",
            ExpiresAt = s_start.AddYears(1),
            Origins = ["https://shop.example", "https://*.shop.example"],
            RequestsPerSecond = 7,
        };

        var (made, text) = await file.CreateAsync(like, s_start, CancellationToken.None);
        await file.RevokeAsync(made.Id, s_start.AddDays(1), CancellationToken.None);
        var read = Assert.Single(file.Read());

        Assert.Matches("^pxw_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$", text);
        Assert.Equal(text[4..12], read.Id);
        Assert.Equal(KeyText.Hash(text), read.Sha256.ToArray());
        Assert.Equal(made.Origins, read.Origins);
        Assert.Equal(made with { RevokedAt = s_start.AddDays(1), Sha256 = default, Origins = [] }, read with { Sha256 = default, Origins = [] });
        Assert.Single(await File.ReadAllLinesAsync(file.Path));
    }

    [Fact]
    public async Task Many_who_change_the_file_at_once_lose_nothing()
    {
        using var folder = new TempFolder();
        var path = folder.File("api");
        var victims = new List<ApiKey>();
        for (var i = 0; i < 10; i++) victims.Add((await KeyHost.MakeAsync(new ApiKeyFile(path))).Key);

        var made = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Task.Run(async () =>
        {
            if (i < 10) await new ApiKeyFile(path).RevokeAsync(victims[i].Id, s_start, CancellationToken.None);
            return (await KeyHost.MakeAsync(new ApiKeyFile(path))).Key.Id;
        })));

        var keys = new ApiKeyFile(path).Read();
        Assert.Equal(victims.Select(key => key.Id).Concat(made).Order(), keys.Select(key => key.Id).Order());
        Assert.All(keys, key => Assert.Equal(victims.Any(victim => victim.Id == key.Id), key.RevokedAt is not null));
    }

    [Fact]
    public async Task Every_change_gives_the_file_a_later_stamp_even_when_the_clock_was_set_back()
    {
        using var folder = new TempFolder();
        var file = new ApiKeyFile(folder.File("api"));
        var (key, _) = await KeyHost.MakeAsync(file);
        var before = s_start.UtcDateTime.AddYears(50);
        File.SetLastWriteTimeUtc(file.Path, before);

        await file.RevokeAsync(key.Id, s_start, CancellationToken.None);

        Assert.True(File.GetLastWriteTimeUtc(file.Path) > before, $"{File.GetLastWriteTimeUtc(file.Path):O}");
    }

    [Fact]
    public async Task A_rotation_keeps_the_settings_and_ends_the_old_key_after_a_while_but_never_later_than_before()
    {
        using var folder = new TempFolder();
        var file = new ApiKeyFile(folder.File("api"));
        var (open, _) = await KeyHost.MakeAsync(file, rate: 9, origins: "https://shop.example");
        var (soon, _) = await KeyHost.MakeAsync(file, KeyKind.Secret, "blog", expiresAt: s_start.AddHours(1));

        var (old, key, text) = await file.RotateAsync(open.Id, TimeSpan.FromHours(24), null, s_start, CancellationToken.None);
        var (oldSoon, next, _) = await file.RotateAsync(soon.Id, TimeSpan.FromHours(24), null, s_start, CancellationToken.None);
        var (atOnce, last, _) = await file.RotateAsync(key.Id, TimeSpan.Zero, s_start.AddDays(90), s_start, CancellationToken.None);

        Assert.Equal((open.Id, s_start.AddHours(24)), (old.Id, old.ExpiresAt));
        Assert.Equal((open.Kind, open.Site, open.ExpiresAt, open.RequestsPerSecond), (key.Kind, key.Site, key.ExpiresAt, key.RequestsPerSecond));
        Assert.Equal(open.Origins, key.Origins);
        Assert.Equal(KeyText.Hash(text), key.Sha256.ToArray());
        Assert.Equal((s_start.AddHours(1), s_start.AddHours(1), KeyKind.Secret, "blog"), (oldSoon.ExpiresAt, next.ExpiresAt, next.Kind, next.Site));
        Assert.Equal((KeyState.Expired, s_start.AddDays(90)), (atOnce.State(s_start), last.ExpiresAt));
        await Assert.ThrowsAsync<FormatException>(() => file.RotateAsync(key.Id, TimeSpan.Zero, null, s_start, CancellationToken.None));
        Assert.Equal(5, file.Read().Count);
    }

    [Theory]
    [InlineData("nonsense", "JSON")]
    [InlineData("null", "null")]
    [InlineData("[]", "JSON")]
    [InlineData("{}", "JSON")]
    [InlineData("""{"id":"abcdefgh","kind":"write","site":"shop","created":"2026-11-24T10:00:00Z"}""", "JSON")]
    [InlineData("\"write\"", "\"admin\"", "JSON")]
    [InlineData("\"write\"", "1", "JSON")]
    [InlineData("\"abcdefgh\"", "\"ABCDEFGH\"", "id")]
    [InlineData("\"abcdefgh\"", "null", "id")]
    [InlineData("\"shop\"", "\"my shop\"", "site")]
    [InlineData("0123456789abcdef", "short", "JSON")]
    [InlineData("0123456789abcdef", "01", "sha256")]
    [InlineData("}", ",\"expires_at\":\"2020-01-01T00:00:00Z\"}", "JSON")] // misspelt: it would never expire
    [InlineData("}", ",\"requests_per_second\":0}", "rate")]
    [InlineData("}", ",\"origins\":[\"shop.example\"]}", "origin")]
    [InlineData("}", ",\"origins\":[null]}", "origin")]
    [InlineData("}\n", "}\n" + Good + "\n", "twice")]
    [InlineData("\"write\"", "\"secret\",\"origins\":[\"https://shop.example\"]", "secret key has no origins")]
    public void A_line_that_is_no_key_is_told_by_its_number(string old, string with, string? told = null)
    {
        using var folder = new TempFolder();
        var file = new ApiKeyFile(folder.File("api"));
        var first = Good.Replace("abcdefgh", "hgfedcba", StringComparison.Ordinal) + "\n\n";
        File.WriteAllText(file.Path, first + Good + "\n");
        Assert.Equal(["hgfedcba", "abcdefgh"], file.Read().Select(key => key.Id)); // so that it is the change that is refused

        File.WriteAllText(file.Path, first + (told is null ? old + "\n" : (Good + "\n").Replace(old, with, StringComparison.Ordinal)));
        var refused = Assert.Throws<InvalidDataException>(file.Read);

        Assert.Contains(told is "twice" ? "line 4" : "line 3", refused.Message, StringComparison.Ordinal);
        Assert.Contains(told ?? with, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789abcdef", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_broken_or_gone_changes_nothing_for_a_running_server()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(key))).Status);
        var good = await File.ReadAllTextAsync(host.File.Path);

        var stamp = File.GetLastWriteTimeUtc(host.File.Path);
        await File.WriteAllTextAsync(host.File.Path, good + "nonsense\n");
        File.SetLastWriteTimeUtc(host.File.Path, stamp.AddSeconds(1)); // an editor is not faster than the file system's clock, a test may be
        for (var i = 0; i < 3; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(key))).Status);
        }

        File.Delete(host.File.Path);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(key))).Status);

        await File.WriteAllTextAsync(host.File.Path, good);
        var (_, next) = await host.MakeAsync();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(next))).Status);

        await host.App.StopAsync();
        string[] told = [.. host.App.Output.Split('\n').Where(line => line.Contains("WRN ApiKeys", StringComparison.Ordinal))];
        Assert.Collection(told, // each once, though it was looked at more often
            line => Assert.Contains("line 2 is not a key", line, StringComparison.Ordinal), line => Assert.Contains("keys/api is gone", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_a_key_was_last_used_is_written_every_minute_and_at_the_end_and_survives_both()
    {
        using var folder = new TempFolder();
        var uses = new KeyUseFile(folder.File("keys/api-used"));
        (ApiKey Key, string Text) busy, idle;
        await using (var host = await KeyHost.StartAsync(_clock, folder.Path))
        {
            (busy, idle) = (await host.MakeAsync(), await host.MakeAsync());
            _clock.Advance(TimeSpan.FromSeconds(1));
            await host.AskAsync(KeyHost.Basic(busy.Text));
            await host.AskAsync(KeyHost.Basic(idle.Text), query: "?key=x"); // refused is not used
            Assert.Empty(uses.Read());

            await Eventually.TrueAsync(() =>
            {
                _clock.Advance(KeyUse.WriteEvery); // again, for it may not have begun to wait
                return uses.Read().Count > 0;
            }, () => "the use is written");
            Assert.Equal(new Dictionary<string, DateTimeOffset> { [busy.Key.Id] = s_start.AddSeconds(1) }, uses.Read());
            await host.AskAsync(KeyHost.Basic(busy.Text));
        }

        var stopped = Assert.Single(uses.Read()).Value;
        Assert.True(stopped > s_start.AddMinutes(1), $"{stopped}");
        await using (var again = await KeyHost.StartAsync(_clock, folder.Path)) await again.AskAsync(KeyHost.Basic(idle.Text));
        Assert.Equal(stopped, uses.Read()[busy.Key.Id]);
        Assert.Equal(2, uses.Read().Count);
    }

    [Fact]
    public async Task Collectors_that_share_the_file_keep_the_latest_use()
    {
        using var folder = new TempFolder();
        var file = new KeyUseFile(folder.File("used"));
        await file.AddAsync([new("a", s_start), new("b", s_start)], CancellationToken.None);
        await file.AddAsync([new("a", s_start.AddHours(-1)), new("b", s_start.AddHours(1))], CancellationToken.None);
        Assert.Equal((s_start, s_start.AddHours(1)), (file.Read()["a"], file.Read()["b"]));

        await File.WriteAllTextAsync(file.Path, "{\"a\":");
        Assert.Empty(file.Read());
        await file.AddAsync([new("c", s_start)], CancellationToken.None);
        Assert.Equal("c", Assert.Single(file.Read()).Key);
    }
}

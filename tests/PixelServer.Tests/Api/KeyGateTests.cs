using System.Text;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Api;
using PixelServer.Collect;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>Who gets in, mostly seen from the outside.</summary>
public sealed class KeyGateTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _clock = new(s_start);

    [Theory]
    [InlineData("Basic {key:}")]
    [InlineData("basic {key:}")]
    [InlineData("BASIC   {key:}")]
    [InlineData(" Basic {key:} ")]
    [InlineData("Basic {key}")]
    [InlineData("Basic {key:password}")]
    [InlineData("Basic {key:pass:word}")]
    [InlineData("Basic {key:unpadded}")]
    [InlineData("Basic {key:for addresses}")]
    [InlineData("Bearer {plain}")]
    [InlineData("bearer   {plain}")]
    [InlineData(null)] // then the body's
    public async Task Every_spelling_of_a_key_gets_in(string? spelling)
    {
        // Many keys, because only some have in their base64 what makes spellings differ.
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("keys"));
        var made = new List<(ApiKey Key, string Text)>();
        for (var i = 0; i < 50; i++) made.Add(await KeyHost.MakeAsync(new ApiKeyFile(folder.File("keys/api"))));
        await using var host = await KeyHost.StartAsync(directory: folder.Path);

        foreach (var (key, text) in made)
        {
            var answer = await host.AskAsync(Spelled(spelling, text), body: spelling is null ? text : "");
            Assert.Equal($"Write shop {key.Id}", answer.Said);
        }
    }

    [Theory]
    [InlineData(null, "", "key_missing")]
    [InlineData("Basic", "", "key_missing")]
    [InlineData("Bearer ", "{key}", "key_missing")] // a header that is there is the one that counts
    [InlineData("Basic Og==", "{key}", "key_missing")] // a client that was configured with nothing
    [InlineData("Basic {wrong}", "{key}", "key_wrong")]
    [InlineData("Basic ~~~~", "", "key_wrong")]
    [InlineData("Basic {long}", "", "key_wrong")]
    [InlineData("Digest {key}", "", "key_wrong")]
    [InlineData("{key}", "", "key_wrong")]
    [InlineData("Bearer {key}x", "", "key_wrong")]
    [InlineData("Bearer {key} x", "", "key_wrong")]
    [InlineData("Bearer {upper}", "", "key_wrong")]
    [InlineData("Bearer {other kind}", "", "key_wrong")]
    [InlineData("Bearer {other id}", "", "key_wrong")]
    [InlineData("Bearer {wrong}", "", "key_wrong")]
    [InlineData(null, "{wrong}", "key_wrong")]
    [InlineData(null, "{key}{key}", "key_wrong")]
    [InlineData(null, "ключ", "key_wrong")]
    public async Task What_is_no_key_is_refused_with_a_challenge(string? authorization, string body, string code)
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync();
        _clock.Advance(s_look);
        Assert.StartsWith("Write shop", (await host.AskAsync("Bearer " + key)).Said, StringComparison.Ordinal);

        var answer = await host.AskAsync(Filled(authorization), Filled(body)!);

        Assert.Equal((401, code), (answer.Status, answer.Said));
        Assert.Equal("Basic realm=\"pixel\"", answer.Headers["WWW-Authenticate"]);
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);

        string? Filled(string? text) => text?
            .Replace("{wrong}", Wrong(key), StringComparison.Ordinal)
            .Replace("{upper}", key.ToUpperInvariant(), StringComparison.Ordinal)
            .Replace("{other kind}", "pxs" + key[3..], StringComparison.Ordinal)
            .Replace("{other id}", "pxw_aaaaaaaa" + key[12..], StringComparison.Ordinal)
            .Replace("{long}", Convert.ToBase64String(Encoding.ASCII.GetBytes(key + ":" + new string('x', 400))), StringComparison.Ordinal)
            .Replace("{key}", key, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_keys_in_one_request_are_none()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync();
        _clock.Advance(s_look);

        Assert.Equal("key_wrong", (await host.AskAsync(KeyHost.Basic(key), headers: ("Authorization", KeyHost.Basic(key)))).Said);
    }

    [Fact]
    public async Task A_stranger_cannot_tell_a_wrong_secret_from_an_id_that_does_not_exist_or_has_ended()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, good) = await host.MakeAsync();
        var (_, expired) = await host.MakeAsync(expiresAt: s_start.AddMinutes(1));
        var (revoked, revokedText) = await host.MakeAsync();
        await host.File.RevokeAsync(revoked.Id, s_start, CancellationToken.None);
        _clock.Advance(TimeSpan.FromMinutes(2));

        var answers = new List<KeyHost.Answer>();
        foreach (var key in (string[])[Wrong(good), Wrong(expired), Wrong(revokedText), "pxw_aaaaaaaa_" + new string('A', 43), "nonsense"])
            answers.Add(await host.AskAsync(KeyHost.Basic(key)));

        Assert.Equal("key_wrong", answers[0].Said);
        Assert.Single(answers.Select(answer => $"{answer.Status} {answer.Body} {string.Join("; ", answer.Headers.Where(h => h.Key != "Date").OrderBy(h => h.Key))}").Distinct());
    }

    [Fact]
    public async Task Who_holds_the_whole_key_is_told_that_it_has_ended()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, expiring) = await host.MakeAsync(expiresAt: s_start.AddMinutes(1));
        var (key, revoked) = await host.MakeAsync();
        _clock.Advance(s_look);
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(expiring))).Status);
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(revoked))).Status);

        await host.File.RevokeAsync(key.Id, s_start, CancellationToken.None);
        _clock.Advance(TimeSpan.FromSeconds(58.999)); // one tick before its end it is good
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(expiring))).Status);
        _clock.Advance(TimeSpan.FromSeconds(0.001));

        var (gone, ended) = (await host.AskAsync(KeyHost.Basic(revoked)), await host.AskAsync(KeyHost.Basic(expiring)));
        Assert.Equal((401, "key_revoked"), (gone.Status, gone.Said));
        Assert.Equal((401, "key_expired"), (ended.Status, ended.Said));
        Assert.All([gone, ended], answer => Assert.Equal("Basic realm=\"pixel\"", answer.Headers["WWW-Authenticate"]));
    }

    [Fact]
    public async Task A_change_of_the_file_is_seen_at_the_first_request_a_second_after_the_last_look()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (key, text) = await host.MakeAsync();
        _clock.Advance(s_look - TimeSpan.FromTicks(1));
        Assert.Equal("key_wrong", (await host.AskAsync(KeyHost.Basic(text))).Said);
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal($"Write shop {key.Id}", (await host.AskAsync(KeyHost.Basic(text))).Said);

        await host.File.RevokeAsync(key.Id, s_start, CancellationToken.None);
        _clock.Advance(s_look - TimeSpan.FromTicks(1));
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(text))).Status);
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("key_revoked", (await host.AskAsync(KeyHost.Basic(text))).Said);
    }

    [Theory]
    [InlineData("?writeKey={key}")]
    [InlineData("?writekey={key}")]
    [InlineData("?write_key={key}")]
    [InlineData("?key={key}")]
    [InlineData("?api_key={key}")]
    [InlineData("?apikey={key}")]
    [InlineData("?apiKey={key}")]
    [InlineData("?token={key}")]
    [InlineData("?secret={key}")]
    [InlineData("?a=1&%77riteKey={key}")] // an escaped name is the same name
    [InlineData("?writeKey=")]
    [InlineData("?key")]
    [InlineData("?x={key}")]
    [InlineData("?x=%70xw_anything")]
    [InlineData("?x=PXS_anything")]
    [InlineData("?{key}")]
    public async Task A_key_in_the_address_is_refused_even_beside_a_good_one_and_told_to_nobody(string query)
    {
        await using var host = await KeyHost.StartAsync(_clock, settings: ["--Pixel:Ops:LogLevel=Debug"]);
        var (_, key) = await host.MakeAsync();
        _clock.Advance(s_look);

        var answer = await host.AskAsync(KeyHost.Basic(key), query: query.Replace("{key}", key, StringComparison.Ordinal));
        await host.App.StopAsync();

        Assert.Equal((400, "key_in_query"), (answer.Status, answer.Said));
        var secret = key[13..];
        Assert.DoesNotContain(secret, answer.Body + string.Join("\n", answer.Headers.Values), StringComparison.Ordinal);
        Assert.DoesNotContain(secret, host.App.Output, StringComparison.Ordinal);
        Assert.NotEmpty(host.App.Output);
    }

    [Theory]
    [InlineData("?keyword=shoes")]
    [InlineData("?x=apxw_")]
    [InlineData("?")]
    [InlineData("?utm_source=a&monkey=b&=c&&")]
    public async Task An_address_without_a_key_does_not_matter(string query)
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync();
        _clock.Advance(s_look);

        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(key), query: query)).Status);
    }

    [Theory]
    [InlineData("Origin", "https://shop.example", "secret_key_in_browser")]
    [InlineData("Origin", "null", "secret_key_in_browser")]
    [InlineData("Sec-Fetch-Site", "cross-site", "secret_key_in_browser")]
    [InlineData("Sec-Fetch-Site", "same-site", "secret_key_in_browser")]
    [InlineData("Sec-Fetch-Site", "same-origin", "secret_key_in_browser")]
    [InlineData("Sec-Fetch-Site", "none", null)]
    [InlineData("Sec-Fetch-Mode", "cors", null)] // also the fetch of Node.js, which is a backend's
    [InlineData("Referer", "https://shop.example/", null)]
    [InlineData("User-Agent", "Mozilla/5.0", null)]
    public async Task A_secret_key_does_not_work_in_a_browser_and_a_write_key_does(string name, string value, string? code)
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (secret, secretText) = await host.MakeAsync(KeyKind.Secret);
        var (write, writeText) = await host.MakeAsync();
        _clock.Advance(s_look);

        var refused = await host.AskAsync(KeyHost.Basic(secretText), headers: (name, value));
        Assert.Equal(code is null ? 200 : 403, refused.Status);
        Assert.Equal(code ?? $"Secret shop {secret.Id}", refused.Said);
        Assert.Equal($"Write shop {write.Id}", (await host.AskAsync(KeyHost.Basic(writeText), headers: (name, value))).Said);
    }

    [Fact]
    public async Task The_operator_is_told_once_of_a_secret_key_in_a_browser_and_never_the_key()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (key, text) = await host.MakeAsync(KeyKind.Secret);
        _clock.Advance(s_look);

        for (var i = 0; i < 3; i++) await host.AskAsync(KeyHost.Basic(text), headers: ("Origin", "https://shop.example"));
        await host.AskAsync(KeyHost.Basic(Wrong(text)), headers: ("Origin", "https://shop.example"));
        await host.App.StopAsync();

        Assert.Single(host.App.Output.Split('\n'), line => line.Contains("WRN KeyGate", StringComparison.Ordinal) && line.Contains(key.Id, StringComparison.Ordinal));
        Assert.DoesNotContain(text[13..], host.App.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://shop.example", true)]
    [InlineData("https://SHOP.example", true)]
    [InlineData("https://a.b.partner.example", true)]
    [InlineData(null, true)] // an app, or an address that was typed: the list is about pages
    [InlineData("https://partner.example", false)]
    [InlineData("http://shop.example", false)]
    [InlineData("https://shop.example.evil.example", false)]
    [InlineData("null", false)]
    [InlineData("https://shop.example, https://evil.example", false)]
    public async Task A_key_with_origins_works_in_pages_of_these_only(string? origin, bool isLetIn)
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync(origins: ["https://shop.example", "https://*.partner.example"]);
        var (_, open) = await host.MakeAsync();
        _clock.Advance(s_look);
        (string, string)[] headers = origin is null ? [] : [("Origin", origin)];

        var answer = await host.AskAsync(KeyHost.Basic(key), headers: headers);

        Assert.Equal(isLetIn ? 200 : 403, answer.Status);
        if (!isLetIn) Assert.Equal("origin_not_allowed", answer.Said);
        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(open), headers: headers)).Status); // then it is the site's list that decides
    }

    [Fact]
    public async Task A_key_may_make_a_seconds_worth_of_requests_at_once_and_then_its_share()
    {
        await using var host = await KeyHost.StartAsync(_clock, settings: ["--Pixel:Keys:RequestsPerSecond=5"]);
        var (_, key) = await host.MakeAsync();
        var (_, other) = await host.MakeAsync(rate: 2);
        _clock.Advance(s_look);

        Assert.Equal(5, await LetInAsync(key, 8));
        Assert.Equal(2, await LetInAsync(other, 3)); // its own number, and untouched by what the first one took
        var refused = await host.AskAsync(KeyHost.Basic(key));
        Assert.Equal((429, "rate_limited", "1"), (refused.Status, refused.Said, refused.Headers["Retry-After"]));
        Assert.Equal($"{s_start.ToUnixTimeSeconds() + 2}", refused.Headers["X-RateLimit-Reset"]); // 1.2 seconds after the start, rounded up
        Assert.False(refused.Headers.ContainsKey("WWW-Authenticate"));

        _clock.Advance(TimeSpan.FromMilliseconds(199));
        Assert.Equal(0, await LetInAsync(key, 2)); // what was refused costs nothing
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, await LetInAsync(key, 2));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(5, await LetInAsync(key, 8)); // an idle hour is worth no more than a second

        async Task<int> LetInAsync(string text, int tries)
        {
            var let = 0;
            for (var i = 0; i < tries; i++) let += (await host.AskAsync(KeyHost.Basic(text))).Status == 200 ? 1 : 0;
            return let;
        }
    }

    [Fact]
    public async Task Who_does_not_hold_the_key_cannot_use_up_its_rate()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (_, key) = await host.MakeAsync(rate: 1, origins: "https://shop.example");
        _clock.Advance(s_look);

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("key_wrong", (await host.AskAsync(KeyHost.Basic(Wrong(key)))).Said);
            Assert.Equal("origin_not_allowed", (await host.AskAsync(KeyHost.Basic(key), headers: ("Origin", "https://evil.example"))).Said);
        }

        Assert.Equal(200, (await host.AskAsync(KeyHost.Basic(key))).Status);
    }

    [Fact]
    public async Task Many_requests_at_once_get_no_more_than_the_rate()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (key, _) = await host.MakeAsync(rate: KeyOptions.MaxRequestsPerSecond);
        var rates = host.App.Services.GetRequiredService<KeyRates>();
        var let = 0;

        Parallel.For(0, 4 * KeyOptions.MaxRequestsPerSecond, _ =>
        {
            if (rates.TryTake(key, out TimeSpan _)) Interlocked.Increment(ref let);
        });

        Assert.Equal(KeyOptions.MaxRequestsPerSecond, let);
    }

    /// <summary>The work is the same for every text, so that the time cannot differ by it; docs/api-keys.md has a measurement.</summary>
    [Fact]
    public async Task Every_text_is_hashed_once_and_compared_once()
    {
        var proofs = new List<(int Text, int Hash)>();
        await using var host = await KeyHost.StartAsync(_clock, proof: (text, sha256) =>
        {
            proofs.Add((text.Length, sha256.Length));
            return ApiKeys.Proves(text, sha256);
        });
        var (_, good) = await host.MakeAsync();
        var (_, expired) = await host.MakeAsync(expiresAt: s_start);
        _clock.Advance(s_look);

        string[] texts = [good, expired, Wrong(good), "pxw_aaaaaaaa_" + new string('A', 43), "x", "pxw_", good + "x", new string('é', KeyText.Chars)];
        foreach (var text in texts)
        {
            proofs.Clear();
            await host.AskAsync(body: text);
            Assert.Equal((KeyText.Chars, 32), Assert.Single(proofs));
        }
    }

    [Fact]
    public async Task Any_text_as_authorization_is_a_key_or_a_refusal_and_never_an_exception()
    {
        await using var host = await KeyHost.StartAsync(_clock);
        var (made, key) = await host.MakeAsync(rate: KeyOptions.MaxRequestsPerSecond);
        _clock.Advance(s_look);
        var gate = host.App.Services.GetRequiredService<KeyGate>();
        var base64 = Gen.OneOf(Gen.Byte.Array[0, 600].Select(Convert.ToBase64String), Gen.String.Select(text => Base64(key + text)), Gen.Int[0, 80].Select(n => Base64(key)[..Math.Min(n, Base64(key).Length)]));
        var text = Gen.OneOf(Gen.String, base64, Gen.Const(key), Gen.Int[0, 60].Select(n => key[..Math.Min(n, key.Length)]), Gen.Const(""));
        var header = Gen.OneOf(text, Gen.Select(Gen.OneOf([.. ((string[])["Basic ", "Bearer ", "basic\t", "Basic", "Negotiate ", " "]).Select(Gen.Const)]), text, (scheme, rest) => scheme + rest));

        Gen.Select(header.Array[0, 2], text, text, header).Sample((authorization, body, query, origin) =>
        {
            var http = new DefaultHttpContext();
            http.Request.Headers.Authorization = authorization;
            if (query.Length > 0) http.Request.QueryString = new("?" + query);
            if (origin.Length % 3 == 0) http.Request.Headers.Origin = origin;

            var refusal = gate.Admit(http, body, out var found);

            Assert.Equal(refusal is null, found is not null);
            if (found is not null) Assert.Equal(made.Id, found.Id);
            Assert.True(refusal is null || refusal.NeedsKey || refusal == Refusal.OriginNotAllowed);
        });
    }

    private static string? Spelled(string? spelling, string key) => spelling?
        .Replace("{key:}", Base64(key + ":"), StringComparison.Ordinal)
        .Replace("{key}", Base64(key), StringComparison.Ordinal)
        .Replace("{key:password}", Base64(key + ":password"), StringComparison.Ordinal)
        .Replace("{key:pass:word}", Base64(key + ":pass:wörd??>???>?"), StringComparison.Ordinal)
        .Replace("{key:unpadded}", Base64(key + ":").TrimEnd('='), StringComparison.Ordinal)
        .Replace("{key:for addresses}", Base64(key + ":??>???").Replace('+', '-').Replace('/', '_'), StringComparison.Ordinal)
        .Replace("{plain}", key, StringComparison.Ordinal);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    // The last character of 43 carries four bits of the random bytes and two of nothing: one in the middle is changed.
    private static string Wrong(string key) => key[..30] + (key[30] == 'A' ? 'B' : 'A') + key[31..];
}

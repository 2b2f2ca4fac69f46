using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class AdminTokenTests(PixelApp app) : IClassFixture<PixelApp>
{
    [Fact]
    public void A_token_is_made_once_and_only_its_hash_is_kept()
    {
        using var folder = new TempFolder();
        var directory = new DataDirectory(folder.Path);

        var first = AdminToken.Load("", directory);
        Assert.False(File.Exists(directory.KeyFile("admin-token")), "not before somebody is about to see it");
        first.Keep(directory);
        var second = AdminToken.Load("", directory);

        Assert.Equal(43, first.JustMade!.Length); // 32 bytes in base64url
        Assert.Null(second.JustMade);
        Assert.True(second.Verify(first.JustMade));
        var file = directory.KeyFile("admin-token");
        Assert.DoesNotContain(first.JustMade, File.ReadAllText(file), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("the-configured-tokeN")]
    [InlineData("the-configured-token ")]
    public void Another_token_is_not_the_token(string? other)
    {
        using var folder = new TempFolder();
        var token = AdminToken.Load("the-configured-token", new DataDirectory(folder.Path));

        Assert.True(token.Verify("the-configured-token"));
        Assert.False(token.Verify(other));
        Assert.Null(token.JustMade);
    }

    [Fact]
    public void A_token_file_that_holds_something_else_stops_the_start()
    {
        using var folder = new TempFolder();
        var directory = new DataDirectory(folder.Path);
        File.WriteAllText(directory.KeyFile("admin-token"), "not a hash");

        var refusal = Assert.Throws<IOException>(() => AdminToken.Load("", directory));

        Assert.Contains("admin-token", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/events", null)]
    [InlineData("/API/Events", null)]
    [InlineData("/api/no-such-report", null)]
    [InlineData("/api/events", "Bearer wrong-token-of-some-length")]
    [InlineData("/api/events", "Basic " + PixelApp.Token)]
    [InlineData("/api/events?token=" + PixelApp.Token, null)]
    [InlineData("/api/events?access_token=" + PixelApp.Token, null)]
    public async Task Without_the_bearer_token_nothing_under_api_answers(string address, string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);

        using var answer = await app.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("unauthorized", problem.GetProperty("code").GetString());
    }

    [Fact]
    public async Task With_the_token_an_address_that_does_not_exist_says_so()
    {
        using var answer = await app.AdminAsync("/api/no-such-report");

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }
}

using System.Text;
using PixelServer.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>Who gets in, seen from the outside.</summary>
public sealed class KeyGateTests
{
    [Theory]
    [InlineData("Basic {key:}")]
    [InlineData("basic {key:}")]
    [InlineData("BASIC   {key:}")]
    [InlineData(" Basic {key:} ")]
    [InlineData("Basic {key}")] // without the colon
    [InlineData("Basic {key:password}")]
    [InlineData("Basic {key:pass:word}")]
    [InlineData("Basic {key:-unpadded}")]
    [InlineData("Basic {key:-for-addresses}")]
    [InlineData("Bearer {plain}")]
    [InlineData("bearer   {plain}")]
    [InlineData(null)] // then the body's
    public async Task Every_spelling_of_a_key_gets_in(string? spelling)
    {
        using var folder = new TempFolder();
        // Texts of which the base64 has the two characters that differ between the alphabets would prove more: a hundred keys have them.
        var made = new List<(ApiKey Key, string Text)>();
        Directory.CreateDirectory(folder.File("keys"));
        for (var i = 0; i < 100; i++) made.Add(await KeyHost.MakeAsync(new ApiKeyFile(folder.File("keys/api"))));
        await using var host = await KeyHost.StartAsync(directory: folder.Path);

        foreach (var (key, text) in made)
        {
            var answer = await host.AskAsync(Spelled(spelling, text), body: spelling is null ? text : "");
            Assert.Equal($"Write shop {key.Id}", answer.Said);
        }
    }

    private static string? Spelled(string? spelling, string key) => spelling?
        .Replace("{key:}", Base64(key + ":"), StringComparison.Ordinal)
        .Replace("{key}", Base64(key), StringComparison.Ordinal)
        .Replace("{key:password}", Base64(key + ":password"), StringComparison.Ordinal)
        .Replace("{key:pass:word}", Base64(key + ":pass:wörd"), StringComparison.Ordinal)
        .Replace("{key:-unpadded}", Base64(key + ":").TrimEnd('='), StringComparison.Ordinal)
        .Replace("{key:-for-addresses}", Base64(key + ":??>>").Replace('+', '-').Replace('/', '_'), StringComparison.Ordinal)
        .Replace("{plain}", key, StringComparison.Ordinal);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary>The files in requests/: one request at least for every route, and each works as it stands.</summary>
public sealed partial class RequestFilesTests(PixelApp app) : IClassFixture<PixelApp>
{
    private static readonly Asked[] s_requests = [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "requests"), "*.http").Order(StringComparer.Ordinal).SelectMany(Read)];

    public static TheoryData<string> Requests => [.. s_requests.Select(one => one.Name)];

    [Fact]
    public void Every_route_has_a_request() =>
        Assert.All(Routes(), route => Assert.Contains(s_requests, request => Matches(route, request)));

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_request_gets_an_answer_that_its_route_documents(string name)
    {
        var asked = s_requests.Single(one => one.Name == name);
        var route = Assert.Single(Routes(), route => Matches(route, asked));
        using var request = new HttpRequestMessage(new HttpMethod(asked.Method), Filled(asked.Address));
        if (asked.Body.Length > 0) request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(asked.Body));
        foreach (var (header, value) in asked.Headers)
        {
            if (header.Equals("Content-Type", StringComparison.OrdinalIgnoreCase)) request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
            else request.Headers.TryAddWithoutValidation(header, Filled(value));
        }

        using var answer = await app.Client.SendAsync(request);

        var said = await answer.Content.ReadAsStringAsync();
        Assert.True(route.Answers.Any(one => one.Status == (int)answer.StatusCode), $"{(int)answer.StatusCode} {said}");
        Assert.True((int)answer.StatusCode < 400 || name.Contains("efused", StringComparison.Ordinal), $"{(int)answer.StatusCode} {said}");
    }

    private IEnumerable<ApiRoute> Routes() => app.Services.GetServices<ApiRoute>();

    private static bool Matches(ApiRoute route, Asked request) =>
        route.Method == request.Method && Regex.IsMatch(new Uri(request.Address.Replace("{{host}}", "http://host", StringComparison.Ordinal)).AbsolutePath,
            "^" + Placeholder().Replace(Regex.Escape(route.Path), "[^/]+") + "$");

    private string Filled(string text) => text
        .Replace("{{host}}", app.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal).Replace("{{token}}", PixelApp.Token, StringComparison.Ordinal);

    private static IEnumerable<Asked> Read(string file)
    {
        foreach (var part in Part().Split(File.ReadAllText(file)).Skip(1))
        {
            var lines = part.Split('\n');
            var (method, address) = lines[1].Split(' ', 2) is [var first, var second] ? (first, second) : throw new FormatException($"{file}: {lines[1]}");
            var headers = lines.Skip(2).TakeWhile(line => line.Length > 0).Select(line => line.Split(": ", 2)).Select(pair => (pair[0], pair[1])).ToArray();
            yield return new($"{Path.GetFileName(file)}: {lines[0].Trim()}", method, address, headers, string.Join('\n', lines.Skip(2 + headers.Length)).Trim());
        }
    }

    // Regex.Escape writes the opening brace with a backslash, and the closing one without.
    [GeneratedRegex(@"\\\{[^}]+\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("^### ", RegexOptions.Multiline)]
    private static partial Regex Part();

    /// <summary>One request of a file.</summary>
    private sealed record Asked(string Name, string Method, string Address, (string Name, string Value)[] Headers, string Body);
}

using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Api;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>The real program and a site's backend that has a secret key for it.</summary>
internal sealed class Backend : IAsyncDisposable
{
    private readonly TempFolder? _ownFolder;
    private readonly string _postgres;

    private Backend(TempFolder? ownFolder, string postgres, PixelApp app, string secret, string write) =>
        (_ownFolder, _postgres, App, Secret, Write) = (ownFolder, postgres, app, secret, write);

    public PixelApp App { get; }

    /// <summary>A secret key of the site <c>shop</c>.</summary>
    public string Secret { get; }

    /// <summary>A write key of the same site.</summary>
    public string Write { get; }

    public Tables Tables => _postgres.Length == 0 ? Tables.Sqlite(Path.Combine(App.DataDirectory, "pixel.db")) : Tables.Postgres(_postgres);

    /// <summary>Every hit that is durable, in order of arrival.</summary>
    public IReadOnlyList<Hit> Hits
    {
        get
        {
            var journal = App.Services.GetRequiredService<PixelServer.Journal.Journal>();
            return journal.Extent(journal.CurrentRun) is { } extent ? journal.Read(journal.CurrentRun, extent.First, 100_000).Hits : [];
        }
    }

    /// <param name="postgres">Connection string; empty for the embedded store.</param>
    /// <param name="clock">A clock that the test moves; null for the real one.</param>
    /// <param name="folder">A data directory that outlives the server; null for one that goes with it.</param>
    /// <param name="settings">Further arguments.</param>
    public static async Task<Backend> StartAsync(string postgres = "", TimeProvider? clock = null, TempFolder? folder = null, params IEnumerable<string> settings)
    {
        var own = folder is null ? new TempFolder() : null;
        var directory = (folder ?? own!).Path;
        Directory.CreateDirectory(Path.Combine(directory, "keys"));
        var file = new ApiKeyFile(Path.Combine(directory, "keys", "api"));
        var (_, secret) = await KeyHost.MakeAsync(file, KeyKind.Secret);
        var (_, write) = await KeyHost.MakeAsync(file, KeyKind.Write);
        return new(own, postgres, await PixelApp.StartAsync(postgres, clock, directory, settings), secret, write);
    }

    public Task<Said> PostAsync(string json, params (string Name, string Value)[] headers) => PostAsync(Encoding.UTF8.GetBytes(json), Secret, headers);

    public async Task<Said> PostAsync(byte[] body, string? key, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/events") { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        if (key is not null) request.Headers.Authorization = new("Bearer", key);
        foreach (var (name, value) in headers)
        {
            if (request.Headers.TryAddWithoutValidation(name, value)) continue;
            request.Content.Headers.Remove(name);
            request.Content.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await App.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return new((int)answer.StatusCode, text, answer.Headers.Concat(answer.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Waits until that many events are stored or known again, by the server's own count since its start, and reads the rows.</summary>
    public async Task<IReadOnlyList<JsonObject>> RowsAsync(int stored)
    {
        await App.StoredAsync(stored);
        return await Tables.EventsAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _ownFolder?.Dispose();
    }

    /// <summary>What the door answered.</summary>
    internal sealed record Said(int Status, string Text, IReadOnlyDictionary<string, string> Headers)
    {
        public JsonNode Json => JsonNode.Parse(Text)!;
        public int Accepted => (int?)Json["accepted"] ?? 0;
        public string? Code => (string?)Json["code"];

        /// <summary>As <c>index code</c>.</summary>
        public IEnumerable<string> Refused => Json["refused"]?.AsArray().Select(one => $"{one!["index"]} {one["code"]}") ?? [];

        /// <summary>As <c>index code</c>, or <c>index code member</c>.</summary>
        public IEnumerable<string> Warnings => Json["warnings"]?.AsArray().Select(one => $"{one!["index"]} {one["code"]} {one["member"]}".TrimEnd()) ?? [];
    }
}

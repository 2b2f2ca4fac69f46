using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using PixelServer.Api;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>The real program with a write key and a secret key of the site <c>shop</c>, and a look into its embedded store.</summary>
internal sealed class SegmentHost : IAsyncDisposable
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly TempFolder _folder;
    private readonly Tables _tables;

    private SegmentHost(TempFolder folder, PixelApp app) => (_folder, App, _tables) = (folder, app, Tables.Sqlite(folder.File("pixel.db")));

    public PixelApp App { get; }
    public required string WriteKey { get; init; }
    public required string SecretKey { get; init; }
    public ApiKeyFile Keys => KeysIn(_folder);

    public static Task<SegmentHost> StartAsync(params string[] settings) => StartAsync(clock: null, settings);

    public static async Task<SegmentHost> StartAsync(TimeProvider? clock, params string[] settings)
    {
        var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("keys"));
        var (write, secret) = (await KeyHost.MakeAsync(KeysIn(folder)), await KeyHost.MakeAsync(KeysIn(folder), KeyKind.Secret));
        return new SegmentHost(folder, await PixelApp.StartAsync(clock: clock, directory: folder.Path, settings: settings)) { WriteKey = write.Text, SecretKey = secret.Text };
    }

    public Task<Answer> PostAsync(string path, string json, string? key = null, string type = "application/json", params (string Name, string Value)[] headers) =>
        PostAsync(path, Encoding.UTF8.GetBytes(json), key ?? WriteKey, type, headers);

    /// <param name="path">Where.</param>
    /// <param name="body">As it is sent.</param>
    /// <param name="key">For Basic authorization; empty for none.</param>
    /// <param name="type">Of the body; empty for none.</param>
    /// <param name="headers">More of them.</param>
    public Task<Answer> PostAsync(string path, byte[] body, string key, string type = "application/json", params (string Name, string Value)[] headers)
    {
        var content = new ByteArrayContent(body);
        if (type.Length > 0) content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return SendAsync(HttpMethod.Post, path, content, key.Length > 0 ? [("Authorization", KeyHost.Basic(key)), .. headers] : headers);
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            if (!request.Headers.TryAddWithoutValidation(name, value)) content!.Headers.TryAddWithoutValidation(name, value);
        using var answer = await App.Client.SendAsync(request);
        return new((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(),
            answer.Headers.Concat(answer.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Waits until so many events are stored and gives them in the order of their arrival.</summary>
    /// <param name="count">Rows.</param>
    /// <param name="replays">Second copies that make none.</param>
    public async Task<IReadOnlyList<JsonObject>> EventsAsync(int count, int replays = 0)
    {
        await App.StoredAsync(count + replays);
        var events = await _tables.EventsAsync();
        Assert.Equal(count, events.Count);
        return events;
    }

    /// <summary>All that are stored by now.</summary>
    public Task<IReadOnlyList<JsonObject>> RowsAsync() => _tables.EventsAsync();

    /// <summary>Sends one call, which must be kept, and gives its row.</summary>
    public async Task<JsonObject> KeptAsync(string call, string json, string? key = null, params (string Name, string Value)[] headers)
    {
        var before = (int)App.Ledger.Read().Stored;
        var answer = await PostAsync("/v1/" + call, json, key, headers: headers);
        Assert.Equal("200 {\"success\":true}", $"{answer.Status} {answer.Text}");
        return (await EventsAsync(before + 1))[^1];
    }

    /// <summary>Some columns of a row, as JSON.</summary>
    public static string Columns(JsonObject row, params string[] names) =>
        new JsonObject(names.Select(name => KeyValuePair.Create(name, row[name]?.DeepClone()))).ToJsonString(s_plain);

    /// <summary>Its properties, by name.</summary>
    public static string Properties(JsonObject row) => Sorted(row["properties"])?.ToJsonString(s_plain) ?? "null";

    public static DateTimeOffset Time(JsonObject row, string column) => DateTimeOffset.Parse(row[column]!.ToString(), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _folder.Dispose();
    }

    private static ApiKeyFile KeysIn(TempFolder folder) => new(Path.Combine(folder.Path, "keys", "api"));

    private static JsonNode? Sorted(JsonNode? node) => node is JsonObject members
        ? new JsonObject(members.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => KeyValuePair.Create(one.Key, Sorted(one.Value))))
        : node?.DeepClone();

    internal sealed record Answer(int Status, byte[] Body, IReadOnlyDictionary<string, string> Headers)
    {
        public string Text => Encoding.UTF8.GetString(Body);
        public JsonNode Json => JsonNode.Parse(Body)!;

        /// <summary>Status and code of a problem.</summary>
        public string Problem => $"{Status} {Json["code"]}";
    }
}

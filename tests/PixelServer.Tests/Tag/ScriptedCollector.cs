using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using PixelServer.Collect;
using PixelServer.Tag;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>
/// The real tag in front of a collector that answers as a test says: what the real one does when its journal is full, or what stands
/// between it and the page. Remembers every request.
/// </summary>
internal sealed class ScriptedCollector : IAsyncDisposable
{
    private WebApplication? _app;

    /// <summary>What the tag that is served does.</summary>
    public TagOptions Options { get; set; } = new() { PageView = false };

    /// <summary>Answers the n-th request for the beacon, counted from 1; null: 204.</summary>
    public Func<HttpContext, int, Task>? Answer { get; set; }

    /// <summary>Changes the tag on its way to the page.</summary>
    public Func<string, string> Tamper { get; set; } = text => text;

    public int Port { get; } = Ports.Free();

    /// <summary>Another origin than the pages of <c>shop.localhost</c>, but the same site.</summary>
    public string Origin => $"http://t.shop.localhost:{Port}";

    public ConcurrentQueue<Taken> Requests { get; } = [];

    public TagScript Script => TagScript.Make(Options, new PathOptions());

    public string Snippet(string attributes = "") =>
        TagSnippet.Of($"{Origin}/t.js?id=shop").Replace("<script async ", $"<script async {attributes} ", StringComparison.Ordinal);

    /// <summary>Of accepted requests, in the order of arrival.</summary>
    public IReadOnlyList<JsonObject> Events => [.. Requests.Where(one => one.Status is 200 or 204).SelectMany(one => one.Events)];

    public IEnumerable<string> Names => Events.Select(one => (string)one["event"]!);

    public async Task<IReadOnlyList<JsonObject>> EventsAsync(int count)
    {
        await Eventually.TrueAsync(() => Events.Count >= count, () => $"{count} events; so far {string.Join(", ", Requests)}");
        return Events;
    }

    /// <summary>Waits for an event of that name; those that were made before it have arrived, too.</summary>
    public async Task<JsonObject> EventAsync(string name)
    {
        await Eventually.TrueAsync(() => Names.Contains(name), () => $"the event {name}; so far {string.Join(", ", Requests)}");
        return Events.First(one => (string)one["event"]! == name);
    }

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{Port}");
        _app = builder.Build();
        _app.Run(http => http.Request.Path.Value switch
        {
            "/t.js" => ServeTag(http),
            "/b" => TakeAsync(http),
            "/p.gif" => TakeImage(http),
            _ => Task.Run(() => http.Response.StatusCode = StatusCodes.Status404NotFound),
        });
        await _app.StartAsync();
    }

    /// <summary>As a collector that is away; <see cref="StartAsync"/> brings it back at the same address.</summary>
    public async Task StopAsync()
    {
        if (_app is null) return;
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        _app = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private Task ServeTag(HttpContext http)
    {
        http.Response.ContentType = "text/javascript; charset=utf-8";
        http.Response.Headers.AccessControlAllowOrigin = "*";
        http.Response.Headers.CacheControl = "no-store";
        return http.Response.WriteAsync(Tamper(System.Text.Encoding.UTF8.GetString(Script.Bytes)));
    }

    private async Task TakeAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        if (http.Request.Headers.Origin.ToString() is { Length: > 0 } origin)
        {
            http.Response.Headers.AccessControlAllowOrigin = origin;
            http.Response.Headers.AccessControlAllowCredentials = "true";
            http.Response.Headers.AccessControlExposeHeaders = "X-Pixel-Refused, Retry-After";
        }

        var taken = new Taken(http.Request, body);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        var number = Requests.Count + 1;
        if (Answer is { } answer)
        {
            var answering = answer(http, number); // says the status before it writes
            taken.Status = http.Response.StatusCode;
            Requests.Enqueue(taken);
            await answering;
            return;
        }

        taken.Status = 204;
        Requests.Enqueue(taken);
    }

    private Task TakeImage(HttpContext http)
    {
        Requests.Enqueue(new Taken(http.Request, null) { Status = 200 });
        http.Response.ContentType = "image/gif";
        return http.Response.Body.WriteAsync(Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")).AsTask();
    }

    /// <summary>One request of the tag.</summary>
    internal sealed class Taken(HttpRequest request, string? body)
    {
        /// <summary><c>fetch</c>, <c>beacon</c> or <c>image</c>, by what the browser says of it.</summary>
        public string Way { get; } = body is null ? "image" : request.Headers["Sec-Fetch-Mode"].ToString() is "no-cors" ? "beacon" : "fetch";
        public string Type { get; } = request.ContentType ?? "";
        public string Cookies { get; } = request.Headers.Cookie.ToString();
        public int Bytes { get; } = System.Text.Encoding.UTF8.GetByteCount(body ?? "");
        public int Status { get; set; }

        public IReadOnlyList<JsonObject> Events { get; } = body is null
            ? [new JsonObject(request.Query.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.ToString())))]
            : [.. JsonNode.Parse(body)!["batch"]!.AsArray().Select(one => one!.AsObject())];

        public override string ToString() => $"{Way} {Status} [{string.Join(' ', Events.Select(one => one["event"]))}]";
    }
}

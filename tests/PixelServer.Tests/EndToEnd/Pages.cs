using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Somebody's web site: serves the pages that a test writes, under every host name that leads to this machine.</summary>
internal sealed class Pages : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, string> _bodies = new();
    private readonly ConcurrentDictionary<string, (string Name, string Value)[]> _headers = new();

    public Pages()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{Port}");
        _app = builder.Build();
        _app.Run(async http =>
        {
            if (_asked.TryRemove(http.Request.Path, out var asked)) asked.SetResult(http.Request.QueryString.Value ?? "");
            http.Response.ContentType = "text/html; charset=utf-8";
            foreach (var (name, value) in _headers.GetValueOrDefault(http.Request.Path) ?? []) http.Response.Headers[name] = value;
            var isPage = http.Response.ContentType.StartsWith("text/html", StringComparison.Ordinal);
            await http.Response.WriteAsync($"{(isPage ? "<!doctype html><title>Shop</title>" : "")}{_bodies.GetValueOrDefault(http.Request.Path)}");
        });
    }

    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _asked = new();

    /// <summary>The query of the next request for the path.</summary>
    public Task<string> Asked(string path) =>
        (_asked[path] = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(TimeSpan.FromSeconds(30));

    public int Port { get; } = Ports.Free();

    public string this[string path] { set => _bodies[path] = value; }

    /// <summary>A page that comes with headers, such as a content security policy; with another Content-Type the body as it stands.</summary>
    public void Set(string path, string body, params (string Name, string Value)[] headers) => (_bodies[path], _headers[path]) = (body, headers);

    public Task StartAsync() => _app.StartAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Somebody's web site: serves the pages that a test writes, under every host name that leads to this machine.</summary>
internal sealed class Pages : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, string> _bodies = new();

    public Pages()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{Port}");
        _app = builder.Build();
        _app.Run(async http =>
        {
            http.Response.ContentType = "text/html; charset=utf-8";
            await http.Response.WriteAsync($"<!doctype html><title>Shop</title>{_bodies.GetValueOrDefault(http.Request.Path)}");
        });
    }

    public int Port { get; } = ServerProcess.FreePort();

    public string this[string path] { set => _bodies[path] = value; }

    public Task StartAsync() => _app.StartAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

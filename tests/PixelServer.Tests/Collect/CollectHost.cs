using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Collect;
using PixelServer.Journal;
using PixelServer.Ops;

namespace PixelServer.Tests.Collect;

/// <summary>The doors on a real Kestrel port, in front of a real journal in a directory of its own that goes at the end.</summary>
internal sealed class CollectHost : IAsyncDisposable
{
    private static readonly JournalOptions s_small = new() { SegmentBytes = 4 << 20 };

    private readonly string _directory = Directory.CreateTempSubdirectory("pixel-collect-").FullName;
    private readonly WebApplication _app;
    private readonly Complaints _complaints = new();

    private CollectHost(JournalOptions options, MinDataRate? slowest, (string Key, string Value)[] settings)
    {
        Journal = PixelServer.Journal.Journal.Open(
            Path.Combine(_directory, "journal"), options, Acknowledge.Flushed, TimeProvider.System, Ledger, NullLogger.Instance);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.AddProvider(_complaints);
        builder.Configuration.AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value)));
        builder.Services.AddSingleton<TimeProvider>(Clock).AddSingleton(Ledger).AddSingleton(Journal)
            .AddSingleton(new DataDirectory(_directory)).AddSingleton(Standings).AddCollect(builder.Configuration);
        if (slowest is not null) builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MinRequestBodyDataRate = slowest);
        _app = builder.Build();
        _app.UseCollect();
        _app.Run(http =>
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero));
    public Ledger Ledger { get; } = new();
    public Standings Standings { get; } = new();
    public PixelServer.Journal.Journal Journal { get; }
    public HttpClient Browser { get; private set; } = null!;
    public int Port { get; private set; }

    /// <summary>Warnings and errors that the server logged: a visitor must not be able to cause any.</summary>
    public IReadOnlyCollection<string> Complained => _complaints.All;

    /// <summary>Every hit that is durable, in order of arrival.</summary>
    public IReadOnlyList<Hit> Hits => Journal.Extent(Journal.CurrentRun) is { } extent
        ? Journal.Read(Journal.CurrentRun, extent.First, 100_000).Hits
        : [];

    public Hit Hit => Assert.Single(Hits);

    public static Task<CollectHost> StartAsync(params (string Key, string Value)[] settings) => StartAsync(s_small, slowest: null, settings);

    public static Task<CollectHost> StartAsync(JournalOptions journal) => StartAsync(journal, slowest: null, []);

    /// <param name="slowest">A body that comes more slowly is given up.</param>
    public static Task<CollectHost> StartAsync(MinDataRate slowest) => StartAsync(s_small, slowest, []);

    private static async Task<CollectHost> StartAsync(JournalOptions journal, MinDataRate? slowest, (string Key, string Value)[] settings)
    {
        var host = new CollectHost(journal, slowest, settings);
        await host._app.StartAsync();
        var address = new Uri(host._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        host.Port = address.Port;
        host.Browser = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = address };
        return host;
    }

    public Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, null, headers);

    public Task<HttpResponseMessage> PostAsync(string body, string? type = "application/json", string path = "/b", params (string Name, string Value)[] headers) =>
        PostAsync(Encoding.UTF8.GetBytes(body), type, path, headers);

    public Task<HttpResponseMessage> PostAsync(byte[] body, string? type = "application/json", string path = "/b", params (string Name, string Value)[] headers)
    {
        var content = new ByteArrayContent(body);
        if (type is not null) content.Headers.TryAddWithoutValidation("Content-Type", type);
        return SendAsync(HttpMethod.Post, path, content, headers);
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
            if (!request.Headers.TryAddWithoutValidation(name, value)) content!.Headers.TryAddWithoutValidation(name, value);
        return Browser.SendAsync(request);
    }

    /// <summary>Sends bytes as they are and reads until the server closes; what a client library would mend or refuse to send.</summary>
    public async Task<string> RawAsync(string request, bool hangUp = false) =>
        Encoding.Latin1.GetString(await RawAsync(Encoding.Latin1.GetBytes(request), hangUp));

    /// <summary>With <paramref name="hangUp"/> the client closes its side at once, as one does that goes away.</summary>
    public async Task<byte[]> RawAsync(byte[] request, bool hangUp = false)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, deadline.Token);
        var stream = client.GetStream();
        var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(request, deadline.Token);
            if (hangUp) client.Client.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(answer, deadline.Token);
        }
        catch (IOException)
        {
            // A server that refuses early closes while we still send: what it said before counts.
        }

        return answer.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        Browser.Dispose();
        await _app.DisposeAsync();
        Journal.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class Complaints : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> All { get; } = [];
        public ILogger CreateLogger(string categoryName) => this;
        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public void Dispose() { }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) All.Enqueue(formatter(state, exception) + exception);
        }
    }
}

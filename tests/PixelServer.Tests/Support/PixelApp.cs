using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;

namespace PixelServer.Tests.Support;

/// <summary>
/// The real program on a real port, in this process, with a data directory of its own. As a class fixture it has the
/// defaults; <see cref="StartAsync"/> starts one that differs.
/// </summary>
public sealed class PixelApp : IAsyncLifetime
{
    private readonly TempFolder? _ownFolder;
    private readonly string[] _args;
    private readonly Action<IServiceCollection>? _replace;
    private readonly LineWriter _output = new();
    private WebApplication? _app;
    private bool _stopped;

    public PixelApp() : this([]) { }

    private PixelApp(IEnumerable<string> args, string? directory = null, Action<IServiceCollection>? replace = null)
    {
        _ownFolder = directory is null ? new TempFolder() : null;
        DataDirectory = directory ?? _ownFolder!.Path;
        _args = ["--urls=http://127.0.0.1:0", $"--Pixel:DataDirectory={DataDirectory}", $"--Pixel:AdminToken={Token}", .. args];
        _replace = replace;
    }

    /// <summary>The admin token of every app that was not told another.</summary>
    public const string Token = "test-admin-token-0123456789";

    /// <summary>A setting under which the journal takes nothing: it may be smaller than one segment.</summary>
    internal const string FullJournal = "--Pixel:Journal:MaxBytes=4194304";

    public string DataDirectory { get; }

    /// <summary>Scheme, host and port.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Keeps no cookies and follows no redirects.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>Everything that was printed so far: banner and log.</summary>
    public string Output => _output.ToString();

    internal IServiceProvider Services => _app!.Services;

    internal Ledger Ledger => Services.GetRequiredService<Ledger>();

    /// <param name="postgres">Connection string; empty for the embedded store.</param>
    /// <param name="clock">A clock that the test moves; null for the real one.</param>
    /// <param name="directory">A data directory that outlives the app; null for one that goes with it.</param>
    /// <param name="settings">Further arguments, such as <c>--Pixel:Acknowledge=Queued</c>; the last one wins.</param>
    /// <param name="replace">Last word on the services.</param>
    internal static async Task<PixelApp> StartAsync(
        string postgres = "", TimeProvider? clock = null, string? directory = null, IEnumerable<string>? settings = null,
        Action<IServiceCollection>? replace = null)
    {
        var app = new PixelApp([$"--ConnectionStrings:Postgres={postgres}", .. settings ?? []], directory, services =>
        {
            if (clock is not null) services.AddSingleton(clock);
            replace?.Invoke(services);
        });
        await app.InitializeAsync();
        return app;
    }

    public async ValueTask InitializeAsync()
    {
        _app = Program.Build(_args, services =>
        {
            services.AddSingleton(new Terminal(_output));
            _replace?.Invoke(services);
        });
        await _app.StartAsync();
        Address = new Uri(Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = Address };
    }

    /// <summary>Waits until that many events are stored, by the server's own count since its start.</summary>
    public Task StoredAsync(long count) =>
        Eventually.TrueAsync(() => Ledger.Read().Stored >= count, () => $"{count} events stored; {Ledger.Read()}\n{Output}");

    /// <summary>A figure of <c>/metrics</c>, the sum over its labels.</summary>
    public async Task<double> MetricAsync(string name) => (await Client.GetStringAsync("/metrics")).Split('\n')
        .Where(line => line.StartsWith(name + " ", StringComparison.Ordinal) || line.StartsWith(name + "{", StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>With the admin token.</summary>
    public async Task<HttpResponseMessage> AdminAsync(string address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Authorization = new("Bearer", Token);
        return await Client.SendAsync(request);
    }

    /// <summary>Stops as on SIGTERM; the services stay readable.</summary>
    public async Task StopAsync()
    {
        if (_stopped) return;
        _stopped = true;
        await _app!.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (_app is not null)
        {
            await StopAsync();
            await _app.DisposeAsync();
        }

        _ownFolder?.Dispose();
    }

    /// <summary>Collects text; may be read while it is written.</summary>
    private sealed class LineWriter : StringWriter
    {
        private readonly ConcurrentQueue<string> _written = new();

        public override void Write(string? value) => _written.Enqueue(value ?? "");

        public override string ToString() => string.Concat(_written);
    }
}

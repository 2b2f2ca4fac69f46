using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PixelServer.Tests.EndToEnd;

/// <summary>The real program as a process of its own, on a port that it keeps over restarts, so that it can be killed.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly ConcurrentQueue<string> _said = new();
    private readonly Dictionary<string, string> _settings;
    private Process? _process;

    /// <param name="dataDirectory">Journal, keys and embedded store.</param>
    /// <param name="settings">Configuration keys as in the environment, with <c>__</c>.</param>
    public ServerProcess(string dataDirectory, params IEnumerable<KeyValuePair<string, string>> settings)
    {
        Port = FreePort();
        _settings = new(settings)
        {
            ["Pixel__DataDirectory"] = dataDirectory,
            ["ASPNETCORE_URLS"] = Address.ToString(),
        };
    }

    public int Port { get; }
    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>Everything the program wrote, of all its lives.</summary>
    public string Said => string.Join('\n', _said);

    public void Start()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "PixelServer.dll")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (key, value) in _settings) start.Environment[key] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => { if (line.Data is not null) _said.Enqueue(line.Data); };
        _process.ErrorDataReceived += (_, line) => { if (line.Data is not null) _said.Enqueue(line.Data); };
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Starts and waits until events are taken.</summary>
    public async Task StartReadyAsync()
    {
        Start();
        await ReadyAsync();
    }

    public Task ReadyAsync() => Wait.UntilAsync(async () =>
    {
        if (_process is not { HasExited: false }) throw new InvalidOperationException($"The server ended by itself:\n{Said}");
        try
        {
            using var answer = await s_http.GetAsync(new Uri(Address, "/readyz"));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }, s_patience, () => $"the server is ready; it said:\n{Said}");

    /// <summary>SIGKILL: nothing in the program gets to know.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await GoneAsync();
    }

    /// <summary>SIGTERM, and the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("sh", ["-c", $"kill -TERM {_process!.Id}"])) await kill.WaitForExitAsync();
        await GoneAsync();
        return _process.ExitCode;
    }

    /// <summary>Reads <c>/metrics</c>: the sum over all labels of each name.</summary>
    public async Task<IReadOnlyDictionary<string, double>> MetricsAsync()
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in (await s_http.GetStringAsync(new Uri(Address, "/metrics"))).Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var name = line[..line.IndexOfAny([' ', '{'])];
            var value = line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.LastIndexOf('}') < 0) value = value[1..];
            sums[name] = sums.GetValueOrDefault(name) + double.Parse(value[0], CultureInfo.InvariantCulture);
        }

        return sums;
    }

    /// <summary>Waits until every event that was taken is in the store.</summary>
    public Task DrainedAsync(TimeSpan within)
    {
        IReadOnlyDictionary<string, double> now = new Dictionary<string, double>();
        return Wait.UntilAsync(async () =>
        {
            now = await MetricsAsync();
            return now["pixel_events_waiting"] == 0;
        }, within, () => $"nothing waits in the journal; {string.Join(", ", now.Where(one => one.Key.StartsWith("pixel_events", StringComparison.Ordinal)))}\n{Said}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
    }

    public static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private Task GoneAsync() => _process!.WaitForExitAsync(new CancellationTokenSource(s_patience).Token);
}

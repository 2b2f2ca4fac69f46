using System.Globalization;
using System.Text;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>A server on a port and a data directory that it keeps over restarts, so that it can be killed and started again.</summary>
/// <param name="dataDirectory">Journal, keys and embedded store; also the current directory.</param>
/// <param name="settings">Arguments such as <c>--Pixel:Acknowledge=Queued</c>.</param>
internal sealed class ServerProcess(string dataDirectory, params IEnumerable<string> settings) : IAsyncDisposable
{
    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(60);
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly string[] _settings = [.. settings];
    private readonly StringBuilder _said = new();
    private Executable? _running;

    public int Port { get; } = Ports.Free();
    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>Everything that the program wrote, of all its lives.</summary>
    public string Said => $"{_said}{_running?.Out}{_running?.Error}";

    public void Start() => _running = Executable.Start(
        dataDirectory, [$"--urls={Address}", $"--Pixel:DataDirectory={dataDirectory}", "--Pixel:AdminToken=end-to-end-tests", .. _settings]);

    /// <summary>Starts and waits until events are taken.</summary>
    public async Task StartReadyAsync()
    {
        Start();
        await Eventually.TrueAsync(async () =>
        {
            if (_running!.HasEnded) Assert.Fail($"The server ended by itself:\n{Said}");
            try
            {
                using var answer = await s_http.GetAsync(new Uri(Address, "/readyz"));
                return answer.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException) // nobody listens yet, or the answer takes longer than a request may
            {
                return false;
            }
        }, () => $"the server is ready\n{Said}", s_startPatience);
    }

    /// <summary>SIGKILL: nothing in the program gets to know.</summary>
    public Task KillAsync()
    {
        _running!.Kill();
        return GoneAsync();
    }

    /// <summary>SIGTERM, and the exit code.</summary>
    public Task<int> StopAsync()
    {
        _running!.Terminate();
        return GoneAsync();
    }

    /// <summary>What <c>/metrics</c> says: for each name the sum over its labels.</summary>
    public async Task<IReadOnlyDictionary<string, double>> MetricsAsync()
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in (await s_http.GetStringAsync(new Uri(Address, "/metrics"))).Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var name = line[..line.IndexOfAny([' ', '{'])];
            var value = line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[^1];
            sums[name] = sums.GetValueOrDefault(name) + double.Parse(value, CultureInfo.InvariantCulture);
        }

        return sums;
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is not null) await KillAsync();
    }

    private async Task<int> GoneAsync()
    {
        var code = await _running!.ExitAsync();
        _said.Append(_running.Out).Append(_running.Error);
        _running.Dispose();
        _running = null;
        return code;
    }
}

using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace PixelServer.Tests.Support;

/// <summary>
/// A PostgreSQL server of our own: fresh directory, free port, fsync on. Starts at the first need, is removed at the end, and what a
/// killed test run left behind is removed by the next one.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string Prefix = "pixelserver-pg-";
    private const string User = "pixel";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _starting = new(1, 1);
    private string? _directory;
    private bool _running;

    /// <summary>Directory of initdb and friends, version 15 or later; null where PostgreSQL is not installed.</summary>
    public static string? Binaries { get; } = FindBinaries();

    /// <summary>The port stays the same over restarts; 0 before the first start.</summary>
    public int Port { get; private set; }

    /// <summary>Where all its files are, once it was started.</summary>
    public string Directory => _directory!;

    /// <summary>A connection string for a new, empty database.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        await StartAsync();
        var name = "test_" + Guid.NewGuid().ToString("n")[..12];
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var create = new NpgsqlCommand($"create database {name}", connection);
        await create.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    public string ConnectionString(string database) =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username={User};Database={database}");

    /// <summary>Starts the server, or starts it again after a stop. Nothing happens while it runs.</summary>
    public async Task StartAsync()
    {
        await _starting.WaitAsync();
        try
        {
            if (_running) return;
            _directory ??= await InitAsync();
            if (Port == 0) Port = Ports.Free();
            await RunAsync("pg_ctl", "-D", Data, "-w", "-t", "60", "-l", Path.Combine(_directory, "log"),
                "-o", $"-p {Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_directory} -c max_connections=500", "start");
            _running = true;
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>As an operator stops it: sessions are ended, everything is written.</summary>
    public Task StopAsync() => StopAsync("fast");

    /// <summary>As a crash stops it: nothing is written any more, the next start recovers from the log.</summary>
    public Task StopHardAsync() => StopAsync("immediate");

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_directory is null) return;
        await StopHardAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
        _directory = null;
    }

    /// <summary>Runs psql in the cluster, as the documents tell an operator to.</summary>
    /// <returns>Its standard output.</returns>
    public Task<string> PsqlAsync(string database, params string[] arguments) => RunAsync(asServer: false, "psql",
        ["-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", User, "-d", database, .. arguments]);

    private string Data => Path.Combine(_directory!, "data");

    private async Task StopAsync(string mode)
    {
        await _starting.WaitAsync();
        try
        {
            if (!_running) return;
            await RunAsync("pg_ctl", "-D", Data, "-w", "-t", "60", "-m", mode, "stop");
            _running = false;
        }
        finally
        {
            _starting.Release();
        }
    }

    private static async Task<string> InitAsync()
    {
        if (Binaries is null) throw new InvalidOperationException("PostgreSQL 15 or later is not installed.");
        RemoveLeftovers();
        var directory = Path.Combine(Path.GetTempPath(), $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid().ToString("n")[..8]}");
        System.IO.Directory.CreateDirectory(directory);
        if (Environment.IsPrivilegedProcess) await ExecuteAsync("chown", ["postgres:postgres", directory]);
        await RunAsync("initdb", "-D", Path.Combine(directory, "data"), "-U", User, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
        return directory;
    }

    private static Task<string> RunAsync(string tool, params string[] arguments) => RunAsync(asServer: true, tool, arguments);

    // The server refuses to run as root.
    private static Task<string> RunAsync(bool asServer, string tool, string[] arguments)
    {
        var path = Path.Combine(Binaries!, tool);
        return asServer && Environment.IsPrivilegedProcess
            ? ExecuteAsync("runuser", ["-u", "postgres", "--", path, .. arguments]) : ExecuteAsync(path, arguments);
    }

    private static async Task<string> ExecuteAsync(string file, string[] arguments)
    {
        var (code, output, error) = await Command.RunAsync(new(file, arguments) { WorkingDirectory = Path.GetTempPath() });
        return code == 0 ? output : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} ended with {code}: {error}{output}");
    }

    private static string? FindBinaries() =>
        System.IO.Directory.Exists("/usr/lib/postgresql")
            ? System.IO.Directory.EnumerateDirectories("/usr/lib/postgresql")
                .Where(version => int.TryParse(Path.GetFileName(version), out var number) && number >= 15 && File.Exists(Path.Combine(version, "bin", "initdb")))
                .OrderByDescending(version => int.Parse(Path.GetFileName(version), CultureInfo.InvariantCulture))
                .Select(version => Path.Combine(version, "bin")).FirstOrDefault()
            : null;

    private static void RemoveLeftovers()
    {
        foreach (var directory in System.IO.Directory.EnumerateDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            var owner = int.Parse(Path.GetFileName(directory)[Prefix.Length..].Split('-')[0], CultureInfo.InvariantCulture);
            if (System.IO.Directory.Exists($"/proc/{owner}")) continue; // its test run is alive

            try
            {
                EndServerOf(directory);
                System.IO.Directory.Delete(directory, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                // Another run cleans up at the same time, or another user owns it.
            }
        }
    }

    // By the id in its own directory, and only where that process says that it works there: ids are used again.
    private static void EndServerOf(string directory)
    {
        var pidFile = Path.Combine(directory, "data", "postmaster.pid");
        if (!File.Exists(pidFile)) return;
        var pid = int.Parse(File.ReadLines(pidFile).First(), CultureInfo.InvariantCulture);
        if (!File.Exists($"/proc/{pid}/cmdline") || !File.ReadAllText($"/proc/{pid}/cmdline").Contains(directory, StringComparison.Ordinal)) return;
        using var server = Process.GetProcessById(pid);
        server.Kill();
        server.WaitForExit(Patience);
    }
}

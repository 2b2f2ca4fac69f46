using System.Diagnostics;
using System.Text;

namespace PixelServer.Tests.Support;

/// <summary>The server as a process of its own, as an operator starts it.</summary>
internal sealed class Executable : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _out = new(), _error = new();

    private Executable(IEnumerable<string> args, string workingDirectory, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingDirectory };
        foreach (var arg in (IEnumerable<string>)[Path.Combine(AppContext.BaseDirectory, "PixelServer.dll"), .. args]) start.ArgumentList.Add(arg);
        foreach (var name in start.Environment.Keys.Where(IsConfiguration).ToArray()) start.Environment.Remove(name);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(_out, line.Data);
        _process.ErrorDataReceived += (_, line) => Add(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;
    public bool HasEnded => _process.HasExited;
    public string Out { get { lock (_out) return _out.ToString(); } }
    public string Error { get { lock (_error) return _error.ToString(); } }

    /// <summary>Started and left running.</summary>
    public static Executable Start(string workingDirectory, params string[] args) => new(args, workingDirectory);

    /// <summary>Started and left running, with further environment variables.</summary>
    public static Executable Start(string workingDirectory, IReadOnlyDictionary<string, string> environment) => new([], workingDirectory, environment);

    /// <summary>Started and waited for.</summary>
    public static async Task<(int Code, string Out, string Error)> RunAsync(params string[] args)
    {
        using var folder = new TempFolder();
        using var process = new Executable(args, folder.Path);
        return (await process.ExitAsync(), process.Out, process.Error);
    }

    /// <summary>The exit code, within a deadline.</summary>
    public async Task<int> ExitAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    /// <summary>SIGTERM, as a supervisor or <c>docker stop</c> sends it.</summary>
    /// <remarks>The shell's own kill: the program of that name is not everywhere.</remarks>
    public void Terminate() => Process.Start("sh", ["-c", $"kill -TERM {Id}"]).WaitForExit();

    /// <summary>SIGKILL: nothing in the program gets to know.</summary>
    public void Kill() => _process.Kill(entireProcessTree: true);

    public void Dispose()
    {
        if (!HasEnded) Kill();
        _process.Dispose();
    }

    private static bool IsConfiguration(string name) =>
        name.StartsWith("ASPNETCORE_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("Pixel__", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase);

    private static void Add(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (text) text.Append(line).Append('\n');
    }
}

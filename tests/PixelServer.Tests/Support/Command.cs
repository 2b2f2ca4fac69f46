using System.Diagnostics;

namespace PixelServer.Tests.Support;

/// <summary>A program of the machine, run to its end.</summary>
internal static class Command
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <param name="start">The program and what it is given; its streams are ours.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="within">60 seconds if not given; a program that takes longer is ended.</param>
    public static async Task<(int Code, string Out, string Error)> RunAsync(ProcessStartInfo start, string input = "", TimeSpan? within = null)
    {
        var patience = within ?? s_patience;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        // Both at once: a program whose complaints nobody reads waits for ever after 64 KiB of them.
        var (said, complained) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await Task.WhenAll(GiveAsync(process, input), said, complained, process.WaitForExitAsync()).WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            var all = await Task.WhenAll(said, complained).WaitAsync(s_patience);
            throw new TimeoutException($"{start.FileName} {string.Join(' ', start.ArgumentList)} did not end within {patience.TotalSeconds:0} s:\n{string.Join('\n', all)}");
        }

        return (process.ExitCode, await said, await complained);
    }

    private static async Task GiveAsync(Process process, string input)
    {
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
    }
}

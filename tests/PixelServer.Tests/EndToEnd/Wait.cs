using System.Diagnostics;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Waits on conditions that only other processes can bring about.</summary>
internal static class Wait
{
    /// <exception cref="TimeoutException">The condition did not hold in time; the message says which.</exception>
    public static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan within, Func<string> what)
    {
        for (var begun = Stopwatch.GetTimestamp(); !await condition();)
        {
            if (Stopwatch.GetElapsedTime(begun) > within) throw new TimeoutException($"Waited {within} in vain until {what()}");
            await Task.Delay(10);
        }
    }

    public static Task UntilAsync(Func<bool> condition, TimeSpan within, Func<string> what) =>
        UntilAsync(() => Task.FromResult(condition()), within, what);
}

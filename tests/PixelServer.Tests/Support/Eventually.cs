using System.Diagnostics;

namespace PixelServer.Tests.Support;

/// <summary>Waits on a condition instead of sleeping; fails by name when a deadline passes that only a broken server needs.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, Func<string> otherwise) => TrueAsync(() => Task.FromResult(condition()), otherwise);

    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > s_deadline) Assert.Fail($"Not within {s_deadline.TotalSeconds:0} s: {otherwise()}");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken);
        }
    }
}

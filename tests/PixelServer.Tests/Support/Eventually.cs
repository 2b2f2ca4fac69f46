using System.Diagnostics;

namespace PixelServer.Tests.Support;

/// <summary>Waits on a condition instead of sleeping; fails by name when a deadline passes that only a broken server needs.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, Func<string> otherwise, TimeSpan? within = null) =>
        TrueAsync(() => Task.FromResult(condition()), otherwise, within);

    /// <param name="condition">What has to come true.</param>
    /// <param name="otherwise">Says what was waited for, when it does not.</param>
    /// <param name="within">30 seconds if not given.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> otherwise, TimeSpan? within = null)
    {
        var deadline = within ?? s_deadline;
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > deadline) Assert.Fail($"Not within {deadline.TotalSeconds:0} s: {otherwise()}");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken);
        }
    }
}

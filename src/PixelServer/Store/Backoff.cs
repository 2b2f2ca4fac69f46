namespace PixelServer.Store;

/// <summary>
/// How long to wait after a failure: doubles from 100 ms to 10 s, and then something between half of it and all of it, so that
/// many servers do not come back to a database in step. Pure but for the count of failures.
/// </summary>
/// <param name="random">A number from 0 to below 1.</param>
internal sealed class Backoff(Func<double> random)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private int _failures;

    public TimeSpan Failed()
    {
        var full = Math.Min(First.TotalMilliseconds * Math.Pow(2, Math.Min(_failures++, 20)), Longest.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(full * (0.5 + random() / 2));
    }

    public void Succeeded() => _failures = 0;
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using PixelServer.Collect;

namespace PixelServer.Benchmarks;

/// <summary>
/// What a daily visitor costs a hit, beside the cookie that it stands for.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- daily</c>
/// </summary>
internal static class DailyBenchmark
{
    private const int Calls = 200_000;
    private const int Rounds = 15;

    private const string Agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

    public static void Run()
    {
        using var keys = new DailyKeys();
        var visitors = new DailyVisitors(keys);
        var now = DateTimeOffset.UtcNow;
        var (v4, v6, longest) = (IPAddress.Parse("203.0.113.77"), IPAddress.Parse("2001:db8:1:2:3:4:5:6"), new string('x', Limits.HeaderChars));
        var cookies = new VisitorCookie(new byte[32]);
        var cookie = cookies.Set(Guid.NewGuid(), now, "", secure: true).Split(';')[0];
        var (key, text) = (RandomNumberGenerator.GetBytes(32), Encoding.UTF8.GetBytes("shop\0" + new string('a', 16) + Agent));

        Console.WriteLine($"median (best) of {Rounds} rounds of {Calls} calls, one thread");
        Measure("daily visitor, IPv4", () => visitors.Of("shop", v4, Agent, now));
        Measure("daily visitor, IPv6", () => visitors.Of("shop", v6, Agent, now));
        Measure($"daily visitor, agent of {Limits.HeaderChars} characters", () => visitors.Of("shop", v4, longest, now));
        Measure("the hash alone, its key set up anew each time", () => HMACSHA256.HashData(key, text));
        Measure("a cookie that is read", () => cookies.Read(cookie, now));
        Measure("a cookie that is made", () => cookies.Set(RandomIds.Next(), now, "", secure: true));
        Measure($"daily visitor, {Environment.ProcessorCount} threads at once, for each of them", () => visitors.Of("shop", v4, Agent, now), Environment.ProcessorCount);
    }

    private static void Measure<T>(string name, Func<T> call, int threads = 1)
    {
        var times = new double[Rounds];
        var bytes = 0L;
        for (var round = -3; round < Rounds; round++) // the first ones warm up
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var started = Stopwatch.GetTimestamp();
            if (threads == 1) Loop(call);
            else Task.WaitAll([.. Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(() => Loop(call), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
            if (round < 0) continue;
            times[round] = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Calls;
            bytes = (GC.GetTotalAllocatedBytes(precise: true) - before) / Calls / threads;
        }

        Array.Sort(times);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times[Rounds / 2],7:0} ns ({times[0]:0})  {bytes,4} B  {name}"));
    }

    private static void Loop<T>(Func<T> call)
    {
        for (var i = 0; i < Calls; i++) call();
    }
}

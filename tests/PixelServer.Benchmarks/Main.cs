using BenchmarkDotNet.Running;
using PixelServer.Benchmarks;

switch (args.FirstOrDefault())
{
    case "copy":
        await CopyBenchmark.RunAsync(args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 5_000);
        break;
    case "indexes":
        await IndexBenchmark.RunAsync();
        break;
    case "keys":
        await KeyTiming.RunAsync();
        break;
    case "sides":
        await SidesBenchmark.RunAsync();
        break;
    case "identity":
        await IdentityBenchmark.RunAsync();
        break;
    case "daily":
        DailyBenchmark.Run();
        break;
    default:
        BenchmarkSwitcher.FromAssembly(System.Reflection.Assembly.GetExecutingAssembly()).Run(args);
        break;
}

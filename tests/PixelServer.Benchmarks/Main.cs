using BenchmarkDotNet.Running;
using PixelServer.Benchmarks;

switch (args.FirstOrDefault())
{
    case "copy":
        await CopyBenchmark.RunAsync();
        break;
    case "indexes":
        await IndexBenchmark.RunAsync();
        break;
    default:
        BenchmarkSwitcher.FromAssembly(System.Reflection.Assembly.GetExecutingAssembly()).Run(args);
        break;
}

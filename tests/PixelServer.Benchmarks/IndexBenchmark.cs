namespace PixelServer.Benchmarks;
internal static class IndexBenchmark { public static Task RunAsync() => Task.CompletedTask; }

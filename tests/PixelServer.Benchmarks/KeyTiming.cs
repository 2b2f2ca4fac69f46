using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Api;
using PixelServer.Ops;

namespace PixelServer.Benchmarks;

/// <summary>
/// Whether the time of a look-up tells what was wrong with a key: kinds of keys in random order, Welch's t of each against the right one.
/// <c>dotnet run -c Release --project tests/PixelServer.Benchmarks -- keys</c>
/// </summary>
internal static class KeyTiming
{
    private const int Keys = 1_000;
    private const int Rounds = 50_000;
    private const int Calls = 20;

    public static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("pixelserver-keys-").FullName;
        var directory = new DataDirectory(folder);
        var file = new ApiKeyFile(directory.KeyFile("api"));
        var text = "";
        for (var i = 0; i < Keys; i++)
            (_, text) = await file.CreateAsync(new() { Id = "", Sha256 = default, CreatedAt = default, Kind = KeyKind.Secret, Site = "shop" }, default, default);
        var keys = new ApiKeys(new KeyOptions(), directory, TimeProvider.System, NullLogger<ApiKeys>.Instance);
        (string Name, string Text)[] kinds =
        [
            ("right", text),
            ("wrong at its first character", text[..13] + (text[13] == 'A' ? 'B' : 'A') + text[14..]),
            ("wrong at its last character", text[..^1] + (text[^1] == 'A' ? 'B' : 'A')),
            ("unknown id", "pxs_aaaaaaaa" + text[12..]),
            ("right, measured again", text),
        ];

        var samples = kinds.Select(_ => new double[Rounds]).ToArray();
        var order = Enumerable.Range(0, kinds.Length).ToArray();
        for (var round = -2_000; round < Rounds; round++) // the first ones warm up
        {
            Random.Shared.Shuffle(order);
            foreach (var kind in order)
            {
                var started = Stopwatch.GetTimestamp();
                for (var i = 0; i < Calls; i++) keys.Find(kinds[kind].Text);
                if (round >= 0) samples[kind][round] = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Calls;
            }
        }

        Console.WriteLine($"{Keys} keys, {Rounds} samples of {Calls} calls each, the slowest tenth of each kind left out");
        Console.WriteLine("median ns  mean ns  difference  Welch's t  kind");
        var right = Spread(samples[0]);
        for (var kind = 0; kind < kinds.Length; kind++)
        {
            var (median, mean, error) = Spread(samples[kind]);
            var t = kind == 0 ? 0 : (mean - right.Mean) / Math.Sqrt(error * error + right.Error * right.Error);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{median,9:0.0}  {mean,7:0.0}  {mean - right.Mean,10:0.0}  {t,9:0.0}  {kinds[kind].Name}"));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static (double Median, double Mean, double Error) Spread(double[] all)
    {
        var kept = all.Order().Take(all.Length * 9 / 10).ToArray();
        var mean = kept.Average();
        return (all.Order().ElementAt(all.Length / 2), mean, Math.Sqrt(kept.Sum(x => (x - mean) * (x - mean)) / (kept.Length - 1) / kept.Length));
    }
}

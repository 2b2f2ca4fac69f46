using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed partial class MetersTests
{
    [Fact]
    public async Task Every_documented_figure_is_served_and_no_other()
    {
        await using var app = await PixelApp.StartAsync();
        app.Ledger.Refused("bad_json"); // a label that never occurred has no line
        app.Services.GetRequiredService<Meters>().Flushed(TimeSpan.FromMilliseconds(2), 17);
        app.Services.GetRequiredService<Meters>().BatchStored(TimeSpan.FromMilliseconds(20));

        var text = await app.Client.GetStringAsync("/metrics");

        var served = Name().Matches(text).Select(match => match.Groups["name"].Value).Where(name => name.StartsWith("pixel_", StringComparison.Ordinal)).Order();
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md"));
        var documented = Documented().Matches(document).Select(match => match.Groups["name"].Value).Order();
        Assert.Equal(documented, served);
        Assert.Contains("dotnet_process_memory_working_set", text, StringComparison.Ordinal);
        Assert.DoesNotContain("http_server_", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Histograms_have_buckets_below_a_millisecond()
    {
        await using var app = await PixelApp.StartAsync();
        app.Services.GetRequiredService<Meters>().Flushed(TimeSpan.FromMicroseconds(80), 3);

        var text = await app.Client.GetStringAsync("/metrics");

        Assert.Contains("""pixel_journal_flush_seconds_bucket{le="0.0001"} 1""", text, StringComparison.Ordinal);
        Assert.Contains("""pixel_journal_flush_seconds_bucket{le="5E-05"} 0""", text, StringComparison.Ordinal);
        Assert.Contains("""pixel_journal_flush_events_bucket{le="4"} 1""", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_balances_in_every_scrape_while_events_come_and_go()
    {
        await using var app = await PixelApp.StartAsync();
        var ledger = app.Ledger;
        using var stop = new CancellationTokenSource();
        var traffic = Task.Run(async () =>
        {
            ledger.Recovered(1_000_000);
            while (!stop.IsCancellationRequested)
            {
                ledger.Accepted(7);
                ledger.Refused("bad_json");
                ledger.Refused("queue_full", 2);
                ledger.Stored(6);
                ledger.Rejected(1);
                await Task.Yield(); // others need the processor too
            }
        });

        var seen = new HashSet<double>();
        try
        {
            await Eventually.TrueAsync(async () =>
            {
                var text = await app.Client.GetStringAsync("/metrics");
                var received = Sum(text, "pixel_events_received_total");
                Assert.Equal(
                    received + Sum(text, "pixel_events_recovered_total"),
                    Sum(text, "pixel_events_stored_total") + Sum(text, "pixel_events_rejected_total")
                    + Sum(text, "pixel_events_refused_total") + Sum(text, "pixel_events_waiting"));
                seen.Add(received);
                return seen.Count == 10 || traffic.IsCompleted;
            }, () => $"{seen.Count} figures seen");
        }
        finally
        {
            await stop.CancelAsync();
            await traffic;
        }
    }

    [Fact]
    public async Task Two_servers_in_one_process_do_not_read_each_others_figures()
    {
        await using var one = await PixelApp.StartAsync();
        await using var other = await PixelApp.StartAsync();
        one.Ledger.Refused("bad_json", 3);

        Assert.Equal(3, Sum(await one.Client.GetStringAsync("/metrics"), "pixel_events_received_total"));
        Assert.Equal(0, Sum(await other.Client.GetStringAsync("/metrics"), "pixel_events_received_total"));
    }

    private static double Sum(string text, string name) => text.Split('\n')
        .Where(line => line.StartsWith(name + " ", StringComparison.Ordinal) || line.StartsWith(name + "{", StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));

    [GeneratedRegex(@"^# TYPE (?<name>\S+) ", RegexOptions.Multiline)]
    private static partial Regex Name();

    [GeneratedRegex(@"^\| `(?<name>pixel_\w+)(\{\w+\})?` \|", RegexOptions.Multiline)]
    private static partial Regex Documented();
}

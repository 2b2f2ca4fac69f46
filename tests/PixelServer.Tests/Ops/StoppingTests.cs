using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class StoppingTests
{
    private const int Sent = 2_000;

    [Theory]
    [InlineData("Flushed")]
    [InlineData("Written")]
    [InlineData("Queued")]
    public async Task Every_hit_answered_before_the_stop_is_in_the_store_after_it(string acknowledge)
    {
        // With this delay nothing but the stop makes the drain move.
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Store:MaxDelay=00:01:00", $"--Pixel:Acknowledge={acknowledge}"]);
        await SendAsync(app);

        await app.StopAsync();

        Assert.Equal(Sent, await CountAsync(app));
        var page = app.Ledger.Read();
        Assert.Equal((Sent, Sent, 0), (page.Received, page.Stored, page.Waiting));
    }

    [Fact]
    public async Task Each_stage_stops_before_the_one_that_it_empties_itself_into()
    {
        await using var app = await PixelApp.StartAsync();

        var stops = app.Services.GetServices<IHostedService>().Reverse().Select(service => service.GetType().Name).ToList();

        var order = new[] { "GenericWebHostService", nameof(Journal), nameof(Drain) };
        Assert.Equal(order, stops.Where(order.Contains));
    }

    [Fact]
    public async Task Hits_that_race_with_the_stop_are_answered_only_if_they_are_kept()
    {
        using var folder = new TempFolder();
        var answered = 0;
        await using (var app = await PixelApp.StartAsync(directory: folder.Path))
        {
            var senders = Enumerable.Range(0, 8).Select(sender => Task.Run(async () =>
            {
                try
                {
                    for (var i = 0; ; i++)
                    {
                        using var answer = await app.Client.GetAsync($"/p.gif?eid={sender}-{i}");
                        if (answer.StatusCode == HttpStatusCode.OK) Interlocked.Increment(ref answered);
                    }
                }
                catch (HttpRequestException)
                {
                    // The server is gone: what had no answer may be lost or kept.
                }
            })).ToArray();
            await Eventually.TrueAsync(() => Volatile.Read(ref answered) > 500, () => $"{answered} answers");

            await app.StopAsync();
            await Task.WhenAll(senders);
        }

        await using var next = await PixelApp.StartAsync(directory: folder.Path);
        await Eventually.TrueAsync(() => next.Ledger.Read().Waiting == 0, () => next.Output);
        Assert.InRange(await CountAsync(next), answered, answered + 8); // at most one without an answer per sender
    }

    [Fact]
    public async Task What_the_store_did_not_take_before_the_deadline_arrives_after_the_next_start()
    {
        using var folder = new TempFolder();
        await using (var app = await PixelApp.StartAsync(
            postgres: "Host=127.0.0.1;Port=1;Username=nobody;Timeout=1", directory: folder.Path, settings: ["--Pixel:Ops:ShutdownTimeout=00:00:02"]))
        {
            await SendAsync(app);
            await app.StopAsync();
            Assert.Equal(Sent, app.Ledger.Read().Waiting);
        }

        await using var next = await PixelApp.StartAsync(directory: folder.Path);
        await next.StoredAsync(Sent);
        Assert.Equal(Sent, next.Ledger.Read().Recovered);
        Assert.Equal(Sent, await CountAsync(next));
    }

    private static Task SendAsync(PixelApp app) => Parallel.ForAsync(0, Sent, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, ct) =>
    {
        using var answer = await app.Client.GetAsync($"/p.gif?eid={i}", ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("X-Pixel-Refused"));
    });

    // Pages of a thousand are the most that the store hands out; two site-free pages would overlap, so the rows are counted in the file.
    private static async Task<int> CountAsync(PixelApp app)
    {
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "select count(*), count(distinct client_event_id) from events";
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        Assert.Equal(reader.GetInt32(0), reader.GetInt32(1));
        return reader.GetInt32(0);
    }
}

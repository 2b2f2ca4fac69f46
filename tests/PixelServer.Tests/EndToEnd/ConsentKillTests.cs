using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using PixelServer.Tests.Privacy;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>An answer to a consent record is a promise that a killed server keeps.</summary>
[Collection(nameof(Alone))]
public sealed class ConsentKillTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task Every_record_that_was_answered_is_there_once_after_kills_and_the_chain_is_whole(string store)
    {
        await using var server = await LiveServer.StartAsync(store, postgres, "--Pixel:Privacy:SyncEvery=00:00:00.1");
        var answered = new ConcurrentBag<string>();
        for (var round = 0; round < 3; round++)
        {
            var before = answered.Count;
            using var stop = new CancellationTokenSource();
            var senders = Enumerable.Range(0, 8).Select(sender => SendAsync(server.Process.Address, $"{round}-{sender}", answered, stop.Token)).ToArray();
            await Eventually.TrueAsync(() => answered.Count > before + 300, () => server.Process.Said);
            await server.Process.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(senders);
            await server.Process.StartReadyAsync();
        }

        await Eventually.TrueAsync(async () => await server.Tables.CountAsync("consent_records") >= answered.Count, () => $"{answered.Count} records\n{server.Process.Said}");
        var stored = await server.Tables.QueryAsync("select record_id from consent_records", row => row.GetString(0));
        Assert.Equal(stored.Count, stored.Distinct().Count());
        Assert.Empty(answered.Except(stored));
        var chains = await server.Tables.QueryAsync("select count(distinct chain), min(seq), max(seq), count(*) from consent_records", row => (row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)));
        Assert.Equal((1, 1, stored.Count, stored.Count), Assert.Single(chains));
    }

    // One after the other, until the server is gone.
    private static async Task SendAsync(Uri address, string name, ConcurrentBag<string> answered, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(10) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "end-to-end-tests");
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var id = $"r-{name}-{i}";
            try
            {
                using var answer = await client.PostAsync("/api/consents", new StringContent(ConsentApiTests.One("granted", id: id, subject: $"u-{id}"), Encoding.UTF8, "application/json"), stop);
                if (answer.IsSuccessStatusCode) answered.Add(id);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
            {
                return; // killed
            }
        }
    }
}

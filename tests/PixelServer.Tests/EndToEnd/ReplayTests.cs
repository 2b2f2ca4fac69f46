using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using PixelServer.Api;
using PixelServer.Tests.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// What an SDK does when it gets no answer: it sends the batch again, with the same message ids. Each message is stored once, whatever became of
/// the answers, of the process between them, and of the store.
/// </summary>
[Collection(nameof(Alone))]
public sealed class ReplayTests(SharedPostgres postgres)
{
    private const int Clients = 4, Batches = 25, Messages = 20, Kills = 4;

    [Theory]
    [InlineData("postgresql")]
    [InlineData("sqlite")]
    public async Task A_batch_that_is_sent_until_it_is_answered_is_stored_once_though_the_server_is_killed(string store)
    {
        using var folder = new TempFolder();
        var connection = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : null;
        var tables = connection is null ? Tables.Sqlite(folder.File("pixel.db")) : Tables.Postgres(connection);
        Directory.CreateDirectory(folder.File("keys"));
        var (_, key) = await KeyHost.MakeAsync(new ApiKeyFile(folder.File("keys/api")), KeyKind.Secret);
        await using var server = new ServerProcess(folder.Path, $"--ConnectionStrings:Postgres={connection}");
        await server.StartReadyAsync();

        using var over = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        var answered = 0;
        var clients = Enumerable.Range(0, Clients).Select(client => SendAsync(server.Address, key, client, () => Interlocked.Increment(ref answered), over.Token)).ToList();
        try
        {
            for (var kill = 1; kill <= Kills; kill++)
            {
                await Eventually.TrueAsync(() => Volatile.Read(ref answered) >= kill * Clients * Batches / (Kills + 1), () => $"{answered} batches are answered\n{server.Said}", TimeSpan.FromMinutes(2));
                await server.KillAsync();
                await server.StartReadyAsync();
            }

            await Task.WhenAll(clients);
        }
        finally
        {
            await over.CancelAsync(); // a client that gets no answer knocks until then
        }

        await Eventually.TrueAsync(async () => (await server.MetricsAsync())["pixel_events_waiting"] == 0, () => $"nothing waits\n{server.Said}", TimeSpan.FromMinutes(2));

        var ids = await tables.QueryAsync("select user_id from events", row => row.GetString(0));
        Assert.Equal(Clients * Batches * Messages, ids.Distinct().Count());
        Assert.Equal(ids.Distinct().Count(), ids.Count);
        Assert.Equal(ids.Count, await tables.CountAsync("event_receipts"));
        Assert.Equal(0, await server.StopAsync());
    }

    // Every third batch goes out once more although it was answered: the answer might have been lost behind us.
    private static async Task SendAsync(Uri server, string key, int client, Action answered, CancellationToken over)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(key + ":")));
        for (var batch = 0; batch < Batches; batch++)
        {
            var number = batch;
            var body = JsonSerializer.Serialize(new
            {
                batch = Enumerable.Range(0, Messages).Select(i => new { type = "track", @event = "replayed", messageId = $"m-{client}-{number}-{i}", userId = $"u-{client}-{number}-{i}" }),
            });
            for (var copies = batch % 3 == 0 ? 2 : 1; copies > 0; copies--)
                while (!await IsTakenAsync(http, new Uri(server, "/v1/batch"), body, over)) await Task.Delay(10, over); // the server is down: knock until it is back
            answered();
        }
    }

    private static async Task<bool> IsTakenAsync(HttpClient http, Uri address, string body, CancellationToken over)
    {
        try
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var answer = await http.PostAsync(address, content, over);
            if ((int)answer.StatusCode is 503 or 429) return false;
            Assert.Equal(200, (int)answer.StatusCode);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !over.IsCancellationRequested))
        {
            return false;
        }
    }
}

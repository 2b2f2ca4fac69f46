using System.Text.Json.Nodes;
using Microsoft.Playwright;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>SDKs as their maker publishes them, against the running server: nothing but hosts and keys is ours.</summary>
public sealed class SegmentClientsTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>
{
    private static readonly string[] s_personal = ["Jane", "jane", "Doe", "Wien", "203.0.113.77"];

    [Fact]
    public async Task A_backend_with_the_node_sdk_and_a_secret_key_is_rows_with_every_field()
    {
        await using var host = await SegmentHost.StartAsync();
        var before = DateTimeOffset.UtcNow;

        var (code, said, complained) = await NodeClients.RunAsync("@segment/analytics-node", "segment-node.mjs", host.App.Address.ToString(), host.SecretKey);

        Assert.Equal("", complained);
        Assert.Equal((0, "200 /v1/batch"), (code, said.Trim()));
        var events = await host.EventsAsync(6);
        Assert.Equal("", string.Join("\n", events.Select(one => one.ToJsonString())));
        _ = before;
        _ = postgres;
        _ = chromium;
    }
}

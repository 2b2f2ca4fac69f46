using System.Text;
using System.Text.Json.Nodes;

namespace PixelServer.Tests.Api;

/// <summary>A server whose clock stands at a known instant, and requests as partners and their clients make them.</summary>
public sealed class PartnerHost : IAsyncLifetime
{
    /// <summary>When everything arrives.</summary>
    public static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private long _sent;

    internal SegmentHost Host { get; private set; } = null!;
    public string Secret => Host.SecretKey;

    public async ValueTask InitializeAsync() => Host = await SegmentHost.StartAsync(new StandingClock(Now), "--Pixel:Partners:AdjustEvents:f0ob4r=purchase");

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    internal Task<SegmentHost.Answer> JsonAsync(string path, string body, params (string Name, string Value)[] headers) => SendAsync(path, body, "application/json", headers);

    internal Task<SegmentHost.Answer> FormAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync(path, body, "application/x-www-form-urlencoded", headers);

    internal Task<SegmentHost.Answer> GetAsync(string path) => Host.GetAsync(path, ("Authorization", "Bearer " + Secret));

    /// <summary>Sends one event, which must be kept and answered as the partner would, and gives its row.</summary>
    internal async Task<JsonObject> KeptAsync(Func<PartnerHost, Task<SegmentHost.Answer>> send, string answer)
    {
        var said = await send(this);
        Assert.Equal($"200 {answer}", $"{said.Status} {said.Text}");
        return (await RowsAsync(1))[^1];
    }

    /// <summary>Waits for so many more events that were accepted, and gives all rows.</summary>
    internal async Task<IReadOnlyList<JsonObject>> RowsAsync(int accepted)
    {
        await Host.App.StoredAsync(_sent += accepted);
        return await Host.RowsAsync();
    }

    private Task<SegmentHost.Answer> SendAsync(string path, string body, string type, (string Name, string Value)[] headers)
    {
        var content = new StringContent(body, Encoding.UTF8, type);
        return Host.SendAsync(HttpMethod.Post, path, content, headers.Length > 0 ? headers : [("Authorization", "Bearer " + Secret)]);
    }
}

/// <summary>Says the instant that it is told, while what waits goes on by the real clock.</summary>
internal sealed class StandingClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}

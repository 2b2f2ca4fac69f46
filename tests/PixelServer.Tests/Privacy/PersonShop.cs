using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Api;
using PixelServer.Store;
using PixelServer.Tests.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>The real server with a shop's visitors: every door that takes what names a person, and what the operator asks.</summary>
internal sealed class PersonShop : IAsyncDisposable
{
    public const string Site = "shop";

    private readonly string _secret;
    private readonly TempFolder? _folder;

    private PersonShop(PixelApp app, string postgres, string secret, TempFolder? folder) => (App, Postgres, _secret, _folder) = (app, postgres, secret, folder);

    public PixelApp App { get; }

    /// <summary>Empty for the embedded store.</summary>
    public string Postgres { get; }

    public PersonTraces Traces => PersonTraces.Of(App.DataDirectory, Postgres);

    public static Task<PersonShop> StartAsync(string postgres = "", string? directory = null, params string[] settings) => StartWithAsync(_ => { }, postgres, directory, settings);

    public static async Task<PersonShop> StartWithAsync(Action<IServiceCollection> replace, string postgres = "", string? directory = null, params string[] settings)
    {
        var folder = directory is null ? new TempFolder() : null;
        var keys = Directory.CreateDirectory(Path.Combine(directory ?? folder!.Path, "keys"));
        var (_, secret) = await KeyHost.MakeAsync(new ApiKeyFile(Path.Combine(keys.FullName, "api")), KeyKind.Secret, Site);
        return new(await PixelApp.StartAsync(postgres, directory: directory ?? folder!.Path, settings: settings, replace: replace), postgres, secret, folder);
    }

    /// <returns>The reason of the refusal; null where it was taken.</returns>
    public async Task<string?> PixelAsync(string query, Guid? visitor = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/p.gif?id={Site}&{query}");
        if (visitor is { } id) request.Headers.Add("Cookie", Cookie(id));
        using var answer = await App.Client.SendAsync(request);
        Assert.Equal(200, (int)answer.StatusCode);
        return answer.Headers.TryGetValues("X-Pixel-Refused", out var reason) ? reason.Single() : null;
    }

    public string Cookie(Guid visitor) =>
        App.Services.GetRequiredService<PixelServer.Collect.VisitorCookie>().Set(visitor, TimeProvider.System.GetUtcNow(), "", secure: false).Split(';')[0];

    /// <summary>As a backend tells of it, with the secret key.</summary>
    public Task<(int Status, string Body)> BackendAsync(object body) => SendAsync("/v1/events", body, "Bearer " + _secret);

    public Task<(int Status, string Body)> SegmentAsync(string call, object body) => SendAsync($"/v1/{call}", body, KeyHost.Basic(_secret));

    public Task<(int Status, string Body)> BeaconAsync(object body) => SendAsync("/b", body, null);

    public async Task<JsonElement> AskAsync(string verb, object body, int status = 200)
    {
        var (answered, text) = await SendAsync($"/api/persons/{verb}", body, "Bearer " + PixelApp.Token);
        Assert.True(status == answered, $"{answered} {text}\n{App.Output}");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    /// <summary>How an erasure stands.</summary>
    public async Task<JsonElement> StateAsync(JsonElement erasure)
    {
        using var answer = await App.AdminAsync($"/api/persons/requests/{erasure.GetProperty("request_id").GetString()}");
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
    }

    public async Task<int> ConsentAsync(string kind, string id) => (await SendAsync(
        "/api/consents", new { site_id = Site, subject = new { kind, id }, purpose = "ads", decision = "denied", method = "banner" }, "Bearer " + PixelApp.Token)).Status;

    public async Task<int> DecideAsync(string recipient, bool tracking) =>
        (await SendAsync("/api/mail/recipients", new { site_id = Site, recipient_id = recipient, tracking }, "Bearer " + PixelApp.Token)).Status;

    /// <summary>Puts an event where those are that the store refused.</summary>
    public async Task RejectAsync(Hit hit)
    {
        var store = App.Services.GetRequiredService<IEventStore>();
        var e = App.Services.GetRequiredService<PixelServer.Enrich.Enricher>().Enrich(hit);
        var run = Guid.NewGuid();
        await store.RejectAsync(new(run, 0, [e], [8], 8), new("22P05", "refused", null), CancellationToken.None);
    }

    /// <summary>Everything that is kept of a person: pages before and after the login, a backend's event with an e-mail, a message with an id, a mail's decision, a consent, an opt-out, a row that the store refused.</summary>
    public async Task BusyAsync(string user, Guid device, string email)
    {
        Assert.Null(await PixelAsync("title=the+page+of+ada", device));
        Assert.Null(await PixelAsync($"u={user}&url=https%3A%2F%2Fexample%2Faccount", device));
        Assert.Equal(200, (await BackendAsync(new { @event = "purchase", user_id = user, identity = new { email }, value = 12.5, currency = "EUR" })).Status);
        Assert.Equal(200, (await SegmentAsync("track", new { @event = "seen", userId = user, messageId = Guid.NewGuid() })).Status);
        Assert.InRange((await BeaconAsync(new { site_id = Site, user_id = user, properties = new { note = "x" } })).Status, 200, 204);
        Assert.Equal(204, await DecideAsync(user, tracking: false)); // a consent record too
        var (status, said) = await SendAsync(
            "/api/consents", new { site_id = Site, subject = new { kind = "user", id = user }, purpose = "ads", decision = "denied", method = "banner" }, "Bearer " + PixelApp.Token);
        Assert.True(status == 200, said);
        using var optOut = new HttpRequestMessage(HttpMethod.Get, $"/p.gif?id={Site}&u={user}") { Headers = { { "Cookie", Cookie(device) }, { "Sec-GPC", "1" } } };
        (await App.Client.SendAsync(optOut)).Dispose();
        await App.StoredAsync(1); // the tables are there
        await Eventually.TrueAsync(
            async () => (await Traces.AskAsync($"select record_id from consent_records where subject_id = '{user}'")).Count == 2 && await Traces.InStoreAsync("opt_outs", user),
            () => "consent records and the opt-out are in the store\n" + App.Output);
        Assert.Equal(200, (await SendAsync("/api/consents", new { site_id = Site, subject = new { kind = "email_sha256", id = Sha256(email.ToLowerInvariant()) }, purpose = "own", decision = "granted", page = "https://shop.example/" + user }, "Bearer " + PixelApp.Token)).Status);
        await Eventually.TrueAsync(async () => (await Traces.InStoreAsync("mail_decisions", user)), () => "the decision is in the store\n" + App.Output);
        await Eventually.TrueAsync(() => Traces.InStoreAsync("consent_records", Sha256(email.ToLowerInvariant())), () => "and that of the address\n" + App.Output);
        await RejectAsync(HitOf(user, device));
    }

    private static Hit HitOf(string user, Guid device) => new()
    {
        EventId = Guid.CreateVersion7(),
        ReceivedAt = TimeProvider.System.GetUtcNow(),
        OccurredAt = TimeProvider.System.GetUtcNow(),
        SiteId = Site,
        Source = Source.Pixel,
        Name = "rejected",
        VisitorId = device,
        VisitorKind = VisitorKind.Cookie,
        UserId = user,
        ConsentStorage = true,
        ConsentMeasurement = true,
        ConsentAds = true,
    };

    /// <summary>What was sent is in the store.</summary>
    public Task DrainedAsync() => Eventually.TrueAsync(() => App.Ledger.Read().Waiting == 0, () => $"nothing waits; {App.Ledger.Read()}\n{App.Output}");

    public static string Sha256(string email) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(email)));

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _folder?.Dispose();
    }

    private async Task<(int Status, string Body)> SendAsync(string path, object body, string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body as HttpContent ?? JsonContent.Create(body) };
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var answer = await App.Client.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}

using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Api;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>The real program with one door more, which asks the gate and says whose key it was: <c>{kind} {site} {id}</c>. The body is the key of the body.</summary>
internal sealed class KeyHost : IAsyncDisposable
{
    public const string Door = "/door";

    private KeyHost(PixelApp app) => App = app;

    public PixelApp App { get; }

    public ApiKeyFile File => new(Path.Combine(App.DataDirectory, "keys", "api"));

    internal static async Task<KeyHost> StartAsync(TimeProvider? clock = null, string? directory = null, IEnumerable<string>? settings = null, KeyProof? proof = null) =>
        new(await PixelApp.StartAsync(clock: clock, directory: directory, settings: settings, replace: services =>
        {
            if (proof is not null) services.AddSingleton(proof);
            services.AddSingleton<IStartupFilter>(new ExtraDoor());
        }));

    /// <summary>Makes a key in the file, as the verb does; the server sees it when it looks again.</summary>
    public Task<(ApiKey Key, string Text)> MakeAsync(
        KeyKind kind = KeyKind.Write, string site = "shop", DateTimeOffset? expiresAt = null, int? rate = null, params string[] origins) =>
        MakeAsync(File, kind, site, expiresAt, rate, origins);

    public static Task<(ApiKey Key, string Text)> MakeAsync(
        ApiKeyFile file, KeyKind kind = KeyKind.Write, string site = "shop", DateTimeOffset? expiresAt = null, int? rate = null, params string[] origins) =>
        file.CreateAsync(
            new() { Id = "", Sha256 = default, CreatedAt = default, Kind = kind, Site = site, ExpiresAt = expiresAt, RequestsPerSecond = rate, Origins = origins },
            DateTimeOffset.UnixEpoch, CancellationToken.None);

    public async Task<Answer> AskAsync(string? authorization = null, string body = "", string query = "", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Door + query) { Content = new StringContent(body) };
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await App.Client.SendAsync(request);
        return new((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(),
            answer.Headers.Concat(answer.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>As SDKs write it.</summary>
    public static string Basic(string key) => "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes(key + ":"));

    public ValueTask DisposeAsync() => App.DisposeAsync();

    internal sealed record Answer(int Status, string Body, IReadOnlyDictionary<string, string> Headers)
    {
        /// <summary>The code of the problem, or who was let in.</summary>
        public string Said => Status == 200 ? Body : System.Text.Json.JsonDocument.Parse(Body).RootElement.GetProperty("code").GetString()!;
    }

    private sealed class ExtraDoor : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(inner => async http =>
            {
                if (http.Request.Path != Door)
                {
                    await inner(http);
                    return;
                }

                using var reader = new StreamReader(http.Request.Body);
                var body = await reader.ReadToEndAsync();
                if (http.RequestServices.GetRequiredService<KeyGate>().Admit(http, body, out var key) is { } refusal)
                {
                    Assert.Null(key);
                    await refusal.WriteAsync(http.Response);
                    return;
                }

                await http.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{key!.Kind} {key.Site} {key.Id}"));
            });
            next(app);
        };
    }
}

using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>Puts the public doors into the server.</summary>
internal static class CollectSetup
{
    private static readonly string[] s_own = ["/healthz", "/readyz", "/metrics", "/swagger", "/api", "/demo", "/v1", "/projects", "/.well-known"];
    private static readonly Encoding s_headerText = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    /// <summary>Needs a <see cref="Journal.Journal"/>, the <see cref="Ledger"/>, <see cref="Standings"/> and, unless <c>Pixel:CookieKey</c> is set, the <see cref="DataDirectory"/>.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddCollect(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.Read<CollectOptions>(configuration, "Pixel");
        CheckPaths(options.Paths);
        var sites = new Sites(configuration, options.DefaultSite, options.UnknownSites);
        var trusted = Trusted(options, configuration);

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(sites);
        services.AddSingleton(trusted);
        services.AddSingleton<EventIds>();
        services.AddSingleton<UnwrittenOptOuts>();
        services.AddSingleton<Admission>();
        services.AddSingleton<DailyKeys>().AddSingleton<DailyVisitors>();
        services.AddSingleton(provider => DailySeal.Of(options.CookieKey, provider.GetRequiredService<DataDirectory>));
        services.AddSingleton(provider => SubjectKeys.Of(options.CookieKey, provider.GetRequiredService<DataDirectory>));
        services.AddSingleton(provider => new VisitorCookie(CookieKey(options, provider)));
        services.AddSingleton<Callers>().AddSingleton<PixelDoor>().AddSingleton<BeaconDoor>().AddSingleton<SignalDoor>();
        services.Configure<KestrelServerOptions>(Limit);
        services.AddSingleton(new Door("pixel", options.Paths.Pixel)).AddSingleton(new Door("beacon", options.Paths.Beacon));
        foreach (var route in DoorRoutes.Of(options.Paths)) services.AddSingleton(route);
        return services;
    }

    /// <summary>Answers the doors' paths, exactly as they are spelled, before anything else sees the request.</summary>
    public static IApplicationBuilder UseCollect(this IApplicationBuilder app)
    {
        var paths = app.ApplicationServices.GetRequiredService<CollectOptions>().Paths;
        var pixel = app.ApplicationServices.GetRequiredService<PixelDoor>();
        var beacon = app.ApplicationServices.GetRequiredService<BeaconDoor>();
        var signal = app.ApplicationServices.GetRequiredService<SignalDoor>();
        return app.Use(next => http =>
        {
            var path = http.Request.Path.Value;
            if (string.Equals(path, paths.Pixel, StringComparison.Ordinal)) return pixel.AnswerAsync(http);
            if (string.Equals(path, paths.Beacon, StringComparison.Ordinal)) return beacon.AnswerAsync(http);
            return string.Equals(path, paths.Signal, StringComparison.Ordinal) ? signal.AnswerAsync(http) : next(http);
        });
    }

    // Also no path below another one: /c/{token} and a pixel at /c/p.gif would be two answers to one address.
    private static void CheckPaths(PathOptions paths)
    {
        var seen = new List<(string Name, string Path)>();
        foreach (var (name, path) in paths.All)
        {
            RefuseOwn($"Pixel:Paths:{name}", path);
            foreach (var other in seen)
                if (new PathString(path).StartsWithSegments(other.Path, StringComparison.Ordinal) || new PathString(other.Path).StartsWithSegments(path, StringComparison.Ordinal))
                    throw new SettingException($"Pixel:Paths:{name}", path, $"another path than Pixel:Paths:{other.Name}");
            seen.Add((name, path));
        }
    }

    // The doors stand in front: one at such a path would hide what operators and probes ask for, and lie outside the admin token's gate.
    private static void RefuseOwn(string key, string path)
    {
        foreach (var own in s_own)
            if (new PathString(path).StartsWithSegments(own, StringComparison.OrdinalIgnoreCase))
                throw new SettingException(key, path, $"a path that is none of the server's own ({string.Join(", ", s_own)})");
    }

    private static void Limit(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = Limits.Connections;
        kestrel.Limits.MaxRequestLineSize = Limits.RequestLineBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = Limits.HeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = Limits.HeaderCount;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(Limits.HeaderSeconds);

        // A stray byte in a cookie of somebody else's must not cost the hit: the default answers 400 to broken UTF-8.
        kestrel.RequestHeaderEncodingSelector = _ => s_headerText;
    }

    private static TrustedProxies Trusted(CollectOptions options, IConfiguration configuration)
    {
        if (CollectOptions.List(configuration, "Pixel:TrustedProxies", options.TrustedProxies) is not { } listed) return TrustedProxies.Loopback;
        var networks = new List<IPNetwork>();
        for (var i = 0; i < listed.Count; i++)
        {
            if (!TrustedProxies.TryParse(listed[i], out var network))
                throw new SettingException($"Pixel:TrustedProxies:{i}", listed[i], "an address such as 10.0.0.1 or a network such as 10.0.0.0/8");
            networks.Add(network);
        }

        return new TrustedProxies(networks);
    }

    // A shared secret is text of any length; the cookie wants 32 bytes.
    private static byte[] CookieKey(CollectOptions options, IServiceProvider provider) => options.CookieKey.Length > 0
        ? SHA256.HashData(Encoding.UTF8.GetBytes(options.CookieKey))
        : provider.GetRequiredService<DataDirectory>().Key("cookie", 32);
}

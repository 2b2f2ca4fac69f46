using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Metrics;

namespace PixelServer.Ops;

/// <summary>What every stage leans on, and the addresses for those who run the server.</summary>
internal static class OpsEndpoints
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>What every stage leans on: settings, clock, data directory, ledger, meters, log.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static void AddBasics(this IServiceCollection services, IConfiguration configuration)
    {
        var pixel = Settings.Read<PixelOptions>(configuration, "Pixel");
        var ops = Settings.Read<OpsOptions>(configuration, "Pixel:Ops");
        services.AddSingleton(pixel).AddSingleton(ops).AddSingleton(new DataDirectory(pixel.DataDirectory));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(_ => new Terminal(Console.Out));
        services.AddSingleton<Ledger>();
        services.AddSingleton(provider => new Meters(Meters.NextName(), provider.GetRequiredService<Ledger>()));
        services.AddLog(ops);
    }

    /// <summary>Health, figures, the API page, the banner, the admin token, the manner of stopping. Needs <see cref="AddBasics"/>.</summary>
    /// <exception cref="IOException">The kept admin token cannot be read.</exception>
    public static void AddOps(this IServiceCollection services)
    {
        services.AddSingleton(provider => AdminToken.Load(provider.GetRequiredService<PixelOptions>().AdminToken, provider.GetRequiredService<DataDirectory>()));
        services.AddSingleton<Health>().AddSingleton<Banner>();
        services.AddSingleton<Stopping>().AddHostedService(provider => provider.GetRequiredService<Stopping>());
        services.AddOptions<HostOptions>().Configure<OpsOptions>((host, ops) => host.ShutdownTimeout = ops.DrainDelay + ops.ShutdownTimeout);
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter("System.Runtime") // memory, garbage collection, processor time: read when scraped
            .AddPrometheusExporter(options => options.ScopeInfoEnabled = false));
        services.ConfigureOpenTelemetryMeterProvider((provider, metrics) => metrics.AddMeter(provider.GetRequiredService<Meters>().Name));
        services.AddApiPage();
        foreach (var route in s_routes) services.AddSingleton(route);
    }

    /// <summary>Behind the doors, which throw nothing: the last net under every other request.</summary>
    public static void UseLastNet(this IApplicationBuilder app) => app.UseExceptionHandler(new ExceptionHandlerOptions
    {
        ExceptionHandler = http => Problem.Of(http.Response.StatusCode).WriteAsync(http),
        StatusCodeSelector = e => e is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError,
    });

    /// <summary>Behind the doors, for all that people and operators look at.</summary>
    public static void UseOps(this WebApplication app)
    {
        var services = app.Services;
        _ = services.GetRequiredService<AdminToken>(); // a file that cannot be read stops the start, not the first report
        services.GetRequiredService<Meters>().Observe(services.GetRequiredService<Func<JournalReading>>(), services.GetRequiredService<Func<StoreReading>>(), services.GetRequiredService<Func<DailyKeyReading>>(),
            services.GetRequiredService<Func<RetentionReading>>(), services.GetRequiredService<Func<OptOutReading>>());
        app.Lifetime.ApplicationStarted.Register(() =>
        {
            services.GetRequiredService<AdminToken>().Keep(services.GetRequiredService<DataDirectory>());
            services.GetRequiredService<Banner>().Print();
        });

        app.UseStatusCodePages(context => Problem.Of(context.HttpContext.Response.StatusCode).WriteAsync(context.HttpContext));
        app.Use((http, next) =>
        {
            http.Response.Headers.XContentTypeOptions = "nosniff";
            http.Response.Headers.XFrameOptions = "DENY";
            http.Response.Headers["Referrer-Policy"] = "no-referrer";
            // The API page brings its own styles inside the document; scripts only as files of ours.
            http.Response.Headers.ContentSecurityPolicy =
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
            return next(http);
        });
        app.UseAdminGate();
        app.UseApiPage();
    }

    public static void MapOps(this IEndpointRouteBuilder routes)
    {
        // Alive means: this process answers. Whoever restarts it for a full disk or a database that is away makes things worse.
        routes.MapMethods("/healthz", s_getOrHead, () => Results.Text("ok\n")).ExcludeFromDescription();
        routes.MapMethods("/readyz", s_getOrHead, Ready).ExcludeFromDescription();
        routes.MapPrometheusScrapingEndpoint("/metrics");
    }

    private static JsonHttpResult<Readiness> Ready(Health health)
    {
        var now = health.Read();
        return TypedResults.Json(now, s_json, statusCode: now.Status == Light.Failed ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    private static readonly string[] s_getOrHead = ["GET", "HEAD"];

    private static readonly ApiRoute[] s_routes =
    [
        new("GET", "/healthz", "Operations", "Liveness: this process answers; touches neither disk nor database")
        {
            Answers = [new(200, "Alive.", "text/plain", "ok")],
        },
        new("GET", "/readyz", "Operations", "Readiness, with the state of each dependency")
        {
            Description = "At most one second old. A store that is away is `degraded`, not `failed`: events are taken and kept in the journal.",
            Answers =
            [
                new(200, "Events are taken (`ok` or `degraded`).", "application/json", """
                    {"status":"ok","stopping":false,"dependencies":{
                      "journal":{"status":"ok","state":"writing","durable_position":1048576,"bytes":33554432,"max_bytes":10737418240,"damaged":false},
                      "store":{"status":"ok","name":"postgresql","reachable":true,"lag_events":12,"lag_seconds":0.2,"last_error":null},
                      "disk":{"status":"ok","free_bytes":53687091200,"min_free_bytes":268435456},
                      "daily_visitors":{"status":"ok","key":"shared"},
                      "retention":{"status":"ok","state":"on","last_success":"2026-11-26T10:00:03+00:00","last_error":null,"to_do":null},
                      "opt_outs":{"status":"ok","state":"learning","known":1200,"most":1000000}}}
                    """),
                new(503, "Events cannot be taken, or the server is stopping: the same body."),
            ],
        },
        new("GET", "/metrics", "Operations", "Figures in the text format of Prometheus; the list is in docs/operations.md")
        {
            Answers = [new(200, "The figures.", "text/plain", "pixel_events_stored_total 42")],
        },
    ];
}

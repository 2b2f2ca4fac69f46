using System.Net;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using PixelServer.Collect;

namespace PixelServer.Benchmarks;

/// <summary>What one pixel request costs beside the web server and the journal. Budget: 2 µs and 1.5 KB.</summary>
/// <remarks>The headers lie in a plain dictionary here; Kestrel's own lookups differ a little.</remarks>
[MemoryDiagnoser, Config(typeof(ShortInProcess))]
public class QueryReaderBenchmarks
{
    // In this process: the project that the tool would generate builds for longer than all of this runs.
    private sealed class ShortInProcess : ManualConfig
    {
        public ShortInProcess() => AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
    }

    private const string Query =
        "?id=shop&e=page_view&url=https%3A%2F%2Fshop.example%2Fshoes%3Futm_source%3Dmeta%26fbclid%3Dabc&ref=https%3A%2F%2Fsearch.example%2F"
        + "&title=Shoes+and+more&screen=1920x1080&lang=de-DE";

    private static readonly TimeProvider s_clock = TimeProvider.System;
    private readonly VisitorCookie _cookies = new(new byte[32]);
    private readonly HttpContext _http = new DefaultHttpContext();
    private Admission _admission = null!;

    [Params(false, true)]
    public bool Returning { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _admission = new Admission(new Sites(new ConfigurationBuilder().Build(), new SiteOptions(), UnknownSites.Accept), _cookies, new EventIds(), new Standings(), new SubjectKeys(new byte[32]), new DailyVisitors(new DailyKeys()), new UnwrittenOptOuts());
        _http.Connection.RemoteIpAddress = IPAddress.Parse("203.0.113.7");
        var headers = _http.Request.Headers;
        headers.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        headers["Sec-CH-UA"] = "\"Chromium\";v=\"142\", \"Not?A_Brand\";v=\"99\"";
        headers["Sec-CH-UA-Mobile"] = "?0";
        headers["Sec-CH-UA-Platform"] = "\"Linux\"";
        headers["Sec-Fetch-Dest"] = "image";
        headers["Sec-Fetch-Mode"] = "no-cors";
        headers.Referer = "https://shop.example/";
        headers.AcceptEncoding = "gzip, deflate, br";
        if (Returning) headers.Cookie = "a=b; " + _cookies.Set(Guid.NewGuid(), s_clock.GetUtcNow(), "", false).Split(';')[0];
    }

    [Benchmark]
    public object? ReadQuery()
    {
        var draft = Draft.Fresh();
        return QueryReader.Read(Query, draft);
    }

    [Benchmark]
    public object? WholeHit()
    {
        var caller = Caller.Of(_http, s_clock.GetUtcNow(), TrustedProxies.Loopback, "");
        var visit = new Visit();
        var draft = Draft.Fresh();
        var refusal = QueryReader.Read(Query, draft) ?? _admission.Admit(draft, caller, Source.Pixel, ref visit, out var _);
        return (string?)visit.CookieHeader(_cookies, caller) ?? (object?)refusal;
    }
}

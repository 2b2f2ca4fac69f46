using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Tag;

/// <summary>
/// The ad platforms' hosts. Each script does with its stub what the real one does (takes it over, drains its queue, puts something of its
/// own in its place) and writes down in <c>window.got[key]</c> what it was told. A page path names the case: a script of
/// <c>/{case}/{key}.js</c> is held back until <see cref="Release"/>, or cut off by <see cref="Block"/>.
/// </summary>
internal sealed class VendorScripts : IAsyncDisposable
{
    private const string Open = "open", Blocked = "blocked";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _cases = new();

    public VendorScripts()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{Port}");
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public int Port { get; } = Ports.Free();

    /// <summary>Another site than the shop.</summary>
    public string Address(string of, string key) => $"http://ads.localhost:{Port}/{of}/{key}.js";

    public Task StartAsync() => _app.StartAsync();

    public void Release(string of) => Case(of).TrySetResult(Open);

    public void Block(string of) => Case(of).TrySetResult(Blocked);

    public ValueTask DisposeAsync()
    {
        foreach (var waiting in _cases.Values) waiting.TrySetResult(Blocked);
        return _app.DisposeAsync();
    }

    private TaskCompletionSource<string> Case(string of) => _cases.GetOrAdd(of, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Path.Value!.Trim('/').Split('/') is not [var of, var file] || !s_sources.TryGetValue(file.Split('.')[0], out var source))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (await Case(of).Task == Blocked)
        {
            http.Abort();
            return;
        }

        http.Response.ContentType = "text/javascript; charset=utf-8";
        await http.Response.WriteAsync($$"""
            (() => {
              const key = '{{file.Split('.')[0]}}'
              const got = (window.got ??= {})[key] ??= []
              const take = (...call) => { got.push(JSON.parse(JSON.stringify(call))) }
              {{source}}
              ;(window.arrived ??= {})[key] = true
            })()
            """);
    }

    private static readonly Dictionary<string, string> s_sources = new()
    {
        // Sets callMethod on the stub, which goes on as the way in.
        ["meta"] = """
            const fbq = window.fbq
            if (fbq !== window._fbq) throw Error('conflicting versions')
            fbq.callMethod = function () { take(...arguments) }
            while (fbq.queue.length) fbq.callMethod.apply(fbq, fbq.queue.shift())
            """,
        // Goes through what was pushed, then wraps push: gtag's arguments are commands, the rest are objects.
        ["google"] = """
            const list = window.dataLayer
            const { push } = list
            const read = (entry) => { if ('callee' in entry) take(...entry); else take(entry) }
            list.push = function (...entries) {
              const length = push.apply(list, entries)
              entries.forEach(read)
              return length
            }
            list.forEach(read)
            """,
        // A function of its own in the stub's place; the old one's queue is emptied into it.
        ["linkedin"] = """
            const { q } = window.lintrk
            window.lintrk = (command, parameters) => { take(command, parameters) }
            q.forEach((pair) => take(...pair))
            q.length = 0
            """,
        ["x"] = """
            const twq = window.twq
            twq.exe = function () { take(...arguments) }
            for (let call; (call = twq.queue.shift());) twq.exe.apply(twq, call)
            """,
        // An object with methods in the array's place; its methods do not work on anybody else.
        ["tiktok"] = """
            class Library {
              #pixel
              constructor(pixel) { this.#pixel = pixel }
              page(...words) { take(...this.#pixel, 'page', ...words) }
              track(...words) { take(...this.#pixel, 'track', ...words) }
              identify(...words) { take(...this.#pixel, 'identify', ...words) }
              instance(pixel) { return new Library([pixel]) }
              drain(list) { for (const [method, ...words] of list.splice(0)) this[method](...words) }
            }
            const { ttq } = window
            const library = new Library([])
            for (const pixel in ttq._i) library.instance(pixel).drain(ttq._i[pixel])
            library.drain(ttq)
            window.ttq = library
            """,
        // Drains through its own public name.
        ["reddit"] = """
            const rdt = window.rdt
            rdt.sendEvent = function () { take(...arguments) }
            while (rdt.callQueue.length) window.rdt.apply(rdt, rdt.callQueue.shift())
            """,
        ["pinterest"] = """
            const { queue } = window.pintrk
            window.pintrk = function () { take(...arguments) }
            window.pintrk.version = '3.1'
            for (const call of queue.splice(0)) window.pintrk.apply(window, call)
            """,
    };
}

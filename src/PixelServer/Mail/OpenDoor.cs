using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>
/// <c>GET, HEAD /o/{token}.gif</c>: the same image, status, headers and time for every token, good or not. Whoever holds a token learns
/// nothing about it.
/// </summary>
internal sealed class OpenDoor(MailKeys keys, MailHits hits, Journal.Journal journal, Ledger ledger, MailOptions options, TimeProvider clock)
{
    private const string Suffix = ".gif";

    // How long a full queue, which no status tells, shows to tokens that would not have been offered to it.
    private static readonly TimeSpan s_troubleHolds = TimeSpan.FromSeconds(1);

    private static readonly StringValues s_allow = "GET, HEAD";

    private Trouble? _last;

    /// <param name="http">The request.</param>
    /// <param name="rest">What stands behind the door's path and its slash.</param>
    public async Task AnswerAsync(HttpContext http, string rest)
    {
        var method = http.Request.Method;
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method))
        {
            await Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
            return;
        }

        // The answer leaves at a fixed time after its arrival. What a good token costs, above all the flush to disk, happens meanwhile.
        var time = options.AnswerAfter > TimeSpan.Zero ? Task.Delay(options.AnswerAfter, clock, http.RequestAborted) : Task.CompletedTask;
        Gif.WriteHeaders(http.Response.Headers);
        var trouble = await TakeAsync(http, rest, isCounted: HttpMethods.IsGet(method));
        await time.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // a reader who left waits for nothing
        if (trouble is not null)
        {
            http.Response.StatusCode = trouble.Status;
            http.Response.Headers.RetryAfter = trouble.RetryAfter;
        }

        if (HttpMethods.IsGet(method)) Gif.WriteBody(http.Response);
    }

    // A journal that takes nothing shows to every token alike: what it said last stands for what it would say.
    private async ValueTask<Refusal?> TakeAsync(HttpContext http, string rest, bool isCounted)
    {
        var token = MailToken.Read(MailDoor.Open, rest.EndsWith(Suffix, StringComparison.Ordinal) ? rest.AsSpan(0, rest.Length - Suffix.Length) : [], keys);
        if (!isCounted || token is null || hits.Of(token, Source.Email, http) is not { } hit) return Expected();
        var refusal = Refusal.Of(await journal.AppendAsync(hit));
        _last = refusal is null ? null : new(refusal, clock.GetTimestamp());
        if (refusal is null) return null;
        ledger.Refused(refusal.Code, site: hit.SiteId);
        hits.Lost(hit);
        return refusal;
    }

    private Refusal? Expected() =>
        Refusal.Of(journal.Status.State) ?? (_last is { } last && clock.GetElapsedTime(last.At) < s_troubleHolds ? last.Refusal : null);

    private sealed record Trouble(Refusal Refusal, long At);
}

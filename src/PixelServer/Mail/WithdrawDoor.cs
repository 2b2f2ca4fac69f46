using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>
/// <c>GET, POST /u/{token}</c>: withdrawal of tracking. GET shows a page with one button and does nothing; POST acts, also as RFC 8058 has
/// it: without cookies, login or question, whatever its body says, and without a redirect.
/// </summary>
internal sealed class WithdrawDoor(
    MailKeys keys, ProvenDecisions decisions, MailHits hits, Journal.Journal journal, Ledger ledger, MailOptions options, TimeProvider clock,
    ILogger<WithdrawDoor> log)
{
    private static readonly StringValues s_allow = "GET, HEAD, POST";

    public Task AnswerAsync(HttpContext http, string rest)
    {
        var method = http.Request.Method;
        if (HttpMethods.IsPost(method)) return WithdrawAsync(http, rest);
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method)) return Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
        return MailToken.Read(MailDoor.Withdraw, rest, keys) is null
            ? MailPage.WriteAsync(http, StatusCodes.Status404NotFound, MailPage.BadLink)
            : MailPage.WriteAsync(http, StatusCodes.Status200OK, MailPage.Ask);
    }

    private async Task WithdrawAsync(HttpContext http, string rest)
    {
        // Nothing in the body decides anything, not even that it cannot be unpacked: a mail service does not ask twice. It is read so that
        // the connection can go on, and bounded like every body.
        var (body, refusal) = await BodyReader.ReadAsync(http.Request);
        if (body is null) return;
        if (refusal is not null && refusal != Refusal.UnsupportedEncoding && refusal != Refusal.BadEncoding)
        {
            await refusal.WriteAsync(http.Response);
            return;
        }


        // As at the image: what a good token costs happens in a time that every token takes.
        var time = options.AnswerAfter > TimeSpan.Zero ? Task.Delay(options.AnswerAfter, clock, http.RequestAborted) : Task.CompletedTask;
        var token = MailToken.Read(MailDoor.Withdraw, rest, keys);
        var isKept = token is null || await TryKeepAsync(token);
        await time.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!isKept)
        {
            await Refusal.JournalFailed.WriteAsync(http.Response);
            return;
        }

        // A mail service learns nothing from its answer; a person is told the truth.
        if (!AsksForPage(http.Request)) await MailPage.WriteTextAsync(http, "Done.\n");
        else if (token is null) await MailPage.WriteAsync(http, StatusCodes.Status404NotFound, MailPage.BadLink);
        else await MailPage.WriteAsync(http, StatusCodes.Status200OK, MailPage.Done);
    }

    // Withdrawing twice is one decision and one event.
    private async Task<bool> TryKeepAsync(MailToken token)
    {
        try
        {
            var now = DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());
            var decision = new MailDecision(token.Site, MailSubject.Recipient, token.Recipient, Tracking: false, Redirects: true, now, "recipient");
            // Whoever has the link may press the button for ever: only what changes something leaves an event and a record.
            await decisions.DecideAsync(decision, async () =>
            {
                if (hits.Withdrawal(token) is { } hit && Refusal.Of(await journal.AppendAsync(hit)) is { } refusal) ledger.Refused(refusal.Code, site: hit.SiteId);
            });
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogError("A withdrawal could not be written: {Error}", e.Message);
            return false;
        }
    }

    private static bool AsksForPage(HttpRequest request) => request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);
}

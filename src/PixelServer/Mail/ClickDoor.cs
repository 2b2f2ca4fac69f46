using Microsoft.Extensions.Primitives;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>
/// <c>GET, HEAD /c/{token}</c>: leads where the signed link leads, whatever becomes of the event, and nowhere else. A GET does nothing
/// but that: scanners follow every link of a mail.
/// </summary>
internal sealed class ClickDoor(
    MailKeys keys, MailHits hits, MailDecisions decisions, PerSite<SiteMailOptions> sites, Journal.Journal journal, Ledger ledger, MailOptions options, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private static readonly StringValues s_allow = "GET, HEAD";

    public async Task AnswerAsync(HttpContext http, string rest)
    {
        var method = http.Request.Method;
        if (!HttpMethods.IsGet(method) && !HttpMethods.IsHead(method))
        {
            await Refusal.MethodNotAllowed.WriteAsync(http.Response, s_allow);
            return;
        }

        if (MailToken.Read(MailDoor.Click, rest, keys) is not { Target: { } target } token || !MayLeadTo(token.Site, target))
        {
            await MailPage.WriteAsync(http, StatusCodes.Status404NotFound, MailPage.BadLink);
            return;
        }

        if (token.ExpiresAt <= clock.GetUtcNow() || !decisions.MayRedirect(token))
        {
            await MailPage.WriteAsync(http, StatusCodes.Status410Gone, MailPage.OldLink);
            return;
        }

        // The reader gets to the page whatever becomes of the event, and does not wait for a disk that hangs.
        if (HttpMethods.IsGet(method) && hits.Of(token, Source.Click, http) is { } hit)
            await RecordAsync(hit).WaitAsync(s_patience, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        MailPage.WriteHeaders(http.Response.Headers);
        http.Response.StatusCode = StatusCodes.Status302Found;
        http.Response.Headers.Location = target;
        http.Response.ContentLength = 0;
    }

    private async Task RecordAsync(Hit hit)
    {
        if (Refusal.Of(await journal.AppendAsync(hit)) is { } refusal) ledger.Refused(refusal.Code, site: hit.SiteId);
    }

    // Again, though it was judged when it was signed: settings change, and senders sign by themselves.
    private bool MayLeadTo(string site, string target) =>
        (options.AllowPrivateTargets || !MailTarget.IsPrivate(target)) && MailTarget.IsAmong(target, sites.Of(site).Hosts);
}

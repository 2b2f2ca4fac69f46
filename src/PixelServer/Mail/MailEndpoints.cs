using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>For senders, with the admin token: links of a mail, what recipients decided, and the switch that stops a message or a site.</summary>
internal sealed class MailEndpoints(MailLinks links, MailDecisions decisions, ProvenDecisions proven, Sites sites, PerSite<SiteMailOptions> modes, MailOptions options, Callers callers, TimeProvider clock)
{
    public async Task LinksAsync(HttpContext http)
    {
        if (await AdminJson.ReadAsync<MailLinksRequest>(http) is not { } request) return;
        var answer = links.Make(request, Collector(http), out var fault);
        if (fault is not null) await Problem.InvalidParameter.WriteAsync(http, fault);
        else await AdminJson.WriteAsync(http, answer!);
    }

    public async Task DecideAsync(HttpContext http)
    {
        if (await AdminJson.ReadAsync<RecipientRequest>(http) is not { } request) return;
        var fault = SiteFault(request.SiteId) ?? MailId.Fault("recipient_id", request.RecipientId ?? "") ?? (request.Tracking is null ? "tracking: true or false." : null);
        if (fault is not null) await Problem.InvalidParameter.WriteAsync(http, fault);
        else await KeepAsync(http, new(request.SiteId, MailSubject.Recipient, request.RecipientId!, request.Tracking!.Value, Redirects: true, Now, "operator"));
    }

    public async Task StopAsync(HttpContext http)
    {
        if (await AdminJson.ReadAsync<StopRequest>(http) is not { } request) return;
        var fault = SiteFault(request.SiteId) ?? (request.MessageId is null ? null : MailId.Fault("message_id", request.MessageId));
        if (fault is null && request is { Tracking: true, Redirects: false }) fault = "redirects: false only together with tracking: false.";
        if (fault is not null) await Problem.InvalidParameter.WriteAsync(http, fault);
        else await KeepAsync(http, new(request.SiteId, request.MessageId is null ? MailSubject.Site : MailSubject.Message, request.MessageId ?? "", request.Tracking, request.Redirects, Now, "operator"));
    }

    /// <summary>What a sender wants to know before a mail goes out: does the image belong into it?</summary>
    public async Task RecipientAsync(HttpContext http)
    {
        var (site, recipient) = ((string?)http.Request.Query["site"] ?? Parameters.DefaultSite, (string?)http.Request.Query["recipient"] ?? "");
        if ((SiteFault(site) ?? MailId.Fault("recipient", recipient)) is { } fault)
        {
            await Problem.InvalidParameter.WriteAsync(http, fault);
            return;
        }

        var decision = decisions.About(site, MailSubject.Recipient, recipient);
        _ = sites.Find(site, out var rules);
        var isAsked = Consent.NeedsOptIn(rules!.Regime, default); // where the law wants an opt-in, silence is a no
        var include = modes.Of(site).Mode != MailMode.Off && (decision?.Tracking ?? !isAsked) && decisions.About(site, MailSubject.Site, "") is not { Tracking: false };
        await AdminJson.WriteAsync(http, new RecipientAnswer(decision?.Tracking, decision?.DecidedAt, decision?.DecidedBy, include));
    }

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());

    private string? SiteFault(string site) => sites.Find(site, out _) is { } refusal ? $"site: {refusal.Title}" : null;

    private string Collector(HttpContext http)
    {
        if (options.BaseUrl.Length > 0) return options.BaseUrl.TrimEnd('/');
        return $"{(callers.IsHttps(http) ? "https" : "http")}://{http.Request.Host}";
    }

    private async Task KeepAsync(HttpContext http, MailDecision decision)
    {
        try
        {
            await proven.DecideAsync(decision);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            http.Response.Headers.RetryAfter = "30";
            await Problem.DecisionNotKept.WriteAsync(http);
            return;
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private sealed record RecipientRequest
    {
        public string SiteId { get; init; } = Parameters.DefaultSite;
        public string? RecipientId { get; init; }
        public bool? Tracking { get; init; }
    }

    private sealed record StopRequest
    {
        public string SiteId { get; init; } = Parameters.DefaultSite;
        public string? MessageId { get; init; }
        public bool Tracking { get; init; }
        public bool Redirects { get; init; } = true;
    }

    private sealed record RecipientAnswer(bool? Tracking, DateTimeOffset? DecidedAt, string? DecidedBy, bool IncludePixel);
}

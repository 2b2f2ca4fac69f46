using System.Text.Json.Serialization;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>What a sender asks for: the addresses of one mail to one recipient.</summary>
internal sealed record MailLinksRequest
{
    public string SiteId { get; init; } = Parameters.DefaultSite;
    public string? MessageId { get; init; }
    public string? RecipientId { get; init; }
    public string? Campaign { get; init; }
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>From when on they are worth nothing; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public IReadOnlyList<string>? Links { get; init; }

    /// <summary>Where a link leads that no reader sees; null for none.</summary>
    public string? Trap { get; init; }
}

/// <summary>The addresses, ready to stand in the mail.</summary>
internal sealed record MailLinksAnswer(
    string Open, string Withdraw, IReadOnlyList<MailLink> Links, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Trap);

/// <param name="Url">As it was given.</param>
/// <param name="Tracked">What stands in the mail in its place.</param>
internal sealed record MailLink(string Url, string Tracked);

/// <summary>Makes the addresses of a mail. Needs no store and keeps nothing: what a link means stands in the link.</summary>
internal sealed class MailLinks(MailKeys keys, Sites sites, PerSite<SiteMailOptions> modes, MailOptions options, CollectOptions collect)
{
    public const int MaxLinks = 500;

    /// <param name="request">Not yet judged.</param>
    /// <param name="collector">Scheme, host and port, without a slash at the end, for which the addresses are made.</param>
    /// <param name="fault">What is wrong with the request, as a sentence for the sender; then there is no answer.</param>
    public MailLinksAnswer? Make(MailLinksRequest request, string collector, out string? fault)
    {
        fault = FaultOf(request, out var mail);
        if (fault is not null) return null;

        var links = new List<MailLink>();
        var key = keys.Current;
        string? tooLong = null;
        foreach (var link in request.Links ?? [])
        {
            if ((fault = TargetOf(request.SiteId, link, $"links[{links.Count}]", out var target)) is not null) return null;
            links.Add(new(link, Address(collect.Paths.Click, MailDoor.Click, mail! with { Target = target, LinkIndex = links.Count, LinkCount = request.Links!.Count })));
        }

        string? trap = null;
        if (request.Trap is not null)
        {
            if ((fault = TargetOf(request.SiteId, request.Trap, "trap", out var target)) is not null) return null;
            trap = Address(collect.Paths.Click, MailDoor.Click, mail! with { Target = target, IsTrap = true });
        }

        var answer = new MailLinksAnswer(
            Address(collect.Paths.Open, MailDoor.Open, mail!) + ".gif",
            // For as long as the mail lies somewhere: withdrawing must not end.
            Address(collect.Paths.Withdraw, MailDoor.Withdraw, new(mail!.Site, mail.Recipient) { Message = mail.Message }),
            links, trap);
        fault = tooLong;
        return fault is null ? answer : null;

        string Address(string path, MailDoor door, MailToken token)
        {
            var signed = token.Sign(door, key.Id, key.Secret);
            if (signed.Length > MailToken.MaxChars)
                tooLong = $"{(token.IsTrap ? "trap" : token.LinkIndex is { } index ? $"links[{index}]" : "message_id, recipient_id and campaign")}: too long together; a token has at most {MailToken.MaxChars} characters.";
            return $"{collector}{path}/{signed}";
        }
    }

    private string? FaultOf(MailLinksRequest request, out MailToken? mail)
    {
        mail = new(request.SiteId, request.RecipientId ?? "")
        {
            Message = request.MessageId ?? "",
            Campaign = string.IsNullOrEmpty(request.Campaign) ? null : request.Campaign,
            SentAt = request.SentAt,
            ExpiresAt = request.ExpiresAt,
        };
        if (request.SentAt?.ToUnixTimeSeconds() < 0 || request.ExpiresAt?.ToUnixTimeSeconds() < 0) return "sent_at and expires_at: not before 1970.";
        if (sites.Find(request.SiteId, out _) is { } refusal) return $"site_id: {refusal.Title}";
        return request.Links?.Count > MaxLinks ? $"links: at most {MaxLinks}." : mail.Fault(MailDoor.Open);
    }

    private string? TargetOf(string site, string? link, string name, out string target)
    {
        target = MailTarget.Normal(link ?? "") ?? "";
        if (target.Length == 0) return $"{name}: {MailTarget.Rule}";
        if (!options.AllowPrivateTargets && MailTarget.IsPrivate(target)) return $"{name}: leads to this machine or into a private network; Pixel:Mail:AllowPrivateTargets allows that.";
        return MailTarget.IsAmong(target, modes.Of(site).Hosts) ? null : $"{name}: the site's mails may lead to {modes.Of(site).Hosts} only (Pixel:Sites:{{id}}:Mail:Hosts).";
    }
}

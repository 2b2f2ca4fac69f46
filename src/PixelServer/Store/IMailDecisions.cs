namespace PixelServer.Store;

/// <summary>Whom or what a decision is about. The values are on disk: append, never renumber.</summary>
internal enum MailSubject
{
    /// <summary>A recipient of the site's mails.</summary>
    Recipient = 0,

    /// <summary>A message, whoever got it.</summary>
    Message = 1,

    /// <summary>All mails of the site; the subject's id is empty.</summary>
    Site = 2,
}

/// <summary>Whether opens and clicks of somebody or something may be recorded. The newest decision about a subject holds.</summary>
/// <param name="SiteId">The site.</param>
/// <param name="Subject">Kind of the subject.</param>
/// <param name="SubjectId">The sender's id of the recipient or message; empty for a site.</param>
/// <param name="Tracking">Whether recording is allowed.</param>
/// <param name="Redirects">Whether links still lead where they lead; false only for a message or a site.</param>
/// <param name="DecidedAt">When it was decided; whole milliseconds.</param>
/// <param name="DecidedBy"><c>recipient</c> (their own link) or <c>operator</c> (the API).</param>
internal sealed record MailDecision(
    string SiteId, MailSubject Subject, string SubjectId, bool Tracking, bool Redirects, DateTimeOffset DecidedAt, string DecidedBy)
{
    /// <summary>Whether this one holds against an other about the same subject: the later one, and of two at once the one that allows less.</summary>
    public bool Outranks(MailDecision other) =>
        DecidedAt != other.DecidedAt ? DecidedAt > other.DecidedAt : (!Tracking && other.Tracking) || (!Redirects && other.Redirects);
}

/// <summary>Where the decisions of all collectors meet: table <c>mail_decisions</c>. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IMailDecisions
{
    /// <summary>Keeps each decision that outranks the one that is there.</summary>
    Task KeepAsync(IReadOnlyList<MailDecision> decisions, CancellationToken ct);

    /// <summary>Every decision that was kept since a mark, and the mark to ask with next time; null asks for all. A decision may come twice.</summary>
    Task<(IReadOnlyList<MailDecision> Decisions, string Mark)> SinceAsync(string? mark, CancellationToken ct);
}

/// <summary>The words that stand in the store for <see cref="MailSubject"/>.</summary>
internal static class MailSubjects
{
    public static string Of(MailSubject subject) => subject switch
    {
        MailSubject.Recipient => "recipient",
        MailSubject.Message => "message",
        _ => "site",
    };

    public static MailSubject Read(string word) => word switch
    {
        "recipient" => MailSubject.Recipient,
        "message" => MailSubject.Message,
        _ => MailSubject.Site,
    };
}

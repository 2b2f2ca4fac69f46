using System.Net;

namespace PixelServer.Enrich;

/// <summary>
/// What the rules need of a row that is stored, and the label that it has. <c>Url</c> is a click's target; <c>Facts</c> is empty for other doors.
/// </summary>
internal sealed record LabelledRow(
    Guid EventId, DateTimeOffset ReceivedAt, string SiteId, Source Source, string? UserId, string? Url, IPAddress? Ip, string? UserAgent,
    MailFacts Facts, Label Label)
{
    /// <summary>Site, message and recipient; null where one is not known, as in a mail that is measured without recipients.</summary>
    public (string Site, string Message, string Recipient)? Copy =>
        UserId is { } recipient && Facts is { Message: { } message } ? (SiteId, message, recipient) : null;
}

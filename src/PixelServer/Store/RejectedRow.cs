using System.Text;

namespace PixelServer.Store;

/// <summary>A row of <c>events_rejected</c>: made so that no store can refuse it in its turn.</summary>
internal sealed record RejectedRow(Guid EventId, DateTimeOffset ReceivedAt, string SiteId, string Name, string Code, string Reason, byte[] Payload)
{
    private const int MaxText = 500;

    /// <param name="batch">Exactly one event.</param>
    /// <param name="reason">Why the store refused it.</param>
    public static RejectedRow Of(EventBatch batch, RefusedRowException reason)
    {
        var e = batch.Events.Count == 1 ? batch.Events[0] : throw new ArgumentException("One event is rejected at a time.", nameof(batch));
        return new(e.Hit.EventId, e.Hit.ReceivedAt, Clean(e.Hit.SiteId), Clean(e.Hit.Name), Clean(reason.Code), Clean(reason.Reason),
            EventJson.Of(EventText.Of(e)));
    }

    private static string Clean(string text)
    {
        var cut = text.Length > MaxText ? text[..MaxText] : text;
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(cut)).Replace('\0', '\uFFFD'); // lone surrogates become U+FFFD too
    }
}

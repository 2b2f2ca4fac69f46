using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>
/// An event as one text per column: SQLite's rows, what PostgreSQL is asked for when events are shown, and what a rejected event
/// is kept as. Times are ISO 8601 UTC with six digits, so that they sort as text; flags are <c>0</c> and <c>1</c>.
/// </summary>
internal static class EventText
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>Never throws, whatever stands in the event.</summary>
    public static string?[] Of(Event e)
    {
        var hit = e.Hit;
        return
        [
            Id(hit.EventId), Time(hit.ReceivedAt), Time(hit.OccurredAt),
            hit.SiteId, Word(hit.Source), hit.Name, hit.ClientEventId,
            Id(hit.VisitorId), Word(hit.VisitorKind), hit.UserId, hit.EmailSha256,
            hit.Url, e.Host, e.Path, hit.Title, hit.Referrer, e.ReferrerHost,
            e.UtmSource, e.UtmMedium, e.UtmCampaign, e.UtmTerm, e.UtmContent, e.ClickIdKind, e.ClickId,
            hit.Value?.ToString(CultureInfo.InvariantCulture), hit.Currency, hit.Ip is null ? null : Address(hit.Ip), e.Country,
            hit.UserAgent, e.Browser, e.Os, e.Device,
            Word(e.Traffic), JsonSerializer.Serialize(e.TrafficReasons, EventJson.Plain),
            Flag(hit.ConsentStorage), Flag(hit.ConsentMeasurement), Flag(hit.ConsentAds), Flag(hit.Gpc),
            hit.Properties.IsEmpty ? null : Encoding.UTF8.GetString(hit.Properties.Span),
        ];
    }

    /// <summary>Well-formed and without U+0000, which PostgreSQL's text cannot hold.</summary>
    public static bool IsStorable(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0') return false;
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsSurrogatePair(text, i)) return false;
            i++;
        }

        return true;
    }

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    /// <summary>Without the scope that an IPv6 address may carry: it means nothing on another machine, and <c>inet</c> has no place for it.</summary>
    public static string Address(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0
            ? new IPAddress(address.GetAddressBytes()).ToString() : address.ToString();

    private static string Id(Guid id) => id.ToString("D");

    private static string Flag(bool flag) => flag ? "1" : "0";

    // A journal written by a newer server may hold a value without a word here; the number still says what it was.
    private static string Word(Source source) => Enum.IsDefined(source) ? Names.Of(source) : ((int)source).ToString(CultureInfo.InvariantCulture);
    private static string Word(VisitorKind kind) => Enum.IsDefined(kind) ? Names.Of(kind) : ((int)kind).ToString(CultureInfo.InvariantCulture);
    private static string Word(Traffic traffic) => Enum.IsDefined(traffic) ? Names.Of(traffic) : ((int)traffic).ToString(CultureInfo.InvariantCulture);
}

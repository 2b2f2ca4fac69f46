using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using PixelServer.Store;

namespace PixelServer.Tests.Store;

/// <summary>What a conversion is and what the report counts, once more and in plain loops, to hold both stores against.</summary>
internal static class ConversionModel
{
    private static readonly string[] s_columns = [.. EventColumns.All.Select(column => column.Name)];

    /// <summary>The copies of each conversion in the order of arrival; conversions in the order of their first copies.</summary>
    public static List<List<Event>> Pair(IEnumerable<Event> events, Func<Event, bool> isConversion)
    {
        var found = new List<List<Event>>();
        var open = new Dictionary<(string, string, string), List<Event>>();
        foreach (var e in events.Where(isConversion).OrderBy(e => e.Hit.ReceivedAt).ThenBy(e => e.Hit.EventId.ToString(), StringComparer.Ordinal))
        {
            if (e.Hit.ClientEventId is { } id && open.TryGetValue((e.Hit.SiteId, e.Hit.Name, id), out var copies)
                && e.Hit.ReceivedAt - copies[0].Hit.ReceivedAt <= TimeSpan.FromHours(48))
            {
                copies.Add(e);
                continue;
            }

            found.Add([e]);
            if (e.Hit.ClientEventId is { } own) open[(e.Hit.SiteId, e.Hit.Name, own)] = found[^1];
        }

        return found;
    }

    /// <summary>The row of the view that the copies make.</summary>
    public static Dictionary<string, string?> Best(List<Event> copies)
    {
        List<Event> browser = [.. copies.Where(e => e.Hit.Source != Source.Server)], server = [.. copies.Where(e => e.Hit.Source == Source.Server)];
        List<Event> deviceFirst = [.. browser, .. server], serverFirst = [.. server, .. browser];
        var row = new Dictionary<string, string?>();
        From(copies[0], "event_id", "received_at", "site_id", "name", "client_event_id");
        row["occurred_at"] = copies.Select(e => Text(e, "occurred_at")).Min(StringComparer.Ordinal);
        From(deviceFirst[0], "source", "traffic", "traffic_reasons");
        From(deviceFirst.Find(e => e.Hit.VisitorKind != VisitorKind.None) ?? deviceFirst[0], "visitor_id", "visitor_kind");
        From(First(serverFirst, "user_id"), "user_id");
        From(First(serverFirst, "email_sha256"), "email_sha256");
        From(First(deviceFirst, "url", "title"), "url", "host", "path", "title");
        From(First(deviceFirst, "referrer"), "referrer", "referrer_host");
        From(First(deviceFirst, "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"), "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content");
        From(First(deviceFirst, "click_id"), "click_id_kind", "click_id");
        From(First(serverFirst, "value"), "value", "currency");
        From(First(deviceFirst, "ip"), "ip");
        From(First(deviceFirst, "country"), "country");
        From(First(deviceFirst, "user_agent"), "user_agent", "browser", "os", "device");
        row["consent_storage"] = copies.All(e => e.Hit.ConsentStorage) ? "1" : "0";
        row["consent_measurement"] = copies.All(e => e.Hit.ConsentMeasurement) ? "1" : "0";
        row["consent_ads"] = copies.All(e => e.Hit.ConsentAds) ? "1" : "0";
        row["gpc"] = copies.Any(e => e.Hit.Gpc) ? "1" : "0";
        From(First(deviceFirst, "properties"), "properties");
        row["sides"] = server.Count == 0 ? "browser" : browser.Count == 0 ? "server" : "both";
        row["copies"] = copies.Count.ToString(CultureInfo.InvariantCulture);
        row["browser_event_id"] = Text(browser.FirstOrDefault(), "event_id");
        row["server_event_id"] = Text(server.FirstOrDefault(), "event_id");
        row["browser_received_at"] = Text(browser.FirstOrDefault(), "received_at");
        row["server_received_at"] = Text(server.FirstOrDefault(), "received_at");
        row["phone_sha256"] = serverFirst.Select(Phone).FirstOrDefault(phone => phone is not null);
        row["server_properties"] = Text(First(server, "properties"), "properties");
        return row;

        void From(Event? e, params string[] columns)
        {
            foreach (var column in columns) row[column] = Text(e, column);
        }
    }

    /// <summary>What the report says of these days, from the events that it may read.</summary>
    public static List<SidesRow> Report(IEnumerable<Event> events, Func<Event, bool> isConversion, SidesQuestion question)
    {
        var read = question.Began.Widened(TimeSpan.FromHours(48));
        var asked = Pair(events.Where(e => read.Holds(e.Hit.ReceivedAt)), isConversion)
            .Where(copies => question.Began.Holds(copies[0].Hit.ReceivedAt))
            .Where(copies => (question.Site ?? copies[0].Hit.SiteId) == copies[0].Hit.SiteId && (question.Name ?? copies[0].Hit.Name) == copies[0].Hit.Name);
        return [.. asked
            .GroupBy(copies => (Day: DateOnly.FromDateTime(copies[0].Hit.ReceivedAt.UtcDateTime), copies[0].Hit.SiteId, copies[0].Hit.Name))
            .OrderBy(day => day.Key.Day).ThenBy(day => day.Key.SiteId, StringComparer.Ordinal).ThenBy(day => day.Key.Name, StringComparer.Ordinal)
            .Select(day => Row(day.Key.Day, [.. day]))];
    }

    private static SidesRow Row(DateOnly day, List<List<Event>> conversions)
    {
        List<List<Event>> browser = [.. conversions.Where(copies => !copies.Exists(IsServer))];
        List<List<Event>> server = [.. conversions.Where(copies => copies.TrueForAll(IsServer))];
        List<List<Event>> both = [.. conversions.Except(browser).Except(server)], withServer = [.. server, .. both];
        decimal[] delays = [.. both.Select(copies => (decimal)(copies.Find(IsServer)!.Hit.ReceivedAt - copies.Find(e => !IsServer(e))!.Hit.ReceivedAt).TotalMicroseconds).Order()];
        return new SidesRow
        {
            Day = day,
            SiteId = conversions[0][0].Hit.SiteId,
            Name = conversions[0][0].Hit.Name,
            Conversions = conversions.Count,
            BrowserOnly = browser.Count,
            ServerOnly = server.Count,
            BothSides = both.Count,
            BrowserOnlyHuman = browser.Count(copies => copies[0].Traffic == Traffic.Human),
            Copies = conversions.Sum(copies => copies.Count),
            MedianDelaySeconds = delays.Length == 0 ? null
                : Math.Round((delays[(delays.Length - 1) / 2] + delays[delays.Length / 2]) / 2 / 1_000_000, 3, MidpointRounding.AwayFromZero),
            BrowserMissingEventId = browser.Count(copies => copies[0].Hit.ClientEventId is null),
            WithServer = withServer.Count,
            MissingEventId = withServer.Count(copies => copies[0].Hit.ClientEventId is null),
            MissingEmail = Lacking("email_sha256"),
            MissingPhone = withServer.Count(copies => copies.TrueForAll(e => Phone(e) is null)),
            MissingUserId = Lacking("user_id"),
            MissingClickId = Lacking("click_id"),
            MissingIp = Lacking("ip"),
            MissingUserAgent = Lacking("user_agent"),
        };

        int Lacking(string column) => withServer.Count(copies => copies.TrueForAll(e => Text(e, column) is null));
    }

    private static bool IsServer(Event e) => e.Hit.Source == Source.Server;

    private static Event? First(List<Event> copies, params string[] anyOf) => copies.Find(e => anyOf.Any(column => Text(e, column) is not null));

    private static string? Text(Event? e, string column)
    {
        if (e is null) return null;
        var at = Array.IndexOf(s_columns, column);
        return ConversionStore.Plain(EventColumns.All[at].Kind, EventText.Of(e)[at]);
    }

    private static string? Phone(Event e) => e.Hit.Properties.IsEmpty ? null
        : (string?)JsonNode.Parse(Encoding.UTF8.GetString(e.Hit.Properties.Span))!["$identities"]?["phone_sha256"]?[0];
}

using System.Text;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>Two identifiers that events of a site named together, through one door; a row of <c>identity_edges</c>.</summary>
internal readonly record struct IdentityPair(string SiteId, string FromKind, string FromId, string ToKind, string ToId, string Source) : IComparable<IdentityPair>
{
    /// <summary>One order for all collectors, who would else wait for each other's rows in a circle.</summary>
    public int CompareTo(IdentityPair other)
    {
        var order = string.CompareOrdinal(SiteId, other.SiteId);
        if (order == 0) order = string.CompareOrdinal(FromKind, other.FromKind);
        if (order == 0) order = string.CompareOrdinal(FromId, other.FromId);
        if (order == 0) order = string.CompareOrdinal(ToKind, other.ToKind);
        if (order == 0) order = string.CompareOrdinal(ToId, other.ToId);
        return order == 0 ? string.CompareOrdinal(Source, other.Source) : order;
    }
}

/// <summary>From and to when a pair was seen, in whole hours: a visitor who stays is written once an hour, not with every batch.</summary>
internal readonly record struct IdentityTimes(DateTimeOffset First, DateTimeOffset Last);

/// <summary>What the events of a batch tell about who is who; the rules are in docs/identity.md.</summary>
internal static class IdentityEdges
{
    public const string Visitor = "visitor", Email = "email", User = "user", Alias = "alias";

    private const int Sha256Digits = 64;

    /// <summary>More than the doors let through, and far below the 2,704 bytes that an entry of PostgreSQL's index can have.</summary>
    private const int MostBytes = 2_000;

    /// <summary>Each pair once, sorted; empty, at the cost of two comparisons an event, where no event names a person.</summary>
    public static IReadOnlyCollection<KeyValuePair<IdentityPair, IdentityTimes>> Of(IEnumerable<Event> events)
    {
        SortedDictionary<IdentityPair, IdentityTimes>? pairs = null;
        foreach (var e in events)
        {
            // A mail is forwarded: who opens it or follows its links is not its recipient.
            if (e.Hit is { UserId: null, EmailSha256: null } or { Source: Source.Email or Source.Click }) continue;
            Add(pairs ??= [], e.Hit);
        }

        return pairs is null ? [] : pairs;
    }

    private static void Add(SortedDictionary<IdentityPair, IdentityTimes> pairs, Hit hit)
    {
        var user = hit.UserId is { } id && !BlockedIds.IsNobody(id) ? id : null;
        var email = IsSha256(hit.EmailSha256) ? hit.EmailSha256 : null;
        if (user is null && email is null) return;
        if (user is not null && email is not null) Tell(Email, email, User, user, Names.Of(hit.Source));

        if (hit.Name == Alias)
        {
            // Only what it says of the previous id: who sends it may be logged in as somebody else by now.
            if (user is null || !hit.ConsentStorage || Property(hit, "previous_id", "previousId") is not { } previous) return;
            if (BlockedIds.IsNobody(previous) || previous == user) return;
            Tell(Visitor, Text(VisitorIds.Of(hit.SiteId, previous)), User, user, Alias);
            Tell(User, previous, User, user, Alias);
            return;
        }

        // Only an id that is the same tomorrow, and may be kept, can stand for a person.
        if (!hit.ConsentStorage || hit.VisitorKind is not (VisitorKind.Cookie or VisitorKind.Client)) return;
        if (hit.VisitorKind is VisitorKind.Client && Property(hit, "anonymous_id") is { } given && BlockedIds.IsNobody(given)) return;
        var visitor = Text(hit.VisitorId);
        if (user is not null) Tell(Visitor, visitor, User, user, Names.Of(hit.Source));
        if (email is not null) Tell(Visitor, visitor, Email, email, Names.Of(hit.Source));

        void Tell(string fromKind, string fromId, string toKind, string toId, string source)
        {
            if (Encoding.UTF8.GetByteCount(hit.SiteId) + Encoding.UTF8.GetByteCount(fromId) + Encoding.UTF8.GetByteCount(toId) > MostBytes) return;
            var hour = new DateTimeOffset(hit.ReceivedAt.UtcTicks - hit.ReceivedAt.UtcTicks % TimeSpan.TicksPerHour, TimeSpan.Zero);
            var pair = new IdentityPair(hit.SiteId, fromKind, fromId, toKind, toId, source);
            pairs[pair] = pairs.TryGetValue(pair, out var seen)
                ? new(hour < seen.First ? hour : seen.First, hour > seen.Last ? hour : seen.Last) : new(hour, hour);
        }
    }

    private static string Text(Guid visitor) => visitor.ToString("D");

    private static bool IsSha256(string? text)
    {
        if (text?.Length != Sha256Digits) return false;
        foreach (var c in text)
            if (!char.IsAsciiHexDigitLower(c)) return false;
        return true;
    }

    /// <summary>The text, or the digits, of the first such property; null where there is none.</summary>
    private static string? Property(Hit hit, params ReadOnlySpan<string> names)
    {
        if (hit.Properties.IsEmpty) return null;
        try
        {
            var json = new Utf8JsonReader(hit.Properties.Span);
            json.Read();
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                var found = false;
                foreach (var name in names) found |= json.ValueTextEquals(name);
                json.Read();
                if (!found) json.Skip();
                else if (json.TokenType is JsonTokenType.String) return json.GetString();
                else if (json.TokenType is JsonTokenType.Number) return Encoding.UTF8.GetString(json.ValueSpan);
                else return null;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON: the store refuses the row, or has.
        }

        return null;
    }
}

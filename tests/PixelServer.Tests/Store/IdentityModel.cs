namespace PixelServer.Tests.Store;

/// <summary>The rules of docs/identity.md once more, over sets in memory and in other words than SQL: what both stores are compared with.</summary>
internal sealed class IdentityModel
{
    private readonly HashSet<(string Site, string Visitor, string User)> _visitorUsers = [], _aliases = [];
    private readonly HashSet<(string Site, string Visitor, string Email)> _visitorEmails = [];
    private readonly HashSet<(string Site, string Email, string User)> _emailUsers = [];

    public IdentityModel(IEnumerable<Event> events)
    {
        foreach (var hit in events.Select(e => e.Hit))
        {
            var site = hit.SiteId;
            var user = hit.UserId is { } id && !BlockedIds.IsNobody(id) ? id : null;
            if (user is not null && hit.EmailSha256 is { } own) _emailUsers.Add((site, own, user));
            if (!hit.ConsentStorage) continue;
            if (hit.Name == "alias")
            {
                if (user is not null && PreviousOf(hit) is { } previous && previous != user) _aliases.Add((site, VisitorIds.Of(site, previous).ToString(), user));
                continue;
            }

            if (hit.VisitorKind is VisitorKind.Daily or VisitorKind.None) continue;
            if (user is not null) _visitorUsers.Add((site, hit.VisitorId.ToString(), user));
            if (hit.EmailSha256 is { } email) _visitorEmails.Add((site, hit.VisitorId.ToString(), email));
        }
    }

    /// <summary>As the rows of <c>identity_persons</c>: site, kind, id, person and reason.</summary>
    public SortedSet<string> Persons()
    {
        var rows = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (site, user) in _visitorUsers.Concat(_aliases).Concat(_emailUsers).Select(pair => (pair.Site, pair.User)).Distinct())
            rows.Add($"{site} user {user} user:{user} told");
        foreach (var (site, email) in _visitorEmails.Select(pair => (pair.Site, pair.Email)).Concat(_emailUsers.Select(pair => (pair.Site, pair.Email))).Distinct())
            rows.Add($"{site} email {email} {OfEmail(site, email)}");
        foreach (var (site, visitor) in _visitorUsers.Concat(_aliases).Concat(_visitorEmails).Select(pair => (pair.Site, pair.Item2)).Distinct())
            rows.Add($"{site} visitor {visitor} {OfVisitor(site, visitor)}");
        return rows;
    }

    private string OfEmail(string site, string email)
    {
        var told = UsersOfEmail[(site, email)].ToHashSet();
        if (told.Count == 1) return $"user:{told.Single()} told";
        if (told.Count > 1) return $"email:{email} shared_mailbox";
        var owners = new HashSet<string>();
        foreach (var visitor in VisitorsOfEmail[(site, email)])
            if (UsersOf(site, visitor) is [var owner] && EmailsOf[(site, visitor)].Distinct().Count() == 1) owners.Add(owner);
        return owners.Count switch { 0 => $"email:{email} no_user", 1 => $"user:{owners.Single()} through_visitor", _ => $"email:{email} shared_mailbox" };
    }

    private string OfVisitor(string site, string visitor)
    {
        var users = UsersOf(site, visitor);
        if (users.Count == 1) return $"user:{users[0]} {(_visitorUsers.Contains((site, visitor, users[0])) ? "told" : "alias")}";
        if (users.Count > 1) return $"visitor:{visitor} shared_device";
        var owners = EmailsOf[(site, visitor)].Select(email => OfEmail(site, email)).Where(said => !said.EndsWith(" shared_mailbox", StringComparison.Ordinal))
            .Select(said => said[..said.LastIndexOf(' ')]).ToHashSet();
        return owners.Count switch
        {
            0 => $"visitor:{visitor} shared_mailbox",
            1 => $"{owners.Single()} through_email",
            _ => $"visitor:{visitor} several_emails",
        };
    }

    private List<string> UsersOf(string site, string visitor) =>
        ToldUsers[(site, visitor)].ToHashSet() is { Count: > 0 } told ? [.. told] : [.. Aliases[(site, visitor)].ToHashSet()];

    private ILookup<(string, string), string>? _toldUsers, _aliasUsers, _emailsOf, _visitorsOf, _usersOfEmail;

    private ILookup<(string, string), string> ToldUsers => _toldUsers ??= _visitorUsers.ToLookup(pair => (pair.Site, pair.Visitor), pair => pair.User);
    private ILookup<(string, string), string> Aliases => _aliasUsers ??= _aliases.ToLookup(pair => (pair.Site, pair.Visitor), pair => pair.User);
    private ILookup<(string, string), string> EmailsOf => _emailsOf ??= _visitorEmails.ToLookup(pair => (pair.Site, pair.Visitor), pair => pair.Email);
    private ILookup<(string, string), string> VisitorsOfEmail => _visitorsOf ??= _visitorEmails.ToLookup(pair => (pair.Site, pair.Email), pair => pair.Visitor);
    private ILookup<(string, string), string> UsersOfEmail => _usersOfEmail ??= _emailUsers.ToLookup(pair => (pair.Site, pair.Email), pair => pair.User);

    private static string? PreviousOf(Hit hit) =>
        hit.Properties.IsEmpty ? null : (string?)System.Text.Json.Nodes.JsonNode.Parse(hit.Properties.Span)!["previous_id"];
}

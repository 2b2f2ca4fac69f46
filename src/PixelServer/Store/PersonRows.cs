using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>A person's rows in the store: who it is, how many there are, what they say, and none.</summary>
internal sealed class PersonRows(PersonDialect dialect, ILogger<PersonRows> log)
{
    private const int MostOfOneEvent = 100;
    private const int Attempts = 10;

    public string Store => dialect.Name;

    /// <summary>Everything that is the same person's as one identifier.</summary>
    /// <param name="site">Site id.</param>
    /// <param name="kind"><c>visitor</c>, <c>user</c> or <c>email</c>.</param>
    /// <param name="id">As it stands in the store.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<PersonFound> PersonAsync(string site, string kind, string id, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        var (person, members) = await dialect.MembersAsync(connection, site, kind, id, ct);
        var all = members.Append((Kind: kind, Id: id)).Distinct().ToList();
        var ids = new PersonIds(site, [.. Of("visitor").Select(one => Guid.Parse(one, CultureInfo.InvariantCulture))], [.. Of("user")], [.. Of("email")]);
        return new(person, ids, await SharedAsync(connection, ids, all, ct));

        IEnumerable<string> Of(string wanted) => all.Where(one => one.Kind == wanted).Select(one => one.Id);
    }

    /// <summary>The strongest identifier of each event with that id; more than one where several persons sent it.</summary>
    /// <param name="site">Site id.</param>
    /// <param name="eventId">The server's id of the event.</param>
    /// <param name="clientEventId">Or the client's.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<IReadOnlyList<(string Kind, string Id)>> OfEventAsync(string site, Guid? eventId, string? clientEventId, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null,
            $"""
             select distinct user_id, email_sha256, visitor_id from events
             where site_id = @site and {(eventId is null ? "client_event_id" : "event_id")} = @id
             limit {MostOfOneEvent}
             """, ("site", site), ("id", eventId is { } id ? dialect.Of(id) : clientEventId!));
        var found = new HashSet<(string, string)>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            if (!rows.IsDBNull(0) && !BlockedIds.IsNobody(rows.GetString(0))) found.Add(("user", rows.GetString(0)));
            else if (!rows.IsDBNull(1)) found.Add(("email", rows.GetString(1)));
            else found.Add(("visitor", rows.GetGuid(2).ToString("D")));
        }

        return [.. found];
    }

    /// <summary>Rows of the person by table; tables without any are left out.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CountAsync(PersonIds person, CancellationToken ct)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        await using var connection = await dialect.OpenAsync(ct);
        foreach (var table in PersonTables.All)
        {
            await using var count = dialect.Command(connection, null, $"select count(*) from {table.Name} where {table.Where}", person);
            Add(counts, table.Name, (long)(await count.ExecuteScalarAsync(ct))!);
        }

        await foreach (var _ in RejectedAsync(connection, null, person, ct)) Add(counts, PersonTables.Rejected, 1);
        return counts;
    }

    /// <summary>The rows as JSON objects, one at a time.</summary>
    public async IAsyncEnumerable<(string Table, string Json)> ExportAsync(PersonIds person, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        foreach (var table in PersonTables.All.OrderBy(one => one.Name, StringComparer.Ordinal))
        {
            await using var query = dialect.Command(connection, null, await dialect.SelectJsonAsync(connection, table.Name, table.Where, ct), person);
            await using var rows = await query.ExecuteReaderAsync(ct);
            while (await rows.ReadAsync(ct)) yield return (table.Name, rows.GetString(0));
        }

        await foreach (var (_, payload) in RejectedAsync(connection, null, person, ct)) yield return (PersonTables.Rejected, payload);
    }

    /// <summary>Every identifier that stands in the store, some more than once.</summary>
    public async IAsyncEnumerable<(string Site, string Kind, string Id)> IdentifiersAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        foreach (var sql in PersonTables.Identifiers)
        {
            await using var query = dialect.Command(connection, null, sql);
            await using var rows = await query.ExecuteReaderAsync(ct);
            while (await rows.ReadAsync(ct)) yield return (rows.GetString(0), rows.GetString(1), rows.GetString(2));
        }
    }

    /// <summary>All of the person's rows, in one transaction; then their traces in the files.</summary>
    /// <returns>Rows by table, and whether the files are clean.</returns>
    public async Task<(IReadOnlyDictionary<string, long> Rows, bool IsClean)> EraseAsync(PersonIds person, CancellationToken ct)
    {
        var (counts, relations) = await EraseRowsAsync(person, ct);
        try
        {
            await dialect.CleanAsync(relations, ct);
            return (counts, true);
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            log.LogWarning("The rows of a person are deleted, but the database could not be cleaned of them: {Error} {Code}", e.GetType().Name, (e as DbException)?.SqlState);
            return (counts, false);
        }
    }

    // Batches write to the same tables at the same time, in an order of their own: one of two that wait for each other is told to begin again.
    private async Task<(IReadOnlyDictionary<string, long> Counts, HashSet<string> Relations)> EraseRowsAsync(PersonIds person, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await EraseOnceAsync(person, ct);
            }
            catch (DbException e) when (e.IsTransient && attempt < Attempts)
            {
                log.LogDebug("The rows of a person are erased in a further attempt: {Code}", e.SqlState);
            }
        }
    }

    private async Task<(IReadOnlyDictionary<string, long> Counts, HashSet<string> Relations)> EraseOnceAsync(PersonIds person, CancellationToken ct)
    {
        var (counts, relations) = (new SortedDictionary<string, long>(StringComparer.Ordinal), new HashSet<string>());
        await using (var connection = await dialect.OpenAsync(ct))
        await using (var transaction = await dialect.BeginAsync(connection, ct))
        {
            foreach (var table in PersonTables.All)
            {
                foreach (var (relation, count) in await dialect.EraseAsync(connection, transaction, table, person, ct))
                {
                    Add(counts, table.Name, count);
                    relations.Add(relation);
                }
            }

            var rejected = new List<Guid>();
            await foreach (var (id, _) in RejectedAsync(connection, transaction, person, ct)) rejected.Add(id);
            foreach (var id in rejected)
            {
                await using var delete = dialect.Command(connection, transaction, $"delete from {PersonTables.Rejected} where event_id = @id", ("id", dialect.Of(id)));
                Add(counts, PersonTables.Rejected, await delete.ExecuteNonQueryAsync(ct));
                relations.Add(PersonTables.Rejected);
            }

            await transaction.CommitAsync(ct);
        }

        return (counts, relations);
    }

    // Devices and mailboxes that were named together with the person and are not theirs alone.
    private async Task<IReadOnlyList<(string Kind, string Id)>> SharedAsync(DbConnection connection, PersonIds person, List<(string Kind, string Id)> members, CancellationToken ct)
    {
        await using var query = dialect.Command(connection, null,
            """
            select from_kind, from_id from identity_edges where site_id = @site and to_kind = 'user' and to_id {users} and from_kind <> 'user'
            union
            select to_kind, to_id from identity_edges where site_id = @site and from_kind = 'visitor' and from_id {visitors} and to_kind = 'email'
            """, person);
        var found = new List<(string, string)>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
            if (!members.Contains((rows.GetString(0), rows.GetString(1)))) found.Add((rows.GetString(0), rows.GetString(1)));
        return found;
    }

    // The payload of a row that a database refused may be what it cannot read.
    private async IAsyncEnumerable<(Guid EventId, string Payload)> RejectedAsync(
        DbConnection connection, DbTransaction? transaction, PersonIds person, [EnumeratorCancellation] CancellationToken ct)
    {
        var (visitors, users, emails) = (person.Visitors.Select(id => id.ToString("D")).ToHashSet(), person.Users.ToHashSet(), person.Emails.ToHashSet());
        await using var query = dialect.Command(connection, transaction, $"select event_id, payload from {PersonTables.Rejected}");
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            using var payload = JsonDocument.Parse(rows.GetFieldValue<byte[]>(1));
            var e = payload.RootElement;
            if (Text(e, "site_id") != person.Site) continue;
            if (Is(visitors, "visitor_id") || Is(users, "user_id") || Is(emails, "email_sha256")) yield return (rows.GetGuid(0), e.GetRawText());

            bool Is(HashSet<string> ids, string name) => Text(e, name) is { } text && ids.Contains(text);
        }
    }

    private static string? Text(JsonElement e, string name) => e.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static void Add(SortedDictionary<string, long> counts, string table, long count)
    {
        if (count > 0) counts[table] = counts.GetValueOrDefault(table) + count;
    }
}

/// <summary>Who an identifier leads to.</summary>
/// <param name="Person">The person_id, as in <c>person_events</c>.</param>
/// <param name="Ids">What is theirs alone.</param>
/// <param name="Shared">Devices and mailboxes that others use too, as kind and id.</param>
internal sealed record PersonFound(string Person, PersonIds Ids, IReadOnlyList<(string Kind, string Id)> Shared);

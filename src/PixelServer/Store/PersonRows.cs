using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>A person's rows in the store: who it is, how many there are, what they say, and none.</summary>
internal sealed class PersonRows(PersonDialect dialect, TimeProvider clock, ILogger<PersonRows> log)
{
    private const int MostOfOneEvent = 100;
    private const int Attempts = 10;

    // An event's id is made when it is received, but by another clock reading.
    private static readonly TimeSpan s_aroundId = TimeSpan.FromDays(1);

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
        var ids = PersonIds.Of(site, all);
        return new(person, ids, await SharedAsync(connection, null, ids, all, ct), []);
    }

    /// <summary>The same person with what the store has heard of them since.</summary>
    public async Task<PersonFound> AgainAsync(PersonFound person, CancellationToken ct)
    {
        // All that is theirs leads to the strongest.
        var known = person.Ids.Named.Where(one => !person.Alone.Contains(one)).ToList();
        var leading = known.Where(one => one.Kind == SubjectKinds.User).ToList();
        if (leading.Count == 0) leading = [.. known.Where(one => one.Kind == SubjectKinds.Email)];
        if (leading.Count == 0) leading = known;
        foreach (var (kind, id) in leading)
        {
            var now = await PersonAsync(person.Ids.Site, kind, id, ct);
            person = person with { Ids = person.Ids.With(now.Ids.Named), Shared = [.. person.Shared.Union(now.Shared)] };
        }

        return person with { Shared = [.. person.Shared.Except(person.Ids.Named)] };
    }

    /// <summary>Of devices and addresses that events name together with the person: those that others use too, or that the operator took apart.</summary>
    public async Task<IReadOnlySet<(string Kind, string Id)>> OfOthersAsync(PersonIds person, IEnumerable<(string Kind, string Id)> named, CancellationToken ct)
    {
        var found = new HashSet<(string, string)>();
        await using var connection = await dialect.OpenAsync(ct);
        foreach (var one in named)
        {
            await using var query = dialect.Command(connection, null,
                """
                select exists (select 1 from identity_edges where site_id = @site and from_kind = @kind and from_id = @id and to_kind = 'user' and not to_id {users})
                    or exists (select 1 from identity_cuts where site_id = @site and from_kind = @kind and from_id = @id and to_kind = 'user' and to_id {users})
                    or exists (select 1 from identity_blocks where site_id = @site and kind = @kind and id = @id)
                """, person);
            foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("kind", one.Kind), ("id", one.Id)])
            {
                var parameter = query.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                query.Parameters.Add(parameter);
            }

            if (Convert.ToBoolean(await query.ExecuteScalarAsync(ct), CultureInfo.InvariantCulture)) found.Add(one);
        }

        return found;
    }

    /// <summary>The strongest identifier of each event with that id; more than one where several persons sent it.</summary>
    /// <param name="site">Site id.</param>
    /// <param name="eventId">The server's id of the event.</param>
    /// <param name="clientEventId">Or the client's.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<IReadOnlyList<(string Kind, string Id)>> OfEventAsync(string site, Guid? eventId, string? clientEventId, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        if (eventId is not { } id) return await OfEventAsync(connection, "client_event_id = @id", ct, ("site", site), ("id", clientEventId!));
        // An id of ours says when the event was received: most partitions need not be read.
        if (IdTimes.Of(id) is { } at && at > DateTimeOffset.UnixEpoch + s_aroundId && at < DateTimeOffset.MaxValue - s_aroundId
            && await OfEventAsync(connection, "event_id = @id and received_at between @from and @until", ct,
                ("site", site), ("id", dialect.Of(id)), ("from", dialect.Of(at - s_aroundId)), ("until", dialect.Of(at + s_aroundId))) is { Count: > 0 } near) return near;
        return await OfEventAsync(connection, "event_id = @id", ct, ("site", site), ("id", dialect.Of(id)));
    }

    private async Task<IReadOnlyList<(string Kind, string Id)>> OfEventAsync(DbConnection connection, string where, CancellationToken ct, params (string, object)[] values)
    {
        await using var query = dialect.Command(connection, null,
            $"select distinct user_id, email_sha256, visitor_id from events where site_id = @site and {where} limit {MostOfOneEvent}", values);
        var found = new HashSet<(string, string)>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            if (!rows.IsDBNull(0) && !BlockedIds.IsNobody(rows.GetString(0))) found.Add((SubjectKinds.User, rows.GetString(0)));
            else if (!rows.IsDBNull(1)) found.Add((SubjectKinds.Email, rows.GetString(1)));
            else found.Add((SubjectKinds.Visitor, rows.GetGuid(2).ToString("D")));
        }

        return [.. found];
    }

    /// <summary>Whether strangers share the visitor's id: one of the day, or one made of what programs send when there is nobody.</summary>
    public async Task<bool> IsNobodyAsync(string site, Guid visitor, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var transaction = await dialect.BeginByIndexAsync(connection, ct);
        await using var query = dialect.Command(connection, transaction,
            $"select visitor_kind, properties ->> 'anonymous_id' from events where site_id = @site and visitor_id = @id limit {MostOfOneEvent}",
            ("site", site), ("id", dialect.Of(visitor)));
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
            if (rows.GetString(0) == "daily" || (rows.GetString(0) == "client" && !rows.IsDBNull(1) && BlockedIds.IsNobody(rows.GetString(1)))) return true;
        return false;
    }

    /// <summary>Rows of the person by table; tables without any are left out.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CountAsync(PersonIds person, CancellationToken ct)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        await using var connection = await dialect.OpenAsync(ct);
        var events = await EventsAsync(connection, person, ct);
        Add(counts, PersonTables.Events, events.Count);
        foreach (var table in PersonTables.All.Where(one => one.Name != PersonTables.Events))
        {
            await using var count = dialect.Command(connection, null, $"select count(*) from {table.Name} where {table.Where}", person, events);
            Add(counts, table.Name, (long)(await count.ExecuteScalarAsync(ct))!);
        }

        await foreach (var _ in RejectedAsync(connection, null, person, ct)) Add(counts, PersonTables.Rejected, 1);
        return counts;
    }

    /// <summary>What was named together with what, and through which door: why an identifier is the person's.</summary>
    public async Task<IReadOnlyList<IdentityPair>> PairsAsync(PersonIds person, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null,
            $"select from_kind, from_id, to_kind, to_id, source from identity_edges where {PersonTables.OfPair} order by 1, 2, 3, 4, 5", person);
        var found = new List<IdentityPair>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(new(person.Site, rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4)));
        return found;
    }

    /// <summary>The rows as JSON objects, one at a time.</summary>
    public async IAsyncEnumerable<(string Table, string Json)> ExportAsync(PersonIds person, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        var events = await EventsAsync(connection, person, ct);
        foreach (var table in PersonTables.All.OrderBy(one => one.Name, StringComparer.Ordinal))
        {
            await using var query = dialect.Command(connection, null, await dialect.SelectJsonAsync(connection, table.Name, table.Where, ct), person, events);
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

        await using var besides = dialect.Command(connection, null, PersonTables.Beside);
        await using var events = await besides.ExecuteReaderAsync(ct);
        while (await events.ReadAsync(ct))
            foreach (var (kind, id) in NamedBeside.Of(events.GetString(0), events.GetString(1), Encoding.UTF8.GetBytes(events.GetString(2))))
                yield return (events.GetString(0), kind.Word(), id);
    }

    /// <summary>All of the person's rows, in one transaction, and with it what has to be cleaned of them: see <see cref="CleanAsync"/>.</summary>
    /// <returns>Rows by table.</returns>
    public async Task<IReadOnlyDictionary<string, long>> EraseAsync(Guid request, PersonIds person, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await EraseOnceAsync(request, person, ct);
            }
            // Batches write to the same tables at the same time, in an order of their own: one of two that wait for each other is told to begin again.
            catch (DbException e) when (e.IsTransient && attempt < Attempts)
            {
                log.LogDebug("The rows of a person are erased in a further attempt: {Code}", e.SqlState);
            }
        }
    }

    /// <summary>Takes the traces of all rows that were erased out of the files, those of requests whose cleaning failed or was interrupted too.</summary>
    /// <returns>False where that did not work, or nobody waits for it any longer: it is still to be done.</returns>
    public async Task<bool> CleanAsync(CancellationToken ct)
    {
        try
        {
            var open = new List<(Guid Id, string Relations, long Deletions)>();
            await using (var connection = await dialect.OpenAsync(ct))
            await using (var query = dialect.Command(connection, null, "select request_id, relations, deletions from person_requests where relations is not null and cleaned_at is null"))
            await using (var rows = await query.ExecuteReaderAsync(ct))
                while (await rows.ReadAsync(ct)) open.Add((rows.GetGuid(0), rows.GetString(1), rows.GetInt64(2)));
            if (open.Count == 0) return true;

            await dialect.CleanAsync([.. open.SelectMany(one => Names(one.Relations)).Distinct()], ct);
            await using var done = await dialect.OpenAsync(ct);
            foreach (var (id, _, deletions) in open)
            {
                // Unless more was deleted meanwhile.
                await using var mark = dialect.Command(done, null, "update person_requests set cleaned_at = @at where request_id = @id and deletions = @deletions",
                    ("at", dialect.Of(clock.GetUtcNow())), ("id", dialect.Of(id)), ("deletions", deletions));
                await mark.ExecuteNonQueryAsync(ct);
            }

            return true;
        }
        catch (Exception e) when (e is DbException or TimeoutException or OperationCanceledException)
        {
            log.LogWarning("The rows of a person are deleted, but the database could not be cleaned of them yet: {Error} {Code}", e.GetType().Name, (e as DbException)?.SqlState);
            return false;
        }
    }

    private async Task<IReadOnlyDictionary<string, long>> EraseOnceAsync(Guid request, PersonIds person, CancellationToken ct)
    {
        var (counts, relations, events) = (new SortedDictionary<string, long>(StringComparer.Ordinal), new HashSet<string>(), new List<Guid>());
        await using (var connection = await dialect.OpenAsync(ct))
        await using (var transaction = await dialect.BeginAsync(connection, ct))
        {
            await KeepSharedAsync(connection, transaction, person, ct);
            foreach (var table in PersonTables.All)
            {
                var change = table.Set is { } set ? $"update {table.Name} set {set}" : $"delete from {table.Name}";
                var isEvents = table.Name == PersonTables.Events;
                await using var erase = dialect.Command(connection, transaction, $"{change} where {table.Where} returning {{relation}}{(isEvents ? ", event_id" : "")}", person, events);
                await using var gone = await erase.ExecuteReaderAsync(ct);
                while (await gone.ReadAsync(ct))
                {
                    Add(counts, table.Name, 1);
                    relations.Add(gone.IsDBNull(0) ? table.Name : gone.GetString(0));
                    if (isEvents) events.Add(gone.GetGuid(1));
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

            await ToCleanAsync(connection, transaction, request, relations, ct);
            await transaction.CommitAsync(ct);
        }

        return counts;
    }

    private async Task<IReadOnlyList<Guid>> EventsAsync(DbConnection connection, PersonIds person, CancellationToken ct)
    {
        await using var query = dialect.Command(connection, null, $"select event_id from events where {PersonTables.OfEvents}", person);
        var found = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(rows.GetGuid(0));
        return found;
    }

    // What an earlier pass of the request left to clean stays; what is deleted again has to be cleaned again.
    private async Task ToCleanAsync(DbConnection connection, DbTransaction transaction, Guid request, HashSet<string> relations, CancellationToken ct)
    {
        await using (var known = dialect.Command(connection, transaction, "select relations from person_requests where request_id = @id", ("id", dialect.Of(request))))
        {
            var before = await known.ExecuteScalarAsync(ct) as string;
            if (before is not null && relations.Count == 0) return;
            relations.UnionWith(before is null ? [] : Names(before));
        }

        await using var keep = dialect.Command(connection, transaction, "update person_requests set relations = @relations, cleaned_at = null, deletions = deletions + 1 where request_id = @id",
            ("relations", JsonSerializer.Serialize(relations.Order(StringComparer.Ordinal))), ("id", dialect.Of(request)));
        await keep.ExecuteNonQueryAsync(ct);
    }

    private static string[] Names(string relations) => JsonSerializer.Deserialize<string[]>(relations)!;

    // What the person shared with others is one other's alone when the person's pairs are gone, as far as anybody can tell: it has to stay nobody's.
    private async Task KeepSharedAsync(DbConnection connection, DbTransaction transaction, PersonIds person, CancellationToken ct)
    {
        foreach (var (kind, id) in await SharedAsync(connection, transaction, person, [.. person.Named], ct))
        {
            if (kind == SubjectKinds.User) continue;
            await using var block = dialect.Command(connection, transaction,
                """
                insert into identity_blocks (site_id, kind, id, reason)
                select site_id, kind, id, 'shared with somebody who was erased' from identity_persons
                where site_id = @site and kind = @kind and id = @id and reason in ('shared_device', 'shared_mailbox', 'several_emails')
                on conflict do nothing
                """, ("site", person.Site), ("kind", kind), ("id", id));
            await block.ExecuteNonQueryAsync(ct);
        }
    }

    // Devices and mailboxes that were named together with the person and are not theirs alone, and users that an alias named together with theirs.
    private async Task<IReadOnlyList<(string Kind, string Id)>> SharedAsync(
        DbConnection connection, DbTransaction? transaction, PersonIds person, List<(string Kind, string Id)> members, CancellationToken ct)
    {
        await using var query = dialect.Command(connection, transaction,
            """
            select from_kind, from_id from identity_edges where site_id = @site and to_kind = 'user' and to_id {users}
            union
            select to_kind, to_id from identity_edges where site_id = @site and from_kind = 'user' and from_id {users}
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
        var ids = person.Named.ToHashSet();
        await using var query = dialect.Command(connection, transaction, $"select event_id, payload from {PersonTables.Rejected} where site_id = @site", ("site", person.Site));
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            using var payload = JsonDocument.Parse(rows.GetFieldValue<byte[]>(1));
            var e = payload.RootElement;
            if ((Is(SubjectKinds.Visitor, "visitor_id") && Text(e, "visitor_kind") != "daily") || Is(SubjectKinds.User, "user_id") || Is(SubjectKinds.Email, "email_sha256") || IsBeside()) yield return (rows.GetGuid(0), e.GetRawText());

            bool IsBeside() => e.TryGetProperty("properties", out var properties) && NamedBeside.Of(person.Site, Text(e, "name"), Encoding.UTF8.GetBytes(properties.GetRawText()))
                .Any(one => ids.Contains((one.Kind.Word(), one.Id)));

            bool Is(string kind, string name) => Text(e, name) is { } text && ids.Contains((kind, text));
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
/// <param name="Alone">Of the identifiers those that stand for themselves only, because they would lead to others.</param>
internal sealed record PersonFound(string Person, PersonIds Ids, IReadOnlyList<(string Kind, string Id)> Shared, IReadOnlyList<(string Kind, string Id)> Alone)
{
    /// <summary>None of them leads to anybody.</summary>
    public bool IsAlone => Ids.Named.All(Alone.Contains);
}

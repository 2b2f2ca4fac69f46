using System.Buffers.Binary;
using System.Data.Common;
using System.Text.Json;

namespace PixelServer.Store;

/// <summary>Something that every collector has a part in.</summary>
/// <param name="Id">Its id, in the receipt.</param>
/// <param name="Verb"><c>find</c> or <c>erase</c>.</param>
/// <param name="Site">Site id.</param>
/// <param name="Subjects">Keyed hashes of the person's identifiers.</param>
/// <param name="MadeAt">When it was made.</param>
internal sealed record PersonRequest(Guid Id, string Verb, string Site, IReadOnlyList<UInt128> Subjects, DateTimeOffset MadeAt);

/// <summary>How far a request is.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Rows">What the store held, by table; null until nothing more can come.</param>
/// <param name="IsClean">The files of the store have nothing of what was deleted so far.</param>
/// <param name="Receipt">Null until there is one.</param>
internal sealed record PersonRequestState(PersonRequest Request, IReadOnlyDictionary<string, long>? Rows, bool IsClean, string? Receipt);

/// <summary>What a collector found or erased on its own disk.</summary>
internal sealed record PersonPart(Guid Collector, string Host, DateTimeOffset DoneAt, IReadOnlyDictionary<string, long> Counts);

/// <summary>A server that shares the store.</summary>
/// <param name="Id">Of its data directory.</param>
/// <param name="Host">Its machine.</param>
/// <param name="KeyCheck">The same at all whose hashes are the same.</param>
/// <param name="SeenAt">When it was last heard of.</param>
internal sealed record Collector(Guid Id, string Host, string KeyCheck, DateTimeOffset SeenAt)
{
    // So far apart the clocks of machines may be.
    private static readonly TimeSpan s_slack = TimeSpan.FromDays(1);

    /// <summary>
    /// From when on requests are a collector's part: what was erased before its directory was made, it never had. From the beginning, where the id
    /// does not say when that was, or cannot be believed.
    /// </summary>
    public static DateTimeOffset PartFrom(Guid id, DateTimeOffset now) => IdTimes.Of(id) is { } made && made <= now + s_slack ? made - s_slack : DateTimeOffset.UnixEpoch;
}

/// <summary>Where the requests of persons meet those who do something about them: tables <c>person_requests</c>, <c>person_request_parts</c> and <c>collectors</c>.</summary>
internal sealed class PersonRequests(PersonDialect dialect)
{
    private const int SubjectBytes = 16;
    private const string Columns = "request_id, verb, site_id, subjects, made_at";

    public async Task AddAsync(PersonRequest request, CancellationToken ct)
    {
        var subjects = new byte[request.Subjects.Count * SubjectBytes];
        for (var i = 0; i < request.Subjects.Count; i++) BinaryPrimitives.WriteUInt128BigEndian(subjects.AsSpan(i * SubjectBytes), request.Subjects[i]);
        await DoAsync($"insert into person_requests ({Columns}) values (@id, @verb, @site, @subjects, @at)", ct,
            ("id", dialect.Of(request.Id)), ("verb", request.Verb), ("site", request.Site), ("subjects", subjects), ("at", dialect.Of(request.MadeAt)));
    }

    /// <summary>Null where there is no such request.</summary>
    public async Task<PersonRequestState?> FindAsync(Guid id, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null,
            $"select {Columns}, rows_erased, relations is null or cleaned_at is not null, receipt from person_requests where request_id = @id", ("id", dialect.Of(id)));
        await using var rows = await query.ExecuteReaderAsync(ct);
        if (!await rows.ReadAsync(ct)) return null;
        return new(Read(rows), rows.IsDBNull(5) ? null : Counts(rows.GetString(5)), rows.GetBoolean(6), rows.IsDBNull(7) ? null : rows.GetString(7));
    }

    /// <summary>Requests that this collector has not done its part of, oldest first: of an erasure also where the receipt did not wait for it any longer.</summary>
    public async Task<IReadOnlyList<PersonRequest>> OpenAsync(Guid collector, DateTimeOffset now, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null,
            $"""
             select {Columns} from person_requests as r
             where made_at >= @from and not exists (select 1 from person_request_parts as p where p.request_id = r.request_id and p.collector_id = @me)
             order by made_at
             limit 100
             """, ("me", dialect.Of(collector)), ("from", dialect.Of(Collector.PartFrom(collector, now))));
        var found = new List<PersonRequest>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(Read(rows));
        return found;
    }

    /// <summary>A part that was done twice, after a crash, counts once more.</summary>
    public Task AddPartAsync(Guid request, PersonPart part, CancellationToken ct) => DoAsync(
        """
        insert into person_request_parts (request_id, collector_id, host, done_at, counts) values (@id, @me, @host, @at, @counts)
        on conflict (request_id, collector_id) do update set done_at = excluded.done_at, counts = excluded.counts
        """, ct,
        ("id", dialect.Of(request)), ("me", dialect.Of(part.Collector)), ("host", part.Host), ("at", dialect.Of(part.DoneAt)), ("counts", JsonSerializer.Serialize(part.Counts)));

    public async Task<IReadOnlyList<PersonPart>> PartsAsync(Guid request, CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null,
            "select collector_id, host, done_at, counts from person_request_parts where request_id = @id order by host, collector_id", ("id", dialect.Of(request)));
        var found = new List<PersonPart>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(new(rows.GetGuid(0), rows.GetString(1), dialect.Time(rows, 2), Counts(rows.GetString(3))));
        return found;
    }

    public Task KeepRowsAsync(Guid request, IReadOnlyDictionary<string, long> rows, CancellationToken ct) => DoAsync(
        "update person_requests set rows_erased = @rows where request_id = @id", ct, ("id", dialect.Of(request)), ("rows", JsonSerializer.Serialize(rows)));

    /// <summary>The first receipt of a request stays.</summary>
    public Task KeepReceiptAsync(Guid request, string receipt, CancellationToken ct) => DoAsync(
        "update person_requests set receipt = @receipt where request_id = @id and receipt is null", ct, ("id", dialect.Of(request)), ("receipt", receipt));

    public async Task ForgetAsync(Guid request, CancellationToken ct)
    {
        await DoAsync("delete from person_requests where request_id = @id", ct, ("id", dialect.Of(request)));
        await DoAsync("delete from person_request_parts where request_id = @id", ct, ("id", dialect.Of(request)));
    }

    public Task SeenAsync(Collector collector, CancellationToken ct) => DoAsync(
        """
        insert into collectors (collector_id, host, key_check, seen_at) values (@me, @host, @check, @at)
        on conflict (collector_id) do update set host = excluded.host, key_check = excluded.key_check, seen_at = excluded.seen_at
        """, ct,
        ("me", dialect.Of(collector.Id)), ("host", collector.Host), ("check", collector.KeyCheck), ("at", dialect.Of(collector.SeenAt)));

    /// <summary>Its disk is no more.</summary>
    public Task LeaveAsync(Guid collector, CancellationToken ct) => DoAsync("delete from collectors where collector_id = @me", ct, ("me", dialect.Of(collector)));

    public async Task<IReadOnlyList<Collector>> CollectorsAsync(CancellationToken ct)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var query = dialect.Command(connection, null, "select collector_id, host, key_check, seen_at from collectors order by host, collector_id");
        var found = new List<Collector>();
        await using var rows = await query.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct)) found.Add(new(rows.GetGuid(0), rows.GetString(1), rows.GetString(2), dialect.Time(rows, 3)));
        return found;
    }

    private async Task DoAsync(string sql, CancellationToken ct, params (string, object)[] values)
    {
        await using var connection = await dialect.OpenAsync(ct);
        await using var transaction = await dialect.BeginAsync(connection, ct); // on disk before anybody is told
        await using var command = dialect.Command(connection, transaction, sql, values);
        await command.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
    }

    private PersonRequest Read(DbDataReader row)
    {
        var bytes = row.GetFieldValue<byte[]>(3);
        var subjects = Enumerable.Range(0, bytes.Length / SubjectBytes).Select(i => BinaryPrimitives.ReadUInt128BigEndian(bytes.AsSpan(i * SubjectBytes)));
        return new(row.GetGuid(0), row.GetString(1), row.GetString(2), [.. subjects], dialect.Time(row, 4));
    }

    private static SortedDictionary<string, long> Counts(string json) => JsonSerializer.Deserialize<SortedDictionary<string, long>>(json)!;
}

using System.Data.Common;

namespace PixelServer.Store;

/// <summary>Where consent records of all collectors rest: tables <c>consent_records</c> and <c>consent_texts</c>. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IConsents
{
    /// <summary>
    /// Appends the records to the chain in their order, with the texts that came with them, in one transaction. A record whose id the site
    /// has is left out if it says the same (<see cref="ConsentRecord.Repeats"/>), and gets a new id if it does not: no decision is lost.
    /// </summary>
    /// <returns>How many were appended.</returns>
    Task<int> KeepAsync(Guid chain, IReadOnlyList<ConsentRecord> records, CancellationToken ct);

    /// <summary>Of the ids of a site those that the store has, with their records.</summary>
    Task<IReadOnlyList<ConsentRecord>> KnownAsync(string site, IReadOnlyList<string> recordIds, CancellationToken ct);

    /// <summary>Everything that a subject decided, the decision that holds first for each purpose: latest first, of two at once the no.</summary>
    Task<IReadOnlyList<ConsentLink>> AboutAsync(string site, string kind, string id, int limit, CancellationToken ct);

    /// <summary>Yeses with an end behind <paramref name="after"/> and not after <paramref name="until"/>, in the order of their ends; also where something was decided since.</summary>
    Task<IReadOnlyList<ConsentLink>> ExpiredAsync(ConsentEnd after, DateTimeOffset until, int limit, CancellationToken ct);

    /// <summary>Every link of every chain, each chain in its order.</summary>
    IAsyncEnumerable<ConsentLink> ChainsAsync(CancellationToken ct);

    /// <summary>Every text with the hash that it was kept under.</summary>
    IAsyncEnumerable<(string Hash, string Text)> TextsAsync(CancellationToken ct);
}

/// <summary>A place among all records that have an end.</summary>
internal readonly record struct ConsentEnd(DateTimeOffset At, Guid Chain, long Seq);

/// <summary>The columns of a record in the order in which both stores read and write them.</summary>
internal static class ConsentColumns
{
    public const string Names =
        "chain, seq, record_id, site_id, person, purpose, decision, at, recorded_at, method, text_id, text_hash, locale, policy_version, cmp_id, cmp_version, "
        + "actor, expires_at, prev_hash, hash, salt, subject_kind, subject_id, signal, page, ip, user_agent";

    /// <summary>The order in which decisions hold: the same in the view <c>consents</c>.</summary>
    public const string Order = "at desc, decision = 'granted', recorded_at desc, record_id";

    /// <summary>Behind the names of the parameters: the place of the last one before, until when, and how many.</summary>
    /// <remarks>However much was decided since, it reads no more than it answers: the later word holds where these are applied.</remarks>
    public static string Expired(string at, string chain, string seq, string until, string limit) =>
        $"""
        select {Names}
        from consent_records
        where (expires_at, chain, seq) > ({at}, {chain}, {seq}) and expires_at <= {until} and decision = 'granted' and subject_id is not null
        order by expires_at, chain, seq
        limit {limit}
        """;

    /// <summary>A row of <see cref="Names"/>.</summary>
    /// <param name="row">On that row.</param>
    /// <param name="time">How the store keeps a moment.</param>
    public static ConsentLink Read(DbDataReader row, Func<DbDataReader, int, DateTimeOffset> time)
    {
        var record = new ConsentRecord
        {
            RecordId = row.GetString(2),
            SiteId = row.GetString(3),
            Purpose = row.GetString(5),
            Decision = ConsentDecisions.Read(row.GetString(6))!.Value,
            At = time(row, 7),
            RecordedAt = time(row, 8),
            Method = row.GetString(9),
            TextId = Text(10),
            TextHash = Text(11),
            Locale = Text(12),
            PolicyVersion = Text(13),
            CmpId = Text(14),
            CmpVersion = Text(15),
            Actor = row.GetString(16),
            ExpiresAt = row.IsDBNull(17) ? null : time(row, 17),
            Person = new(Text(20), Text(21), Text(22), Text(23), Text(24), Text(25), Text(26)),
        };
        return new(record, row.GetGuid(0), row.GetInt64(1), row.GetString(4), row.GetString(18), row.GetString(19));

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }

    /// <summary>Which of a list are new, and under which id: without those that the store or the list itself has already.</summary>
    /// <param name="records">What came.</param>
    /// <param name="known">What the store has of <see cref="Ids"/>.</param>
    public static List<ConsentRecord> New(IReadOnlyList<ConsentRecord> records, IEnumerable<ConsentRecord> known)
    {
        var found = known.ToDictionary(one => (one.SiteId, one.RecordId));
        var news = new List<ConsentRecord>(records.Count);
        foreach (var one in records)
        {
            var record = one;
            if (found.TryGetValue((one.SiteId, one.RecordId), out var first))
            {
                if (one.Repeats(first)) continue;
                record = one with { RecordId = Other(one) };
                if (found.ContainsKey((record.SiteId, record.RecordId))) continue; // it was kept, and the answer to the commit was lost
            }

            found[(record.SiteId, record.RecordId)] = record;
            news.Add(record);
        }

        return news;
    }

    /// <summary>Under which ids the records may be there already.</summary>
    public static (string[] Sites, string[] Ids) Ids(IReadOnlyList<ConsentRecord> records) =>
        ([.. records.Select(one => one.SiteId), .. records.Select(one => one.SiteId)], [.. records.Select(one => one.RecordId), .. records.Select(Other)]);

    // The same whenever the same message is looked at again: its salt is nobody else's.
    private static string Other(ConsentRecord record) => "other-" + ConsentChain.HashOf(record.RecordId + record.Person.Salt)[..32];
}

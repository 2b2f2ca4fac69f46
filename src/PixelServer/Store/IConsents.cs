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

    /// <summary>Every yes that ended after <paramref name="after"/> and not after <paramref name="until"/>, where nothing was decided since.</summary>
    Task<IReadOnlyList<ConsentRecord>> ExpiredAsync(DateTimeOffset after, DateTimeOffset until, CancellationToken ct);

    /// <summary>Every link of every chain, each chain in its order.</summary>
    IAsyncEnumerable<ConsentLink> ChainsAsync(CancellationToken ct);

    /// <summary>Every text with the hash that it was kept under.</summary>
    IAsyncEnumerable<(string Hash, string Text)> TextsAsync(CancellationToken ct);

    /// <summary>Takes out of every record of the subject whose it is; the chains still verify.</summary>
    /// <returns>How many records.</returns>
    Task<int> EraseAsync(string site, string kind, string id, CancellationToken ct);
}

/// <summary>The columns of a record in the order in which both stores read and write them.</summary>
internal static class ConsentColumns
{
    public const string Names =
        "chain, seq, record_id, site_id, person, purpose, decision, at, recorded_at, method, text_id, text_hash, locale, policy_version, cmp_id, cmp_version, "
        + "actor, expires_at, prev_hash, hash, salt, subject_kind, subject_id, signal, page, ip, user_agent";

    /// <summary>The order in which decisions hold: the same in the view <c>consents</c>.</summary>
    public const string Order = "at desc, decision = 'granted', recorded_at desc, record_id";

    /// <summary>Behind the names of the parameters for the two moments.</summary>
    public static string Expired(string after, string until) =>
        $"""
        select {Names}
        from consent_records as c
        where expires_at > {after} and expires_at <= {until} and decision = 'granted' and subject_id is not null
          and not exists (
            select 1 from consent_records as n
            where n.site_id = c.site_id and n.subject_kind = c.subject_kind and n.subject_id = c.subject_id and n.purpose = c.purpose and n.at > c.at)
        """;

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

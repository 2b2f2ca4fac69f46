using System.Collections.Frozen;

namespace PixelServer.Store;

/// <summary>A table that holds rows of persons: how those of one are found, and what erasing leaves of them.</summary>
/// <param name="Name">The table.</param>
/// <param name="Where">
/// SQL of both stores. <c>@site</c> is the site; <c>{visitors}</c>, <c>{visitor_ids}</c>, <c>{users}</c> and <c>{emails}</c> stand for "is one of the person's": visitors
/// as text and as the type of <c>events.visitor_id</c>. <c>{event_ids}</c> is "is one of the person's events". <c>{named}</c> is "the event names one of them beside its columns", the places of <see cref="NamedBeside"/>,
/// and <c>{visitor_of_from}</c> for the visitor's id that stands for <c>from_id</c>.
/// </param>
/// <param name="Set">Where rows have to stay: what becomes of their columns. Null: they are deleted.</param>
/// <param name="Kept">The columns that stay as they are, which tell nothing of anybody without the others.</param>
internal sealed record PersonTable(string Name, string Where, string? Set = null, string Kept = "");

/// <summary>
/// Every table of the store, either with the rule by which a person's rows are found, or with the reason why it holds nothing of anybody. A test compares
/// this with the schema: a table that is added without an entry fails it.
/// </summary>
internal static class PersonTables
{
    public const string Events = "events";

    /// <summary>The members of <c>$device</c> that are ids, as SQL has them; <see cref="NamedBeside"/> reads the same.</summary>
    public static string DeviceIds { get; } = string.Join(", ", NamedBeside.DeviceIds.Select(name => $"'{name}'"));

    // An id of the day is nobody's: strangers behind one address share it.
    public const string OfEvents =
        "site_id = @site and ((visitor_id {visitor_ids} and visitor_kind <> 'daily') or user_id {users} or email_sha256 {emails} or {named})";

    /// <summary>In the order of erasing: receipts are found by the ids of the events, and nothing is found without the edges.</summary>
    public static IReadOnlyList<PersonTable> All { get; } =
    [
        new(Events, OfEvents),
        new("event_receipts", "event_id {event_ids}"),
        new("mail_decisions", "site_id = @site and subject = 'recipient' and subject_id {users}"),
        new("consent_records",
            "site_id = @site and ((subject_kind = 'visitor' and subject_id {visitors}) or (subject_kind in ('user', 'recipient') and subject_id {users}) "
            + "or (subject_kind = 'email_sha256' and subject_id {emails}))",
            "salt = null, subject_kind = null, subject_id = null, signal = null, page = null, ip = null, user_agent = null",
            "chain seq record_id site_id person purpose decision at recorded_at method text_id text_hash locale policy_version cmp_id cmp_version actor expires_at prev_hash hash"),
        new("opt_outs", $"site_id = @site and {Of("kind", "id")}"),
        new("identity_edges", OfPair),
        new("identity_cuts", OfPair),
        new("identity_blocks", $"site_id = @site and {Of("kind", "id")}"),
    ];

    /// <summary>Questions for all identifiers, as site, kind and id: what a restored database brings back is found by them.</summary>
    public static IReadOnlyList<string> Identifiers { get; } =
    [
        "select distinct site_id, 'visitor', cast(visitor_id as text) from events where visitor_kind <> 'daily'",
        "select distinct site_id, 'user', user_id from events where user_id is not null",
        "select distinct site_id, 'email', email_sha256 from events where email_sha256 is not null",
        "select distinct site_id, from_kind, from_id from identity_edges",
        "select distinct site_id, to_kind, to_id from identity_edges",
        "select distinct site_id, 'user', subject_id from mail_decisions where subject = 'recipient'",
        "select distinct site_id, case subject_kind when 'email_sha256' then 'email' when 'recipient' then 'user' else subject_kind end, subject_id from consent_records where subject_id is not null",
        "select distinct site_id, kind, id from opt_outs",
    ];

    /// <summary>Site, name and properties of every event that may name somebody beside its columns.</summary>
    public const string Beside =
        """
        select site_id, name, cast(properties as text) from events
        where properties is not null
          and (name = 'alias' or cast(properties as text) like '%"email_sha256"%' or cast(properties as text) like '%"phone_sha256"%'
            or cast(properties as text) like '%"external_id_sha256"%' or cast(properties as text) like '%"$device"%')
        """;

    /// <summary>Its payload is JSON that the database may be unable to read: searched by this program.</summary>
    public const string Rejected = "events_rejected";

    /// <summary>Tables without anything of anybody: their columns, and why. A column that is added has to be judged too.</summary>
    public static FrozenDictionary<string, (string Columns, string Reason)> Impersonal { get; } = new Dictionary<string, (string, string)>
    {
        ["journal_positions"] = ("journal_id position host updated_at", "runs of servers and machines"),
        ["conversion_names"] = ("site_id name", "names of events"),
        ["schema_versions"] = ("schemaversionid schemaversionsid scriptname applied", "names of migrations"),
        ["standings"] = ("subject kept processed shared storage measurement ads changed_at", "keyed hashes without the key: what makes that an erased person stays erased"),
        ["standing_epoch"] = ("one epoch", "a counter"),
        ["consent_texts"] = ("text_hash text first_at", "words that were shown to everybody"),
        ["refusals"] = ("day site_id code run count", "counts"),
        ["daily_keys"] = ("day wrapped", "closed keys, destroyed after two days"),
        ["retention_runs"] = ("day finished_at rules whole partitions rows", "days, rules and counts"),
        ["collectors"] = ("collector_id host key_check seen_at", "machines of the operator"),
        ["person_requests"] = ("request_id verb site_id subjects made_at relations deletions cleaned_at rows_erased receipt", "keyed hashes and counts: proof that a request was answered"),
        ["person_request_parts"] = ("request_id collector_id host done_at counts", "counts by machine"),
    }.ToFrozenDictionary();

    // The previous id of an alias stands there as it was sent, and is a visitor's too.
    public static string OfPair =>
        $"site_id = @site and ({Of("from_kind", "from_id")} or {Of("to_kind", "to_id")} or (from_kind = 'user' and {{visitor_of_from}} {{visitors}}))";

    private static string Of(string kind, string id) =>
        $"(({kind} = 'visitor' and {id} {{visitors}}) or ({kind} = 'user' and {id} {{users}}) or ({kind} = 'email' and {id} {{emails}}))";
}

using System.Data.Common;
using System.Globalization;

namespace PixelServer.Store;

/// <summary>
/// Counts in the embedded database, on a connection of its own. SQLite has no functions with arguments: what PostgreSQL does in <c>two_sides</c> stands
/// here, and groups the copies as the view <c>conversions</c> does.
/// </summary>
internal sealed class SqliteSides(string file) : ISides
{
    /// <summary>Steps of the database's machine between two looks at whether anybody still waits; less than a millisecond.</summary>
    private const int ProgressSteps = 10_000;

    private const string Sql =
        """
        with recursive copies as materialized (
          select
            e.site_id, e.name, e.client_event_id, e.received_at, e.traffic, e.user_id, e.email_sha256, e.click_id, e.ip, e.user_agent,
            e.source = 'server'                                                                                as is_server,
            json_extract(e.properties, '$."$identities".phone_sha256[0]')                                      as phone_sha256,
            case when e.client_event_id is null then e.event_id end                                            as alone,
            unixepoch(substr(e.received_at, 1, 19)) * 1000000 + cast(substr(e.received_at, 21, 6) as integer)  as micros,
            row_number() over (
              order by e.site_id, e.name, e.client_event_id, case when e.client_event_id is null then e.event_id end, e.received_at, e.event_id) as n
          from events as e
          where e.received_at >= $read_since and e.received_at < $read_before
            and ($site is null or e.site_id = $site) and ($name is null or e.name = $name)
            and exists (select 1 from conversion_names as c where c.name = e.name and c.site_id in ('*', e.site_id))
        ),
        spans as (
          select *, min(micros) over id as first_micros, max(micros) over id as last_micros
          from copies
          window id as (partition by site_id, name, client_event_id, alone)
        ),
        reused as materialized (
          select n, site_id, name, client_event_id, micros, row_number() over (order by n) as step
          from spans
          where last_micros - first_micros > $window
        ),
        walked (step, n, site_id, name, client_event_id, began) as (
          select step, n, site_id, name, client_event_id, micros from reused where step = 1
          union all
          select r.step, r.n, r.site_id, r.name, r.client_event_id,
            case when r.site_id = w.site_id and r.name = w.name and r.client_event_id = w.client_event_id and r.micros - w.began <= $window
                 then w.began else r.micros end
          from walked as w
          join reused as r on r.step = w.step + 1
        ),
        grouped as (
          select *, min(n) over (partition by site_id, name, client_event_id, alone, began) as first_n
          from (select s.*, coalesce(w.began, s.first_micros) as began from spans as s left join walked as w on w.n = s.n)
        ),
        found as (
          select
            substr(min(received_at), 1, 10)                                              as day,
            site_id,
            name,
            client_event_id,
            case when max(is_server) = 0 then 'browser' when min(is_server) = 1 then 'server' else 'both' end as sides,
            count(*)                                                                     as copies,
            max(traffic) filter (where n = first_n)                                      as traffic,
            min(micros) filter (where is_server) - min(micros) filter (where not is_server) as delay,
            max(email_sha256) is null                                                    as no_email,
            max(phone_sha256) is null                                                    as no_phone,
            max(user_id) is null                                                         as no_user_id,
            max(click_id) is null                                                        as no_click_id,
            max(ip) is null                                                              as no_ip,
            max(user_agent) is null                                                      as no_user_agent
          from grouped
          group by site_id, name, client_event_id, alone, began
          having min(received_at) >= $since and min(received_at) < $before
        ),
        medians as (
          select day, site_id, name, avg(delay) as median
          from (
            select day, site_id, name, delay,
              row_number() over (partition by day, site_id, name order by delay)  as place,
              count(*) over (partition by day, site_id, name)                     as pairs
            from found
            where delay is not null
          )
          where place in ((pairs + 1) / 2, (pairs + 2) / 2)
          group by day, site_id, name
        )
        select
          f.day, f.site_id, f.name,
          count(*),
          count(*) filter (where sides = 'browser'),
          count(*) filter (where sides = 'server'),
          count(*) filter (where sides = 'both'),
          count(*) filter (where sides = 'browser' and traffic = 'human'),
          sum(copies),
          max(median),
          count(*) filter (where sides = 'browser' and client_event_id is null),
          count(*) filter (where sides <> 'browser'),
          count(*) filter (where sides <> 'browser' and client_event_id is null),
          count(*) filter (where sides <> 'browser' and no_email),
          count(*) filter (where sides <> 'browser' and no_phone),
          count(*) filter (where sides <> 'browser' and no_user_id),
          count(*) filter (where sides <> 'browser' and no_click_id),
          count(*) filter (where sides <> 'browser' and no_ip),
          count(*) filter (where sides <> 'browser' and no_user_agent)
        from found as f
        left join medians as m on m.day = f.day and m.site_id = f.site_id and m.name = f.name
        group by f.day, f.site_id, f.name
        order by f.day, f.site_id, f.name
        limit $limit
        """;

    private readonly SqliteFile _file = new(file);

    public Task<IReadOnlyList<SidesRow>> AskAsync(SidesQuestion question, int limit, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return Task.Run<IReadOnlyList<SidesRow>>(() => question.IsVain ? [] : Ask(question, limit, ct), ct);
    }

    private List<SidesRow> Ask(SidesQuestion question, int limit, CancellationToken ct)
    {
        var (began, read) = (question.Began, question.Began.Widened(SidesQuestion.Window));
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null, Sql,
            ("$site", (object?)question.Site ?? DBNull.Value), ("$name", (object?)question.Name ?? DBNull.Value),
            ("$since", EventText.Time(began.From)), ("$before", EventText.Time(began.Until)),
            ("$read_since", EventText.Time(read.From)), ("$read_before", EventText.Time(read.Until)),
            ("$window", SidesQuestion.Window.Ticks / TimeSpan.TicksPerMicrosecond), ("$limit", limit));
        // The driver itself would work on to the end, whoever has gone.
        SQLitePCL.raw.sqlite3_progress_handler(connection.Handle, ProgressSteps, _ => ct.IsCancellationRequested ? 1 : 0, null);
        var found = new List<SidesRow>();
        using var rows = query.ExecuteReader();
        while (rows.Read()) found.Add(Row(rows));
        return found;
    }

    private static SidesRow Row(DbDataReader rows) => new()
    {
        Day = DateOnly.ParseExact(rows.GetString(0), "yyyy-MM-dd", CultureInfo.InvariantCulture),
        SiteId = rows.GetString(1),
        Name = rows.GetString(2),
        Conversions = rows.GetInt64(3),
        BrowserOnly = rows.GetInt64(4),
        ServerOnly = rows.GetInt64(5),
        BothSides = rows.GetInt64(6),
        BrowserOnlyHuman = rows.GetInt64(7),
        Copies = rows.GetInt64(8),
        // Of two microseconds in the middle the mean: exact in a double, since 48 hours have twelve digits of them.
        MedianDelaySeconds = rows.IsDBNull(9) ? null : Math.Round((decimal)rows.GetDouble(9) / 1_000_000, 3, MidpointRounding.AwayFromZero),
        BrowserMissingEventId = rows.GetInt64(10),
        WithServer = rows.GetInt64(11),
        MissingEventId = rows.GetInt64(12),
        MissingEmail = rows.GetInt64(13),
        MissingPhone = rows.GetInt64(14),
        MissingUserId = rows.GetInt64(15),
        MissingClickId = rows.GetInt64(16),
        MissingIp = rows.GetInt64(17),
        MissingUserAgent = rows.GetInt64(18),
    };
}

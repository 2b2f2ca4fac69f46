using System.Globalization;

namespace PixelServer.Store;

/// <summary>Refusal counts in the embedded database.</summary>
internal sealed class SqliteRefusals(string file) : IRefusals
{
    private const string DayFormat = "yyyy-MM-dd";
    private readonly SqliteFile _file = new(file);

    public Task KeepAsync(Guid run, IReadOnlyList<RefusalRow> sums, CancellationToken ct) => sums.Count == 0 ? Task.CompletedTask : Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        using var old = SqliteFile.Command(connection, transaction, "delete from refusals where day < date($day, '-1096 days')", ("$day", Text(sums.Max(one => one.Day))));
        old.ExecuteNonQuery();
        foreach (var one in sums)
        {
            using var keep = SqliteFile.Command(connection, transaction,
                """
                insert into refusals (day, site_id, code, run, count) values ($day, $site, $code, $run, $count)
                on conflict (day, site_id, code, run) do update set count = excluded.count where excluded.count > count
                """,
                ("$day", Text(one.Day)), ("$site", one.SiteId), ("$code", one.Code), ("$run", run.ToString("D")), ("$count", one.Count));
            keep.ExecuteNonQuery();
        }

        transaction.Commit();
    }, ct);

    public Task<IReadOnlyList<RefusalRow>> AskAsync(string? site, DateOnly first, DateOnly last, int limit, CancellationToken ct) => Task.Run<IReadOnlyList<RefusalRow>>(() =>
    {
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null,
            """
            select day, site_id, code, sum(count)
            from refusals
            where day between $first and $last and ($site is null or site_id = $site)
            group by day, site_id, code
            order by day, site_id, code
            limit $limit
            """,
            ("$first", Text(first)), ("$last", Text(last)), ("$site", (object?)site ?? DBNull.Value), ("$limit", limit));
        var found = new List<RefusalRow>();
        using var rows = query.ExecuteReader();
        while (rows.Read()) found.Add(new(DateOnly.ParseExact(rows.GetString(0), DayFormat, CultureInfo.InvariantCulture), rows.GetString(1), rows.GetString(2), rows.GetInt64(3)));
        return found;
    }, ct);

    private static string Text(DateOnly day) => day.ToString(DayFormat, CultureInfo.InvariantCulture);
}

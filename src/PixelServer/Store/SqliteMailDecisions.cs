using System.Globalization;

namespace PixelServer.Store;

/// <summary>Decisions about mails in the embedded database, for those who ask it by SQL; one server has it for itself.</summary>
internal sealed class SqliteMailDecisions(string file) : IMailDecisions
{
    // Erasing somebody deletes rows, the newest too, and a mark must not be used twice: the clock is beyond all of them.
    private const string NextMark = "select max((select coalesce(max(changed_at), 0) + 1 from mail_decisions), cast(unixepoch('subsec') * 1000 as integer))";

    private readonly SqliteFile _file = new(file);

    public Task KeepAsync(IReadOnlyList<MailDecision> decisions, CancellationToken ct) => Task.Run(() =>
    {
        using var connection = _file.Open();
        using var transaction = _file.BeginWrite(connection);
        using var next = SqliteFile.Command(connection, transaction, NextMark);
        var mark = (long)next.ExecuteScalar()!;
        using var keep = SqliteFile.Command(connection, transaction,
            """
            insert into mail_decisions (site_id, subject, subject_id, tracking, redirects, decided_at, decided_by, changed_at)
            values ($site, $subject, $id, $tracking, $redirects, $at, $by, $mark)
            on conflict (site_id, subject, subject_id) do update
            set tracking = excluded.tracking, redirects = excluded.redirects, decided_at = excluded.decided_at,
                decided_by = excluded.decided_by, changed_at = excluded.changed_at
            where excluded.decided_at > mail_decisions.decided_at
               or (excluded.decided_at = mail_decisions.decided_at
                   and (mail_decisions.tracking > excluded.tracking or mail_decisions.redirects > excluded.redirects))
            """);
        foreach (var one in decisions)
        {
            ct.ThrowIfCancellationRequested();
            keep.Parameters.Clear();
            keep.Parameters.AddWithValue("$site", one.SiteId);
            keep.Parameters.AddWithValue("$subject", MailSubjects.Of(one.Subject));
            keep.Parameters.AddWithValue("$id", one.SubjectId);
            keep.Parameters.AddWithValue("$tracking", one.Tracking ? 1 : 0);
            keep.Parameters.AddWithValue("$redirects", one.Redirects ? 1 : 0);
            keep.Parameters.AddWithValue("$at", EventText.Time(one.DecidedAt));
            keep.Parameters.AddWithValue("$by", one.DecidedBy);
            keep.Parameters.AddWithValue("$mark", mark);
            keep.ExecuteNonQuery();
        }

        transaction.Commit();
    }, ct);

    public Task<(IReadOnlyList<MailDecision> Decisions, string Mark)> SinceAsync(string? mark, CancellationToken ct) => Task.Run(() =>
    {
        var last = mark is null ? 0 : long.Parse(mark, CultureInfo.InvariantCulture);
        var found = new List<MailDecision>();
        using var connection = _file.Open();
        using var query = SqliteFile.Command(connection, null,
            "select site_id, subject, subject_id, tracking, redirects, decided_at, decided_by, changed_at from mail_decisions where changed_at > $mark", ("$mark", last));
        using var rows = query.ExecuteReader();
        while (rows.Read())
        {
            last = Math.Max(last, rows.GetInt64(7));
            found.Add(new(rows.GetString(0), MailSubjects.Read(rows.GetString(1)), rows.GetString(2), rows.GetInt64(3) != 0, rows.GetInt64(4) != 0,
                DateTimeOffset.Parse(rows.GetString(5), CultureInfo.InvariantCulture), rows.GetString(6)));
        }

        return ((IReadOnlyList<MailDecision>)found, last.ToString(CultureInfo.InvariantCulture));
    }, ct);
}

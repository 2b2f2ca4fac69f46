using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>What recipients decided, on our own disk.</summary>
internal sealed class MailHolder(MailDecisions decisions) : IHolder
{
    public string Name => "mail-decisions.jsonl";

    public Task FindAsync(PersonCrowd persons, CancellationToken ct)
    {
        _ = decisions.Count(Theirs(persons));
        return Task.CompletedTask;
    }

    public Task EraseAsync(PersonCrowd persons, CancellationToken ct) => decisions.EraseAsync(Theirs(persons));

    private static Func<MailDecision, bool> Theirs(PersonCrowd persons) => one => persons.Name(one.SiteId, SubjectKind.User, one.SubjectId, one.DecidedAt);
}

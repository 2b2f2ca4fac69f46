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

    private static Func<string, string, bool> Theirs(PersonCrowd persons) => (site, recipient) => persons.Name(site, SubjectKind.User, recipient);
}

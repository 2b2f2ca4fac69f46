namespace PixelServer.Mail;

/// <summary>What recipients decided, on our own disk.</summary>
internal sealed class MailHolder(MailDecisions decisions) : IHolder
{
    public string Name => "mail-decisions.jsonl";

    public Task<long> FindAsync(PersonMarks person, CancellationToken ct) => Task.FromResult(decisions.Count(Theirs(person)));

    public Task<long> EraseAsync(PersonMarks person, CancellationToken ct) => decisions.EraseAsync(Theirs(person));

    private static Func<string, string, bool> Theirs(PersonMarks person) => (site, recipient) => person.Name(site, SubjectKind.User, recipient);
}

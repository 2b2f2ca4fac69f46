namespace PixelServer.Privacy;

/// <summary>The kinds of identifiers under which decisions are recorded.</summary>
internal static class ConsentPersons
{
    public const string Visitor = "visitor", User = "user", Email = "email_sha256", Recipient = "recipient";

    /// <summary>What the doors know the subject as; null where they do not.</summary>
    public static SubjectKind? KindOf(string? kind) => kind switch
    {
        Visitor => SubjectKind.Visitor,
        User => SubjectKind.User,
        Email => SubjectKind.Email,
        _ => null,
    };

    /// <summary>As what a subject is erased: the id of a recipient of mails is one of the site's own ids of the person.</summary>
    public static SubjectKind? ErasedAs(string? kind) => kind is Recipient ? SubjectKind.User : KindOf(kind);
}

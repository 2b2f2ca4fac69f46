namespace PixelServer.Api;

/// <summary>
/// Something of an accepted event that was not taken as it was sent: a closed set, each documented in docs/events-api.md. The
/// text itself is never repeated: it may be the address of a person.
/// </summary>
internal sealed record Warning
{
    private static readonly List<Warning> s_all = [];

    private Warning(string code, string meaning)
    {
        (Code, Meaning) = (code, meaning);
        s_all.Add(this);
    }

    public static IReadOnlyList<Warning> All => s_all;

    /// <summary>Stable: clients rely on it.</summary>
    public string Code { get; }

    public string Meaning { get; }

    // What happened, and when.
    public static readonly Warning MemberNotRead = new("member_not_read", "The member that is named is not what it should be. It is kept in properties, unless it is of the visitor.");
    public static readonly Warning TimestampNotBelieved = new("timestamp_not_believed", "The time lies too far back, or more than 5 minutes ahead; the time of arrival counts.");
    public static readonly Warning VisitorNotVerified = new("visitor_not_verified", "The visitor_id is a px_id that this server did not give, or one that has expired; the event is nobody's.");

    // Who it was.
    public static readonly Warning IdentityNotRead = new("identity_not_read", "The identity is no JSON object, or one of its members is no text and no list of texts.");
    public static readonly Warning IdentityUnknown = new("identity_unknown", "The identity has a member that this server does not know; it was not kept.");
    public static readonly Warning IdentityBeside = new("identity_beside", "A member of the event has a name of the identity, and was read as one of it. A property of that name stands in properties.");
    public static readonly Warning IdentityTooLong = new("identity_too_long", "A text of the identity is longer than its limit; it was not kept.");
    public static readonly Warning IdentityTooMany = new("identity_too_many", "A member of the identity has more than 5 values; the first 5 were kept.");
    public static readonly Warning HashNotRead = new("hash_not_read", "A hash is not 64 hexadecimal digits; it was not kept.");
    public static readonly Warning EmailNotRead = new("email_not_read", "An e-mail address is none; it was not kept.");
    public static readonly Warning PhoneNotRead = new("phone_not_read", "A phone number is none, or a national one and its country is not known; it was not kept.");
    public static readonly Warning BirthNotRead = new("date_of_birth_not_read", "A date of birth is not written as 1990-01-31 or 19900131, or is no date; it was not kept.");
    public static readonly Warning GenderNotRead = new("gender_not_read", "A gender is none of the words for female, male and neither; it was not kept.");
    public static readonly Warning CountryNotRead = new("country_not_read", "A country is not an ISO 3166-1 code of two letters; it was not kept.");
}

using System.Globalization;
using PixelServer.Mail;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What a recorded decision means from now on: at the doors, and for mails. Both keep the later word of a person, so that an old record changes nothing.</summary>
internal sealed class ConsentEffects(SubjectKeys keys, Standings standings, StandingExchange exchange, MailDecisions mails, TimeProvider clock)
{
    /// <summary>When this completes the decisions hold, also after a crash. A yes that is over is a no from then on.</summary>
    /// <exception cref="IOException">They cannot be kept.</exception>
    public async Task ApplyAsync(IReadOnlyList<ConsentRecord> records)
    {
        var now = clock.GetUtcNow();
        SubjectStanding[] words = [.. records.Select(one => StandingOf(one, keys, now)).OfType<SubjectStanding>()];
        if (words.Length > 0) await exchange.DecideAsync(words);
        await mails.RecordAsync(records.Select(one => MailDecisionOf(one, now)).OfType<MailDecision>());
    }

    /// <summary>Who was erased leaves the decision and nothing of themselves.</summary>
    public ConsentRecord WithoutErased(ConsentRecord record) => WithoutErased(record, standings, keys);

    /// <inheritdoc cref="WithoutErased(ConsentRecord)"/>
    public static ConsentRecord WithoutErased(ConsentRecord record, Standings standings, SubjectKeys keys) =>
        ConsentPersons.ErasedAs(record.Person.Kind) is { } kind && standings.Of(keys.Of(record.SiteId, kind, record.Person.Id)).IsErased
            ? record with { Person = ConsentPerson.Erased } : record;

    /// <summary>The word for the doors; null where they do not ask about this purpose or subject.</summary>
    public static SubjectStanding? StandingOf(ConsentRecord record, SubjectKeys keys, DateTimeOffset now)
    {
        if (ConsentPersons.KindOf(record.Person.Kind) is not { } kind) return null;
        var word = IsYes(record, now) ? Word.Yes(record.At) : Word.No(record.At);
        Standing? standing = record.Purpose switch
        {
            "storage" => new Standing { Storage = word },
            "measurement" => new Standing { Measurement = word },
            "ads" => new Standing { Ads = word },
            _ => null,
        };
        return standing is null ? null : new(keys.Of(record.SiteId, kind, record.Person.Id), standing.Value);
    }

    /// <summary>The decision for mails; null where it is not about a recipient's mails.</summary>
    public static MailDecision? MailDecisionOf(ConsentRecord record, DateTimeOffset now) =>
        record is { Purpose: "email", Person: { Kind: ConsentPersons.Recipient, Id: { } id } }
            ? new(record.SiteId, MailSubject.Recipient, id, IsYes(record, now), Redirects: true, record.At, record.Actor == "person" ? "recipient" : "operator")
            : null;

    /// <summary>
    /// The record of a decision about mails that came in by another way: the link in a mail, or the address for recipients. The same decision has the same
    /// id, so that it can be proven again until its record is there; the id is keyed, for it stays when the person is erased.
    /// </summary>
    public ConsentRecord ProofOf(MailDecision decision)
    {
        var isTheirs = decision.DecidedBy == "recipient";
        var one = string.Create(CultureInfo.InvariantCulture, $"{decision.SubjectId}\0{decision.Tracking}\0{decision.DecidedAt.ToUnixTimeMilliseconds()}");
        return new()
        {
            RecordId = $"mail-{keys.Of(decision.SiteId, SubjectKind.User, one):x32}",
            SiteId = decision.SiteId,
            Person = new(ConsentPerson.NewSalt(), ConsentPersons.Recipient, decision.SubjectId, null, null, null, null),
            Purpose = "email",
            Decision = decision.Tracking ? ConsentDecision.Granted : ConsentDecision.Withdrawn,
            At = decision.DecidedAt,
            RecordedAt = decision.DecidedAt,
            Method = isTheirs ? "one_click" : "api",
            Actor = isTheirs ? "person" : "operator",
        };
    }

    // The no of a yes that is over is of the same moment, and of two at once the no holds: whatever was or will be decided later holds against it.
    private static bool IsYes(ConsentRecord record, DateTimeOffset now) => record.Decision == ConsentDecision.Granted && !(record.ExpiresAt <= now);
}

using System.Text;
using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>What leaves an event because its consent does not allow it, before anything is made of it.</summary>
internal static class Stripping
{
    private const string Identify = "identify"; // the event in which a page says who somebody is

    private static readonly string[] s_user = [.. Parameters.NamesOf(ParameterKind.User)];
    private static readonly string[] s_userOfAlias = [.. s_user, "previousId"];
    private static readonly string[] s_identifiers = [.. Parameters.NamesOf(ParameterKind.EventId)];

    // The tag reads the cookies in which ad platforms keep ids of clicks and browsers.
    private static readonly string[] s_clickIds = [.. ClickIds.Names, .. MailIds.Names, "$cookies"];

    // What the doors with keys put among the properties, and others may: about the person, and about the device with whatever ids SDKs hang on it.
    // Ids of apps' devices are ids for ads: where there is no person there is no device either.
    private static readonly string[] s_kept =
    [
        Encoding.ASCII.GetString(Parameters.KeptIdentities), "traits", "previous_id", "group_id",
        Encoding.ASCII.GetString(Parameters.KeptDevice), "anonymous_id", "context", "integrations",
    ];

    private static readonly Predicate<ReadOnlySpan<byte>> s_isPersons = IdentityNames.IsPersons, s_isOnlyPersons = IdentityNames.IsOnlyPersons;

    /// <summary>Takes out of the draft what may not be kept and adds what was said about consent, or says why nothing may.</summary>
    public static Refusal? Strip(Draft draft, in Caller caller, Site site, in ConsentSignals said, in Consent consent)
    {
        if (!consent.Measurement) return Refusal.ConsentRequired;
        if (!consent.User)
        {
            draft.Properties.Drop(draft.Name == NamedBeside.Alias ? s_userOfAlias : s_user);
            draft.Properties.Drop(s_kept);
            draft.Properties.Drop(draft.Name == Identify ? s_isPersons : s_isOnlyPersons);
        }

        if (!consent.Identifiers) draft.Properties.Drop(s_identifiers);
        if (!consent.ClickIds) draft.Properties.Drop(s_clickIds);
        return ConsentReader.Keep(draft, caller, said, site, mayNamePerson: consent.User);
    }

    /// <summary>What may be kept of a page's address.</summary>
    public static string? Address(string? address, in Consent consent) =>
        !consent.Identifiers ? BareAddress.Of(address) : consent.ClickIds ? address : BareAddress.WithoutClickIds(address);
}

using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>Reads what an event and the headers of its request say about consent, and keeps it with the event.</summary>
internal static class ConsentReader
{
    /// <summary>Behind the name of a signal that cannot be used, with why: <c>gdpr_consent_fault</c>.</summary>
    private const string Suffix = "_fault";

    private static readonly string[] s_own = [.. SignalReader.Names.ToArray().Select(name => name + Suffix)];
    private static readonly Predicate<ReadOnlySpan<byte>> s_isNoSignal = name => !SignalReader.IsName(name);

    /// <summary>A no or a yes to being counted, as the tag says it.</summary>
    public static ReadOnlySpan<byte> OwnWord => "measurement"u8;

    /// <summary>
    /// Whether a member that is no parameter is the tag's own word for measurement, and so a signal. Only with a word that can mean nothing else: a
    /// <c>measurement</c> of 42 is the event's own.
    /// </summary>
    public static bool IsOwnWord(ReadOnlySpan<byte> name, ReadOnlySpan<byte> text) =>
        name.SequenceEqual(OwnWord) && (text.SequenceEqual("granted"u8) || text.SequenceEqual("denied"u8));

    /// <summary>Costs nothing where nothing was said.</summary>
    public static ConsentSignals Read(Draft draft, in Caller caller)
    {
        var dnt = caller.Dnt == "1";
        if (draft.Consent.IsEmpty) return caller.Gpc || dnt ? new() { Gpc = caller.Gpc, Dnt = dnt } : default;

        var signals = new SignalReader();
        signals.TakeHeaders(caller.Gpc, dnt);
        for (var at = 0; draft.Consent.TryRead(ref at, out var name, out var text);) signals.Take(name, text);
        return signals.Read(isTrusted: draft.Claim is { IsSecret: true });
    }

    /// <summary>
    /// What was said goes into the property <c>$consent</c>, and beside it why something of it could not be used: everything, or where no person may be kept the
    /// signals alone, for what else stands there anybody may have made up.
    /// </summary>
    public static Refusal? Keep(Draft draft, in Caller caller, in ConsentSignals said, Site site, bool mayNamePerson)
    {
        var consent = draft.Consent;
        consent.Drop(s_own); // ours to say
        if (!mayNamePerson) consent.Drop(s_isNoSignal);
        if (caller.Dnt is { } dnt && consent.AddOwn("dnt"u8, dnt == "1" ? "1"u8 : "0"u8) is { } refusal) return refusal;
        if (said.Faults is not null)
            foreach (var (name, fault) in said.Faults)
                if (consent.AddOwn(Key(name), Faults.Name(fault)) is { } refused) return refused;
        if (said.Tcs is not null)
            foreach (var tc in said.Tcs)
                if (tc.Fault == Fault.None && tc.FaultFor(site.Tcf, caller.ReceivedAt) is var fault and not Fault.None
                    && consent.AddOwn("gdpr_consent_fault"u8, Faults.Name(fault)) is { } refused) return refused;
        return consent.IsEmpty ? null : draft.Properties.AddObject(Parameters.KeptConsent, consent);
    }

    private static byte[] Key(string name) => System.Text.Encoding.ASCII.GetBytes(name + Suffix);
}

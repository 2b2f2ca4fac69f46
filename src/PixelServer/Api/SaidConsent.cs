using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>Takes what bodies of SDKs and partners say about consent: the same members as on the public doors, beside the event or in its <c>consent</c>.</summary>
internal static class SaidConsent
{
    /// <summary>Takes the member of an event if it is about consent; what came first is kept, and all count.</summary>
    /// <param name="member">Its member.</param>
    /// <param name="consent">Of the draft.</param>
    /// <param name="refusal">Why the event is refused.</param>
    /// <returns>False: it is something else, or refused.</returns>
    public static bool Take(JsonProperty member, PropertyWriter consent, out Refusal? refusal)
    {
        refusal = null;
        if (member.NameEquals(Parameters.Consent) && member.Value.ValueKind == JsonValueKind.Object) refusal = TakeAll(member.Value, consent);
        else if (member.Value.Word() is { } text && IsSignal(member, text)) refusal = Take(member.Name, member.Value, consent);
        else return false;
        return refusal is null;
    }

    /// <summary>Takes every member of a <c>consent</c>; nothing where it is no object.</summary>
    public static Refusal? TakeAll(JsonElement said, PropertyWriter consent)
    {
        if (said.ValueKind != JsonValueKind.Object) return null;
        foreach (var member in said.EnumerateObject())
            if (!Parameters.IsReserved(Encoding.UTF8.GetBytes(member.Name)) && Take(member.Name, member.Value, consent) is { } refusal) return refusal;
        return null;
    }

    // Consent strings are strings, also where somebody wrote 1 for "1"; objects stay as they are.
    private static Refusal? Take(string name, JsonElement value, PropertyWriter consent) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        _ when value.Word() is { } text => consent.Add(name, text, keepFirst: true),
        _ => consent.Add(name, value, keepFirst: true),
    };

    private static bool IsSignal(JsonProperty member, string text) => Parameters.Find(member.Name) is { Kind: ParameterKind.Consent }
        || (member.NameEquals(ConsentReader.OwnWord) && ConsentReader.IsOwnWord(ConsentReader.OwnWord, Encoding.UTF8.GetBytes(text)));
}

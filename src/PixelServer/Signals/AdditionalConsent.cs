using System.Buffers.Text;

namespace PixelServer.Signals;

/// <summary>
/// Google's additional consent string, about ad partners that are in no vendor list of the IAB: <c>1~id.id</c>, or <c>2~id.id~dv.id.id</c> with
/// those that were disclosed. It means something only beside a TC string.
/// </summary>
internal sealed class AdditionalConsent
{
    private readonly byte[] _consented, _disclosed;

    private AdditionalConsent(int version, ReadOnlySpan<byte> consented, ReadOnlySpan<byte> disclosed)
    {
        Version = version;
        _consented = consented.ToArray();
        _disclosed = disclosed.ToArray();
    }

    public int Version { get; }

    /// <summary>Whether the visitor agreed to this partner of Google's list.</summary>
    public bool Consents(int partner) => Holds(_consented, partner);

    /// <summary>Whether the partner was shown to the visitor, which only version 2 says.</summary>
    public bool Discloses(int partner) => Holds(_disclosed, partner);

    /// <summary>Null for what is none.</summary>
    public static AdditionalConsent? Read(ReadOnlySpan<byte> text)
    {
        if (text.Length > TcString.LongestText || text.Length < 2 || text[1] != '~') return null;
        var lists = text[2..];
        if (text[0] == '1') return IsList(lists) ? new(1, lists, []) : null;

        var tilde = lists.IndexOf((byte)'~');
        if (text[0] != '2' || tilde < 0 || !lists[(tilde + 1)..].StartsWith("dv."u8)) return null;
        var consented = lists[..tilde];
        var disclosed = lists[(tilde + 4)..];
        return IsList(consented) && IsList(disclosed) ? new(2, consented, disclosed) : null;
    }

    // Digits, with single dots between them; or nothing.
    private static bool IsList(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty) return true;
        foreach (var range in list.Split((byte)'.'))
            if (list[range].IsEmpty || list[range].ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;
        return true;
    }

    private static bool Holds(ReadOnlySpan<byte> list, int partner)
    {
        foreach (var range in list.Split((byte)'.'))
            if (Utf8Parser.TryParse(list[range], out int id, out _) && id == partner) return true;
        return false;
    }
}

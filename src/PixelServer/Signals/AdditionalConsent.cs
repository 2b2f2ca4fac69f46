namespace PixelServer.Signals;

/// <summary>
/// Google's additional consent string, about ad partners that are in no vendor list of the IAB: <c>1~id.id</c>, or <c>2~id.id~dv.id.id</c> with
/// those that were disclosed. It means something only beside a TC string.
/// </summary>
internal sealed class AdditionalConsent
{
    private readonly HashSet<int> _consented = [], _disclosed = [];

    public int Version { get; private init; }
    public IReadOnlySet<int> Consented => _consented;
    public IReadOnlySet<int> Disclosed => _disclosed;

    /// <summary>Null for what is none.</summary>
    public static AdditionalConsent? Read(ReadOnlySpan<byte> text)
    {
        if (text.Length > TcString.LongestText || text.Length < 2 || text[1] != '~') return null;
        var lists = text[2..];
        if (text[0] == '1')
        {
            var old = new AdditionalConsent { Version = 1 };
            return ReadIds(lists, old._consented) ? old : null;
        }

        var tilde = lists.IndexOf((byte)'~');
        if (text[0] != '2' || tilde < 0 || !lists[(tilde + 1)..].StartsWith("dv."u8)) return null;
        var read = new AdditionalConsent { Version = 2 };
        return ReadIds(lists[..tilde], read._consented) && ReadIds(lists[(tilde + 4)..], read._disclosed) ? read : null;
    }

    private static bool ReadIds(ReadOnlySpan<byte> list, HashSet<int> ids)
    {
        if (list.IsEmpty) return true;
        foreach (var range in list.Split((byte)'.'))
        {
            var digits = list[range];
            var id = 0;
            foreach (var c in digits)
            {
                if (!char.IsAsciiDigit((char)c)) return false;
                id = Math.Min((id * 10) + (c - '0'), 100_000_000); // no partner has such an id, and no digit after it makes it smaller
            }

            if (digits.IsEmpty) return false;
            ids.Add(id);
        }

        return true;
    }
}

using System.Buffers;

namespace PixelServer.Collect;

/// <summary>The origins whose pages may send events to a site; none listed means every http and https origin.</summary>
internal sealed class Origins(IEnumerable<string> allowed)
{
    private readonly string[] _allowed = [.. allowed];

    private static readonly SearchValues<char> s_host = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]");

    public static Origins Any { get; } = new([]);

    public bool IsOpen => _allowed.Length == 0;

    /// <summary>Whether it has the shape of an origin (RFC 6454 6.2), so that it may stand in a header of ours. Never <c>null</c>.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> origin)
    {
        var host = Host(origin);
        return host.Length is > 0 and <= 300 && !host.ContainsAnyExcept(s_host);
    }

    public bool Allows(ReadOnlySpan<char> origin)
    {
        if (!IsWellFormed(origin)) return false;
        if (IsOpen) return true;
        foreach (var pattern in _allowed)
            if (Matches(pattern, origin)) return true;
        return false;
    }

    /// <summary>An origin, or one whose host starts with <c>*.</c>: any name below it, but not the name itself.</summary>
    public static bool IsPattern(string text)
    {
        var star = text.IndexOf("://*.", StringComparison.Ordinal);
        return star < 0 ? IsWellFormed(text) : IsWellFormed(text.Remove(star + 3, 2));
    }

    private static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> origin)
    {
        var star = pattern.IndexOf("://*.");
        if (star < 0) return pattern.Equals(origin, StringComparison.OrdinalIgnoreCase);
        var scheme = pattern[..(star + 3)];
        var suffix = pattern[(star + 4)..];
        return origin.Length > scheme.Length + suffix.Length
            && origin.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && origin.EndsWith(suffix, StringComparison.OrdinalIgnoreCase);
    }

    private static ReadOnlySpan<char> Host(ReadOnlySpan<char> origin) =>
        origin.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? origin[8..]
        : origin.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? origin[7..]
        : [];
}

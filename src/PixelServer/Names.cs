namespace PixelServer;

/// <summary>The words that stand in the store for <see cref="Source"/>, <see cref="VisitorKind"/> and <see cref="Traffic"/>.</summary>
internal static class Names
{
    public static string Of(Source source) => source switch
    {
        Source.Pixel => "pixel",
        Source.Beacon => "beacon",
        Source.Email => "email",
        Source.Click => "click",
        Source.Server => "server",
        Source.App => "app",
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, null),
    };

    public static string Of(VisitorKind kind) => kind switch
    {
        VisitorKind.Cookie => "cookie",
        VisitorKind.Daily => "daily",
        VisitorKind.Client => "client",
        VisitorKind.None => "none",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    public static string Of(Traffic traffic) => traffic switch
    {
        Traffic.Human => "human",
        Traffic.ProxyOpen => "proxy_open",
        Traffic.MachineOpen => "machine_open",
        Traffic.Prefetch => "prefetch",
        Traffic.Bot => "bot",
        Traffic.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(traffic), traffic, null),
    };

    /// <summary>Null for a word of a later version.</summary>
    public static Source? SourceNamed(string word) => Find(word, Enum.GetValues<Source>(), Of);

    /// <summary>Null for a word of a later version.</summary>
    public static Traffic? TrafficNamed(string word) => Find(word, Enum.GetValues<Traffic>(), Of);

    private static T? Find<T>(string word, ReadOnlySpan<T> all, Func<T, string> of) where T : struct
    {
        foreach (var one in all)
            if (of(one) == word)
                return one;
        return null;
    }
}

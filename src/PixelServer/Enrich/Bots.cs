using System.Buffers;
using System.Collections.Frozen;

namespace PixelServer.Enrich;

/// <summary>Tells programs from browsers by their user agent: a list of names, and a few rules for those that no list knows yet.</summary>
/// <remarks>
/// The list holds plain tokens and is searched in one pass (<see cref="SearchValues"/>, Aho-Corasick inside), however long it is: a
/// thousand regular expressions, as the public lists have them, would take a millisecond for each new user agent.
/// </remarks>
internal static class Bots
{
    /// <summary>Where the tokens come from; its first lines name source, licence and date.</summary>
    public const string ListName = "Enrich/Data/bots.txt";

    private static readonly FrozenDictionary<string, SearchValues<string>> Sections =
        ReadList().ToFrozenDictionary(s => s.Key, s => SearchValues.Create([.. s], StringComparison.Ordinal));

    private static readonly SearchValues<string> MailScanners = Sections["mail_scanner"];
    private static readonly SearchValues<string> Automation = Sections["automation"];
    private static readonly SearchValues<string> Libraries = Sections["http_library"];
    private static readonly SearchValues<string> Known = Sections["bot_list"];

    private static readonly SearchValues<string> Words =
        SearchValues.Create(["crawl", "spider", "scrap"], StringComparison.OrdinalIgnoreCase);
    private static readonly SearchValues<string> Addresses = SearchValues.Create(["://", "www."], StringComparison.OrdinalIgnoreCase);
    private static readonly SearchValues<string> TrulyCompatible =
        SearchValues.Create(["MSIE", "Trident", "Konqueror", "ms-office"], StringComparison.Ordinal);

    private static readonly SearchValues<char> DomainCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

    /// <param name="userAgent">Not empty, at most <see cref="UserAgents.MaxParsed"/> characters.</param>
    /// <returns>The strongest reason to call it a bot; null for a browser.</returns>
    public static Verdict? Judge(ReadOnlySpan<char> userAgent)
    {
        // A token with ^ stands at the start only; with this mark in front the search needs no second list.
        Span<char> buffer = stackalloc char[UserAgents.MaxParsed + 1];
        buffer[0] = '^';
        userAgent.CopyTo(buffer[1..]);
        var marked = buffer[..(userAgent.Length + 1)];

        if (Holds(marked, MailScanners)) return Verdict.MailScanner;
        if (Holds(marked, Automation)) return Verdict.Automation;
        if (Holds(marked, Known)) return Verdict.BotList;
        if (userAgent.ContainsAny(Words) || SaysBot(userAgent)) return Verdict.BotWord;
        if (userAgent.ContainsAny(Addresses) || HoldsMailAddress(userAgent)) return Verdict.BotAddress;
        if (userAgent.Contains("compatible;", StringComparison.Ordinal) && !userAgent.ContainsAny(TrulyCompatible))
            return Verdict.BotCompatible;
        return Holds(marked, Libraries) ? Verdict.HttpLibrary : null;
    }

    /// <summary>The sections of the list; the reason code of each is its name.</summary>
    public static ILookup<string, string> ReadList()
    {
        using var stream = typeof(Bots).Assembly.GetManifestResourceStream(ListName)
            ?? throw new InvalidOperationException($"{ListName} is not embedded.");
        using var reader = new StreamReader(stream);
        var tokens = new List<(string Section, string Token)>();
        var section = "";
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            if (line[0] == '[') section = line.Trim('[', ']');
            else tokens.Add((section, line));
        }
        return tokens.ToLookup(t => t.Section, t => t.Token);
    }

    /// <summary>Whether a token stands where a word begins: "Sonic" is not in "Panasonic".</summary>
    private static bool Holds(ReadOnlySpan<char> text, SearchValues<string> tokens)
    {
        for (var from = 0; text[from..].IndexOfAny(tokens) is >= 0 and var at; from += at + 1)
            if (from + at == 0 || !char.IsAsciiLetterOrDigit(text[from + at - 1]))
                return true;
        return false;
    }

    /// <summary>"bot" or "bots" at the end of a word, but not the phones called CUBOT.</summary>
    private static bool SaysBot(ReadOnlySpan<char> text)
    {
        for (var from = 0; text[from..].IndexOf("bot", StringComparison.OrdinalIgnoreCase) is >= 0 and var at; from += at + 3)
        {
            var start = from + at;
            var tail = text[(start + 3)..];
            if (tail is ['s' or 'S', ..]) tail = tail[1..];
            if ((tail.IsEmpty || !char.IsAsciiLetter(tail[0])) && !text[..start].EndsWith("cu", StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private static bool HoldsMailAddress(ReadOnlySpan<char> text)
    {
        var at = text.IndexOf('@');
        if (at <= 0 || !char.IsAsciiLetterOrDigit(text[at - 1])) return false;
        var domain = text[(at + 1)..];
        if (domain.IndexOfAnyExcept(DomainCharacters) is >= 0 and var end) domain = domain[..end];

        // Not "en_IR@calendar=gregorian" (Instagram's way with a locale) and not "ios@9.2.3" (Ecosia's with a version).
        return !domain.IsEmpty && char.IsAsciiLetter(domain[0]) && domain.Contains('.');
    }
}

using System.Text;

namespace PixelServer.Collect;

/// <summary>An address of a page as far as it says which page and which campaign, and not who: for counting without identifiers.</summary>
internal static class BareAddress
{
    /// <summary>Scheme, host and path, and of the query only the <c>utm_</c> parameters, as they were sent. Null stays null.</summary>
    public static string? Of(string? address)
    {
        if (address is null) return null;
        var text = address.AsSpan();
        if (text.IndexOf('#') is var fragment and >= 0) text = text[..fragment];
        var mark = text.IndexOf('?');
        var query = mark < 0 ? default : text[(mark + 1)..];
        var page = mark < 0 ? text : text[..mark];

        var bare = new StringBuilder();
        var login = LoginOf(page);
        bare.Append(page[..login.Start]).Append(page[login.End..]);
        var separator = '?';
        foreach (var range in query.Split('&'))
        {
            var pair = query[range];
            if (pair.StartsWith("amp;")) pair = pair[4..]; // of a link that went into HTML twice escaped
            if (!pair.StartsWith("utm_")) continue;
            bare.Append(separator).Append(pair);
            separator = '&';
        }

        return bare.Length == 0 ? null : bare.ToString();
    }

    /// <summary>The address without what ad platforms hang on it to know a click again and mail senders to know a person, in the query and behind the '#'; the rest as it was sent. Null stays null.</summary>
    public static string? WithoutClickIds(string? address)
    {
        if (address is null) return null;
        var mark = address.AsSpan().IndexOfAny('?', '#');
        if (mark < 0 || !Holds(address.AsSpan(mark))) return address;

        var kept = new StringBuilder(address.Length).Append(address, 0, mark);
        var start = mark; // of a piece with the separator in front of it
        var (separator, isFirst) = (address[mark], true);
        for (var at = mark + 1; at <= address.Length; at++)
        {
            if (at < address.Length && address[at] is not ('&' or '?' or '#')) continue;
            var piece = address.AsSpan(start + 1, at - start - 1);
            if (address[start] != '&') (separator, isFirst) = (address[start], true);
            if (!IsClickId(piece))
            {
                kept.Append(isFirst ? separator : '&').Append(piece);
                isFirst = false;
            }

            start = at;
        }

        return kept.ToString();
    }

    private static bool Holds(ReadOnlySpan<char> query)
    {
        foreach (var range in query.SplitAny('?', '&', '#'))
            if (IsClickId(query[range])) return true;
        return false;
    }

    private static bool IsClickId(ReadOnlySpan<char> pair)
    {
        if (pair.StartsWith("amp;")) pair = pair[4..];
        var equals = pair.IndexOf('=');
        var name = equals < 0 ? pair : pair[..equals];
        return Is(name, ClickIds.Names) || Is(name, MailIds.Names);
    }

    private static bool Is(ReadOnlySpan<char> name, ReadOnlySpan<string> ids)
    {
        foreach (var id in ids)
            if (name.Equals(id, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }

    // "bob:secret@" of "https://bob:secret@shop.example/"; empty where there is none.
    private static (int Start, int End) LoginOf(ReadOnlySpan<char> page)
    {
        var start = page.IndexOf("//");
        if (start < 0) return (0, 0);
        start += 2;
        var length = page[start..].IndexOf('/');
        var authority = length < 0 ? page[start..] : page.Slice(start, length);
        return (start, start + authority.LastIndexOf('@') + 1);
    }
}

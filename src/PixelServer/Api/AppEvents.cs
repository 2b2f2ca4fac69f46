using System.Collections.Frozen;
using System.Text;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// What happens to every app has one name here, whatever an SDK calls it: those of Segment's specification of mobile lifecycle events, and what
/// backends write for the same. Every other name stays as it was sent; docs/apps.md has the table.
/// </summary>
internal static class AppEvents
{
    public const string Install = "app_install", Open = "app_open", SessionStart = "session_start", SessionEnd = "session_end";

    /// <summary>The property that keeps the name as it was sent, where another one is stored.</summary>
    public static ReadOnlySpan<byte> SentAs => "sent_as"u8;

    /// <summary>Names as they are sent, and the one that is stored. Upper and lower case, blanks, <c>_</c> and <c>-</c> make no difference.</summary>
    public static IReadOnlyList<(string Sent, string Canonical)> Table { get; } =
    [
        ("Application Installed", Install),
        ("Application Opened", Open),
        ("Application Updated", "app_update"),
        ("Application Backgrounded", "app_background"),
        ("Application Foregrounded", "app_foreground"),
        ("Application Crashed", "app_crash"),
        ("Application Uninstalled", "app_uninstall"),
        ("Install Attributed", "install_attributed"),
        ("Deep Link Opened", "deep_link_open"),
        ("Deep Link Clicked", "deep_link_click"),
        ("Session Started", SessionStart),
        ("Session Start", SessionStart),
        ("Session Ended", SessionEnd),
        ("Session End", SessionEnd),
    ];

    private const int LongestKey = 40;

    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> s_canonical = Table
        .Concat(Table.Select(row => (Sent: row.Canonical, row.Canonical)).Distinct())
        .DistinctBy(row => new string(DeviceWords.Plain(row.Sent, new char[LongestKey])))
        .ToFrozenDictionary(row => new string(DeviceWords.Plain(row.Sent, new char[LongestKey])), row => row.Canonical, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The name under which it is stored.</summary>
    public static string Canonical(string name)
    {
        Span<char> buffer = stackalloc char[LongestKey];
        return s_canonical.TryGetValue(DeviceWords.Plain(name, buffer), out var canonical) ? canonical : name;
    }

    /// <summary>Names the event, and keeps the name that was sent where it is another.</summary>
    public static Refusal? Name(Draft draft, string sent) => Name(draft, sent, Canonical(sent));

    /// <inheritdoc cref="Name(Draft, string)"/>
    public static Refusal? Name(Draft draft, string sent, string stored)
    {
        if (draft.Take(s_name, stored) is { } refusal) return refusal;
        return stored == sent ? null : sent.Length > Limits.NameChars ? Refusal.NameTooLong : draft.Properties.AddOwn(SentAs, Encoding.UTF8.GetBytes(sent));
    }

    /// <summary>The same for a draft that has its name already.</summary>
    public static Refusal? Rename(Draft draft)
    {
        if (draft.Name is not { } sent || Canonical(sent) is var stored && stored == sent) return null;
        draft.Rename(stored);
        return draft.Properties.AddOwn(SentAs, Encoding.UTF8.GetBytes(sent));
    }

    private static readonly Parameter s_name = Parameters.Find("event")!;
}

using System.IO.Enumeration;

namespace PixelServer.Privacy;

/// <summary>
/// Every kind of file in the data directory, either with the <see cref="IHolder"/> that finds and erases persons in it, or with the reason why it holds
/// nothing of anybody. A test compares this with what a busy server writes.
/// </summary>
internal static class PersonFiles
{
    /// <summary>What the embedded store is called here; its rows are told in <see cref="Store.PersonTables"/>.</summary>
    public const string Store = "the store";

    private const string ClosedKeys = "closed keys of days, destroyed after two days";

    /// <summary>Patterns of paths in the data directory, with the holder or null, and the reason where there is none.</summary>
    public static IReadOnlyList<(string Pattern, string? Holder, string Reason)> All { get; } =
    [
        ("journal/*.seg", "journal", ""),
        ("journal/*.seg.new", "journal", ""),
        ("journal/quarantine/*", "journal", ""),
        ("journal/LOCK", null, "empty"),
        ("pixel.db", Store, ""),
        ("pixel.db-wal", Store, ""),
        ("pixel.db-shm", Store, ""),
        ("days.db", null, ClosedKeys),
        ("days.db-wal", null, ClosedKeys),
        ("days.db-shm", null, ClosedKeys),
        ("mail-decisions.jsonl", "mail-decisions.jsonl", ""),
        ("consents.jsonl", "consents.jsonl", ""),
        ("mail-decisions.jsonl.new", "mail-decisions.jsonl", ""), // while it is written anew; a start deletes what a crash left
        ("consents.jsonl.new", "consents.jsonl", ""),
        ("standings.new", null, "as standings"),
        ("standings", null, "keyed hashes: what makes that an erased person stays erased"),
        ("consents-ended", null, "a moment"),
        ("consents-ended.new", null, "a moment"),
        ("keys/*", null, "secrets of the operator, and when keys were used last"),
    ];

    /// <summary>What a file is to persons; null where nobody has said.</summary>
    /// <param name="path">In the data directory, with slashes.</param>
    public static (string? Holder, string Reason)? Of(string path)
    {
        foreach (var (pattern, holder, reason) in All)
            if (Depth(path) == Depth(pattern) && FileSystemName.MatchesSimpleExpression(pattern, path, ignoreCase: false)) return (holder, reason);
        return null;

        static int Depth(string text) => text.Count(c => c == '/');
    }
}

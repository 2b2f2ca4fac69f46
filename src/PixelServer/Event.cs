namespace PixelServer;

/// <summary>
/// What we keep: a <see cref="Hit"/> with everything said about it. One event is one row of <c>events</c>; a column is either
/// a field of the hit or one of the fields here.
/// </summary>
internal sealed class Event
{
    public required Hit Hit { get; init; }

    /// <summary>Lower-case host of the page address; null where it is not an absolute http(s) address.</summary>
    public string? Host { get; init; }

    /// <summary>Path of the page address as sent, without query and fragment.</summary>
    public string? Path { get; init; }

    /// <summary>Lower-case host of the referrer.</summary>
    public string? ReferrerHost { get; init; }

    public string? UtmSource { get; init; }
    public string? UtmMedium { get; init; }
    public string? UtmCampaign { get; init; }
    public string? UtmTerm { get; init; }
    public string? UtmContent { get; init; }

    /// <summary>Name of the query parameter that carried the click id, as the platform spells it (<c>gclid</c>, <c>ScCid</c>).</summary>
    public string? ClickIdKind { get; init; }

    /// <summary>The click id with its case kept.</summary>
    public string? ClickId { get; init; }

    /// <summary>ISO 3166-1 alpha-2, upper case.</summary>
    public string? Country { get; init; }

    /// <summary>Family name without version: <c>Chrome</c>, <c>Safari</c>, <c>Firefox</c>…</summary>
    public string? Browser { get; init; }

    /// <summary>Family name without version: <c>Windows</c>, <c>macOS</c>, <c>iOS</c>, <c>Android</c>, <c>Linux</c>…</summary>
    public string? Os { get; init; }

    /// <summary><c>desktop</c>, <c>mobile</c>, <c>tablet</c> or <c>tv</c>; null where unknown.</summary>
    public string? Device { get; init; }

    public required Traffic Traffic { get; init; }

    /// <summary>Why, as stable codes, strongest first; empty for a plain human.</summary>
    public required IReadOnlyList<string> TrafficReasons { get; init; }
}

/// <summary>Who fetched: a label, never a reason to drop. Written to the store by <see cref="Names"/>.</summary>
internal enum Traffic : byte { Unknown = 0, Human = 1, ProxyOpen = 2, MachineOpen = 3, Prefetch = 4, Bot = 5 }

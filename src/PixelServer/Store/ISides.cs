namespace PixelServer.Store;

/// <summary>
/// How the browser's and the server's copies of conversions find each other: docs/conversions.md. Two implementations, PostgreSQL and
/// SQLite; one contract test suite runs on both and compares them with a third way of counting.
/// </summary>
/// <remarks>Reads only the events of the days asked for and of 48 hours on either side. Any exception means that the store is away or too slow.</remarks>
internal interface ISides
{
    /// <summary>One row per day, site and event name that had a conversion, in this order; names in the order of their bytes.</summary>
    /// <param name="question">What is asked for.</param>
    /// <param name="limit">Most rows to read; so many come where there are more.</param>
    /// <param name="ct">Stops the store's work, not only the waiting for it.</param>
    Task<IReadOnlyList<SidesRow>> AskAsync(SidesQuestion question, int limit, CancellationToken ct);
}

/// <summary>Which conversions: of one site and one event name, where they are named, of the days from the first to the last (UTC).</summary>
internal sealed record SidesQuestion(string? Site, string? Name, DateOnly First, DateOnly Last)
{
    /// <summary>How far apart the first and the last copy of one conversion may arrive; the SQL of both stores has the same figure.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromHours(48);

    /// <summary>When the first copy of what is asked for arrived.</summary>
    public Stretch Began { get; } = Stretch.Day(First).Over(Stretch.Day(Last));

    /// <summary>No row has such a text, and PostgreSQL would refuse the question.</summary>
    public bool IsVain => Site is not null && !EventText.IsStorable(Site) || Name is not null && !EventText.IsStorable(Name);
}

/// <summary>Conversions of one day, site and event name. A conversion counts on the day on which its first copy arrived.</summary>
internal sealed record SidesRow
{
    /// <summary>UTC.</summary>
    public required DateOnly Day { get; init; }

    public required string SiteId { get; init; }
    public required string Name { get; init; }

    /// <summary>The sum of the next three.</summary>
    public required long Conversions { get; init; }

    public required long BrowserOnly { get; init; }
    public required long ServerOnly { get; init; }
    public required long BothSides { get; init; }

    /// <summary>Of those that only the browser told of, how many are labelled human.</summary>
    public required long BrowserOnlyHuman { get; init; }

    /// <summary>Rows of <c>events</c> that the conversions are made of.</summary>
    public required long Copies { get; init; }

    /// <summary>Share of all conversions that have both copies: 0 to 1, four decimals.</summary>
    public decimal? MatchRate => Share(Conversions);

    /// <summary>Share of the conversions with a server's copy that have a browser's too; null where there are none.</summary>
    public decimal? ServerMatched => Share(BothSides + ServerOnly);

    /// <summary>Share of the conversions with a browser's copy that have a server's too; null where there are none.</summary>
    public decimal? BrowserMatched => Share(BothSides + BrowserOnly);

    /// <summary>How many seconds later the server's copy arrived, by the median, three decimals; negative where it was first, null where there is no pair.</summary>
    public required decimal? MedianDelaySeconds { get; init => field = value / 1.000000m; } // the stores differ in zeros at the end

    /// <summary>Told of by the browser without an event id: nothing can be paired with them.</summary>
    public required long BrowserMissingEventId { get; init; }

    /// <summary>Conversions with a server's copy. Of these, how many lack each key by which an ad platform could match them, on both sides:</summary>
    public required long WithServer { get; init; }

    public required long MissingEventId { get; init; }
    public required long MissingEmail { get; init; }
    public required long MissingPhone { get; init; }
    public required long MissingUserId { get; init; }
    public required long MissingClickId { get; init; }
    public required long MissingIp { get; init; }
    public required long MissingUserAgent { get; init; }

    private decimal? Share(long of) => of == 0 ? null : Math.Round((decimal)BothSides / of, 4, MidpointRounding.AwayFromZero);
}

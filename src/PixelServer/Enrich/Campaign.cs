namespace PixelServer.Enrich;

/// <summary>What the link said about the campaign it belongs to.</summary>
/// <remarks>
/// Read from the query of the page's address, then from its fragment (Google's and Matomo's tags accept both; a hash route's own
/// query counts as fragment), and only if neither names anything from the parameters given to the pixel itself: a source
/// from one place and a campaign from another would be a pair that nobody published. Names are case-sensitive as in Google
/// Analytics; the first value that is not empty wins.
/// </remarks>
internal readonly record struct Campaign(string? Source, string? Medium, string? Name, string? Term, string? Content)
{
    /// <summary>Longest value that is kept, in UTF-16 units; Google Analytics cuts at 100 to 420 by its version and field.</summary>
    public const int MaxLength = 200;

    public static Campaign Read(PageAddress page, ReadOnlySpan<byte> properties)
    {
        var found = new Findings();
        found.Add(new Parameters(page.Query));
        found.Add(new Parameters(AfterRoute(page.Fragment)));
        if (found.IsEmpty && MayName(properties)) found.Add(new Members(properties, stackalloc char[32]));
        return found.ToCampaign();
    }

    /// <summary>Of <c>/route?utm_source=x</c> the part behind the question mark.</summary>
    private static ReadOnlySpan<char> AfterRoute(ReadOnlySpan<char> fragment) => fragment[(fragment.IndexOf('?') + 1)..];

    // Nearly no event has one of them: four vectorised searches are cheaper than reading the JSON.
    private static bool MayName(ReadOnlySpan<byte> json) =>
        json.Length > 2 && (json.IndexOf("tm_"u8) >= 0 || json.IndexOf("pk_"u8) >= 0
            || json.IndexOf("matomo_"u8) >= 0 || json.IndexOf("piwik_"u8) >= 0);

    private enum Field { None = -1, Source, Medium, Name, Term, Content }

    /// <summary>The best value of each field so far.</summary>
    private struct Findings
    {
        private string?[]? _values;
        private int[]? _ranks;

        public readonly bool IsEmpty => _values is null;

        public void Add(scoped Parameters parameters)
        {
            while (parameters.MoveNext())
            {
                var (field, rank) = Meaning(parameters.Name);
                if (Wants(field, rank)) Keep(field, rank, parameters.Value(MaxLength));
            }
        }

        public void Add(scoped Members members)
        {
            while (members.MoveNext())
            {
                var (field, rank) = Meaning(members.Name);
                if (Wants(field, rank)) Keep(field, rank, members.Value(MaxLength));
            }
        }

        private readonly bool Wants(Field field, int rank) => field != Field.None && (_values?[(int)field] is null || rank < _ranks![(int)field]);

        private void Keep(Field field, int rank, string? value)
        {
            if (value is null) return;
            _values ??= new string?[5];
            _ranks ??= new int[5];
            _values[(int)field] = value;
            _ranks[(int)field] = rank;
        }

        public readonly Campaign ToCampaign() => _values is null ? default : new(_values[0], _values[1], _values[2], _values[3], _values[4]);
    }

    /// <summary>
    /// Which field a parameter fills, and how willingly: a lower rank replaces a higher one. Matomo's alternates are those of its
    /// core and of its plug-in MarketingCampaignsReporting; an id names a campaign only where nothing else does.
    /// </summary>
    private static (Field Field, int Rank) Meaning(ReadOnlySpan<char> name)
    {
        if (name.Length is < 5 or > 16) return (Field.None, 0);
        var end = name.IndexOf('_');
        if (end < 2) return (Field.None, 0);
        var rank = name[..end] switch { "utm" => 1, "mtm" => 2, "matomo" => 3, "pk" => 4, "piwik" => 5, _ => 0 };
        if (rank == 0) return (Field.None, 0);
        var google = rank == 1;
        return name[(end + 1)..] switch
        {
            "source" => (Field.Source, rank),
            "medium" => (Field.Medium, rank),
            "campaign" => (Field.Name, rank),
            "content" => (Field.Content, rank),
            "term" when google => (Field.Term, rank),
            "kwd" or "keyword" when !google => (Field.Term, rank),
            "cpn" when !google => (Field.Name, rank),
            "id" when google => (Field.Name, 10 + rank),
            "cid" when !google => (Field.Name, 10 + rank),
            _ => (Field.None, 0),
        };
    }
}

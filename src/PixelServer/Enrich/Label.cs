namespace PixelServer.Enrich;

/// <summary>What stands in a row: who fetched, and why we say so.</summary>
/// <param name="Traffic">The label; that of the strongest reason.</param>
/// <param name="Reasons">Codes of <see cref="Verdict"/>, strongest first; empty for a plain human.</param>
internal readonly record struct Label(Traffic Traffic, IReadOnlyList<string> Reasons)
{
    /// <summary>Nothing speaks against a person.</summary>
    public static Label Human { get; } = new(Traffic.Human, []);

    /// <summary>The label that follows from what was found; null entries are rules that found nothing.</summary>
    public static Label Of(params ReadOnlySpan<Verdict?> found)
    {
        Verdict? strongest = null;
        var count = 0;
        foreach (var one in found)
        {
            if (one is null) continue;
            count++;
            if (strongest is null || one.Strength < strongest.Strength) strongest = one;
        }

        if (strongest is null) return Human;
        if (count == 1) return new(strongest.Traffic, strongest.Alone);
        var all = new SortedList<int, string>(count);
        foreach (var one in found)
            if (one is not null) all[one.Strength] = one.Reason;
        return new(strongest.Traffic, [.. all.Values]);
    }

    /// <summary>Whether this version knows every reason. A row that a later version judged is left as it is.</summary>
    public bool IsKnown => Reasons.All(reason => Verdict.Named(reason) is not null);

    /// <summary>A mail service fetched, by its name.</summary>
    public bool IsOfMailService => Verdicts.Any(one => one.IsMailService);

    public IEnumerable<Verdict> Verdicts => Reasons.Select(Verdict.Named).OfType<Verdict>();

    /// <summary>What one hit by itself says: the label without what other hits of the mail added.</summary>
    public Label Alone => Reasons.Any(reason => Verdict.Named(reason) is { Basis: Basis.OtherHits })
        ? Of([.. Verdicts.Where(one => one.Basis != Basis.OtherHits)])
        : this;

    public Label With(IEnumerable<Verdict> more) => Of([.. Verdicts, .. more]);

    public bool Equals(Label other) => Traffic == other.Traffic && Reasons.SequenceEqual(other.Reasons);

    public override int GetHashCode() => HashCode.Combine(Traffic, Reasons.Count);
}

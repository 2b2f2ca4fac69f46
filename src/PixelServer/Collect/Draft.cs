using System.Globalization;
using System.Text;

namespace PixelServer.Collect;

/// <summary>What a client said about one event, read and bounded, before the server has added or decided anything.</summary>
/// <remarks>One per thread and used again for every event: it must not be held across an await.</remarks>
internal sealed class Draft
{
    [ThreadStatic] private static Draft? t_draft;

    private const decimal TooLarge = 1_000_000_000_000_000_000m; // 18 digits before the point

    public string? Site { get; private set; }

    /// <summary>The site that counts.</summary>
    public string SiteId => Site ?? Parameters.DefaultSite;

    public string? Name { get; private set; }
    public string? User { get; private set; }
    public string? EventId { get; private set; }
    public string? Url { get; private set; }
    public string? Referrer { get; private set; }
    public string? Title { get; private set; }
    public decimal? Value { get; private set; }
    public string? Currency { get; private set; }
    public DateTimeOffset? Timestamp { get; private set; }
    public DateTimeOffset? SentAt { get; private set; }

    /// <summary>The page forgot the person: what the device keeps is not to be believed.</summary>
    public bool Reset { get; private set; }

    /// <summary>What only the holder of a key can say; null on the doors that are open to anyone.</summary>
    public Claim? Claim { get; set; }

    /// <summary>The site under which a refusal counts; null where what was sent is no site's id.</summary>
    public string? CountedSite => Sites.IsId(SiteId) ? SiteId : null;

    public PropertyWriter Properties { get; } = new();

    /// <summary>Of two that are repeated the first is kept, and all are read: <see cref="ConsentReader"/>.</summary>
    public PropertyWriter Consent { get; } = new(remembersRepeats: true);

    /// <summary>The thread's own draft, empty.</summary>
    public static Draft Fresh()
    {
        var draft = t_draft ??= new Draft();
        draft.Clear();
        return draft;
    }

    public void Clear()
    {
        Site = Name = User = EventId = Url = Referrer = Title = Currency = null;
        Value = null;
        Timestamp = SentAt = null;
        Reset = false;
        Claim = null;
        Properties.Clear();
        Consent.Clear();
    }

    /// <summary>Takes a named parameter, except consent strings. What came first stays; an empty text counts as not sent.</summary>
    /// <returns>False where the text cannot be read as what the parameter is: the caller keeps it as a property.</returns>
    public bool TryTake(Parameter parameter, ReadOnlySpan<char> text, out Refusal? refusal)
    {
        refusal = null;
        if (text.IsEmpty) return true;
        if (parameter.MaxChars > 0 && text.Length > parameter.MaxChars)
        {
            refusal = parameter.TooLong;
            return true;
        }

        switch (parameter.Kind)
        {
            case ParameterKind.Site: Site ??= text.ToString(); return true;
            case ParameterKind.Name: Name ??= text.ToString(); return true;
            case ParameterKind.User: User ??= text.ToString(); return true;
            case ParameterKind.EventId: EventId ??= text.ToString(); return true;
            case ParameterKind.Url: Url ??= text.ToString(); return true;
            case ParameterKind.Referrer: Referrer ??= text.ToString(); return true;
            case ParameterKind.Title: Title ??= text.ToString(); return true;
            case ParameterKind.Value:
                if (!TryReadAmount(text, out var amount)) return false;
                Value ??= amount;
                return true;
            case ParameterKind.Currency:
                if (text.Length != 3 || !char.IsAsciiLetter(text[0]) || !char.IsAsciiLetter(text[1]) || !char.IsAsciiLetter(text[2])) return false;
                Currency ??= text.ToString().ToUpperInvariant();
                return true;
            case ParameterKind.Timestamp:
                if (!ClientClock.TryRead(text, out var timestamp)) return false;
                Timestamp ??= timestamp;
                return true;
            case ParameterKind.SentAt:
                if (!ClientClock.TryRead(text, out var sentAt)) return false;
                SentAt ??= sentAt;
                return true;
            case ParameterKind.Reset:
                Reset |= text is "1" or "true";
                return text is "1" or "true" or "0" or "false";
            default:
                return false;
        }
    }

    /// <summary>What the whole batch says counts for an event that does not say it itself.</summary>
    public void Complete(string? site, DateTimeOffset? sentAt)
    {
        Site ??= site;
        SentAt ??= sentAt;
    }

    /// <summary>Gives the event another name than the one that was sent.</summary>
    public void Rename(string name) => Name = name;

    /// <summary>Takes texts that may not be kept out of everything that was said; an id that holds one is no id any more.</summary>
    /// <param name="texts">ASCII, none of them short: what is searched for as a part of other text.</param>
    public Refusal? Withhold(IReadOnlyList<string> texts)
    {
        if (Holds(User)) User = null;
        if (Holds(EventId)) EventId = null;
        Name = Blanked(Name);
        Url = Blanked(Url);
        Referrer = Blanked(Referrer);
        Title = Blanked(Title);
        return Properties.Withhold(texts) ?? Consent.Withhold(texts);

        bool Holds(string? text) => text is not null && texts.Any(one => text.Contains(one, StringComparison.OrdinalIgnoreCase));

        string? Blanked(string? text)
        {
            if (!Holds(text)) return text;
            var bytes = Encoding.UTF8.GetBytes(text!);
            foreach (var one in texts) Text.Blank(bytes, one);
            return Encoding.UTF8.GetString(bytes);
        }
    }

    /// <summary>Nine digits after the point are kept: sums of prices in JavaScript arrive with sixteen.</summary>
    internal static bool TryReadAmount(ReadOnlySpan<char> text, out decimal amount)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        amount = 0;
        if (text.Length > Limits.NumberChars || !decimal.TryParse(text, Style, CultureInfo.InvariantCulture, out var number)) return false;
        amount = decimal.Round(number, 9, MidpointRounding.ToEven);
        return Math.Abs(amount) < TooLarge;
    }
}

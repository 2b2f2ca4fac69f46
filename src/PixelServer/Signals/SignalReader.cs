namespace PixelServer.Signals;

/// <summary>
/// Takes the members of one request's consent one after the other, in any order and as often as they come, and says what they mean together: of two
/// that say different things the more restrictive counts.
/// </summary>
internal struct SignalReader
{
    /// <summary>Every signal by the name it has in JSON.</summary>
    public static ReadOnlySpan<string> Names => s_names;

    private static readonly string[] s_names =
    [
        "gdpr", "gdpr_consent", "addtl_consent", "gpp", "gpp_sid", "us_privacy", "gpc", "dnt", "att",
        "analytics_storage", "ad_storage", "ad_user_data", "ad_personalization", "measurement", "gcs", "gcd",
    ];

    // Of a batch most events carry the same string.
    [ThreadStatic] private static TcString? t_tc;
    [ThreadStatic] private static GppString? t_gpp;

    private bool _gpc, _dnt, _saleOptOut, _saleUnclear, _trackingRefused, _notApplicable, _isUnclear, _isAdditionalSaid;
    private bool? _gdpr;
    private ConsentMode _mode, _hint;
    private AdditionalConsent? _additional;
    private List<TcString>? _tcs;
    private List<GppString>? _gpps;
    private List<int>? _sections;
    private List<SignalFault>? _faults;

    /// <summary>What the request's headers say.</summary>
    public void TakeHeaders(bool gpc, bool dnt)
    {
        _gpc |= gpc;
        _dnt |= dnt;
    }

    /// <param name="name">As in JSON; a name that is no signal is passed over.</param>
    /// <param name="text">The value, UTF-8. Empty counts as not sent.</param>
    public void Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || NameOf(name) is not { } known) return;
        if (IsMacro(text)) Note(known, Fault.Macro);
        else Take(known, text);
    }

    /// <param name="isTrusted">The sender has a secret key: hints in Google's own short forms count.</param>
    public ConsentSignals Read(bool isTrusted)
    {
        if (_gpps is not null) foreach (var gpp in _gpps) ReadSections(gpp);
        else if (_sections?.Exists(IsAmerican) is true) Refuse("gpp_sid", Fault.SectionNotThere); // named, and nothing says what it holds
        if (_sections?.Contains(2) is true) _gdpr = true;
        return new()
        {
            Gpc = _gpc,
            Dnt = _dnt,
            Gdpr = _gdpr,
            Tcs = _tcs,
            SaleOptOut = _saleOptOut,
            SaleUnclear = _saleUnclear,
            Mode = isTrusted ? _mode.Or(_hint) : _mode,
            TrackingRefused = _trackingRefused,
            Additional = _additional,
            Faults = _faults,
        };
    }

    public static bool IsName(ReadOnlySpan<byte> name) => NameOf(name) is not null;

    /// <summary>A place holder that the ad server or mail program did not fill in, also one whose characters are still encoded.</summary>
    public static bool IsMacro(ReadOnlySpan<byte> text) => text[0] switch
    {
        (byte)'[' => text[^1] == ']',
        (byte)'$' => text.StartsWith("${"u8),
        (byte)'{' => text.StartsWith("{{"u8),
        (byte)'%' => text.StartsWith("%%"u8) || text.StartsWith("%24%7B"u8) || text.StartsWith("%24%7b"u8) || text.StartsWith("%5B"u8) || text.StartsWith("%5b"u8),
        _ => false,
    };

    private static string? NameOf(ReadOnlySpan<byte> name)
    {
        foreach (var one in Names)
            if (System.Text.Ascii.Equals(name, one)) return one;
        return null;
    }

    private void Take(string name, ReadOnlySpan<byte> text)
    {
        switch (name)
        {
            case "gdpr": TakeGdpr(text); break;
            case "gdpr_consent": TakeTc(name, text, inGpp: false); break;
            case "gpp": TakeGpp(text); break;
            case "gpp_sid": TakeSections(text); break;
            case "us_privacy": TakeUsPrivacy(name, text); break;
            case "addtl_consent": TakeAdditional(text); break;
            case "gpc": _gpc |= text.SequenceEqual("1"u8) || text.SequenceEqual("true"u8); break;
            case "dnt": _dnt |= text.SequenceEqual("1"u8) || text.SequenceEqual("true"u8); break;
            case "att": _trackingRefused |= !IsAuthorized(text); break;
            case "analytics_storage": _mode = _mode with { AnalyticsStorage = Word(name, _mode.AnalyticsStorage, text) }; break;
            case "ad_storage": _mode = _mode with { AdStorage = Word(name, _mode.AdStorage, text) }; break;
            case "ad_user_data": _mode = _mode with { AdUserData = Word(name, _mode.AdUserData, text) }; break;
            case "ad_personalization": _mode = _mode with { AdPersonalization = Word(name, _mode.AdPersonalization, text) }; break;
            case "measurement": _mode = _mode with { Measurement = Word(name, _mode.Measurement, text) }; break;
            case "gcs": _hint = ConsentMode.Narrower(_hint, ConsentMode.Gcs(text)); break;
            case "gcd": _hint = ConsentMode.Narrower(_hint, ConsentMode.Gcd(text)); break;
        }
    }

    // Whoever says it in another word than no may have meant yes.
    private void TakeGdpr(ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual("0"u8) || text.SequenceEqual("false"u8))
        {
            _gdpr ??= false;
            return;
        }

        _gdpr = true;
        if (!text.SequenceEqual("1"u8) && !text.SequenceEqual("true"u8)) Note("gdpr", Fault.BadValue);
    }

    private void TakeTc(string name, ReadOnlySpan<byte> text, bool inGpp)
    {
        var tc = t_tc is { } last && last.IsOf(text, inGpp) ? last : t_tc = TcString.Read(text, inGpp);
        if (tc.Fault != Fault.None) Note(name, tc.Fault);
        (_tcs ??= []).Add(tc);
    }

    private void TakeGpp(ReadOnlySpan<byte> text)
    {
        var gpp = t_gpp is { } last && last.IsOf(text) ? last : t_gpp = GppString.Read(text);
        if (gpp.Fault == Fault.None) (_gpps ??= []).Add(gpp);
        else Refuse("gpp", gpp.Fault);
    }

    // -1 and 0 stand for "none applies". Among what cannot be read any section may have been named.
    private void TakeSections(ReadOnlySpan<byte> text)
    {
        foreach (var range in text.Split((byte)','))
        {
            var digits = text[range].Trim((byte)' ');
            if (!System.Buffers.Text.Utf8Parser.TryParse(digits, out int id, out var used) || used != digits.Length || id < -1)
            {
                Refuse("gpp_sid", Fault.BadValue);
                _isUnclear = true;
                continue;
            }

            if (id < 1) _notApplicable = true;
            else if (_sections is not { Count: >= 64 }) (_sections ??= []).Add(id);
        }
    }

    private void TakeUsPrivacy(string name, ReadOnlySpan<byte> text)
    {
        if (UsPrivacy.Read(text) is { } said) _saleOptOut |= said.IsOptOut;
        else Refuse(name, Fault.BadValue);
    }

    private void TakeAdditional(ReadOnlySpan<byte> text)
    {
        _additional = _isAdditionalSaid ? null : AdditionalConsent.Read(text); // of two nobody can say which holds
        _isAdditionalSaid = true;
        if (_additional is null) Note("addtl_consent", Fault.BadValue);
    }

    // Of what cannot be read nobody knows what it forbids: it forbids.
    private void ReadSections(GppString gpp)
    {
        if (_sections is null && _notApplicable && !_isUnclear) return;
        foreach (var id in _sections is null ? gpp.Sections : _isUnclear ? _sections.Union(gpp.Sections) : _sections)
        {
            if (!gpp.Has(id))
            {
                Note("gpp", Fault.SectionNotThere);
                _saleUnclear |= id != 2;
            }
            else if (id == 2)
            {
                TakeTc("gpp", gpp.Section(id), inGpp: true);
            }
            else if (id == 6)
            {
                TakeUsPrivacy("gpp", gpp.Section(id));
            }
            else if (UsLayouts.IsUs(id))
            {
                if (UsSection.Read(id, gpp.Section(id), out var fault) is { } section) _saleOptOut |= section.IsOptOut;
                else Refuse("gpp", fault);
            }
            else if (id > 27)
            {
                Refuse("gpp", Fault.UnknownSection);
            }
        }
    }

    // Or one that nobody here knows.
    private static bool IsAmerican(int section) => section >= 6;

    // Number or word; Apple's word for yes is the only yes.
    private static bool IsAuthorized(ReadOnlySpan<byte> text) =>
        text.SequenceEqual("3"u8) || System.Text.Ascii.EqualsIgnoreCase(text, "authorized"u8) || System.Text.Ascii.EqualsIgnoreCase(text, "authorised"u8);

    private Said Word(string name, Said before, ReadOnlySpan<byte> text)
    {
        var said = ConsentMode.Word(text);
        if (said == Said.No && !text.SequenceEqual("denied"u8) && !text.SequenceEqual("false"u8) && !text.SequenceEqual("0"u8)) Note(name, Fault.BadValue);
        return ConsentMode.Narrower(before, said);
    }

    private void Refuse(string name, Fault fault)
    {
        Note(name, fault);
        _saleUnclear = true;
    }

    private void Note(string name, Fault fault)
    {
        foreach (var one in _faults ?? [])
            if (one.Name == name) return; // the first says enough
        (_faults ??= []).Add(new(name, fault));
    }
}

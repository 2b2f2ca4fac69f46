using System.Buffers;
using System.Collections.Frozen;
using PixelServer.Ops;
using PixelServer.Signals;

namespace PixelServer.Collect;

/// <summary>One site's rules, ready to be applied.</summary>
internal sealed record Site(Regime Regime, IpPolicy IpPolicy, Origins Origins, string CookieDomain)
{
    /// <summary>What the visitor is where nothing may be stored on the device.</summary>
    public Cookieless Cookieless { get; init; }

    /// <summary>For how many days events are kept; null: for ever.</summary>
    public int? RetentionDays { get; init; }

    public TcfOptions Tcf { get; init; } = new();

    /// <summary>As <see cref="SiteOptions.HonourDnt"/>.</summary>
    public bool HonourDnt { get; init; } = true;

    /// <summary>As <see cref="SiteOptions.GpcMeansNoCookie"/>.</summary>
    public bool GpcMeansNoCookie { get; init; }

    /// <summary>Null where the regime is the same everywhere.</summary>
    public FrozenDictionary<string, Regime>? ByCountry { get; init; }

    /// <summary>Whether some visitors have to opt in: a file that all of them get has to wait for each.</summary>
    public bool AsksAnywhere => Regime == Regime.Gdpr || ByCountry?.Values.Contains(Regime.Gdpr) is true;

    /// <param name="country">Upper case; null where it is not known.</param>
    public Regime RegimeIn(string? country) => ByCountry is not null && country is not null ? ByCountry.GetValueOrDefault(country, Regime) : Regime;
}

/// <summary>Finds the rules of a site by its id.</summary>
internal sealed class Sites
{
    private static readonly SearchValues<char> s_idChars = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    private readonly FrozenDictionary<string, Site> _listed;
    private readonly Site? _other;

    /// <exception cref="SettingException">A site's id or one of its origins is not usable.</exception>
    public Sites(IConfiguration configuration, SiteOptions fallback, UnknownSites unknown)
    {
        var tcf = Settings.ReadPerSite<TcfOptions>(configuration, "Tcf");
        var other = Ready(configuration, "Pixel:DefaultSite", fallback, fallback, tcf.Of(""));
        Unlisted = other;
        _other = unknown == UnknownSites.Accept ? other : null;

        Settings.Describe<SiteOptions>(configuration, "Pixel:Sites:{id}");

        // Each by itself: bound as a dictionary, an entry with a wrong value would be left out in silence.
        _listed = configuration.GetSection("Pixel:Sites").GetChildren().ToFrozenDictionary(
            child => child.Key,
            child => IsId(child.Key)
                ? Ready(configuration, child.Path, Settings.Read<SiteOptions>(configuration, child.Path), fallback, tcf.Of(child.Key))
                : throw new SettingException(child.Path, child.Key, "site ids of 1 to 64 letters, digits and ._-"),
            StringComparer.Ordinal);
    }

    /// <summary>The sites that the settings name.</summary>
    public IReadOnlyDictionary<string, Site> Listed => _listed;

    /// <summary>The rules of every other site, also where its events are not taken: some may be stored.</summary>
    public Site Unlisted { get; }

    public static bool IsId(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= Limits.SiteIdChars && !text.ContainsAnyExcept(s_idChars);

    /// <summary>The rules of the site, or why it has none here. No id stands for the default site.</summary>
    public Refusal? Find(string? id, out Site? site)
    {
        site = null;
        id ??= Parameters.DefaultSite;
        if (_listed.TryGetValue(id, out site)) return null;
        if (!IsId(id)) return Refusal.BadSiteId;
        site = _other;
        return site is null ? Refusal.UnknownSite : null;
    }

    private static Site Ready(IConfiguration configuration, string key, SiteOptions own, SiteOptions fallback, TcfOptions tcf)
    {
        var origins = CollectOptions.List(configuration, key + ":AllowedOrigins", own.AllowedOrigins) ?? fallback.AllowedOrigins ?? [];
        for (var i = 0; i < origins.Count; i++)
            if (!Origins.IsPattern(origins[i]))
                throw new SettingException($"{key}:AllowedOrigins:{i}", origins[i], "an origin such as https://example.com or https://*.example.com");

        return new(
            own.Regime ?? fallback.Regime ?? Regime.Open,
            own.IpPolicy ?? fallback.IpPolicy ?? IpPolicy.Mask,
            origins.Count == 0 ? Origins.Any : new Origins(origins),
            own.CookieDomain ?? fallback.CookieDomain ?? "")
        {
            Cookieless = own.Cookieless ?? fallback.Cookieless ?? Cookieless.Daily,
            RetentionDays = own.RetentionDays ?? fallback.RetentionDays,
            Tcf = tcf,
            HonourDnt = own.HonourDnt ?? fallback.HonourDnt ?? true,
            GpcMeansNoCookie = own.GpcMeansNoCookie ?? fallback.GpcMeansNoCookie ?? false,
            ByCountry = RegimesByCountry.Read(key, own.RegimeByCountry, fallback.RegimeByCountry),
        };
    }
}

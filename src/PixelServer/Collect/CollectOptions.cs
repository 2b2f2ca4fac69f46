using System.ComponentModel.DataAnnotations;
using PixelServer.Ops;

namespace PixelServer.Collect;

internal enum UnknownSites { Accept, Refuse }

/// <summary>What the public doors are told; section <c>Pixel</c>.</summary>
internal sealed class CollectOptions
{
    public PathOptions Paths { get; init; } = new();

    /// <summary>Addresses and networks of proxies in front of us. Not set: loopback. An empty list: nobody.</summary>
    public IReadOnlyList<string>? TrustedProxies { get; init; }

    /// <summary>For every site that is not listed, and for what a listed site leaves out.</summary>
    public SiteOptions DefaultSite { get; init; } = new();

    /// <summary>Whether events of sites that are not listed are taken. Default <c>accept</c>.</summary>
    [EnumDataType(typeof(UnknownSites), ErrorMessage = "accept or refuse")]
    public UnknownSites UnknownSites { get; init; }

    /// <summary>A secret that several collectors behind one name share, so that each knows the others' cookies. Empty, the default: a key of our own.</summary>
    [RegularExpression("^$|^.{32,512}$", ErrorMessage = "32 to 512 characters, or nothing to use a key of this server's own")]
    public string CookieKey { get; init; } = "";

    /// <summary>Header in which a trusted proxy names the visitor's country, such as <c>CF-IPCountry</c>. Empty, the default: none is read.</summary>
    [RegularExpression("^[A-Za-z0-9-]{0,64}$", ErrorMessage = "the name of a header, or nothing")]
    public string CountryHeader { get; init; } = "";

    /// <summary>The binder takes an empty list, which a settings file may hold, for no list, and passes over a list that is written as one text.</summary>
    /// <exception cref="SettingException">It is one text.</exception>
    public static IReadOnlyList<string>? List(IConfiguration configuration, string key, IReadOnlyList<string>? bound)
    {
        var text = configuration[key];
        if (text?.Length > 0) throw new SettingException(key, text, $"a list: {key}:0, {key}:1 and so on");
        return text is null ? bound : bound ?? [];
    }
}

/// <summary>Where the doors are; section <c>Pixel:Paths</c>.</summary>
internal sealed class PathOptions
{
    // No empty, "." or ".." segment: clients and proxies would take those away.
    private const string Shape = @"^(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]{1,64}){1,8}$";
    private const string Allowed = "a path of letters, digits and ._~- that starts with a slash, such as /p.gif";

    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Pixel { get; init; } = "/p.gif";

    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Beacon { get; init; } = "/b";

    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Tag { get; init; } = "/t.js";

    /// <summary>Followed by a slash, the token and <c>.gif</c>.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Open { get; init; } = "/o";

    /// <summary>Followed by a slash and the token.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Click { get; init; } = "/c";

    /// <summary>Followed by a slash and the token.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Withdraw { get; init; } = "/u";

    /// <summary>What a page asks to show that a signal was honoured.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = Allowed), RegularExpression(Shape, ErrorMessage = Allowed)]
    public string Signal { get; init; } = "/privacy.json";

    /// <summary>Every path with the name of its setting.</summary>
    public IEnumerable<(string Name, string Path)> All =>
        [(nameof(Pixel), Pixel), (nameof(Beacon), Beacon), (nameof(Tag), Tag), (nameof(Open), Open), (nameof(Click), Click), (nameof(Withdraw), Withdraw), (nameof(Signal), Signal)];
}

/// <summary>What one site is told; section <c>Pixel:Sites:{id}</c>. What is left out comes from <c>Pixel:DefaultSite</c>.</summary>
internal sealed class SiteOptions
{
    /// <summary>Origins such as <c>https://example.com</c> or <c>https://*.example.com</c>. Empty: pages of every origin.</summary>
    public IReadOnlyList<string>? AllowedOrigins { get; init; }

    /// <summary>Domain that shares the cookie, such as <c>example.com</c>. Empty: only the host that set it.</summary>
    [RegularExpression(@"^$|^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$", ErrorMessage = "a domain such as example.com, or nothing")]
    public string? CookieDomain { get; init; }

    [EnumDataType(typeof(Regime), ErrorMessage = "open, gdpr, us, exempt or aggregate")]
    public Regime? Regime { get; init; }

    /// <summary>Other regimes for visitors from some countries: two letters, <c>EEA</c>, <c>EU</c> or <c>UK</c>, each with a regime. Needs <see cref="CollectOptions.CountryHeader"/>.</summary>
    /// <remarks>Text, because the binder leaves out in silence what it cannot read in a dictionary.</remarks>
    public IReadOnlyDictionary<string, string>? RegimeByCountry { get; init; }

    /// <summary><c>DNT: 1</c> means no identifier and no ad platform. Default true.</summary>
    public bool? HonourDnt { get; init; }

    /// <summary>Global Privacy Control means no identifier either, not only no ad platform. Default false.</summary>
    public bool? GpcMeansNoCookie { get; init; }

    [EnumDataType(typeof(IpPolicy), ErrorMessage = "keep, mask or drop")]
    public IpPolicy? IpPolicy { get; init; }

    /// <summary>What a visitor is who may be measured, but on whose device nothing may be stored. Default <c>daily</c>.</summary>
    [EnumDataType(typeof(Cookieless), ErrorMessage = "daily or none")]
    public Cookieless? Cookieless { get; init; }

    /// <summary>For how many days events are kept. Not set: for ever, unless the regime is <c>exempt</c>.</summary>
    [Range(1, 36_500)]
    public int? RetentionDays { get; init; }
}

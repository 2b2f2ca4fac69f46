using System.Buffers;

namespace PixelServer.Enrich;

/// <summary>Family names by the tokens of a user agent. The order is the rule: the first line that matches wins.</summary>
/// <remarks>
/// Nearly every browser carries the names of those it wants to be served like, so the most particular name stands first. The
/// names are what reports group by: they do not change once released.
/// </remarks>
internal static class Families
{
    /// <summary>Apps that show pages in their own window, and mail programs: no client hint names them.</summary>
    public static readonly Family[] Apps =
    [
        new("Instagram", "Instagram"),
        new("Messenger", "FBAN/Messenger", "FB_IAB/Orca", "FB_IAB/MESSENGER"),
        new("Facebook", "FBAN/", "FBAV/", "FB_IAB/", "MetaIAB"),
        new("TikTok", "musical_ly", "BytedanceWebview", "TikTok", "trill_"),
        new("WeChat", "MicroMessenger/"),
        new("LINE", " Line/"),
        new("KakaoTalk", "KAKAOTALK"),
        new("Naver", "NAVER("),
        new("Snapchat", "Snapchat"),
        new("Pinterest", "[Pinterest/", "Pinterest for"),
        new("LinkedIn", "LinkedInApp"),
        new("X", "Twitter for", "TwitterAndroid"),
        new("Reddit", "RedditAndroid", "Reddit/"),
        new("Google App", "GSA/"),
        new("Thunderbird", "Thunderbird/", "Betterbird/"),
        new("Outlook", "Microsoft Outlook", "Outlook-iOS", "Outlook-Android", "ms-office", "MSOffice", "Microsoft Office/"),
    ];

    public static readonly Family[] Browsers =
    [
        new("Edge", "Edg/", "EdgA/", "EdgiOS/", "Edge/", "EdgW/"),
        new("Opera", "OPR/", "OPiOS/", "OPT/", "OPX/", "Opera"),
        new("Samsung Internet", "SamsungBrowser/"),
        new("Vivaldi", "Vivaldi/"),
        new("Brave", "Brave/"),
        new("DuckDuckGo", "DuckDuckGo/", "Ddg/"),
        new("Yandex Browser", "YaBrowser/", "YaSearchBrowser/", "YaApp_"),
        new("UC Browser", "UCBrowser/", "UBrowser/", "UCWEB"),
        new("Mi Browser", "MiuiBrowser/"),
        new("Huawei Browser", "HuaweiBrowser/"),
        new("HeyTap Browser", "HeyTapBrowser/"),
        new("Vivo Browser", "VivoBrowser/"),
        new("QQ Browser", "QQBrowser/"),
        new("Whale", "Whale/"),
        new("Coc Coc", "coc_coc_browser/"),
        new("Ecosia", "Ecosia"),
        new("Silk", "Silk/"),
        new("Firefox Focus", "Focus/", "Klar/"),
        new("Pale Moon", "PaleMoon/"),
        new("SeaMonkey", "SeaMonkey/"),
        new("Firefox", "Firefox/", "FxiOS/"),
        new("PlayStation", "PlayStation", "PLAYSTATION"),
        new("Nintendo", "NintendoBrowser", "Nintendo "),
        new("Electron", "Electron/"),
        new("Chromium", "Chromium/"),
        new("Android WebView", "; wv)"),
        new("Chrome", "CriOS/", "Chrome/"),
        new("Internet Explorer", "Trident/", "MSIE "),
        new("Konqueror", "Konqueror/"),
        new("Text browser", "Lynx/", "w3m/", "ELinks", "Links ("),
    ];

    public static readonly Family[] Systems =
    [
        new("Xbox", "Xbox"),
        new("PlayStation", "PlayStation", "PLAYSTATION"),
        new("Nintendo", "Nintendo"),
        new("Windows Phone", "Windows Phone"),
        new("Tizen", "Tizen"),
        new("webOS", "Web0S", "webOS", "NetCast"),
        new("KaiOS", "KAIOS/"),
        new("Roku", "Roku"),
        new("tvOS", "AppleTV", "Apple TV", "tvOS"),
        new("watchOS", "watchOS", "Watch OS"),
        new("iOS", "iPhone", "iPad", "iPod", "Outlook-iOS"),
        new("ChromeOS", "CrOS "),
        new("HarmonyOS", "HarmonyOS", "OpenHarmony"),
        new("Android", "Android"),
        new("Windows", "Windows"),
        new("macOS", "Macintosh", "Mac OS X", "Mac_PowerPC"),
        new("BlackBerry", "BlackBerry", "BB10;"),
        new("Feature phone", "MIDP", "Series40", "Series60", "Symbian", "SymbOS", "Bada/"),
        new("Amiga", "Amiga", "MorphOS"),
        new("Haiku", "Haiku", "BeOS"),
        new("FreeBSD", "FreeBSD"),
        new("OpenBSD", "OpenBSD"),
        new("Linux", "Linux", "X11"),
    ];

    /// <summary>Anything on a big screen across the room, consoles among it.</summary>
    public static readonly Family[] Televisions =
    [
        new("tv", "SMART-TV", "SmartTV", "Smart TV", "Smart-TV", "GoogleTV", "Google TV", "Android TV", "AndroidTV", "AppleTV", "Apple TV", "HbbTV",
            "BRAVIA", "MiTV", "MIBOX", "CrKey", "Roku", "Web0S", "NetCast", "VIZIO", "; AFT", "TV Safari", "DTV", "tvOS",
            "Xbox", "PlayStation", "PLAYSTATION", "Nintendo"),
    ];

    public static readonly Family[] Tablets = [new("tablet", "iPad", "Tablet;", "Tablet)", "PlayBook", "Kindle", "; KF")];

    public static readonly Family[] Phones =
    [
        new("mobile", "iPhone", "iPod", "Mobi", "Windows Phone", "KAIOS/", "Opera Mini", "BlackBerry", "BB10;", "MIDP",
            "Outlook-iOS", "Outlook-Android"),
    ];

    /// <summary>
    /// Brands of <c>Sec-CH-UA</c> that name one browser. Unknown brands are skipped, and with them the odd one that is put in on
    /// purpose (GREASE).
    /// </summary>
    public static readonly Family[] NamedBrands =
    [
        new("Edge", "\"Microsoft Edge"),
        new("Opera", "\"Opera"),
        new("Samsung Internet", "\"Samsung Internet"),
        new("Brave", "\"Brave\""),
        new("Vivaldi", "\"Vivaldi\""),
        new("DuckDuckGo", "\"DuckDuckGo\""),
        new("Yandex Browser", "\"YaBrowser\"", "\"Yandex"),
        new("Whale", "\"Whale\""),
        new("Huawei Browser", "\"HuaweiBrowser\""),
        new("Silk", "\"Silk\"", "\"Amazon Silk\""),
    ];

    /// <summary>Brands that many browsers send; they say something only where the user agent does not.</summary>
    public static readonly Family[] CommonBrands =
    [
        new("Chrome", "\"Google Chrome\"", "\"HeadlessChrome\""),
        new("Android WebView", "\"Android WebView\""),
        new("Chromium", "\"Chromium\""),
    ];

    /// <summary>Values of <c>Sec-CH-UA-Platform</c>; <c>"Unknown"</c> and what is not listed say nothing.</summary>
    public static readonly Family[] Platforms =
    [
        new("Windows", "\"Windows\""),
        new("macOS", "\"macOS\"", "\"Mac OS X\""),
        new("Android", "\"Android\""),
        new("iOS", "\"iOS\""),
        new("ChromeOS", "\"Chrome OS\"", "\"Chromium OS\"", "\"ChromeOS\""),
        new("Linux", "\"Linux\""),
    ];

    /// <summary>Name of the first family in the order of the table; null if there is none.</summary>
    public static string? First(this Family[] families, ReadOnlySpan<char> text)
    {
        foreach (var family in families)
            if (text.ContainsAny(family.Tokens))
                return family.Name;
        return null;
    }
}

/// <summary>One line of a table in <see cref="Families"/>: a name, and the tokens any of which stands for it.</summary>
internal sealed class Family(string name, params string[] tokens)
{
    public string Name { get; } = name;
    public SearchValues<string> Tokens { get; } = SearchValues.Create(tokens, StringComparison.Ordinal);
}

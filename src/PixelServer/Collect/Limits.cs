namespace PixelServer.Collect;

/// <summary>Every bound of the public doors in one place; docs/collect.md lists exactly these.</summary>
/// <remarks>Characters are UTF-16 code units after decoding, bytes are UTF-8 after decoding.</remarks>
internal static class Limits
{
    /// <summary>Method, target and version. A 4,096 character address that is percent-encoded throughout still fits.</summary>
    public const int RequestLineBytes = 16 * 1024;

    public const int HeaderBytes = 32 * 1024;
    public const int HeaderCount = 100;

    /// <summary>Within this time a client must have sent its headers.</summary>
    public const int HeaderSeconds = 10;

    /// <summary>Well above what one machine serves; each costs some kilobytes even when it is silent.</summary>
    public const int Connections = 20_000;

    /// <summary>The quota that browsers give sendBeacon and keepalive fetches (W3C Beacon, Fetch 4.6).</summary>
    public const int BodyBytes = 65_536;

    public const int UnpackedBytes = 8 * BodyBytes;
    public const int BatchEvents = 500;

    /// <summary>Headers and query are kept with each event of a batch: their bytes times the events, so that a small body cannot fill the disk.</summary>
    public const int BatchRepeatedBytes = 2 * 1024 * 1024;

    /// <summary>A query on the beacon counts for every event of the body, so that it must stay small.</summary>
    public const int BeaconQueryChars = 2_048;

    /// <summary>Of the doors with keys: SDKs fill a batch up to 500 kB (Segment, "HTTP API source", limits).</summary>
    public const int KeyedBodyBytes = 512 * 1024;

    public const int KeyedUnpackedBytes = 4 * KeyedBodyBytes;
    public const int KeyedBatchEvents = 2_500;

    /// <summary>One event of a batch there, as it stands in the body.</summary>
    public const int KeyedEventBytes = 32 * 1024;

    /// <summary>A client's own id of a message, by which a second copy is known.</summary>
    public const int MessageIdChars = 100;

    public const int AnonymousIdChars = 256;

    public const int SiteIdChars = 64;
    public const int NameChars = 200;
    public const int UserIdChars = 256;
    public const int EventIdChars = 200;

    /// <summary>Chromium sends at most 4,096 characters of a referrer; addresses of pages get the same room.</summary>
    public const int UrlChars = 4_096;

    public const int ReferrerChars = 4_096;
    public const int TitleChars = 1_024;

    public const int Properties = 100;

    /// <summary>Members and elements in all, nested ones included.</summary>
    public const int PropertyValues = 1_000;

    public const int PropertyDepth = 16;
    public const int PropertyKeyBytes = 200;
    public const int PropertyBytes = 8_192;
    public const int PropertiesBytes = 65_536;

    /// <summary>A longer number in JSON is kept as a string, and is no amount and no time.</summary>
    public const int NumberChars = 64;

    /// <summary>The User-Agent is cut here: the visitor cannot help what the browser sends.</summary>
    public const int HeaderChars = 1_024;

    /// <summary>Brands (about 130 characters in Chromium), platform and purpose.</summary>
    public const int HintChars = 256;

    /// <summary>What is one word of a closed list: <c>?1</c>, <c>image</c>, <c>no-cors</c>.</summary>
    public const int FetchChars = 32;

    /// <summary>Most proxies to walk back over in X-Forwarded-For.</summary>
    public const int ForwardedHops = 32;

    /// <summary>How far back a public client may date an event (Matomo's rule for clients without a token).</summary>
    public const int BackHours = 24;

    /// <summary>How far back an app may date an event: it keeps a queue while there is no net.</summary>
    public const int AppBackHours = 7 * 24;

    public const int AheadMinutes = 5;

    /// <summary>13 months, and below the 400 days that browsers allow (RFC 6265bis 5.5).</summary>
    public const int CookieDays = 395;

    public const int CookieRenewDays = 30;
}

namespace PixelServer.Tag;

/// <summary>
/// What the tag of one site does by itself; section <c>Pixel:Sites:{id}:Tag</c>, and <c>Pixel:DefaultSite:Tag</c> for all others.
/// What is switched off is not in the file at all. A record: sites that want the same share one file.
/// </summary>
internal sealed record TagOptions
{
    /// <summary>A page view when the page was loaded, restored from the back/forward cache or activated after prerendering. Default true.</summary>
    public bool PageView { get; init; } = true;

    /// <summary>A page view for each navigation inside a single-page application. Default true.</summary>
    public bool SinglePage { get; init; } = true;

    /// <summary><c>outbound_click</c>: links to other hosts. Default false.</summary>
    public bool Outbound { get; init; }

    /// <summary><c>download</c>: links to files. Default false.</summary>
    public bool Downloads { get; init; }

    /// <summary>Clicks on elements with <c>data-px-event</c>. Default false.</summary>
    public bool Attributes { get; init; }

    /// <summary><c>scroll</c>: 25, 50, 75 and 90 percent of the page, once each. Default false.</summary>
    public bool Scroll { get; init; }

    /// <summary><c>form_submit</c>: which form, never what is in it. Default false.</summary>
    public bool Forms { get; init; }

    /// <summary><c>engagement</c>: milliseconds for which the page was visible and had the focus. Default false.</summary>
    public bool Engagement { get; init; }

    /// <summary>Nothing is sent or kept before an opt-in, whatever the page's element says. Not set, the default: where the site's regime is <c>gdpr</c>, in any country.</summary>
    public bool? OptIn { get; init; }

    /// <summary>Listens to consent platforms: IAB TCF and GPP, Google Consent Mode. Default true.</summary>
    public bool Cmp { get; init; } = true;

    /// <summary>Vendors whose calls in the page are recorded too.</summary>
    public VendorOptions Vendors { get; init; } = new();
}

/// <summary>Whose calls in the page are recorded as events of our own; section <c>Pixel:Sites:{id}:Tag:Vendors</c>. All false by default.</summary>
internal sealed record VendorOptions
{
    /// <summary><c>fbq</c>.</summary>
    public bool Meta { get; init; }

    /// <summary><c>gtag</c> and <c>dataLayer</c>.</summary>
    public bool Google { get; init; }

    /// <summary><c>lintrk</c>.</summary>
    public bool LinkedIn { get; init; }

    /// <summary><c>twq</c>.</summary>
    public bool X { get; init; }

    /// <summary><c>ttq</c>.</summary>
    public bool TikTok { get; init; }

    /// <summary><c>rdt</c>.</summary>
    public bool Reddit { get; init; }

    /// <summary><c>pintrk</c>.</summary>
    public bool Pinterest { get; init; }

    public bool Any => Meta || Google || LinkedIn || X || TikTok || Reddit || Pinterest;
}

namespace PixelServer.Collect;

/// <summary>
/// What one request means for the visitor's device: the same identity for all its events, and at most one cookie header.
/// </summary>
internal struct Visit
{
    private CookieReading _cookie;
    private bool _isRead, _isNew, _mayRenew;
    private Guid _visitor;
    private Site? _storing, _refusing;

    /// <summary>At least one event was for a site that takes events from pages of the request's origin.</summary>
    public bool IsOriginAllowed { get; private set; }

    public void AllowOrigin() => IsOriginAllowed = true;

    /// <summary>The visitor's id, which may be kept on the device: known from there, or new; after a reset new for this event and those behind it.</summary>
    /// <param name="cookies">Reads the cookie.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="site">Whose event it is.</param>
    /// <param name="reset">As <see cref="Draft.Reset"/>.</param>
    /// <param name="mayRenew">A cookie may live longer than 13 months because its visitor comes back.</param>
    public Guid Identify(VisitorCookie cookies, in Caller caller, Site site, bool reset, bool mayRenew)
    {
        _storing ??= site;
        _mayRenew |= mayRenew;
        if (reset)
        {
            _isNew = true;
            return _visitor = RandomIds.Next();
        }

        if (_visitor != default) return _visitor;
        Read(cookies, caller);
        _isNew = _cookie.Visitor is null;
        return _visitor = _cookie.Visitor ?? RandomIds.Next();
    }

    /// <summary>Whom the device names, where it may still be asked about; null where it names nobody.</summary>
    public Guid? Known(VisitorCookie cookies, in Caller caller)
    {
        if (_visitor != default) return _visitor;
        Read(cookies, caller);
        return _cookie.Visitor;
    }

    /// <summary>What the device names is nobody's any more: it gets a new id, or none.</summary>
    public void Forget()
    {
        _cookie = _cookie with { Visitor = null };
        _visitor = default;
    }

    /// <summary>Nothing may be kept on the device for this site.</summary>
    public void Withhold(Site site) => _refusing ??= site;

    /// <summary>
    /// The Set-Cookie header; null where the device has what it needs. A batch may hold events of several sites: one that may
    /// store is enough to keep the cookie.
    /// </summary>
    public string? CookieHeader(VisitorCookie cookies, in Caller caller)
    {
        if (_storing is not null)
            return _isNew || (_cookie.IsOld && _mayRenew) ? cookies.Set(_visitor, caller.ReceivedAt, _storing.CookieDomain, caller.IsHttps) : null;
        if (_refusing is null) return null;
        Read(cookies, caller);
        return _cookie.Sent ? VisitorCookie.Expire(_refusing.CookieDomain, caller.IsHttps) : null;
    }

    private void Read(VisitorCookie cookies, in Caller caller)
    {
        if (_isRead) return;
        _cookie = cookies.Read(caller.Cookies, caller.ReceivedAt);
        _isRead = true;
    }
}

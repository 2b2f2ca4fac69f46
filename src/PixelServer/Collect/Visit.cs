using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>
/// What one request means for the visitor's device: the same identity for all its events, and what the answer sets on it.
/// </summary>
internal struct Visit
{
    private CookieReading _cookie;
    private bool _isRead, _isNew, _mayRenew, _isOptOut;
    private Guid _visitor;
    private (string Id, Site Site)? _storing;
    private List<(string Id, Site Site)>? _storingToo;
    private Site? _refusing, _noSite;
    private Noes _noes;

    /// <summary>At least one event was for a site that takes events from pages of the request's origin.</summary>
    public bool IsOriginAllowed { get; private set; }

    public void AllowOrigin() => IsOriginAllowed = true;

    /// <summary>The visitor's id, which may be kept on the device: known from there, or new; after a reset new for this event and those behind it.</summary>
    /// <param name="cookies">Reads the cookie.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="id">Whose event it is.</param>
    /// <param name="site">Its rules.</param>
    /// <param name="reset">As <see cref="Draft.Reset"/>.</param>
    /// <param name="mayRenew">A cookie may live longer than 13 months because its visitor comes back.</param>
    public Guid Identify(VisitorCookie cookies, in Caller caller, string id, Site site, bool reset, bool mayRenew)
    {
        if (_storing is null) _storing = (id, site);
        else if (_storing.Value.Id != id && _storingToo?.Exists(one => one.Id == id) is not true) (_storingToo ??= []).Add((id, site));
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

    /// <summary>As <see cref="Known"/>, but nobody whose id this very request is the first to have.</summary>
    public Guid? Returned(VisitorCookie cookies, in Caller caller) => Known(cookies, caller) is { } visitor && visitor == _cookie.Visitor ? visitor : null;

    /// <summary>What the device's person said no to.</summary>
    public Noes Refused(VisitorCookie cookies, in Caller caller)
    {
        Read(cookies, caller);
        return _noes;
    }

    /// <summary>What the device names is nobody's any more: it gets a new id, or none.</summary>
    public void Forget()
    {
        _cookie = _cookie with { Visitor = null };
        _visitor = default;
    }

    /// <summary>Nothing may be kept on the device for this site, whatever an event before this one allowed.</summary>
    public void Withhold(string id, Site site)
    {
        _refusing ??= site;
        if (_storing is null) return;
        _storingToo?.RemoveAll(one => one.Id == id);
        if (_storing.Value.Id != id) return;
        _storing = _storingToo is [var other, ..] ? other : null;
        _storingToo?.Remove(_storing.GetValueOrDefault());
    }

    /// <summary>What the device is to keep of this.</summary>
    /// <param name="site">Whose cookie domain counts.</param>
    /// <param name="refused">A no, which stays when the visitor's id is gone.</param>
    /// <param name="agreed">May be done now, so that an older no is answered.</param>
    /// <param name="optsOut">The request itself opts out: the no lives as long as an id that is set beside it.</param>
    public void Keep(Site site, Noes refused, Noes agreed, bool optsOut)
    {
        _isOptOut |= optsOut;
        if (optsOut) refused |= Noes.Ads;
        var noes = (_noes & ~agreed) | refused;
        if (noes != _noes || optsOut) _noSite = site;
        _noes = noes;
    }

    /// <summary>
    /// The Set-Cookie lines; none where the device has what it needs. A batch may hold events of several sites: one that may
    /// store is enough to keep the id, unless the person said no.
    /// </summary>
    public StringValues CookieHeader(VisitorCookie cookies, in Caller caller)
    {
        var id = IdHeader(cookies, caller, out var isSet);
        var isChanged = _noes != _cookie.Noes || (_isOptOut && isSet);
        return isChanged && _noSite is { } site ? StringValues.Concat(id, VisitorCookie.Set(_noes, site.CookieDomain, caller.IsHttps)) : id;
    }

    private StringValues IdHeader(VisitorCookie cookies, in Caller caller, out bool isSet)
    {
        isSet = false;
        if (_storing is { Site: var storing } && (_noes & (Noes.Storage | Noes.Measurement)) == 0)
        {
            isSet = _isNew || (_cookie.IsOld && _mayRenew);
            return isSet ? cookies.Set(_visitor, caller.ReceivedAt, storing.CookieDomain, caller.IsHttps) : default(StringValues);
        }

        if ((_refusing ?? _storing?.Site) is not { } refusing) return default;
        Read(cookies, caller);
        return _cookie.Sent ? VisitorCookie.Expire(refusing.CookieDomain, caller.IsHttps) : default;
    }

    private void Read(VisitorCookie cookies, in Caller caller)
    {
        if (_isRead) return;
        _cookie = cookies.Read(caller.Cookies, caller.ReceivedAt);
        _noes = _cookie.Noes;
        _isRead = true;
    }
}

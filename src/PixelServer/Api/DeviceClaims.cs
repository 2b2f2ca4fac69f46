namespace PixelServer.Api;

/// <summary>What an app, or a backend for it, says about the device, judged: what may not be kept is only here as something to take out elsewhere.</summary>
/// <remarks>Ids are in lower case. Of an advertising id that the device withheld nothing else than <see cref="Withheld"/> knows.</remarks>
internal readonly record struct DeviceClaims
{
    /// <summary><c>ios</c> (iPadOS too), <c>tvos</c>, <c>watchos</c>, <c>visionos</c>, <c>macos</c>, <c>android</c>, <c>windows</c>, <c>linux</c>; null where nobody can tell.</summary>
    public string? Platform { get; init; }

    /// <summary>Apple's advertising id; only where the person allowed tracking.</summary>
    public string? Idfa { get; init; }

    /// <summary>Apple's id of the device for all apps of one vendor.</summary>
    public string? Idfv { get; init; }

    /// <summary>Google's advertising id; only where the person did not limit ad tracking. So are the next two.</summary>
    public string? Gaid { get; init; }

    /// <summary>Open advertising id of Android devices without Google's services.</summary>
    public string? Oaid { get; init; }

    /// <summary>Amazon's advertising id.</summary>
    public string? FireAdid { get; init; }

    /// <summary>Android's id of the device for all apps of one developer.</summary>
    public string? AppSetId { get; init; }

    public string? AndroidId { get; init; }

    /// <summary>An SDK's own id of the device, opaque; null where it is one of the others.</summary>
    public string? DeviceId { get; init; }

    /// <summary>AppsFlyer's, Adjust's and Branch's ids of the installation, opaque.</summary>
    public string? AppsFlyerId { get; init; }
    public string? AdjustId { get; init; }
    public string? BranchId { get; init; }

    /// <summary>App Tracking Transparency: 0 not determined, 1 restricted, 2 denied, 3 authorized. An app on Apple's systems that says nothing has 0; null elsewhere.</summary>
    public int? AttStatus { get; init; }

    /// <summary>Null where nothing was said.</summary>
    public bool? LimitAdTracking { get; init; }

    /// <summary>What describes the device and its app, by the names of <see cref="Devices.Traits"/>; screens are in points or pixels as the SDK counts them.</summary>
    public IReadOnlyDictionary<string, string>? Traits { get; init; }

    /// <summary>The device or its owner says no to advertising: goes to <see cref="Collect.Claim.NoAds"/>.</summary>
    public bool NoAds { get; init; }

    /// <summary>It speaks of an app on a phone, tablet, watch or television set: the source is <c>app</c>.</summary>
    public bool IsApp { get; init; }

    /// <summary>Advertising ids that were said but may not be kept, each at least <see cref="Devices.ShortestId"/> characters of ASCII.</summary>
    public IReadOnlyList<string>? Withheld { get; init; }

    /// <summary>Whether the text holds an id that may not be kept: it must name nobody, neither as it is nor hashed.</summary>
    public bool Withholds(ReadOnlySpan<char> text)
    {
        foreach (var id in Withheld ?? [])
            if (text.Contains(id, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }
}

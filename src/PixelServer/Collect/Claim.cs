namespace PixelServer.Collect;

/// <summary>What the holder of a key says about an event, beyond what anyone may say. The door has checked that this key may say it.</summary>
internal sealed record Claim
{
    /// <summary>Whose event it is; null: nobody's.</summary>
    public Guid? Visitor { get; init; }

    /// <summary><see cref="VisitorKind.Client"/>, or <see cref="VisitorKind.Cookie"/> where a backend hands on the cookie that this server gave.</summary>
    public VisitorKind VisitorKind { get; init; } = VisitorKind.Client;

    /// <summary>64 lower-case hex digits; only from the holder of a secret key.</summary>
    public string? EmailSha256 { get; init; }

    /// <summary>As <see cref="Hit.OnceKey"/>.</summary>
    public Guid? OnceKey { get; init; }

    /// <summary>The key was a secret one: a backend's, where a write key is in everybody's hands.</summary>
    public bool IsSecret { get; init; }

    /// <summary>How far back a time is believed, in hours.</summary>
    public required int BackHours { get; init; }

    /// <summary>The device said no to advertising.</summary>
    public bool NoAds { get; init; }
}

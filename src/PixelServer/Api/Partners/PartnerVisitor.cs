namespace PixelServer.Api;

/// <summary>By which id a partner's event finds its visitor.</summary>
internal static class PartnerVisitor
{
    /// <summary>
    /// The first of: the vendor id, the app set id, Google's, the open and Amazon's advertising id, Android's id, and the partner's own. Apple's
    /// advertising id is none of them, with permission or without: it would make somebody else of a person who changes their mind.
    /// </summary>
    public static string? Of(in DeviceClaims claims) =>
        claims.Idfv ?? claims.AppSetId ?? claims.Gaid ?? claims.Oaid ?? claims.FireAdid ?? claims.AndroidId ?? claims.DeviceId
        ?? claims.AppsFlyerId ?? claims.AdjustId ?? claims.BranchId;
}

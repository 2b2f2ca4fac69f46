using System.Globalization;
using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>What the operator says about Global Privacy Control; section <c>Pixel:Gpc</c>. A legal statement: nothing is said unless somebody switches it on.</summary>
internal sealed class GpcOptions
{
    /// <summary>Serves <c>/.well-known/gpc.json</c>: this host means to abide by the signal where it must. Default false.</summary>
    public bool Enabled { get; init; }

    /// <summary>Since when the statement stands, such as <c>2026-11-26</c>. Empty, the default: it does not say.</summary>
    [System.ComponentModel.DataAnnotations.RegularExpression(@"^$|^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", ErrorMessage = "a day such as 2026-11-26, or nothing")]
    public string LastUpdate { get; init; } = "";

    /// <exception cref="SettingException">There is no such day.</exception>
    public void Check()
    {
        if (LastUpdate.Length > 0 && !DateOnly.TryParseExact(LastUpdate, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
            throw new SettingException("Pixel:Gpc:LastUpdate", LastUpdate, "a day such as 2026-11-26, or nothing");
    }
}

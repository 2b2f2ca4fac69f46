using System.ComponentModel.DataAnnotations;

namespace PixelServer.Ops;

/// <summary>What the whole server is told; section <c>Pixel</c>.</summary>
internal sealed class PixelOptions
{
    /// <summary>Directory of journal, embedded store and keys. Default <c>data</c>, under the current directory.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = "a directory that the server may write to")]
    public string DataDirectory { get; init; } = "data";

    /// <summary>Protects dashboard, reports and exports. Empty, the default: made at the first start and printed once. At least 16 characters.</summary>
    [RegularExpression("^$|^[!-~]{16,256}$", ErrorMessage = "16 to 256 visible ASCII characters, or nothing to have one made")]
    public string AdminToken { get; init; } = "";
}

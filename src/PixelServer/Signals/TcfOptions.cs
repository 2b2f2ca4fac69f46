using System.ComponentModel.DataAnnotations;

namespace PixelServer.Signals;

/// <summary>How one site reads TC strings; section <c>Pixel:Sites:{id}:Tcf</c>.</summary>
internal sealed class TcfOptions
{
    /// <summary>The operator's own id in the Global Vendor List. 0, the default: none, and only the segment of the publisher counts.</summary>
    [Range(0, ushort.MaxValue)]
    public int VendorId { get; set; }

    /// <summary>The purposes of the core count as said to the publisher: for banners that write no segment of the publisher. Default off.</summary>
    public bool CoreIsPublisher { get; set; }

    /// <summary>Strings of 2026-03-01 and later must say which vendors were disclosed (TCF 2.3). Default on.</summary>
    public bool RequireDisclosedVendors { get; set; } = true;

    /// <summary>Months after which a string does not count any more. TCF asks banners to ask again at least every 13.</summary>
    [Range(1, 120)]
    public int MaxAgeMonths { get; set; } = 13;

    /// <summary>Countries of publishers in which storing needs no purpose 1 where a string says that nobody was asked (<c>PurposeOneTreatment</c>), such as <c>DE,FR</c>. Default none.</summary>
    [RegularExpression("^([A-Z]{2}(,[A-Z]{2})*)?$", ErrorMessage = "countries of two letters with commas between them, such as DE,FR, or nothing")]
    public string PurposeOneCountries { get; set; } = "";
}

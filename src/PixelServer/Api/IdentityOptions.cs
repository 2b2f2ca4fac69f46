using System.ComponentModel.DataAnnotations;

namespace PixelServer.Api;

/// <summary>What is kept of the people that a site's backend names; section <c>Pixel:Sites:{id}:Identity</c>, and <c>Pixel:DefaultSite:Identity</c> for all others.</summary>
internal sealed class IdentityOptions
{
    /// <summary>Whether e-mail addresses, phone numbers, names and addresses are kept as they came, beside their hashes. Default false: hashes only.</summary>
    public bool KeepRaw { get; init; }

    /// <summary>ISO 3166-1 country of two letters in which national phone numbers are read where an identity names none, such as <c>DE</c>. Empty, the default: such numbers are not read.</summary>
    [PhoneCountry]
    public string PhoneCountry { get; init; } = "";
}

/// <summary>A country whose numbers can be read, or nothing.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PhoneCountryAttribute() : ValidationAttribute("a country of two letters such as DE, or nothing")
{
    public override bool IsValid(object? value) => value is null or "" || (value is string text && Phone.IsCountry(text)); // the plans are only loaded where there is something to check
}

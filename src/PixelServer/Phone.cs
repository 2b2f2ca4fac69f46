using PhoneNumbers;

namespace PixelServer;

/// <summary>Reads phone numbers into E.164: <c>+</c>, country code and number, at most 15 digits.</summary>
internal static class Phone
{
    /// <summary>Whether numbers can be read in this country: two letters of ISO 3166-1, in whatever case.</summary>
    public static bool IsCountry(string text) => PhoneNumberUtil.GetInstance().GetSupportedRegions().Contains(text.ToUpperInvariant());

    /// <summary>
    /// Null where the text is no number. One that names its country with <c>+</c> or <c>00</c> must have a length that the country knows;
    /// a national one must be a number of the country, because the country is only supposed.
    /// </summary>
    /// <param name="text">As people write it: blanks, brackets, hyphens, an extension, which is left out.</param>
    /// <param name="country">ISO 3166-1, two letters, of a national number; null where it is not known.</param>
    public static string? Read(string text, string? country)
    {
        var library = PhoneNumberUtil.GetInstance();
        text = text.Trim();
        if (text.StartsWith("00", StringComparison.Ordinal)) text = string.Concat("+", text.AsSpan(2));
        try
        {
            var number = library.ParseAndKeepRawInput(text, country?.ToUpperInvariant());
            var namesItsCountry = number.CountryCodeSource
                is PhoneNumber.Types.CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN or PhoneNumber.Types.CountryCodeSource.FROM_NUMBER_WITH_IDD;
            if (!(namesItsCountry ? library.IsPossibleNumber(number) : library.IsValidNumberForRegion(number, country?.ToUpperInvariant()))) return null;
            var read = library.Format(number, PhoneNumberFormat.E164);
            // What is read otherwise the second time, such as zeros behind the country's code, is no number that two sides would hash alike.
            return read.Length is > 4 and <= 16 && library.Format(library.Parse(read, null), PhoneNumberFormat.E164) == read ? read : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }
}

namespace PixelServer.Signals;

/// <summary>One field of an American section: as many values of two bits as its count says.</summary>
/// <param name="Name">As the IAB writes it.</param>
/// <param name="Offset">Its first bit.</param>
/// <param name="Count">How many values.</param>
internal sealed record UsField(string Name, int Offset, int Count);

/// <summary>The core of an American section of GPP, of one version.</summary>
/// <param name="Section">The id of the section.</param>
/// <param name="Name">The IAB's name of it.</param>
/// <param name="Version">What its first six bits hold.</param>
/// <param name="HasGpc">A segment behind the core may repeat Global Privacy Control; where not, a second segment is about sensitive data, or there is none.</param>
/// <param name="Fields">In their order, behind the version.</param>
internal sealed record UsLayout(int Section, string Name, int Version, bool HasGpc, UsField[] Fields)
{
    public int Bits { get; } = Fields[^1].Offset + (2 * Fields[^1].Count);
}

/// <summary>The American sections of GPP (IAB, Global-Privacy-Platform, Sections): one table, a row each.</summary>
internal static class UsLayouts
{
    private const string Mspa = "MspaCoveredTransaction MspaOptOutOptionMode MspaServiceProviderMode";
    private const string Opening = "SharingNotice SaleOptOutNotice TargetedAdvertisingOptOutNotice SaleOptOut TargetedAdvertisingOptOut";
    private const string Processing = "ProcessingNotice SaleOptOutNotice TargetedAdvertisingOptOutNotice SaleOptOut TargetedAdvertisingOptOut";
    private const string Late = "MspaCoveredTransaction MspaMode " + Processing;
    private const string National =
        "SharingNotice SaleOptOutNotice SharingOptOutNotice TargetedAdvertisingOptOutNotice SensitiveDataProcessingOptOutNotice SensitiveDataLimitUseNotice "
        + "SaleOptOut SharingOptOut TargetedAdvertisingOptOut";

    public const string Child = "KnownChildSensitiveDataConsents";
    private const string Sensitive = "SensitiveDataProcessing", More = "AdditionalDataProcessingConsent";

    public static UsLayout[] All { get; } =
    [
        Row(7, "usnat", 1, true, $"{National} {Sensitive}*12 {Child}*2 PersonalDataConsents {Mspa}"),
        Row(7, "usnat", 2, true, $"{National} {Sensitive}*16 {Child}*3 PersonalDataConsents {Mspa}"),
        Row(8, "usca", 1, true, $"SaleOptOutNotice SharingOptOutNotice SensitiveDataLimitUseNotice SaleOptOut SharingOptOut {Sensitive}*9 {Child}*2 PersonalDataConsents {Mspa}"),
        Row(9, "usva", 1, false, $"{Opening} {Sensitive}*8 {Child} {Mspa}"),
        Row(10, "usco", 1, true, $"{Opening} {Sensitive}*7 {Child} {Mspa}"),
        Row(11, "usut", 1, false,
            $"SharingNotice SaleOptOutNotice TargetedAdvertisingOptOutNotice SensitiveDataProcessingOptOutNotice SaleOptOut TargetedAdvertisingOptOut {Sensitive}*8 {Child} {Mspa}"),
        Row(12, "usct", 1, true, $"{Opening} {Sensitive}*8 {Child}*3 {Mspa}"),
        Row(13, "usfl", 1, false, $"{Processing} {Sensitive}*8 {Child}*3 {More} {Mspa}"),
        Row(14, "usmt", 1, true, $"{Opening} {Sensitive}*8 {Child}*3 {More} {Mspa}"),
        Row(15, "usor", 1, true, $"{Processing} {Sensitive}*11 {Child}*3 {More} {Mspa}"),
        Row(16, "ustx", 1, true, $"{Processing} {Sensitive}*8 {Child} {More} {Mspa}"),
        Row(17, "usde", 1, true, $"{Processing} {Sensitive}*9 {Child}*5 {More} {Mspa}"),
        Row(18, "usia", 1, true,
            $"ProcessingNotice SaleOptOutNotice TargetedAdvertisingOptOutNotice SensitiveDataOptOutNotice SaleOptOut TargetedAdvertisingOptOut {Sensitive}*8 {Child} {Mspa}"),
        Row(19, "usne", 1, true, $"{Processing} {Sensitive}*8 {Child} {More} {Mspa}"),
        Row(20, "usnh", 1, true, $"{Processing} {Sensitive}*8 {Child}*3 {More} {Mspa}"),
        Row(21, "usnj", 1, true, $"{Processing} {Sensitive}*10 {Child}*5 {More} {Mspa}"),
        Row(22, "ustn", 1, true, $"{Processing} {Sensitive}*8 {Child} {More} {Mspa}"),
        Row(23, "usmn", 1, true, $"{Processing} {Sensitive}*8 {Child} {More} {Mspa}"),
        Row(24, "usmd", 1, true, $"{Late} {More}"),
        Row(25, "usin", 1, false, $"{Late} {Child} {More}"),
        Row(26, "usky", 1, false, $"{Late} {Child} {More}"),
        Row(27, "usri", 1, false, $"{Late} {Child} {More}"),
    ];

    public static bool IsUs(int section) => section is >= 7 and <= 27;

    /// <summary>The specification of October 2025 puts a header in front of these four, which the IAB's own encoder does not write.</summary>
    public static bool MayHaveHeader(int section) => section is >= 24 and <= 27;

    /// <summary>Null for a version that is not known.</summary>
    public static UsLayout? Find(int section, int version)
    {
        foreach (var layout in All)
            if (layout.Section == section && layout.Version == version) return layout;
        return null;
    }

    private static UsLayout Row(int section, string name, int version, bool hasGpc, string fields)
    {
        var (list, at) = (new List<UsField>(), 6);
        foreach (var field in fields.Split(' '))
        {
            var star = field.IndexOf('*');
            var count = star < 0 ? 1 : int.Parse(field.AsSpan(star + 1), System.Globalization.CultureInfo.InvariantCulture);
            list.Add(new(star < 0 ? field : field[..star], at, count));
            at += 2 * count;
        }

        return new(section, name, version, hasGpc, [.. list]);
    }
}

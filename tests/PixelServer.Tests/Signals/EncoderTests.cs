using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;
using PixelServer.Signals;
using PixelServer.Tests.Api;

namespace PixelServer.Tests.Signals;

/// <summary>Strings that the encoders of other makers wrote from random fields: every field comes out of ours as theirs says it went in, and bent strings do no harm.</summary>
public sealed class EncoderTests
{
    private const int Count = 5_000;

    [Theory]
    [InlineData("tcf", "@iabtechlabtcf/core", true)]
    [InlineData("tcf-old", "@iabtcf/core", false)]
    public async Task Every_tc_string_of_the_encoder_is_read_as_it_was_made(string kind, string package, bool disclosesVendors)
    {
        var vectors = await VectorsAsync(kind, package);
        Assert.Equal(Count, vectors.Count);
        foreach (var vector in vectors)
        {
            var tc = TcString.Read(Encoding.ASCII.GetBytes(Text(vector, "text")));
            Assert.Equal(Theirs(vector), Ours(tc));
        }

        Assert.Equal(disclosesVendors, vectors.Exists(vector => vector.GetProperty("disclosed").ValueKind == JsonValueKind.String));
        Assert.Contains(vectors, vector => vector.GetProperty("restrictions").GetArrayLength() > 1);
        Assert.Contains(vectors, vector => Text(vector, "vendors").Contains("1000", StringComparison.Ordinal));
        Bend(vectors, "gdpr_consent", bytes => TcStringTests.Ask(TcString.Read(bytes)));
    }

    [Fact]
    public async Task Every_gpp_string_of_the_encoder_is_read_as_it_was_made()
    {
        var vectors = await VectorsAsync("gpp", "@iabgpp/cmpapi");
        Assert.Equal(Count, vectors.Count);
        var seen = new HashSet<string>();
        foreach (var vector in vectors)
        {
            var gpp = GppStringTests.Read(Text(vector, "text"));
            Assert.Equal(vector.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), gpp.Sections);
            Assert.Equal(vector.GetProperty("usp").GetString() ?? "", Encoding.ASCII.GetString(gpp.Section(6)));
            var tcf = vector.GetProperty("tcf");
            Assert.Equal(tcf.ValueKind == JsonValueKind.Object ? InGpp(tcf) : "", gpp.Has(2) ? Ours(TcString.Read(gpp.Section(2))) : "");
            foreach (var theirs in vector.GetProperty("sections").EnumerateObject())
            {
                seen.Add(theirs.Name);
                var layout = UsLayouts.All.Last(layout => layout.Name == theirs.Name); // the encoder writes the latest version
                var section = UsSection.Read(layout.Section, gpp.Section(layout.Section), out var fault);
                Assert.Equal((Fault.None, layout), (fault, section?.Layout));
                Assert.Equal(Values(theirs.Value), Values(section!));
            }

            var said = SignalReaderTests.Read(("gpp", Text(vector, "text")));
            Assert.Equal((IsOptOut(vector), null), (said.SaleOptOut, said.Faults));
        }

        Assert.Contains(vectors, vector => vector.GetProperty("tcf").ValueKind == JsonValueKind.Object && vector.GetProperty("sections").EnumerateObject().Count() > 2);
        Assert.Equal(UsLayouts.All.Select(layout => layout.Name).Distinct().Order(), seen.Order());
        Bend(vectors, "gpp", bytes => GppString.Read(bytes));
    }

    private static async Task<List<JsonElement>> VectorsAsync(string kind, string package)
    {
        var (code, said, complained) = await NodeClients.RunAsync(package, "consent-vectors.cjs", kind, Count.ToString(CultureInfo.InvariantCulture), "20261126");
        Assert.True(code == 0, complained.Length > 500 ? complained[..500] : complained);
        return [.. said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
    }

    // Cut, with bytes changed and with bits flipped: a result or a name, whatever comes, through the parser and through the reader of all signals.
    private static void Bend(List<JsonElement> vectors, string name, Action<byte[]> read)
    {
        Gen.Select(Gen.Int[0, vectors.Count - 1], Gen.Int[0, 2], Gen.Int[0, 10_000], Gen.Select(Gen.Int[0, 10_000], Gen.Byte).Array[0, 5]).Sample((index, kind, at, changes) =>
        {
            var bytes = Encoding.ASCII.GetBytes(Text(vectors[index], "text"));
            if (kind == 0) bytes = bytes[..(at % (bytes.Length + 1))];
            foreach (var (where, value) in bytes.Length == 0 ? [] : changes) bytes[where % bytes.Length] = kind == 1 ? value : (byte)(bytes[where % bytes.Length] ^ (1 << (value % 8)));
            read(bytes);
            SignalReaderTests.Read(name, bytes);
        }, iter: 20_000);
    }

    // In one line, so that the first difference is a short message.
    private static string Theirs(JsonElement of)
    {
        var publisher = of.GetProperty("publisher");
        return string.Join('|',
            Time(of, "created"), Time(of, "lastUpdated"), of.GetProperty("cmpId"), of.GetProperty("cmpVersion"), of.GetProperty("screen"), Text(of, "language"), of.GetProperty("list"),
            of.GetProperty("policy"), of.GetProperty("nonStandard").GetBoolean(), of.GetProperty("one").GetBoolean(), Text(of, "country"), Text(of, "features"), Text(of, "purposes"),
            Text(of, "interests"), Text(of, "vendors"), Text(of, "vendorInterests"), of.GetProperty("disclosed").GetString() ?? "nobody says",
            publisher.ValueKind == JsonValueKind.Null ? "no publisher" : string.Join(';', publisher.EnumerateArray()),
            string.Join(", ", of.GetProperty("restrictions").EnumerateArray()));
    }

    // The same of a section of GPP, whose encoder has other names, knows no restrictions, and always writes vendors and publisher.
    private static string InGpp(JsonElement of) => string.Join('|',
        Time(of, "Created"), Time(of, "LastUpdated"), of.GetProperty("CmpId"), of.GetProperty("CmpVersion"), of.GetProperty("ConsentScreen"), Text(of, "ConsentLanguage"),
        of.GetProperty("VendorListVersion"), of.GetProperty("PolicyVersion"), of.GetProperty("UseNonStandardStacks").GetBoolean(), of.GetProperty("PurposeOneTreatment").GetBoolean(),
        Text(of, "PublisherCountryCode"), Text(of, "SpecialFeatureOptins"), Text(of, "PurposeConsents"), Text(of, "PurposeLegitimateInterests"), Text(of, "VendorConsents"),
        Text(of, "VendorLegitimateInterests"), Text(of, "VendorsDisclosed"),
        string.Join(';', Text(of, "PublisherConsents"), Text(of, "PublisherLegitimateInterests"), Text(of, "PublisherCustomConsents"), Text(of, "PublisherCustomLegitimateInterests")), "");

    private static string Ours(TcString tc) => tc.Fault != Fault.None ? tc.Fault.ToString() : string.Join('|',
        tc.Created.ToUnixTimeMilliseconds(), tc.LastUpdated.ToUnixTimeMilliseconds(), tc.CmpId, tc.CmpVersion, tc.ConsentScreen, tc.ConsentLanguage, tc.VendorListVersion,
        tc.PolicyVersion, tc.UsesNonStandardTexts, tc.PurposeOneTreatment, tc.PublisherCountry, Ranges(tc.SpecialFeatures), Ranges(tc.PurposeConsents),
        Ranges(tc.PurposeInterests), Ranges(tc.VendorConsents), Ranges(tc.VendorInterests), tc.Disclosed is { } disclosed ? Ranges(disclosed) : "nobody says",
        tc.Publisher is not { } own ? "no publisher" : string.Join(';', Ranges(own.Consent), Ranges(own.Interest), Ranges(own.CustomConsent), Ranges(own.CustomInterest)),
        string.Join(", ", tc.Restrictions.Select(one => $"{one.Purpose}/{(int)one.Kind}: {Ranges(one.Vendors)}").Order(StringComparer.Ordinal)));

    private static string Ranges(Purposes set) => Ranges(id => set[id], 64);

    private static string Ranges(VendorSet set) => Ranges(set.Contains, Math.Min(set.Max, 1_100));

    private static string Ranges(Func<int, bool> has, int most)
    {
        var text = new StringBuilder();
        for (var id = 1; id <= most; id++)
        {
            if (!has(id)) continue;
            var first = id;
            while (has(id + 1)) id++;
            text.Append(text.Length > 0 ? " " : "").Append(first).Append(id > first ? $"-{id}" : "");
        }

        return text.ToString();
    }

    private static string Values(JsonElement fields) => string.Join('|', fields.EnumerateObject()
        .Select(field => $"{field.Name} {(field.Value.ValueKind == JsonValueKind.Array ? string.Join(' ', field.Value.EnumerateArray()) : field.Value.ToString())}").Order(StringComparer.Ordinal));

    private static string Values(UsSection section)
    {
        var fields = section.Layout.Fields.Select(field => $"{field.Name} {string.Join(' ', section.Values(field).ToArray())}");
        return string.Join('|', (section.Gpc is { } gpc ? fields.Append($"Gpc {gpc}") : fields).Order(StringComparer.Ordinal));
    }

    // The rule of facts once more, over the encoder's own fields.
    private static bool IsOptOut(JsonElement vector) => vector.GetProperty("usp").GetString() is { } usp && usp[2] == 'Y' || vector.GetProperty("sections").EnumerateObject().Any(
        section => section.Value.EnumerateObject().Any(field => field.Name switch
        {
            "SaleOptOut" or "SharingOptOut" or "TargetedAdvertisingOptOut" => field.Value.GetInt32() == 1,
            "KnownChildSensitiveDataConsents" => field.Value.ValueKind == JsonValueKind.Array ? field.Value.EnumerateArray().Any(value => value.GetInt32() == 1) : field.Value.GetInt32() == 1,
            "Gpc" => field.Value.GetBoolean(),
            var name => name.EndsWith("Notice", StringComparison.Ordinal) && field.Value.GetInt32() == 2,
        }));

    private static string Time(JsonElement of, string name) => of.GetProperty(name).GetInt64().ToString(CultureInfo.InvariantCulture);

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;
}

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Enrich;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public sealed class CountryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pixel-country-").FullName;

    private string FilePath => Path.Combine(_folder, "country.mmdb");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Enricher WithFile()
    {
        CountryFile.Write(FilePath, "Test-Country", ("203.0.113.0/24", "FR"), ("198.51.100.128/25", "JP"), ("192.0.2.0/24", "??"), ("2001:db8:aaaa::/48", "DE"));
        return new Enricher(new EnrichOptions { CountryDatabase = FilePath });
    }

    [Theory]
    [InlineData("203.0.113.77", null, "FR")]
    [InlineData("203.0.113.0", null, "FR")] // masked at the door
    [InlineData("203.0.114.1", null, null)]
    [InlineData("198.51.100.200", null, "JP")]
    [InlineData("198.51.100.1", null, null)]
    [InlineData("2001:db8:aaaa:bbbb::1", null, "DE")]
    [InlineData("2001:db8:aaaa::", null, "DE")]
    [InlineData("2001:db8:aaab::", null, null)]
    [InlineData("203.0.113.77", "US", "FR")] // the file's word first
    [InlineData("203.0.114.1", "US", "US")]
    [InlineData(null, "US", "US")] // IP policy drop
    [InlineData("192.0.2.1", null, null)] // a file may hold anything
    public void The_file_names_the_country_and_the_proxy_where_the_file_does_not(string? ip, string? proxy, string? country)
    {
        var enricher = WithFile();
        Assert.Equal(country, enricher.Enrich(SomeHit.With(ip: ip, proxyCountry: proxy)).Country);
    }

    [Theory]
    [InlineData("DE", "DE")]
    [InlineData("de", "DE")]
    [InlineData("XX", null)]
    [InlineData("T1", null)]
    [InlineData("DEU", null)]
    [InlineData("D\0", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Without_a_file_the_proxys_word_counts_if_it_is_a_country(string? proxy, string? country)
    {
        var enricher = new Enricher(new EnrichOptions());
        Assert.Equal(country, enricher.Enrich(SomeHit.With(ip: "203.0.113.77", proxyCountry: proxy)).Country);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("folder")]
    [InlineData("empty")]
    [InlineData("garbage")]
    [InlineData("truncated")]
    [InlineData("another kind")]
    public void A_file_that_cannot_be_used_stops_the_start_with_one_line(string what)
    {
        if (what == "folder") Directory.CreateDirectory(FilePath);
        if (what == "empty") File.WriteAllBytes(FilePath, []);
        if (what == "garbage") File.WriteAllText(FilePath, new string('x', 10_000));
        if (what == "truncated")
        {
            CountryFile.Write(FilePath, "Test-Country", ("203.0.113.0/24", "FR"));
            File.WriteAllBytes(FilePath, File.ReadAllBytes(FilePath)[..^60]);
        }
        if (what == "another kind") CountryFile.Write(FilePath, "Test-ASN", ("203.0.113.0/24", "FR"));

        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Pixel:Enrich:CountryDatabase", FilePath)]).Build();
        var e = Assert.Throws<SettingException>(() => new ServiceCollection().AddEnrich(configuration));
        Assert.StartsWith($"Setting Pixel:Enrich:CountryDatabase = '{FilePath}' is not usable; allowed: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void A_damaged_entry_costs_its_country_and_not_the_drain()
    {
        WithFile();
        var bytes = File.ReadAllBytes(FilePath);
        var data = bytes.AsSpan().IndexOf("country"u8) - 2; // behind the map's and the text's control bytes
        for (var i = data; i < data + 20; i++)
        {
            var damaged = bytes.ToArray();
            damaged[i] ^= 0xFF;
            File.WriteAllBytes(FilePath, damaged);
            var enricher = new Enricher(new EnrichOptions { CountryDatabase = FilePath });
            Assert.Matches("^[A-Z]{2}$", enricher.Enrich(SomeHit.With(ip: "203.0.113.77", proxyCountry: "US")).Country);
            Assert.Equal("DE", enricher.Enrich(SomeHit.With(ip: "2001:db8:aaaa::")).Country);
        }
    }

    [Fact]
    public void The_container_gives_one_enricher_with_the_settings()
    {
        CountryFile.Write(FilePath, "GeoLite2-City", ("203.0.113.0/24", "FR"));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Pixel:Enrich:CountryDatabase", FilePath)]).Build();
        using var services = new ServiceCollection().AddEnrich(configuration).BuildServiceProvider();
        var enricher = services.GetRequiredService<Enricher>();
        Assert.Same(enricher, services.GetRequiredService<Enricher>());
        Assert.Equal("FR", enricher.Enrich(SomeHit.With(ip: "203.0.113.1")).Country);
    }
}

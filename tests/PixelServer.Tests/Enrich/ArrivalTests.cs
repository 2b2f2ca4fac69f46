using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Enrich;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

/// <summary>When a hit came and from where; and what the mail doors say of a fetch whose headers are not kept.</summary>
public sealed class ArrivalTests : IDisposable
{
    private const string AppleMailOnMac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    private const string Safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(nameof(Source.Email), 0, "machine_open", "open_too_soon")]
    [InlineData(nameof(Source.Email), 1.999, "machine_open", "open_too_soon")]
    [InlineData(nameof(Source.Email), 2, "human", "")]
    [InlineData(nameof(Source.Email), -1, "human", "")] // a clock is wrong
    [InlineData(nameof(Source.Click), 9.999, "bot", "click_too_soon")]
    [InlineData(nameof(Source.Click), 10, "human", "")]
    [InlineData(nameof(Source.Click), -3600, "human", "")]
    [InlineData(nameof(Source.Pixel), 0, "human", "")] // a visitor could have written it
    [InlineData(nameof(Source.Beacon), 0, "human", "")]
    public void A_mail_opened_or_clicked_sooner_than_a_person_can_was_fetched_by_a_machine(string door, double seconds, string label, string reason)
    {
        var sent = SomeHit.With().ReceivedAt.AddSeconds(-seconds);
        var e = new Enricher(new EnrichOptions()).Enrich(SomeHit.With(source: Enum.Parse<Source>(door), properties: $$"""{"sent_at":"{{sent:O}}"}"""));
        Assert.Equal((label, reason), (Names.Of(e.Traffic), string.Join(' ', e.TrafficReasons)));
    }

    [Theory]
    [InlineData("""{"sent_at":"yesterday"}""")]
    [InlineData("""{"sent_at":1764000000}""")]
    [InlineData("""{"sent_at":null}""")]
    [InlineData("""{"sent_at":"\ud800"}""")]
    [InlineData("""{"sent_at":"2026-11-23T12:00:00Z" """)]
    [InlineData("""["sent_at"]""")]
    [InlineData("null")]
    public void Properties_that_say_no_time_are_no_signal(string properties) =>
        Assert.Equal(Traffic.Human, new Enricher(new EnrichOptions()).Enrich(SomeHit.With(source: Source.Email, properties: properties)).Traffic);

    [Fact]
    public void The_operator_says_how_soon_is_too_soon()
    {
        var sent = SomeHit.With().ReceivedAt.AddSeconds(-5);
        var open = SomeHit.With(source: Source.Email, properties: $$"""{"sent_at":"{{sent:O}}"}""");
        var click = SomeHit.With(source: Source.Click, properties: $$"""{"sent_at":"{{sent:O}}"}""");

        Assert.Equal(Traffic.MachineOpen, new Enricher(new EnrichOptions { MachineOpenWithin = TimeSpan.FromSeconds(6) }).Enrich(open).Traffic);
        Assert.Equal(Traffic.Human, new Enricher(new EnrichOptions { MachineClickWithin = TimeSpan.Zero }).Enrich(click).Traffic);
    }

    [Fact]
    public void A_mail_service_that_is_quick_keeps_its_name()
    {
        var e = new Enricher(new EnrichOptions()).Enrich(SomeHit.With(
            source: Source.Email, userAgent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            properties: $$"""{"sent_at":"{{SomeHit.With().ReceivedAt:O}}"}"""));
        Assert.Equal(["gmail_image_proxy"], e.TrafficReasons);
    }

    [Theory]
    [InlineData("203.0.113.7", true)]
    [InlineData("203.0.113.0", true)] // masked: all of the /24 is in the list, in two halves
    [InlineData("198.51.100.130", true)]
    [InlineData("198.51.100.0", false)] // masked: half of the /24 is not
    [InlineData("198.51.100.1", false)]
    [InlineData("192.0.2.9", true)] // a single address
    [InlineData("192.0.2.0", false)]
    [InlineData("2001:db8:aa::", true)]
    [InlineData("2001:db8:aa:1::1", true)]
    [InlineData("2001:db8:ab::", false)]
    [InlineData("10.1.2.3", false)] // private addresses say nothing, whatever the list says
    [InlineData("::1", false)]
    [InlineData("203.0.112.255", false)]
    [InlineData("203.0.114.0", false)]
    [InlineData(null, false)]
    public void An_address_in_the_operators_list_is_a_data_centre(string? address, bool isListed)
    {
        File.WriteAllText(_folder.File("clouds"), "# clouds\n203.0.113.128/25\n203.0.113.0/25 # the other half\n\n198.51.100.128/25,x,y\n192.0.2.9\n2001:db8:aa::/48\n10.0.0.0/8\n");
        var enricher = new Enricher(new EnrichOptions { DataCentreFile = _folder.File("clouds") });

        foreach (var source in Enum.GetValues<Source>())
        {
            var listed = isListed && source is not (Source.Server or Source.App); // where else would a backend stand
            var e = enricher.Enrich(SomeHit.With(ip: address, source: source));
            Assert.Equal(listed ? ["data_centre"] : [], e.TrafficReasons);
        }
    }

    [Fact]
    public void A_random_list_answers_as_a_walk_through_it_does()
    {
        var random = new Random(7);
        var networks = Enumerable.Range(0, 3_000).Select(_ =>
        {
            var bits = random.Next(14, 33);
            var number = (uint)random.NextInt64(1L << 32) & (uint)(ulong.MaxValue << (32 - bits));
            return new IPNetwork(new IPAddress([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]), bits);
        }).ToList();
        File.WriteAllLines(_folder.File("random"), networks.Select(network => network.ToString()));
        var read = Networks.Read("key", _folder.File("random"))!;

        var hits = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[4];
            random.NextBytes(bytes);
            if (bytes[3] == 0) continue; // stands for its /24
            if (i % 2 == 0) networks[random.Next(networks.Count)].BaseAddress.GetAddressBytes().AsSpan(0, 3).CopyTo(bytes);
            var address = new IPAddress(bytes);
            var listed = networks.Any(network => network.Contains(address));
            Assert.Equal((listed, listed), (read.Holds(address), read.Touches(address)));
            if (listed) hits++;
        }

        Assert.InRange(hits, 1_000, 19_000);
    }

    [Theory]
    [InlineData(nameof(Source.Email), AppleMailOnMac, "172.225.1.20", "machine_open")]
    [InlineData(nameof(Source.Email), AppleMailOnMac, "172.225.1.0", "machine_open")] // masked: one of its addresses is a relay's
    [InlineData(nameof(Source.Email), AppleMailOnMac, "172.226.1.20", "human")]
    [InlineData(nameof(Source.Email), Safari, "172.225.1.20", "human")] // somebody who reads in the browser, through the relay
    [InlineData(nameof(Source.Click), Safari, "172.225.1.20", "human")]
    [InlineData(nameof(Source.Pixel), AppleMailOnMac, "172.225.1.20", "human")]
    public void Apples_relay_with_the_mail_programs_own_user_agent_is_a_machine(string door, string userAgent, string address, string label)
    {
        File.WriteAllText(_folder.File("egress.csv"), "172.225.1.16/29,GB,GB-EN,London,\n2a04:4e41::/64,US,US-CA,Los Angeles,\n");
        var e = new Enricher(new EnrichOptions { AppleRelayFile = _folder.File("egress.csv") })
            .Enrich(SomeHit.With(userAgent: userAgent, ip: address, proxyCountry: "GB", source: Enum.Parse<Source>(door)));

        Assert.Equal(label, Names.Of(e.Traffic));
        if (e.Traffic == Traffic.MachineOpen) Assert.Equal((null, null, null, "apple_mail_privacy"), (e.Browser, e.Os, e.Country, Assert.Single(e.TrafficReasons)));
    }

    [Theory]
    [InlineData("DataCentreFile", null, "")]
    [InlineData("AppleRelayFile", null, "")]
    [InlineData("DataCentreFile", "203.0.113.0/24\n203.0.113.0/33\n", "line 2 is none")]
    [InlineData("DataCentreFile", "# nothing\n", "it holds none")]
    [InlineData("DataCentreFile", "amazon\n", "line 1 is none")]
    [InlineData("AppleRelayFile", "172.225.1.16/29,GB\n\u001b[31m,\n", "line 2 is none")]
    public void A_file_that_is_no_list_of_networks_stops_the_start_with_a_line_that_says_what_is_wrong(string setting, string? content, string wrong)
    {
        if (content is not null) File.WriteAllText(_folder.File("list"), content);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new($"Pixel:Enrich:{setting}", _folder.File("list"))]).Build();

        var e = Assert.Throws<SettingException>(() => new ServiceCollection().AddEnrich(configuration));

        Assert.StartsWith($"Setting Pixel:Enrich:{setting} = '{_folder.File("list")}' is not usable; allowed: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(wrong, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData(nameof(Source.Email), "apple_mail_privacy", "machine_open", "apple_mail_privacy")]
    [InlineData(nameof(Source.Click), "mail_scanner", "bot", "mail_scanner")]
    [InlineData(nameof(Source.Email), "prefetch_header", "prefetch", "prefetch_header")]
    [InlineData(nameof(Source.Email), "human", "human", "")]
    [InlineData(nameof(Source.Email), "of a later version", "unknown", "no_user_agent")]
    [InlineData(nameof(Source.Pixel), "human", "unknown", "no_user_agent")]
    [InlineData(nameof(Source.Beacon), "human", "unknown", "no_user_agent")]
    [InlineData(nameof(Source.Server), "human", "unknown", "no_user_agent")]
    public void What_the_mail_door_saw_counts_where_no_user_agent_was_kept_and_at_no_other_door(string door, string verdict, string label, string reasons)
    {
        var e = new Enricher(new EnrichOptions()).Enrich(SomeHit.With(userAgent: null, source: Enum.Parse<Source>(door), properties: $$"""{"$verdict":"{{verdict}}"}"""));
        Assert.Equal((label, reasons), (Names.Of(e.Traffic), string.Join(' ', e.TrafficReasons)));
    }

    [Fact]
    public void A_user_agent_that_was_kept_speaks_for_itself() =>
        Assert.Equal(["http_library"], new Enricher(new EnrichOptions()).Enrich(SomeHit.With(userAgent: "curl/8.5.0", source: Source.Email, properties: """{"$verdict":"human"}""")).TrafficReasons);
}

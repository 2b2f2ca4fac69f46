using System.Net;
using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

/// <summary>What the hits of one mail to one recipient say of each other.</summary>
public class MailBurstsTests
{
    private const string Chrome = SomeHit.ChromeOnWindows, Outlook = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)";
    private const string GmailProxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly Enricher Enricher = new(new EnrichOptions());

    [Theory]
    [InlineData("0:1 0.9:2", "link_burst link_burst")]
    [InlineData("0:1 1:2", "link_burst link_burst")]
    [InlineData("0:1 1.01:2", " ")] // two tabs
    [InlineData("0:1 1:1", " ")] // the same link twice
    [InlineData("0:1 0.2:1 0.9:2", "link_burst link_burst link_burst")]
    [InlineData("0:1 1.1:2 2:3", "link_burst link_burst link_burst")] // three within two seconds
    [InlineData("0:1 1.1:2 2.2:3", "  ")]
    [InlineData("0:1 100:2 200:1", "  ")]
    public void Different_links_faster_than_a_hand_are_a_burst(string clicks, string reasons) => Assert.Equal(reasons, Reasons(Clicks(clicks, count: 9)));

    [Fact]
    public void Five_links_within_a_second_are_a_flood_and_a_sixth_minutes_later_is_none()
    {
        var labels = Judge(Clicks("0:1 0.1:2 0.2:3 0.6:4 1:5 300:6", count: 9));

        Assert.All(labels[..5], label => Assert.Equal((Traffic.Bot, "link_flood link_burst"), (label.Traffic, string.Join(' ', label.Reasons))));
        Assert.Equal(Label.Human, labels[5]);
    }

    [Theory]
    [InlineData("0:0 4:1 10:2", 3, "every_link every_link every_link")]
    [InlineData("0:0 4:1 10.1:2", 3, "  ")]
    [InlineData("0:0 4:1 8:1", 3, "  ")]
    [InlineData("0:0 4:1 8:2", 4, "  ")]
    [InlineData("0:0 4:1", 2, " ")] // a mail of two links is read whole by people
    [InlineData("0:0 4:1 8:2", 0, "  ")] // nobody said how many there are
    public void Every_link_within_ten_seconds_is_a_machine_where_there_are_three(string clicks, int count, string reasons) =>
        Assert.Equal(reasons, Reasons(Clicks(clicks, count)));

    [Fact]
    public void Whatever_is_fetched_within_a_minute_of_the_trap_is_the_scanners()
    {
        LabelledRow[] rows = [Open(0, Chrome), Click(50, 1), Click(100, -1), Click(160, 2), Click(170, 3), Open(400, Outlook)];

        Assert.Equal(["scanner_open", "trap_link", "trap_link", "trap_link", "", ""], Judge(rows).Select(label => string.Join(' ', label.Reasons)));
    }

    [Fact]
    public void Traps_that_follow_each_other_reach_as_far_as_each_of_them()
    {
        LabelledRow[] rows = [Click(0, -1), Click(30, -1), Click(85, 1), Click(91, 2), Click(500, -1), Click(561, 1)];

        Assert.Equal(["trap_link", "trap_link", "trap_link", "", "trap_link", ""], Judge(rows).Select(label => string.Join(' ', label.Reasons)));
    }

    [Theory]
    [InlineData(-34, Chrome, "203.0.113.0", "scanner_open")] // the open that comes before the clicks, as it was measured
    [InlineData(-120, Chrome, "203.0.113.0", "scanner_open")]
    [InlineData(-121, Chrome, "203.0.113.0", "")]
    [InlineData(110, Chrome, "203.0.113.0", "scanner_open")]
    [InlineData(3600, Chrome, "203.0.113.0", "")] // hours later somebody with the same browser
    [InlineData(-34, Outlook, "203.0.113.0", "")] // the reader, at the same time
    [InlineData(-34, Chrome, "198.51.100.0", "")]
    public void The_open_of_the_client_whose_clicks_came_in_a_burst_is_the_scanners(int second, string userAgent, string address, string reasons)
    {
        List<LabelledRow> rows = [Open(second, userAgent, address), .. Enumerable.Range(0, 9).Select(i => Click(i * 0.1, i))];
        rows.Sort((a, b) => a.ReceivedAt.CompareTo(b.ReceivedAt));

        Assert.Equal(reasons, string.Join(' ', Judge(rows)[rows.FindIndex(row => row.Source == Source.Email)].Reasons));
    }

    [Fact]
    public void A_scanner_whose_clicks_come_from_several_networks_is_known_by_its_user_agent_alone()
    {
        LabelledRow[] rows =
        [
            Open(0, Chrome, "192.0.2.0"), Open(1, Outlook, "192.0.2.0"), .. Enumerable.Range(0, 6).Select(i => Click(34 + (i * 0.1), i, address: $"203.0.{i}.0")), Open(400, Chrome, "192.0.2.0"),
        ];

        Assert.Equal(["scanner_open", "", ""], ((Label[])[.. Judge(rows)[..2], Judge(rows)[^1]]).Select(label => string.Join(' ', label.Reasons)));
    }

    [Fact]
    public void A_scanner_without_a_user_agent_is_known_by_its_network_and_one_without_an_address_by_its_user_agent()
    {
        LabelledRow[] named = [Open(0, null), .. Enumerable.Range(0, 5).Select(i => Click(30 + (i * 0.1), i, userAgent: null))];
        LabelledRow[] addressed = [Open(0, Chrome, null), .. Enumerable.Range(0, 5).Select(i => Click(30 + (i * 0.1), i, address: null))];
        LabelledRow[] nothing = [Open(0, null, null), .. Enumerable.Range(0, 5).Select(i => Click(30 + (i * 0.1), i, null, null))];

        Assert.Equal(["scanner_open", "no_user_agent"], Judge(named)[0].Reasons);
        Assert.Equal(["scanner_open"], Judge(addressed)[0].Reasons);
        Assert.Equal(["no_user_agent"], Judge(nothing)[0].Reasons);
        Assert.All(Judge(named), label => Assert.Equal(Traffic.Bot, label.Traffic));
    }

    [Fact]
    public void A_reader_who_clicks_after_the_scanner_stays_a_person()
    {
        LabelledRow[] rows = [.. Enumerable.Range(0, 9).Select(i => Click(i * 0.1, i)), Open(20, Outlook, "192.0.2.0"), Click(32, 4, Chrome, "192.0.2.0"), Click(60, 2, Chrome, "192.0.2.0")];

        Assert.All(Judge(rows)[9..], label => Assert.Equal(Label.Human, label));
    }

    [Fact]
    public void Five_opens_at_once_from_one_network_are_a_scanner_and_a_person_who_leafs_through_the_mails_is_none()
    {
        LabelledRow[] atOnce = [.. Enumerable.Range(0, 5).Select(i => Open(i * 1.5, Chrome))];
        LabelledRow[] leafing = [.. Enumerable.Range(0, 12).Select(i => Open(i * 40, Chrome))];
        LabelledRow[] programs = [.. Enumerable.Range(0, 5).Select(i => Open(i * 30, Chrome + i))];
        LabelledRow[] two = [.. Enumerable.Range(0, 6).Select(i => Open(i * 30, i % 2 == 0 ? Chrome : Outlook))]; // at the desk and on the phone
        LabelledRow[] slow = [.. Enumerable.Range(0, 5).Select(i => Open(i * 151, Chrome + i))];

        Assert.All(Judge(atOnce), label => Assert.Equal(["open_burst"], label.Reasons));
        Assert.All(Judge(programs), label => Assert.Equal(["open_burst"], label.Reasons));
        Assert.All([.. Judge(leafing), .. Judge(two), .. Judge(slow)], label => Assert.Equal(Label.Human, label));
    }

    [Fact]
    public void Opens_without_a_public_address_are_no_burst()
    {
        foreach (var address in (string?[])[null, "10.1.2.3", "192.168.0.9", "fd00::1"])
            Assert.All(Judge([.. Enumerable.Range(0, 9).Select(i => Open(i * 0.5, Chrome, address))]), label => Assert.Equal(Label.Human, label));
    }

    [Fact]
    public void Opens_from_one_48_are_of_one_network()
    {
        LabelledRow[] rows = [.. Enumerable.Range(0, 5).Select(i => Open(i, Chrome, $"2001:db8:1:{i}::7"))];

        Assert.All(Judge(rows), label => Assert.Equal(["open_burst"], label.Reasons));
    }

    [Fact]
    public void A_mail_service_keeps_its_label_however_often_and_whenever_it_comes()
    {
        LabelledRow[] rows = [.. Enumerable.Range(0, 9).Select(i => Open(i * 0.1, GmailProxy)), Click(1, -1), Open(2, "Mozilla/5.0")];
        var labels = Judge(rows);

        Assert.All(labels[..9], label => Assert.Equal(["gmail_image_proxy"], label.Reasons));
        Assert.Equal(["apple_mail_privacy"], labels[10].Reasons);
    }

    [Fact]
    public void What_a_hit_says_by_itself_stays_and_the_stronger_reason_leads()
    {
        LabelledRow[] rows = [.. Enumerable.Range(0, 5).Select(i => Click(i * 0.1, i, userAgent: "curl/8.5.0"))];

        Assert.All(Judge(rows), label => Assert.Equal(["http_library", "link_flood", "link_burst"], label.Reasons));
    }

    [Fact]
    public void Judging_what_was_judged_changes_nothing()
    {
        List<LabelledRow> rows = [Open(-30, Chrome), .. Enumerable.Range(0, 9).Select(i => Click(i * 0.1, i)), Click(20, -1), Open(50, Outlook), Click(70, 3)];
        var once = Judge(rows);
        var again = MailBursts.Judge([.. rows.Zip(once, (row, label) => row with { Label = label })], [.. once.Select(label => label.Alone)]);

        Assert.Equal(once, again);
        Assert.Contains(once, label => label.Traffic == Traffic.Bot);
    }

    [Fact]
    public void Ten_thousand_hits_of_one_mail_are_judged_in_their_stride()
    {
        LabelledRow[] rows = [.. Enumerable.Range(0, 10_000).Select(i => i % 3 == 0 ? Open(i * 0.001, Chrome + i) : Click(i * 0.001, i % 2 == 0 ? -1 : i, Chrome + (i % 100)))];
        var clock = System.Diagnostics.Stopwatch.StartNew();

        Judge(rows);

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(2), clock.Elapsed.ToString());
    }

    private static Label[] Judge(IReadOnlyList<LabelledRow> rows) => MailBursts.Judge(rows, [.. rows.Select(Enricher.Again)]);

    private static string Reasons(IReadOnlyList<LabelledRow> rows) => string.Join(' ', Judge(rows).Select(label => string.Join('+', label.Reasons)));

    // "second:link second:link …"
    private static LabelledRow[] Clicks(string text, int count) => [.. text.Split(' ').Select(one => one.Split(':'))
        .Select(one => Click(double.Parse(one[0], System.Globalization.CultureInfo.InvariantCulture), one[1][0] - '0', count: count))];

    private static LabelledRow Open(double second, string? userAgent, string? address = "203.0.113.0") => Row(second, Source.Email, userAgent, address, new("m", null, null, 0, false, null));

    private static LabelledRow Click(double second, int link, string? userAgent = Chrome, string? address = "203.0.113.0", int count = 9) =>
        Row(second, Source.Click, userAgent, address, new("m", null, link < 0 ? null : link, count, link < 0, null)) with { Url = $"https://shop.example/{link}" };

    private static LabelledRow Row(double second, Source source, string? userAgent, string? address, MailFacts mail) => new(
        Guid.NewGuid(), Noon.AddSeconds(second), "s", source, "r", null, address is null ? null : IPAddress.Parse(address), userAgent, mail, Label.Human);
}

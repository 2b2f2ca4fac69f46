using Microsoft.Extensions.Configuration;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

public sealed class RetentionRulesTests
{
    private static readonly DateOnly s_today = new(2026, 11, 23);

    [Fact]
    public void Nothing_is_set_by_default() => Assert.False(Of().IsSet);

    [Fact]
    public void A_site_follows_its_own_days_and_every_other_the_default_sites()
    {
        var rules = Of(("DefaultSite:RetentionDays", "90"), ("Sites:a:RetentionDays", "30"), ("Sites:b:IpPolicy", "drop"));

        Assert.Equal(["30 a", "90 b", "90 not a, b"], rules.All.Select(Text).Order(StringComparer.Ordinal));
        Assert.Equal("""{"*":90,"a":30,"b":90}""", rules.Text);
        Assert.Equal((s_today.AddDays(-90), s_today.AddDays(-30)), (rules.PastForAll(s_today), rules.PastForSome(s_today)));
    }

    [Fact]
    public void While_one_site_is_kept_for_ever_no_day_is_past_for_all()
    {
        Assert.Null(Of(("Sites:a:RetentionDays", "30")).PastForAll(s_today));
        Assert.Null(new RetentionRules(new Dictionary<string, int?> { ["a"] = null }, 30).PastForAll(s_today));
        Assert.Equal(s_today.AddDays(-30), Of(("Sites:a:RetentionDays", "30")).PastForSome(s_today));
    }

    [Theory]
    [InlineData(null, 759)]
    [InlineData("36500", 759)]
    [InlineData("760", 759)]
    [InlineData("100", 100)]
    public void An_exempt_site_is_kept_for_25_months_at_most_whatever_is_set(string? set, int days)
    {
        Assert.Equal([$"{days} a"], Of(("Sites:a:Regime", "exempt"), ("Sites:a:RetentionDays", set)).All.Select(Text));
        Assert.Equal([$"{days} not "], Of(("DefaultSite:Regime", "exempt"), ("DefaultSite:RetentionDays", set)).All.Select(Text));
        Assert.Equal(days, Of(("Sites:a:Regime", "exempt"), ("DefaultSite:RetentionDays", set)).All.Single(rule => !rule.Sites.IsAllBut).Days);
        Assert.Equal([$"{days} a"], Of(("Sites:a:RegimeByCountry:FR", "exempt"), ("Sites:a:RetentionDays", set)).All.Select(Text)); // an event does not say under which regime it came
    }

    [Theory]
    [InlineData("2.00:00:01", "2", false)]
    [InlineData("2.00:00:00", "2", true)]
    [InlineData("30.00:00:00", "", true)]
    public void The_journal_keeps_nothing_longer_than_the_shortest_retention(string retainFor, string days, bool starts)
    {
        using var folder = new TempFolder();
        string[] args = [$"--Pixel:DataDirectory={folder.Path}", $"--Pixel:Journal:RetainFor={retainFor}", $"--Pixel:Sites:a:RetentionDays={days}", "--Pixel:DefaultSite:RetentionDays=90"];

        var refusal = Record.Exception(() => Program.Build(args));

        if (starts) Assert.Null(refusal);
        else Assert.Equal("Setting Pixel:Journal:RetainFor = '2.00:00:01' is not usable; allowed: at most 2 days, the shortest RetentionDays of a site.", Assert.IsType<SettingException>(refusal).Message);
    }

    private static string Text(RetentionRule rule) => $"{rule.Days} {(rule.Sites.IsAllBut ? "not " : "")}{string.Join(", ", rule.Sites.Sites)}";

    private static RetentionRules Of(params (string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(one => KeyValuePair.Create("Pixel:" + one.Key, one.Value))).Build();
        return RetentionRules.Of(new Sites(configuration, Settings.Read<SiteOptions>(configuration, "Pixel:DefaultSite"), UnknownSites.Refuse));
    }
}

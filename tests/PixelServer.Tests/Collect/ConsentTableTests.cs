using System.Net;
using PixelServer.Collect;
using PixelServer.Signals;
using PixelServer.Tests.Signals;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Collect;

/// <summary>The decision table of docs/consent.md: every row of regime and signal, by the function and once more through the real server.</summary>
public sealed class ConsentTableTests(ITestOutputHelper output)
{
    private const string Secret = "a secret that two collectors share, for the keys";

    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);
    private static readonly Regime[] s_regimes = [Regime.Open, Regime.Us, Regime.Gdpr, Regime.Exempt, Regime.Aggregate];
    private static readonly Word s_yes = Word.Yes(s_now.AddDays(-1)), s_no = Word.No(s_now.AddDays(-1));

    private static readonly string s_nothing = new SomeTc { Publisher = [] }.ToString();
    private static readonly string s_core = (SomeTc.Yes with { Publisher = null }).ToString();

    // In the order and with the words of docs/consent.md.
    private static readonly Row[] s_rows =
    [
        new("nothing said"),
        new("GPC", "gpc=1"),
        new("GPC, `GpcMeansNoCookie`", "gpc=1", Setting: "GpcMeansNoCookie=true"),
        new("DNT", Dnt: true),
        new("DNT, not honoured", Dnt: true, Setting: "HonourDnt=false"),
        new("`us_privacy=1YYN`", "us_privacy=1YYN"),
        new("GPP: opted out in an American section", "gpp=DBABLA~CVQVAAAAAACA"),
        new("GPP: not opted out", "gpp=DBABLA~CVQqAAAAAACA"),
        new("GPP that cannot be read", "gpp=DBABLA~CVQq"),
        new("ATT: denied", "consent.att=2"),
        new("`gdpr=0`", "gdpr=0"),
        new("`gdpr=1`", "gdpr=1"),
        new("`gdpr=2`, or another word", "gdpr=2"),
        new("`gdpr=1`, macro as string", "gdpr=1&gdpr_consent=${GDPR_CONSENT_755}"),
        new("`gdpr=1`, broken string", "gdpr=1&gdpr_consent=CQgYw8AQgYw8"),
        new("`gdpr=1`, nothing agreed to", "gdpr=1&gdpr_consent=" + s_nothing),
        new("`gdpr=1`, publisher: purpose 1", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [1] }),
        new("`gdpr=1`, publisher: purpose 8", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [8] }),
        new("`gdpr=1`, publisher: legitimate interest in purpose 9", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [], PublisherInterests = [9] }),
        new("`gdpr=1`, publisher: purposes 1 and 9", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [1, 9] }),
        new("`gdpr=1`, everything agreed to", "gdpr=1&gdpr_consent=" + SomeTc.Yes),
        new("the same string without `gdpr`", "gdpr_consent=" + SomeTc.Yes),
        new("the same, in section 2 of GPP", "gpp=DBABM~" + SomeTc.Yes + "&gpp_sid=2"),
        new("the same, and one with nothing agreed to", "gdpr=1&gdpr_consent=" + SomeTc.Yes + "&gdpr_consent=" + s_nothing),
        new("the same, older than 13 months", "gdpr=1&gdpr_consent=" + (SomeTc.Yes with { LastUpdated = s_now.AddMonths(-14) })),
        new("the same, made tomorrow or later", "gdpr=1&gdpr_consent=" + (SomeTc.Yes with { LastUpdated = s_now.AddDays(2) })),
        new("the same, vendors not disclosed", "gdpr=1&gdpr_consent=" + (SomeTc.Yes with { Disclosed = null })),
        new("the same, purpose 1 not asked", "gdpr=1&gdpr_consent=" + (SomeTc.Yes with { PurposeOneTreatment = true })),
        new("the same, `PurposeOneCountries=FR`", "gdpr=1&gdpr_consent=" + (SomeTc.Yes with { PurposeOneTreatment = true }), Setting: "Tcf:PurposeOneCountries=FR"),
        new("`gdpr=1`, everything, no publisher segment", "gdpr=1&gdpr_consent=" + s_core),
        new("the same, `CoreIsPublisher`", "gdpr=1&gdpr_consent=" + s_core, Setting: "Tcf:CoreIsPublisher=true"),
        new("the same, `VendorId=755`", "gdpr=1&gdpr_consent=" + s_core, Setting: "Tcf:VendorId=755"),
        new("the same, `VendorId=754`", "gdpr=1&gdpr_consent=" + s_core, Setting: "Tcf:VendorId=754"),
        new("everything agreed to, GPC", "gpc=1&gdpr=1&gdpr_consent=" + SomeTc.Yes),
        new("everything agreed to, DNT", "gdpr=1&gdpr_consent=" + SomeTc.Yes, Dnt: true),
        new("`analytics_storage` granted", "analytics_storage=granted"),
        new("`analytics_storage` granted, `gdpr=1`", "analytics_storage=granted&gdpr=1"),
        new("all of Consent Mode granted", "analytics_storage=granted&ad_storage=granted&ad_user_data=granted&ad_personalization=granted"),
        new("`analytics_storage` denied", "analytics_storage=denied"),
        new("`ad_storage` denied", "ad_storage=denied"),
        new("`ad_user_data` denied", "ad_user_data=denied"),
        new("`analytics_storage` granted, `ad_storage` denied", "analytics_storage=granted&ad_storage=denied"),
        new("the tag, yes to everything", "consent.analytics_storage=granted&consent.measurement=granted&consent.ad_storage=granted"),
        new("the tag, no to ads", "consent.analytics_storage=granted&consent.measurement=granted&consent.ad_storage=denied"),
        new("`measurement` granted, `analytics_storage` denied", "consent.measurement=granted&consent.analytics_storage=denied"),
        new("`measurement` denied", "consent.measurement=denied"),
        new("recorded: opted out of sale and sharing", Known: new Standing { Shared = s_no }),
        new("recorded: yes to storage and measurement", Known: new Standing { Storage = s_yes, Measurement = s_yes }),
        new("recorded: yes to everything", Known: new Standing { Storage = s_yes, Measurement = s_yes, Ads = s_yes }),
        new("recorded: no to ads", Known: new Standing { Ads = s_no }),
        new("recorded: no to storage", Known: new Standing { Storage = s_no }),
        new("recorded: no to measurement", Known: new Standing { Measurement = s_no }),
        new("everything agreed to, recorded: no to storage", "gdpr=1&gdpr_consent=" + SomeTc.Yes, Known: new Standing { Storage = s_no }),
        new("the device: no to ads (`px_no=a`)", Device: "a"),
        new("the device: no to storage", Device: "s"),
        new("the device: no to measurement", Device: "m"),
        new("the device: no to measurement, `gdpr=1`, publisher: legitimate interest in purpose 9", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [], PublisherInterests = [9] }, Device: "m"),
        new("the same, interest of a vendor, `VendorId=755`", "gdpr=1&gdpr_consent=" + new SomeTc { Interests = [8], VendorInterests = [755], Disclosed = [755] }, Setting: "Tcf:VendorId=755", Device: "m"),
        new("the same, consent to purpose 8", "gdpr=1&gdpr_consent=" + new SomeTc { Publisher = [8] }, Device: "m"),
        new("the device: no to everything, all of Consent Mode granted", "analytics_storage=granted&ad_storage=granted&ad_user_data=granted&ad_personalization=granted", Device: "asm"),
        new("the device: no to everything, `gdpr=1`, everything agreed to", "gdpr=1&gdpr_consent=" + SomeTc.Yes, Device: "asm"),
        new("the device: no to everything, recorded: yes to everything", Known: new Standing { Storage = s_yes, Measurement = s_yes, Ads = s_yes }, Device: "asm"),
        new("nothing agreed to, recorded: yes to everything", "gdpr=1&gdpr_consent=" + s_nothing, Known: new Standing { Storage = s_yes, Measurement = s_yes, Ads = s_yes }),
    ];

    /// <summary>What a request by itself can say, without settings: for doors that have tests of their own.</summary>
    internal static IEnumerable<Row> Said => s_rows.Where(row => row is { Setting: null, Device: "" } && row.Known == default);

    [Fact]
    public void The_table_in_the_document_is_what_the_function_decides()
    {
        var words = Words();
        var table = s_rows.Select(row => $"| {row.Label} | {string.Join(" | ", s_regimes.Select(regime => InWords(words, Decide(row, regime))))} |").ToList();
        table.ForEach(output.WriteLine);

        var documented = Table("Decisions");
        Assert.Equal($"| said | {string.Join(" | ", s_regimes.Select(regime => $"`{Lower(regime)}`"))} |", documented[0]);
        Assert.Equal(table, documented.Skip(2));
    }

    [Fact]
    public async Task The_server_does_with_every_row_what_the_table_says()
    {
        var settings = new List<(string, string)> { ("Pixel:CookieKey", Secret), ("Pixel:DefaultSite:IpPolicy", "keep") };
        foreach (var regime in s_regimes)
        {
            for (var i = 0; i < s_rows.Length; i++)
            {
                settings.Add(($"Pixel:Sites:{Lower(regime)}-{i}:Regime", regime.ToString()));
                if (s_rows[i].Setting is { } setting) settings.Add(($"Pixel:Sites:{Lower(regime)}-{i}:{setting.Split('=')[0]}", setting.Split('=')[1]));
            }
        }

        await using var host = await CollectHost.StartAsync([.. settings]);
        host.Clock.SetUtcNow(s_now);
        var subjects = SubjectKeys.Of(Secret, () => throw new InvalidOperationException());
        using var first = await host.GetAsync("/p.gif");
        var cookie = first.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        var taken = 1;
        var words = Words().ToDictionary(one => one.Value, one => one.Key);
        var documented = Table("Decisions").Skip(2).Select(line => line[2..^2].Split(" | ")).ToDictionary(cells => cells[0], cells => cells[1..].Select(word => words[word]).ToArray());
        for (var r = 0; r < s_regimes.Length; r++)
        {
            var regime = s_regimes[r];
            for (var i = 0; i < s_rows.Length; i++)
            {
                var (row, site, expected) = (s_rows[i], $"{Lower(regime)}-{i}", documented[s_rows[i].Label][r]);
                if (row.Known != default) host.Standings.Learn(subjects.Of(site, SubjectKind.User, "jane"), row.Known);
                using var answer = await SendAsync(host, row, site, cookie);

                var what = $"{Lower(regime)}: {row.Label}";
                Assert.True(expected.Measurement ? answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.NoContent && !answer.Headers.Contains("X-Pixel-Refused")
                    : answer.StatusCode == HttpStatusCode.Forbidden || answer.Headers.GetValues("X-Pixel-Refused").Single() == "consent_required", what);
                var set = answer.Headers.TryGetValues("Set-Cookie", out var lines) ? lines.ToList() : [];
                Assert.Equal((what, expected.Storage ? 0 : 1), (what, set.Count(line => line.StartsWith("px_id=; Max-Age=0;", StringComparison.Ordinal))));
                Assert.DoesNotContain(set, line => line.StartsWith("px_id=", StringComparison.Ordinal) && !line.StartsWith("px_id=; Max-Age=0;", StringComparison.Ordinal));
                taken += expected.Measurement ? 1 : 0;
                Assert.True(host.Hits.Count == taken, what);
                if (!expected.Measurement) continue;
                var hit = host.Hits[^1];
                Assert.Equal((what, expected), (what, new Consent(
                    hit.ConsentStorage, hit.ConsentMeasurement, hit.ConsentAds, hit.UserId == "jane", hit.ClientEventId == "e1",
                    hit.Url!.Contains("gclid=", StringComparison.Ordinal), hit.Ip is not null, hit.VisitorKind == VisitorKind.Daily)));
                Assert.Equal((what, hit.ConsentStorage), (what, hit.VisitorKind == VisitorKind.Cookie));
                Assert.Equal((what, expected.Identifiers), (what, hit.Url.Contains("size=42", StringComparison.Ordinal)));
                Assert.StartsWith("https://shop.example/shoes", hit.Url, StringComparison.Ordinal);
            }
        }

        Assert.Empty(host.Complained);
    }

    [Fact]
    public async Task What_is_on_record_about_the_visitor_decides_as_what_is_about_the_user_also_when_the_device_comes_back()
    {
        await using var host = await CollectHost.StartAsync([("Pixel:CookieKey", Secret), .. s_regimes.Select(regime => ($"Pixel:Sites:{Lower(regime)}:Regime", regime.ToString()))]);
        host.Clock.SetUtcNow(s_now);
        var subjects = SubjectKeys.Of(Secret, () => throw new InvalidOperationException());
        var taken = 0;
        foreach (var regime in s_regimes)
        {
            // Those in which the request says nothing: a yes of it would answer what the device keeps.
            foreach (var row in s_rows.Where(row => row is { Known: var known, Query: "", Device: "" } && known != default))
            {
                var expected = Decide(row, regime);
                using var first = await host.GetAsync("/p.gif");
                taken++;
                var cookies = first.Headers.GetValues("Set-Cookie").Select(line => line.Split(';')[0]).ToDictionary(one => one.Split('=')[0]);
                host.Standings.Learn(subjects.Of(Lower(regime), host.Hits[^1].VisitorId), row.Known);
                for (var again = 0; again < 3; again++)
                {
                    using var answer = await host.GetAsync($"/p.gif?id={Lower(regime)}", [.. cookies.Values.Select(one => ("Cookie", one))]);
                    if (answer.Headers.TryGetValues("Set-Cookie", out var set))
                    {
                        foreach (var line in set)
                        {
                            if (line.Contains("; Max-Age=0;", StringComparison.Ordinal)) cookies.Remove(line.Split('=')[0]);
                            else cookies[line.Split('=')[0]] = line.Split(';')[0];
                        }
                    }

                    taken += expected.Measurement ? 1 : 0;
                    var what = $"{Lower(regime)}: {row.Label}, request {again + 1}";
                    Assert.Equal((what, taken), (what, host.Hits.Count));
                    if (!expected.Measurement) continue;
                    var hit = host.Hits[^1];
                    Assert.Equal((what, expected.Storage, expected.Ads), (what, hit.ConsentStorage, hit.ConsentAds));
                }
            }
        }
    }

    // Signals that only a consent object can carry go by beacon, all others by the pixel.
    private static Task<HttpResponseMessage> SendAsync(CollectHost host, Row row, string site, string cookie)
    {
        const string Page = "https://shop.example/shoes?size=42&gclid=G1";
        if (row.Device.Length > 0) cookie += "; px_no=" + row.Device;
        (string, string)[] headers = [("Cookie", cookie), ("User-Agent", "Browser/1"), ("DNT", row.Dnt ? "1" : "unset")];
        if (!row.Query.StartsWith("consent.", StringComparison.Ordinal))
            return host.GetAsync($"/p.gif?id={site}&u=jane&eid=e1&url={Uri.EscapeDataString(Page)}&{row.Query.Replace("${", "%24%7B", StringComparison.Ordinal).Replace("}", "%7D", StringComparison.Ordinal)}", headers);
        var members = row.Members.Select(member => $"\"{member.Name}\":\"{member.Value}\"");
        return host.PostAsync(
            $$"""{"consent":{ {{string.Join(',', members)}} },"site_id":"{{site}}","user_id":"jane","event_id":"e1","url":"{{Page}}"}""", headers: headers);
    }

    internal static Consent Decide(Row row, Regime regime)
    {
        var reader = new SignalReader();
        reader.TakeHeaders(gpc: false, row.Dnt);
        foreach (var (name, value) in row.Members) reader.Take(System.Text.Encoding.ASCII.GetBytes(name), System.Text.Encoding.ASCII.GetBytes(value));
        var site = new Site(regime, IpPolicy.Keep, Origins.Any, "")
        {
            HonourDnt = row.Setting != "HonourDnt=false",
            GpcMeansNoCookie = row.Setting == "GpcMeansNoCookie=true",
            Tcf = row.Setting switch
            {
                "Tcf:CoreIsPublisher=true" => new TcfOptions { CoreIsPublisher = true },
                "Tcf:VendorId=755" => new TcfOptions { VendorId = 755 },
                "Tcf:VendorId=754" => new TcfOptions { VendorId = 754 },
                "Tcf:PurposeOneCountries=FR" => new TcfOptions { PurposeOneCountries = "FR" },
                _ => new TcfOptions(),
            },
        };
        var said = reader.Read(isTrusted: false);
        return Consent.Decide(site, said, country: null, DeviceNo.Join(DeviceNo.Read(row.Device), site, said, country: null, row.Known, s_now), s_now);
    }

    // The document's own words for what is left: a word, and yes or no for each part of a decision in the order of the record.
    private static Dictionary<Consent, string> Words() => Table("Words").Skip(2).Select(line => line.Split('|')[1..^1].Select(cell => cell.Trim()).ToArray())
        .ToDictionary(row => Of([.. row[1..].Select(cell => cell == "yes" || (cell == "no" ? false : throw new FormatException(cell)))]), row => row[0].Trim('*'));

    private static Consent Of(bool[] parts) => new(parts[1], parts[0], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]);

    private static string InWords(Dictionary<Consent, string> words, Consent decided) => words.TryGetValue(decided, out var word) ? word : $"no word for {decided}";

    private static List<string> Table(string heading) =>
        [.. File.ReadLines(Path.Combine(Repository.Root, "docs", "consent.md"))
            .SkipWhile(line => line != "## " + heading).Skip(1).SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|'))];

    private static string Lower(Regime regime) => regime.ToString().ToLowerInvariant();

    internal sealed record Row(string Label, string Query = "", bool Dnt = false, string? Setting = null, Standing Known = default, string Device = "")
    {
        public IEnumerable<(string Name, string Value)> Members => Query.Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2)).Select(pair => (pair[0].Replace("consent.", "", StringComparison.Ordinal), pair[1]));
    }
}

using System.Net;
using System.Text;
using CsCheck;
using Microsoft.Extensions.Configuration;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

/// <summary>What the holder of a key may say about an event, and what of it a site may keep.</summary>
public sealed class ClaimTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 24, 10, 0, 0, TimeSpan.Zero);
    private static readonly Guid s_visitor = Guid.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private static readonly string s_email = new('a', 64);

    [Theory]
    //                     visitor            kind       user   e-mail person device address
    [InlineData("open", true, "Client", true, true, true, true, true)]
    [InlineData("us", true, "Client", true, true, true, true, true)]
    [InlineData("exempt", false, "Daily", false, false, false, false, true)]
    [InlineData("aggregate", false, "None", false, false, false, false, false)]
    public void A_site_keeps_of_a_claim_what_its_regime_allows(
        string regime, bool visitor, string kind, bool user, bool email, bool person, bool device, bool address)
    {
        Assert.Null(Admit(regime, new Claim { BackHours = 24, Visitor = s_visitor, EmailSha256 = s_email }, out var hit));

        var properties = Encoding.UTF8.GetString(hit!.Properties.Span);
        Assert.Equal((visitor, kind == "None"), (hit.VisitorId == s_visitor, hit.VisitorId == hit.EventId));
        Assert.Equal(kind, hit.VisitorKind.ToString());
        Assert.Equal(user ? "user123" : null, hit.UserId);
        Assert.Equal(email ? s_email : null, hit.EmailSha256);
        Assert.Equal(person, properties.Contains("$identities"));
        Assert.Equal(device, properties.Contains("$device"));
        Assert.Equal(device, properties.Contains("anonymous_id"));
        Assert.Equal(address, hit.Ip is not null);
        Assert.Contains("size", properties);
    }

    [Fact]
    public void Under_exempt_the_id_of_the_cookie_stays_and_who_is_nobody_becomes_nobody_of_the_day()
    {
        Admit("exempt", new Claim { BackHours = 24, Visitor = s_visitor, VisitorKind = VisitorKind.Cookie }, out var cookie);
        Admit("exempt", new Claim { BackHours = 24 }, out var nobody);

        Assert.Equal((VisitorKind.Cookie, s_visitor, VisitorKind.None), (cookie!.VisitorKind, cookie.VisitorId, nobody!.VisitorKind));
    }

    [Fact]
    public void Where_the_law_wants_an_opt_in_a_claim_does_not_replace_it()
    {
        Assert.Equal(Refusal.ConsentRequired, Admit("gdpr", new Claim { BackHours = 24, Visitor = s_visitor }, out var hit));
        Assert.Null(hit);
    }

    [Fact]
    public void A_claim_without_a_visitor_is_nobodys()
    {
        Admit("open", new Claim { BackHours = 24 }, out var hit);

        Assert.Equal((hit!.EventId, VisitorKind.None), (hit.VisitorId, hit.VisitorKind));
        Assert.Equal("user123", hit.UserId);
    }

    [Fact]
    public void A_device_that_said_no_to_advertising_is_believed()
    {
        Admit("open", new Claim { BackHours = 24, NoAds = true }, out var hit);

        Assert.Equal((true, true, false), (hit!.ConsentStorage, hit.ConsentMeasurement, hit.ConsentAds));
    }

    [Theory]
    [InlineData(24, 24, 24)]
    [InlineData(24, 25, 0)]
    [InlineData(168, 168, 168)]
    [InlineData(168, 169, 0)]
    public void A_time_is_believed_as_far_back_as_the_key_may_go(int most, int back, int kept)
    {
        Admit("open", new Claim { BackHours = most }, out var hit, s_now.AddHours(-back));

        Assert.Equal(s_now.AddHours(-kept), hit!.OccurredAt);
    }

    [Fact]
    public void A_visitor_told_by_a_backend_has_nothing_of_the_backends_own_request()
    {
        var told = Caller.Told(s_now, IPAddress.Parse("203.0.113.77"), "Mozilla/5.0", gpc: true);

        Assert.Equal(
            (null, null, null, null, null, null, null, null, null),
            (told.Origin, told.Referer, told.HintBrands, told.HintMobile, told.HintPlatform, told.Purpose, told.FetchDest, told.FetchMode, told.Country));
        Assert.Equal(0, told.Cookies.Count);
        Assert.True(told.Gpc);
    }

    [Theory]
    [InlineData("?$identities=x&$device=y&$consent=z&size=1")]
    public void The_servers_own_names_are_dropped_from_what_anyone_sends(string query)
    {
        var draft = Draft.Fresh();
        Assert.Null(QueryReader.Read(query, draft));

        Assert.Equal("""{"size":"1"}""", Encoding.UTF8.GetString(draft.Properties.ToJson().Span));
    }

    [Fact]
    public void A_visitor_id_that_is_a_uuid_stays_and_every_other_text_becomes_one()
    {
        Assert.Equal(s_visitor, VisitorIds.Of("shop", "0F8FAD5B-D9CB-469F-A165-70867728950E"));
        var derived = VisitorIds.Of("shop", "device-7");
        Assert.Equal(derived, VisitorIds.Of("shop", "device-7"));
        Assert.NotEqual(derived, VisitorIds.Of("other", "device-7"));
        Assert.NotEqual(derived, OnceKeys.Of(OnceKeys.Public, "shop", "device-7"));
        Assert.NotEqual(OnceKeys.Of(OnceKeys.Secret, "shop", "m-1"), OnceKeys.Of(OnceKeys.Public, "shop", "m-1")); // a page cannot use up a backend's message
        Assert.NotEqual(Guid.Empty, VisitorIds.Of("shop", "00000000-0000-0000-0000-000000000000"));
    }

    [Fact]
    public void Derived_ids_are_version_8_uuids_and_differ_where_the_texts_do() =>
        Gen.Select(Gen.String, Gen.String).Sample((one, other) =>
        {
            var (a, b) = (OnceKeys.Of(OnceKeys.Secret, "shop", one), OnceKeys.Of(OnceKeys.Secret, "shop", other));
            var text = a.ToString("N");
            // Text that is not well-formed is told apart as far as UTF-8 can.
            return text[12] == '8' && "89ab".Contains(text[16])
                && (a == b) == Encoding.UTF8.GetBytes(one).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(other));
        });

    [Fact]
    public void Where_no_id_may_be_kept_the_told_address_and_agent_make_a_visitor_of_the_day_and_one_of_them_alone_makes_none()
    {
        var (address, claim) = (IPAddress.Parse("203.0.113.77"), new Claim { Visitor = s_visitor, BackHours = 24 });
        using var keys = new DailyKeys();
        var sites = new Sites(new ConfigurationBuilder().Build(), new SiteOptions { GpcMeansNoCookie = true }, UnknownSites.Accept);
        var admission = new Admission(sites, new VisitorCookie(new byte[32]), new EventIds(), new Standings(), new SubjectKeys(new byte[32]), new DailyVisitors(keys), new UnwrittenOptOuts());

        var (first, second) = (Hit(address, "Firefox", gpc: true), Hit(address, "Firefox", gpc: true));
        Assert.Equal((VisitorKind.Daily, first.VisitorId), (second.VisitorKind, second.VisitorId));
        Assert.NotEqual(s_visitor, first.VisitorId);
        Assert.Null(first.Ip);
        foreach (var nobody in (Hit[])[Hit(null, "Firefox", gpc: true), Hit(address, null, gpc: true)])
            Assert.Equal((VisitorKind.None, nobody.EventId), (nobody.VisitorKind, nobody.VisitorId));
        Assert.Equal((VisitorKind.Client, s_visitor), (Hit(address, "Firefox", gpc: false).VisitorKind, Hit(address, "Firefox", gpc: false).VisitorId));

        Hit Hit(IPAddress? told, string? agent, bool gpc)
        {
            var draft = Draft.Fresh();
            draft.Claim = claim;
            Assert.Null(admission.AdmitClaimed(draft, Caller.Told(s_now, told, agent, gpc), Source.Server, out var hit));
            return hit!;
        }
    }

    private static Refusal? Admit(string regime, Claim claim, out Hit? hit, DateTimeOffset? at = null)
    {
        var configuration = new ConfigurationBuilder().Build();
        var sites = new Sites(configuration, new SiteOptions { Regime = Enum.Parse<Regime>(regime, ignoreCase: true) }, UnknownSites.Accept);
        var admission = new Admission(sites, new VisitorCookie(new byte[32]), new EventIds(), new Standings(), new SubjectKeys(new byte[32]), new DailyVisitors(new DailyKeys()), new UnwrittenOptOuts());
        var draft = Draft.Fresh();
        Assert.Null(QueryReader.Read("?u=user123&size=42&anonymous_id=device-7", draft));
        draft.Claim = claim;
        draft.Properties.AddOwn(Parameters.KeptIdentities, "hashes"u8);
        draft.Properties.AddOwn(Parameters.KeptDevice, "ids"u8);
        if (at is { } time) draft.TryTake(Parameters.Find("ts")!, time.ToString("O"), out _);
        return admission.AdmitClaimed(draft, Caller.Told(s_now, IPAddress.Parse("203.0.113.77"), "Firefox", gpc: false), Source.Server, out hit);
    }
}

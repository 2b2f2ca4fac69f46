using System.Text;
using PixelServer.Store;

namespace PixelServer.Tests;

/// <summary>Whom an event names beside its columns, and what follows for a hit that waits.</summary>
public sealed class NamedBesideTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private static readonly DateTimeOffset s_now = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
    private static readonly SubjectKeys s_keys = new(new byte[32]);

    [Theory]
    [InlineData("page_view", """{"$identities":{"email_sha256":["a","b"],"phone_sha256":["c"],"external_id_sha256":["e"],"zip_sha256":["f"],"raw":{"email":["d"]}}}""", "Email a,Email b,Phone c,ExternalId e")]
    [InlineData("install", """{"$device":{"platform":"ios","idfv":"a","model":"b","att":0,"adjust_id":"c"},"device":{"idfv":"d"}}""", "Device a,Device c")]
    [InlineData("install", """{"$device":"a","device":{"$device":{"idfv":"d"}}}""", "")]
    [InlineData("page_view", """{"traits":{"email_sha256":"a","company":{"email_sha256":"b"},"list":[{"email_sha256":["c",1,null,["d"]]}]}}""", "Email a,Email b,Email c")]
    [InlineData("page_view", """{"email_sha256":{"email_sha256":"a"},"note":"\"email_sha256\""}""", "Email a")]
    [InlineData("page_view", """{"previous_id":"old"}""", "")]
    [InlineData("alias", """{"inner":{"previous_id":"old"}}""", "")]
    [InlineData("alias", """{"previous_id":"undefined","previousId":"0"}""", "")]
    [InlineData("alias", """{"previous_id":7}""", "User 7,Visitor 0ed7bf50-78b6-8e51-8f1f-3ab2dcb2e8b5")]
    [InlineData("alias", """{"previousId":"0199E0A1-0000-4000-8000-000000000001"}""", "User 0199E0A1-0000-4000-8000-000000000001,Visitor 0199e0a1-0000-4000-8000-000000000001")]
    [InlineData("alias", """{"previous_id":"old" """, "")]
    [InlineData("alias", "", "")]
    public void What_an_event_names_is_read_from_its_properties(string name, string properties, string named)
    {
        var expected = named.Replace("0ed7bf50-78b6-8e51-8f1f-3ab2dcb2e8b5", VisitorIds.Of("shop", "7").ToString("D"), StringComparison.Ordinal);
        Assert.Equal(expected, string.Join(',', NamedBeside.Of("shop", name, Encoding.UTF8.GetBytes(properties)).Select(one => $"{one.Kind} {one.Id}")));
    }

    [Fact]
    public void A_waiting_hit_that_names_an_erased_person_beside_its_columns_is_not_stored()
    {
        var standings = new Standings();
        var bar = new Bar(standings, s_keys, null!);
        foreach (var hit in Hits) Assert.Null(bar.CodeOf(hit));
        standings.Learn(s_keys.Of("shop", SubjectKind.User, "old"), new() { Kept = Word.No(s_now) });
        standings.Learn(s_keys.Of("shop", SubjectKind.Email, Hash), new() { Kept = Word.No(s_now) });
        Assert.Equal(["person_erased", "person_erased", "person_erased", null], Hits.Select(bar.CodeOf));

        // A word that was said of what is nobody's bars nobody.
        standings.Learn(s_keys.Of("shop", SubjectKind.User, "guest"), new() { Kept = Word.No(s_now) });
        Assert.Null(bar.CodeOf(Hit("page_view", "{}", "guest")));
    }

    [Fact]
    public void Such_a_hit_is_the_persons_and_one_with_an_id_of_the_day_is_nobodys()
    {
        var marks = new PersonMarks(s_keys, "shop", [s_keys.Of("shop", SubjectKind.User, "old"), s_keys.Of("shop", SubjectKind.Email, Hash)]);
        Assert.Equal([true, true, true, false], Hits.Select(marks.Name));

        var hit = Hit("page_view", "{}");
        Assert.True(new PersonMarks(s_keys, "shop", [s_keys.Of("shop", hit.VisitorId)]).Name(hit));
        hit = Hit("page_view", "{}", kind: VisitorKind.Daily);
        Assert.False(new PersonMarks(s_keys, "shop", [s_keys.Of("shop", hit.VisitorId)]).Name(hit));
    }

    private static IEnumerable<Hit> Hits =>
    [
        Hit("purchase", $$$"""{"$identities":{"email_sha256":["x","{{{Hash}}}"]}}"""),
        Hit("identify", $$$"""{"traits":{"email_sha256":"{{{Hash}}}"}}"""),
        Hit("alias", """{"previous_id":"old"}""", "new"),
        Hit("track", """{"previous_id":"old"}""", "new"),
    ];

    private static Hit Hit(string name, string properties, string? user = null, VisitorKind kind = VisitorKind.Cookie) => new()
    {
        EventId = Guid.CreateVersion7(),
        ReceivedAt = s_now.AddMinutes(-1),
        OccurredAt = s_now.AddMinutes(-1),
        SiteId = "shop",
        Source = Source.Server,
        Name = name,
        VisitorId = Guid.NewGuid(),
        VisitorKind = kind,
        UserId = user,
        ConsentStorage = true,
        ConsentMeasurement = true,
        ConsentAds = true,
        Properties = Encoding.UTF8.GetBytes(properties),
    };
}

using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public class ClickIdTests
{
    private static readonly Enricher Enricher = new(new EnrichOptions());

    private static ClickId Of(string query, string properties = "")
    {
        var e = Enricher.Enrich(SomeHit.With("https://shop.test/" + query, properties: properties));
        return new(e.ClickIdKind, e.ClickId);
    }

    /// <summary>In the order of precedence.</summary>
    private static readonly string[] Kinds =
    [
        "gclid", "wbraid", "gbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id", "rdt_cid", "ScCid", "yclid", "irclickid", "epik",
        "fbclid", "ysclid", "srsltid",
    ];

    public static TheoryData<string> EveryKind => [.. Kinds];

    [Theory]
    [MemberData(nameof(EveryKind))]
    public void Every_platforms_id_is_found_in_the_address_and_in_the_properties_with_its_case_kept(string kind)
    {
        Assert.Equal(new(kind, "AbC-1_xYz"), Of($"?a=1&{kind}=AbC-1_xYz&b=2"));
        Assert.Equal(new(kind, "AbC-1_xYz"), Of("", $$"""{"a":1,"{{kind}}":"AbC-1_xYz"}"""));
    }

    [Fact]
    public void Of_several_platforms_the_earlier_in_the_documented_order_wins_wherever_it_stands()
    {
        for (var i = 0; i + 1 < Kinds.Length; i++)
        {
            Assert.Equal(new(Kinds[i], "a"), Of($"?{Kinds[i]}=a&{Kinds[i + 1]}=b"));
            Assert.Equal(new(Kinds[i], "a"), Of($"?{Kinds[i + 1]}=b&{Kinds[i]}=a"));
            Assert.Equal(new(Kinds[i], "a"), Of("", $$"""{"{{Kinds[i + 1]}}":"b","{{Kinds[i]}}":"a"}"""));
        }
    }

    [Theory]
    [InlineData("?GCLID=a")]
    [InlineData("?sccid=a")]
    [InlineData("?xgclid=a")]
    [InlineData("?gclid=")]
    [InlineData("?gclid")]
    [InlineData("?_gl=1*abc")]
    [InlineData("#gclid=a")]
    public void Names_are_case_sensitive_and_empty_ids_are_none(string query) => Assert.Equal(default, Of(query));

    [Fact]
    public void The_first_value_of_a_repeated_name_wins() => Assert.Equal("a", Of("?gclid=&gclid=a&gclid=b").Id);

    [Fact]
    public void The_address_wins_over_the_properties() => Assert.Equal(new("fbclid", "a"), Of("?fbclid=a", """{"gclid":"b"}"""));

    [Fact]
    public void An_id_beyond_any_platforms_length_is_none_rather_than_a_part_of_one()
    {
        Assert.Equal(ClickId.MaxLength, Of("?gclid=" + new string('a', ClickId.MaxLength)).Id!.Length);
        Assert.Equal(new("fbclid", "b"), Of("?gclid=" + new string('a', ClickId.MaxLength + 1) + "&fbclid=b"));
        Assert.Equal(default, Of("?gclid=" + string.Concat(Enumerable.Repeat("😀", ClickId.MaxLength / 2 + 1))));
    }
}

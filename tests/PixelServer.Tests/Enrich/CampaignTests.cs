using PixelServer.Enrich;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Enrich;

public class CampaignTests
{
    private static readonly Enricher Enricher = new(new EnrichOptions());

    private static Campaign Of(string query, string properties = "")
    {
        var e = Enricher.Enrich(SomeHit.With("https://shop.test/a" + query, properties: properties));
        return new(e.UtmSource, e.UtmMedium, e.UtmCampaign, e.UtmTerm, e.UtmContent);
    }

    [Fact]
    public void All_five_fields_come_from_the_query() =>
        Assert.Equal(new("news", "email", "Spring Sale", "red shoes", "top"),
            Of("?utm_source=news&utm_medium=email&utm_campaign=Spring+Sale&utm_term=red%20shoes&utm_content=top&x=1"));

    [Theory]
    [InlineData("?mtm_source=a&mtm_medium=b&mtm_campaign=c&mtm_kwd=d&mtm_content=e")]
    [InlineData("?matomo_source=a&matomo_medium=b&matomo_campaign=c&matomo_keyword=d&matomo_content=e")]
    [InlineData("?pk_source=a&pk_medium=b&pk_campaign=c&pk_keyword=d&pk_content=e")]
    [InlineData("?pk_source=a&pk_medium=b&pk_cpn=c&pk_kwd=d&pk_content=e")]
    [InlineData("?piwik_source=a&piwik_medium=b&piwik_campaign=c&piwik_kwd=d&piwik_content=e")]
    [InlineData("#utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e")]
    [InlineData("#/route/x?utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e")]
    [InlineData("?utm_source=a&amp;utm_medium=b&amp;utm_campaign=c&amp;utm_term=d&amp;utm_content=e")]
    [InlineData("?utm_source=a&utm_medium=b&utm_id=7&utm_campaign=c&utm_term=d&utm_content=e")]
    [InlineData("?utm_campaign=c&utm_source=a&utm_medium=b&utm_term=d&utm_content=e&utm_id=7&utm_source_platform=x")]
    [InlineData("?mtm_campaign=other&pk_source=other&utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e")]
    [InlineData("?utm_source=&utm_source=a&utm_source=z&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e&utm_medium=z")]
    [InlineData("?utm_source=a&utm_medium=b&utm_campaign=c#utm_term=d&utm_content=e&utm_source=late")]
    public void Alternate_names_fill_the_same_fields(string query) => Assert.Equal(new("a", "b", "c", "d", "e"), Of(query));

    [Fact]
    public void An_id_names_the_campaign_only_where_nothing_else_does() => Assert.Equal("7", Of("?utm_source=a&utm_id=7").Name);

    [Theory]
    [InlineData("?UTM_SOURCE=a")]
    [InlineData("?xutm_source=a")]
    [InlineData("?utm_sources=a")]
    [InlineData("?utm_=a")]
    [InlineData("?_source=a")]
    [InlineData("?utm_source")]
    [InlineData("?utm_source=%20+")]
    [InlineData("?x=utm_source=a")]
    [InlineData("?matomo_term=a")]
    [InlineData("")]
    public void Other_names_and_empty_values_fill_nothing(string query) => Assert.Equal(default, Of(query));

    [Theory]
    [InlineData("caf%C3%A9", "café")]
    [InlineData("caf%c3%a9", "café")]
    [InlineData("%F0%9F%98%80", "😀")]
    [InlineData("café", "café")]
    [InlineData("100%", "100%")]
    [InlineData("%zz%4", "%zz%4")]
    [InlineData("a%2Bb", "a+b")]
    [InlineData("a%26b%3Dc", "a&b=c")]
    [InlineData("a=b", "a=b")]
    [InlineData("%FFa", "\uFFFDa")]
    [InlineData("%C3", "\uFFFD")]
    [InlineData("%C3x", "\uFFFDx")]
    [InlineData("%F0%9F%98a", "\uFFFDa")]
    [InlineData("%ED%A0%80", "\uFFFD\uFFFD\uFFFD")] // a surrogate in UTF-8 is no UTF-8
    [InlineData("a%00b", "a\uFFFDb")]
    [InlineData("a%0D%0Ab", "a\uFFFD\uFFFDb")]
    [InlineData("%252Fa", "%2Fa")] // once, not twice
    public void Values_are_decoded_once_and_come_out_as_clean_text(string raw, string expected) =>
        Assert.Equal(expected, Of("?utm_source=" + raw).Source);

    [Fact]
    public void Lone_surrogates_are_replaced() // a fact, since no attribute can hold one
    {
        Assert.Equal("a\uFFFDb", Of("?utm_source=a\uD800b").Source);
        Assert.Equal("\uFFFD\uFFFD", Of("?utm_source=\uDC00\uD800").Source);
    }

    [Fact]
    public void A_long_value_is_cut_between_characters()
    {
        Assert.Equal(new string('a', 200), Of("?utm_source=" + new string('a', 201)).Source);
        Assert.Equal(new string('a', 199), Of("?utm_source=" + new string('a', 199) + "%F0%9F%98%80").Source);
    }

    [Fact]
    public void Parameters_of_the_pixel_itself_count_where_the_address_names_none()
    {
        const string Given = """{"a":{"utm_source":"nested"},"n":[1],"utm_source":"x","utm_medium":7,"pk_campaign":"y","b":"utm_term"}""";
        Assert.Equal(new("x", null, "y", null, null), Of("?q=1", Given));
        Assert.Equal(new(null, "m", null, null, null), Of("?utm_medium=m", Given));
    }

    [Theory]
    [InlineData("""{"utm_source":"\u0000a"}""", "\uFFFDa")]
    [InlineData("""{"utm_source":"caf\u00e9"}""", "café")]
    [InlineData("""{"utm_source":"\ud800"}""", null)]
    [InlineData("""{"utm_source":""}""", null)]
    [InlineData("""{"utm_source":null}""", null)]
    [InlineData("""{"utm_source":"a","utm_source":"b"}""", "a")]
    [InlineData("""["utm_source","a"]""", null)]
    [InlineData("""{"utm_source":"a""", null)]
    [InlineData("""{"x":{"utm_source":""", null)]
    [InlineData("""{"utm_source":"a",,}""", "a")]
    [InlineData("""utm_source""", null)]
    public void Properties_that_are_odd_or_broken_give_what_they_can(string properties, string? source) =>
        Assert.Equal(source, Of("", properties).Source);
}
